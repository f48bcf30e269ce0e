use super::*;

const CLIENT_SECRET: &str = "Xq7-synthetic-Secret_91";

fn secrets() -> Secrets {
    let secrets = Secrets::default();
    secrets.add(CLIENT_SECRET);
    secrets.add("open.access.token");
    secrets
}

fn cleaned(text: &str) -> String {
    ForeignText::new(text, &secrets()).into()
}

#[test]
fn an_error_message_of_the_api_stays_readable() {
    for text in [
        "You are missing analytics:conversationDetail:view",
        "Unable to perform the requested action. You must have at least one of the following permissions assigned: [analytics:conversationDetail:view]",
        "The interval must not exceed 31 days",
        "conversation 0f8fad5b-d9cb-469f-a165-70867728950e was not found",
        "data is available up to 2026-03-02T15:00:00.000Z",
        "client not found (invalid_client)",
        "The specified bucket does not exist",
        "Connection refused (os error 111)",
        "invalid peer certificate: UnknownIssuer",
        "dns error: failed to lookup address information: Name or service not known",
        "NoSuchBucket",
        "/api/v2/analytics/conversations/details/jobs/{jobId}/results",
    ] {
        assert_eq!(cleaned(text), text);
    }
}

#[test]
fn controls_line_breaks_and_directions_are_stripped() {
    for (text, expected) in [
        ("not\nfound\r\n", "not found"),
        ("\u{1b}[2J\u{1b}]0;title\u{7}denied", "… denied"),
        (
            "\u{9b}31m access \u{202e}denied\u{2066}",
            "31m access denied",
        ),
        ("access\u{85}denied\u{2028}again", "access denied again"),
    ] {
        assert_eq!(cleaned(text), expected);
    }
}

#[test]
fn known_secrets_are_removed_in_every_form() {
    let base64 = "Basic WHE3LXN5bnRoZXRpYy1TZWNyZXRfOTE=";
    let secret_with_signs = "p+q/r=\"s\" t";
    let secrets = secrets();
    secrets.add(secret_with_signs);
    for text in [
        format!("invalid secret {CLIENT_SECRET}"),
        format!("secret={}", CLIENT_SECRET.to_lowercase()),
        format!("the header was {base64}"),
        "the token is open.access.token".to_owned(),
        "url contains p%2Bq%2Fr%3D%22s%22+t".to_owned(),
        r#"body contains p+q/r=\"s\" t"#.to_owned(),
    ] {
        let shown = ForeignText::new(&text, &secrets);

        let shown = shown.as_str().to_lowercase();
        let leaks = ["xq7", "whe3", "open.access", "p%2bq", "p+q"];
        assert!(!leaks.iter().any(|part| shown.contains(part)), "{shown}");
    }
}

#[test]
fn tokens_names_and_personal_values_are_removed() {
    for (text, expected) in [
        (
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.Zm9v is invalid",
            "Bearer … is invalid",
        ),
        (
            "authorization: Basic aWQ6c2VjcmV0",
            "authorization: Basic …",
        ),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "…"),
        (
            "user Mary Roe is not authorized",
            "user … is not authorized",
        ),
        (
            "user mary roe is not authorized",
            "user … is not authorized",
        ),
        (
            "number 4111 1111 1111 1111 was refused",
            "number [REDACTED:CARD] was refused",
        ),
        (
            "mary.roe@example.com is not found",
            "[REDACTED:EMAIL] is not found",
        ),
        ("number 219  09  9999 is invalid", "number … is invalid"),
        ("call 030 1234567", "call [REDACTED:PHONE]"),
        ("7.4.1981 is no date", "… is no date"),
        ("Will May", "…"),
        (
            "customer wrote: hi, i'd love to know my balance",
            "customer … i'd … to …",
        ),
    ] {
        assert_eq!(cleaned(text), expected, "{text}");
    }
}

#[test]
fn a_long_text_is_cut_between_words_or_characters() {
    let long = cleaned(&"error ".repeat(1_000));
    let of_umlauts = cleaned(&"ü".repeat(301));

    assert_eq!(long.chars().count(), 300);
    assert!(long.ends_with("error…"));
    assert_eq!(of_umlauts, "…");
}

#[test]
fn a_value_at_the_end_of_a_long_text_is_not_cut_open() {
    for filler in 260..300 {
        let text = format!(
            "{} 4111 1111 1111 1111 {CLIENT_SECRET}",
            "a ".repeat(filler / 2)
        );

        let shown = cleaned(&text);

        assert!(!shown.contains("4111") && !shown.contains("Xq7"), "{shown}");
    }
}

#[test]
fn an_id_is_accepted_by_its_characters_and_otherwise_dropped() {
    let secrets = secrets();
    let is_accepted = |text: &str| ForeignId::new(text, &secrets).is_some();

    for text in [
        "c-7",
        "missing.any.permissions",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "NoSuchKey",
        "4a8a3c1e",
        "eu-west-1",
    ] {
        assert!(is_accepted(text), "{text}");
    }
    for text in [
        "",
        "not found",
        "a\nb",
        "c-7\u{1b}[2J",
        "mary.roe",
        "Mary-Roe-7",
        "4111-1111-1111-1111",
        "fMGd3RQ6A2bQISi53959HMjxHNXC3JEnDEdC26Hq",
        "mary.roe@example.com",
        "4111111111111111",
        "eyJhbGciOiJIUzI1NiJ9.e30.Zm9v",
        "open.access.token",
        CLIENT_SECRET,
        &"x".repeat(41),
    ] {
        assert!(!is_accepted(text), "{text}");
    }
}

#[test]
fn a_text_of_nothing_but_unknown_words_is_none() {
    assert_eq!(ForeignText::non_empty("Mary Roe", &secrets()), None);
    assert_eq!(ForeignText::non_empty(" \n", &secrets()), None);
    assert!(ForeignText::non_empty("not found", &secrets()).is_some());
}

#[test]
fn debug_output_of_secrets_hides_them() {
    assert_eq!(format!("{:?}", secrets()), "Secrets");
}

#[test]
fn names_and_codes_made_of_known_words_are_removed() {
    for (text, shown) in [
        (
            "user Max West is not authorized",
            "user … is not authorized",
        ),
        ("resource A1B2C3 was not found", "resource … was not found"),
        ("code K1A 0B1 is invalid", "code … is invalid"),
        ("Request for East, Will and Long", "Request for … and …"),
        ("NoSuchKey: maxKeys is 5", "NoSuchKey: maxKeys is 5"),
    ] {
        assert_eq!(ForeignText::new(text, &Secrets::default()).as_str(), shown);
    }
    for key in [
        "0123456789abcdef0123456789abcdef",
        "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    ] {
        assert!(ForeignId::new(key, &Secrets::default()).is_none(), "{key}");
    }
}
