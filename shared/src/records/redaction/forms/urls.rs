//! URLs with secrets whose parts are escaped.

use super::assert_redacted;

#[test]
fn escaped_signs_do_not_end_a_url_with_a_secret() {
    assert_redacted(&[
        (
            "https://b.s3.amazonaws.com/k?response-content-disposition=attachment%3B%20filename%3D%22a.pdf%22&X-Amz-Signature=abcdef",
            "[REDACTED:URL]",
        ),
        (
            "https://x.example/My%20File.pdf?token=abc",
            "[REDACTED:URL]",
        ),
        (
            "https://x.example/?token=123%7CabcdefSECRET",
            "[REDACTED:URL]",
        ),
        ("https://bob:p%5Bss@db.example.com", "[REDACTED:URL]"),
        ("https://x.example/%3Ca%3E?token=abc", "[REDACTED:URL]"),
        (
            "see https://x.example/a%0Ab?sig=abc.",
            "see [REDACTED:URL].",
        ),
        ("https://x.example/%E6%98%AF?token=abc", "[REDACTED:URL]"),
        ("https://x.example/?token=abc%29", "[REDACTED:URL]"),
        (
            "https%3A%2F%2Fx.example%2FMy%2520File.pdf%3Ftoken%3Dabc%20and",
            "[REDACTED:URL]%20and",
        ),
        (
            "https&#58;&#47;&#47;x.example/a&#37;20b?token&#61;abc b",
            "[REDACTED:URL] b",
        ),
        ("https://bob:p%2Fs%40s@db.example.com", "[REDACTED:URL]"),
    ]);
}

#[test]
fn an_escaped_url_ends_where_its_sentence_goes_on() {
    assert_redacted(&[
        (
            r"see https:\/\/x.example\/?token=abc\nmore",
            r"see [REDACTED:URL]\nmore",
        ),
        (
            r#"{\"url\":\"https:\/\/x.example\/?token=abc\",\"n\":\"kept\"}"#,
            r#"{\"url\":\"[REDACTED:URL]\",\"n\":\"kept\"}"#,
        ),
        (
            "&lt;a href=&quot;https://x.example/?token=abc&quot;&gt;kept",
            "&lt;a href=&quot;[REDACTED:URL]&quot;&gt;kept",
        ),
    ]);
}
