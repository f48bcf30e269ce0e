//! Numbers beside other numbers, and numbers that two kinds could claim.

use super::{assert_redacted, redacted, redacted_by};
use crate::records::redaction::{Redactor, Region, Rules, Tally};

#[test]
fn a_number_after_a_sign_that_may_begin_an_escape_is_found() {
    assert_redacted(&[
        ("账号=DE89 3704 0044 0532 0130 00", "账号=[REDACTED:IBAN]"),
        ("счёт=DE89 3704 0044 0532 0130 00", "счёт=[REDACTED:IBAN]"),
        ("número=DE89370400440532013000", "número=[REDACTED:IBAN]"),
        ("é=FR1420041010050500013M02606", "é=[REDACTED:IBAN]"),
        ("%DE89370400440532013000", "%[REDACTED:IBAN]"),
        ("'%DE89 3704 0044 0532 0130 00%'", "'%[REDACTED:IBAN]%'"),
        ("100%4012 8888 8888 1881", "100%[REDACTED:CARD]"),
        ("'%4111 1111 1111 1111%'", "'%[REDACTED:CARD]%'"),
        ("'%4111-1111-1111-1111%'", "'%[REDACTED:CARD]%'"),
        ("LIKE '%3782 822463 10005'", "LIKE '%[REDACTED:CARD]'"),
        (
            "=C3=A9 caf=C3=A9=40 =E6=98=AF",
            "=C3=A9 caf=C3=A9=40 =E6=98=AF",
        ),
    ]);
}

#[test]
fn a_card_after_two_letters_is_not_an_account_with_an_error() {
    assert_redacted(&[
        ("DK 4111 1111 1111 1111", "DK [REDACTED:CARD]"),
        ("FI 4111 1111 1111 1111", "FI [REDACTED:CARD]"),
        ("NO 4222222222222", "NO [REDACTED:CARD]"),
        ("NL 5500 0000 0000 0004", "NL [REDACTED:CARD]"),
        ("DE 89 3704 0044 0532 0130 00", "[REDACTED:IBAN]"),
        ("DE  89 3704 0044 0532 0130 00", "[REDACTED:IBAN]"),
        ("DE-89-3704-0044-0532-0130-00", "[REDACTED:IBAN]"),
    ]);
    assert_eq!(redacted("FI4111111111111111"), "FI4111111111111111");
}

#[test]
fn a_telephone_number_with_a_country_code_is_not_a_card() {
    let redactor = Redactor::new(Rules {
        regions: vec![Region::DE],
        ..Rules::default()
    });
    for (text, expected) in [
        ("tel:+4915123456787", "tel:[REDACTED:PHONE]"),
        ("+4915123456787", "[REDACTED:PHONE]"),
        ("+49 1512 3456787", "[REDACTED:PHONE]"),
        ("004915123456787", "[REDACTED:PHONE]"),
        ("+4111111111111111", "+[REDACTED:CARD]"),
    ] {
        assert_eq!(redacted_by(&redactor, text), expected, "{text}");
    }
    for text in [
        "tel:+4915123456787",
        "+4915123456787",
        "sip:+4915123456787@x",
        "004915123456787",
    ] {
        let proved = redactor.redact_proved(text, &mut Tally::default());

        assert_eq!(proved, text);
    }
}

#[test]
fn codes_after_a_card_do_not_hide_it() {
    assert_redacted(&[
        ("378282246310005 1234", "[REDACTED:CARD] 1234"),
        ("378282246310005 1227 1234", "[REDACTED:CARD] 1227 1234"),
        ("4222222222222 1227", "[REDACTED:CARD] 1227"),
        ("30569309025904 1234", "[REDACTED:CARD] 1234"),
    ]);
}

#[test]
fn fields_beside_a_card_do_not_hide_it() {
    assert_redacted(&[
        ("1227,4111111111111111,123", "1227,[REDACTED:CARD],123"),
        ("12/27/4111111111111111", "12/27/[REDACTED:CARD]"),
        ("1227-4111111111111111-123", "1227-[REDACTED:CARD]-123"),
        ("7,5500000000000004", "7,[REDACTED:CARD]"),
        ("3;4111111111111111;5", "3;[REDACTED:CARD];5"),
        (
            "Lebensversicherungsnummernverzeichnis4111111111111111",
            "Lebensversicherungsnummernverzeichnis[REDACTED:CARD]",
        ),
        (
            "4111111111111111Lebensversicherungsnummernverzeichnis",
            "[REDACTED:CARD]Lebensversicherungsnummernverzeichnis",
        ),
    ]);
    for text in [
        "0.4111111111111111",
        "12.4111111111111111",
        "0,4111111111111111",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn a_moment_is_not_a_french_id() {
    let moments = (0..60).flat_map(|minute| {
        (0..1000)
            .step_by(7)
            .map(move |milli| format!("1/2/2026, 10:{minute:02}:12.{milli:03}"))
    });
    for moment in moments {
        assert_eq!(redacted(&moment), moment);
    }
    assert_redacted(&[
        ("2 55 08 14 168 025 38", "[REDACTED:TAX_ID]"),
        ("2|55|08|14|168|025|38", "[REDACTED:TAX_ID]"),
        ("2550814168025 38", "[REDACTED:TAX_ID]"),
        ("255081416802538", "[REDACTED:TAX_ID]"),
    ]);
}
