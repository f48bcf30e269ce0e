//! Properties of redaction that hold for every text.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use super::{HashKey, Redactor, Region, Replacement, Rules, Tally};

fn redactor(replacement: Replacement) -> Redactor {
    Redactor::new(Rules {
        replacement,
        regions: vec![Region::DE, Region::US, Region::JP],
        ..Rules::default()
    })
}

fn replacements() -> [Replacement; 3] {
    let key = HashKey::new("v1", &"a key".into()).unwrap();
    [
        Replacement::Label,
        Replacement::Mask,
        Replacement::Hash(key),
    ]
}

fn redacted(redactor: &Redactor, text: &str) -> String {
    redactor.redact(text, &mut Tally::default()).into_owned()
}

/// Parts of values, and texts around them.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,6}",
        "[ .,:/@+()#*x-]{1,3}",
        "[a-z]{1,4}",
        Just("4111 1111 1111 1111".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("mary.roe@example.com".to_owned()),
        Just("+49 151 23456789".to_owned()),
        Just("https://x.example/?token=1".to_owned()),
        Just("10.0.0.1".to_owned()),
        Just("078-05-1120".to_owned()),
        Just("born on 5.3.1984".to_owned()),
        Just("219 09 9999".to_owned()),
        Just("0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()),
        Just("mary.roe%40example.com".to_owned()),
        Just("mary.roe @ example.com".to_owned()),
        Just("VISA4111_1111_1111_1111cvc123".to_owned()),
        Just("my ssn ".to_owned()),
        Just("mail ".to_owned()),
        Just("****".to_owned()),
        "(%(40|2B|34|20|C3|25)|&#(64|x2b|4;)|&amp;|\\\\(u0040|n|u003)|=(40|2E|\n)|[\t\r\n|_]){1,2}",
        Just("Tel. ".to_owned()),
        Just("order ".to_owned()),
        Just("[REDACTED:CARD]".to_owned()),
        "[\u{660}-\u{669}\u{ff10}-\u{ff20}\u{200b}\u{a0}年月日生まれé]{1,3}",
        any::<char>().prop_map(String::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(fragment(), 0..12).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn redaction_is_idempotent(text in text()) {
        for replacement in replacements() {
            let redactor = redactor(replacement);
            let once = redacted(&redactor, &text);

            prop_assert_eq!(redacted(&redactor, &once), once);
        }
    }

    #[test]
    fn only_personal_values_are_changed(text in text()) {
        let redactor = redactor(Replacement::Label);
        let mut tally = Tally::default();
        let redacted = redactor.redact(&text, &mut tally);
        let label = Regex::new(r"\[REDACTED:[A-Z_]+\]").unwrap();

        let mut rest = text.as_str();
        for fragment in label.split(&redacted) {
            let at = rest.find(fragment);
            prop_assert!(at.is_some());
            rest = &rest[at.unwrap() + fragment.len()..];
        }
        prop_assert_eq!(tally.is_empty(), redacted == text);
    }

    /// These patterns are independent of the detection code.
    #[test]
    fn no_plainly_written_value_is_left_after_redaction(text in text()) {
        for replacement in replacements() {
            let redacted = redacted(&redactor(replacement), &text);

            for value in plain_values(&redacted) {
                prop_assert!(false, "{} is left of {}", value, text);
            }
        }
    }

    #[test]
    fn a_value_is_found_beside_another_one(
        first in value(), separator in "[,;/ ]|, | / ", second in value(), third in value(),
    ) {
        let text = [&*first, &*second, &*third].join(&*separator);
        for replacement in replacements() {
            let redacted = redacted(&redactor(replacement), &text);

            for value in [&first, &second, &third] {
                prop_assert!(!redacted.contains(value), "{}: {}", text, redacted);
            }
        }
    }

    /// The words are not labels, because those change the meaning of a value.
    #[test]
    fn a_value_is_found_between_any_words(
        before in "([qxzäж是]{1,6}([ ,;(]{1,2}|: ?))?", after in "([ ,;)!?][qxzäж是]{1,6})?", value in value(),
    ) {
        for replacement in replacements() {
            let redacted = redacted(&redactor(replacement), &format!("{before}{value}{after}"));

            prop_assert!(!redacted.contains(&value), "{}", redacted);
        }
    }
}

/// Values that can be verified, in ASCII and with clear boundaries.
static PLAIN: LazyLock<[Regex; 4]> = LazyLock::new(|| {
    [
        r"[a-z0-9]+(?:\.[a-z0-9]+)*@[a-z0-9]+\.(?:com|org|de)",
        r"[1-9][0-9]{0,2}(?:\.[1-9][0-9]{0,2}){3}",
        "[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}",
        "4[0-9]{15}|5[1-5][0-9]{14}",
    ]
    .map(|pattern| Regex::new(&format!("(?:^|[ ,;(])({pattern})(?:$|[ ,;)])")).unwrap())
});

fn plain_values(text: &str) -> Vec<String> {
    let checks: [fn(&str) -> bool; 4] = [
        |_| true,
        |address| address.parse::<Ipv4Addr>().is_ok(),
        |account| account.parse::<iban::Iban>().is_ok(),
        luhn,
    ];
    let values = PLAIN.iter().zip(checks).flat_map(|(pattern, is_value)| {
        let found = pattern.captures_iter(text).map(|found| found[1].to_owned());
        found.filter(move |value| is_value(value))
    });
    values.collect()
}

fn luhn(card: &str) -> bool {
    const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let digits = card.chars().rev().filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits
        .enumerate()
        .map(|(position, digit)| {
            if position % 2 == 1 {
                DOUBLED[digit as usize]
            } else {
                digit
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Values of checked kinds.
fn value() -> impl Strategy<Value = String> {
    let separator = prop_oneof![Just(""), Just(" "), Just("-"), Just("."), Just("\u{a0}")];
    let card = ("4[0-9]{14}", separator).prop_map(|(head, separator)| {
        let card = (0..10)
            .map(|check| format!("{head}{check}"))
            .find(|card| luhn(card))
            .unwrap();
        [&card[..4], &card[4..8], &card[8..12], &card[12..]].join(separator)
    });
    prop_oneof![
        card,
        // A mask keeps the first letter, and `v.` labels a version.
        "[a-uw-z][a-z0-9]{0,8}(\\.[a-z]{1,5})?@[a-z0-9]{1,9}\\.(com|de|museum)",
        (1_u8..255, 0_u8..255, 0_u8..255, 1_u8..255)
            .prop_map(|(a, b, c, d)| format!("{a}.{b}.{c}.{d}")),
        (1_u128 << 124..u128::MAX).prop_map(|address| Ipv6Addr::from(address).to_string()),
        "https://[a-z]{3,8}:[a-z0-9]{4,8}@[a-z]{3,8}\\.com(/[a-z]{1,5})?",
        "\\+4915[1-9][0-9]{8}".prop_filter("a number of the plan", |number| {
            rlibphonenumber::PhoneNumber::parse(number, None).is_ok_and(|number| number.is_valid())
        }),
    ]
}

#[test]
fn redaction_is_idempotent_for_very_long_numbers() {
    let redactor = redactor(Replacement::Label);
    for digits in 0..200 {
        let number = "0".repeat(digits);
        for text in [format!("DE8937040044053201300{number}"), number.clone()] {
            let once = redacted(&redactor, &text);
            assert_eq!(redacted(&redactor, &once), once);
        }
    }
}
