use super::*;

fn rejection(text: &str) -> Option<Rejection> {
    Nodes::default().read(text.as_bytes()).err()
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn members_and_elements_keep_their_text() {
    let mut nodes = Nodes::default();
    let text = br#" {"a" : [1, {"b":-0.5e+2}, "x\u00e9"], "c":{},"a":null} "#;

    let object = nodes.read_object(text).unwrap();

    let members: Vec<_> = object
        .members()
        .map(|(name, value)| (name.raw(), value.raw()))
        .collect();
    assert_eq!(
        members,
        [
            ("\"a\"", r#"[1, {"b":-0.5e+2}, "x\u00e9"]"#),
            ("\"c\"", "{}"),
            ("\"a\"", "null"),
        ]
    );
    let (_, list) = object.members().next().unwrap();
    let elements: Vec<_> = list.elements().map(Value::raw).collect();
    assert_eq!(elements, ["1", r#"{"b":-0.5e+2}"#, r#""x\u00e9""#]);
}

#[test]
fn what_is_not_json_is_rejected() {
    for text in [
        "",
        "{",
        "{\"a\"}",
        "{\"a\":1,}",
        "[1,]",
        "01",
        "1.",
        ".5",
        "1e",
        "-",
        "nul",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "1 2",
        "{a:1}",
        "+1",
        "NaN",
    ] {
        assert_eq!(rejection(text), Some(Rejection::NotJson), "{text}");
    }
}

#[test]
fn a_depth_of_128_is_read_and_129_is_not() {
    assert_eq!(rejection(&nested(128)), None);
    assert_eq!(rejection(&nested(129)), Some(Rejection::TooDeep));
}

#[test]
fn a_record_is_an_object() {
    let reason = Nodes::default().read_object(b"[]").err();

    assert_eq!(reason, Some(Rejection::NotAnObject));
}

#[test]
fn bytes_that_are_not_utf_8_are_rejected() {
    let reason = Nodes::default().read(b"\"\xff\"").err();

    assert_eq!(reason, Some(Rejection::NotJson));
}

#[test]
fn escapes_are_decoded_and_lone_surrogates_are_reported() {
    let exact = |text: &str| Decoded::Exact(text.to_owned().into());

    assert_eq!(decode(r#""a\n\/\"\\\u00e9""#), exact("a\n/\"\\é"));
    assert_eq!(decode(r#""\ud83d\ude00""#), exact("😀"));
    assert_eq!(
        decode(r#""x\ud83dy""#),
        Decoded::Replaced("x\u{fffd}y".into())
    );
    assert_eq!(
        decode(r#""\ud83d\ud83d\ude00""#),
        Decoded::Replaced("\u{fffd}😀".into())
    );
}

#[test]
fn a_quoted_text_decodes_to_itself() {
    for text in ["", "a\"\\\u{0}\u{1f}\n\r\té😀", "/"] {
        let mut json = String::new();
        quote(text, &mut json);

        assert_eq!(decode(&json), Decoded::Exact(text.into()));
        assert_eq!(rejection(&json), None);
    }
}
