//! E-mail addresses between signs, in parts, and with ids before the `@`.

use super::{assert_redacted, redacted, redactor};
use crate::records::redaction::{Redactor, Tally};

fn proved(redactor: &Redactor, text: &str) -> String {
    redactor
        .redact_proved(text, &mut Tally::default())
        .into_owned()
}

#[test]
fn signs_after_an_address_do_not_hide_it() {
    assert_redacted(&[
        ("_mary.roe@example.com_", "[REDACTED:EMAIL]_"),
        ("mary.roe@example.com- thanks", "[REDACTED:EMAIL]- thanks"),
        ("mary.roe@example.com--", "[REDACTED:EMAIL]--"),
        ("mary.roe@example.com_2026", "[REDACTED:EMAIL]_2026"),
        ("mary.roe@example.com.5", "[REDACTED:EMAIL].5"),
        ("mary.roe@example.com-please", "[REDACTED:EMAIL]-please"),
    ]);
    for text in ["logo@2x.png", "a@b.c", "2@5.50", "a@example.com5"] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn a_short_address_with_an_escape_is_found_in_every_field() {
    let redactor = redactor();
    for text in ["a%40b.de", "a=40b.de", r"a\x40b.de", "a&#64;b.de"] {
        assert_eq!(proved(&redactor, text), "[REDACTED:EMAIL]", "{text}");
    }
}

#[test]
fn an_address_whose_name_is_a_uuid_is_an_id_of_a_program() {
    let redactor = redactor();
    for text in [
        "0f8fad5b-d9cb-469f-a165-70867728950e@sip.example.com",
        "sip:0f8fad5b-d9cb-469f-a165-70867728950e@sip.example.com",
        "sip:0F8FAD5BD9CB469FA16570867728950E@conference.example.com",
    ] {
        assert_eq!(proved(&redactor, text), text);
    }
    for text in [
        "x0f8fad5b-d9cb-469f-a165-70867728950e.roe@example.com",
        "mary.0f8fad5b-d9cb-469f-a165-70867728950e@example.com",
        "mary.roe@example.com",
    ] {
        assert_eq!(proved(&redactor, text), "[REDACTED:EMAIL]");
    }
}
