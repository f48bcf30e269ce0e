//! Forms in which people and programs write values: through the whole redactor.

use super::{HashKey, Redactor, Region, Replacement, Rules, Tally};

mod addresses;
mod custom;
mod hashes;
mod ids;
mod masks;
mod numbers;
mod urls;

/// The regions of the labelled corpus.
const REGIONS: [Region; 15] = [
    Region::BR,
    Region::CN,
    Region::DE,
    Region::ES,
    Region::FR,
    Region::GB,
    Region::IT,
    Region::JP,
    Region::KR,
    Region::NL,
    Region::PL,
    Region::RU,
    Region::SA,
    Region::TR,
    Region::US,
];

fn redactor() -> Redactor {
    Redactor::new(Rules::default())
}

fn redacted(text: &str) -> String {
    redacted_by(&redactor(), text)
}

fn redacted_by(redactor: &Redactor, text: &str) -> String {
    redactor.redact(text, &mut Tally::default()).into_owned()
}

fn assert_redacted(texts: &[(&str, &str)]) {
    for (text, expected) in texts {
        assert_eq!(redacted(text), *expected, "{text}");
    }
}

#[test]
fn cards_are_found_in_the_forms_that_people_type() {
    assert_redacted(&[
        ("4111  1111  1111  1111", "[REDACTED:CARD]"),
        ("4111\t1111\t1111\t1111", "[REDACTED:CARD]"),
        ("4111\n1111\n1111\n1111", "[REDACTED:CARD]"),
        ("4111/1111/1111/1111", "[REDACTED:CARD]"),
        ("4111_1111_1111_1111", "[REDACTED:CARD]"),
        ("4111|1111|1111|1111", "[REDACTED:CARD]"),
        ("4111*1111*1111*1111", "[REDACTED:CARD]"),
        ("4111:1111:1111:1111", "[REDACTED:CARD]"),
        ("4111, 1111, 1111, 1111", "[REDACTED:CARD]"),
        ("4111\\1111\\1111\\1111", "[REDACTED:CARD]"),
        ("4111~1111~1111~1111", "[REDACTED:CARD]"),
        ("4111 = 1111 # 1111 > 1111", "[REDACTED:CARD]"),
        ("5500 | 0000 | 0000 | 0004", "[REDACTED:CARD]"),
        ("3782,822463,10005", "[REDACTED:CARD]"),
        ("4111111111111111exp 12/27", "[REDACTED:CARD]exp 12/27"),
        ("VISA4111111111111111", "VISA[REDACTED:CARD]"),
        ("mc5500000000000004cvv999!", "mc[REDACTED:CARD]cvv999!"),
        (
            "card no:4111 1111 1111 1111cvc123",
            "card no:[REDACTED:CARD]cvc123",
        ),
        ("1234 4111 1111 1111 1111", "1234 [REDACTED:CARD]"),
        ("4111 1111 1111 1111 1234 5678", "[REDACTED:CARD] 1234 5678"),
        ("?card=4111+1111+1111+1111", "?card=[REDACTED:CARD]"),
        ("4111%201111%201111%201111", "[REDACTED:CARD]"),
        ("4111&nbsp;1111&nbsp;1111&#160;1111", "[REDACTED:CARD]"),
    ]);
}

#[test]
fn look_alikes_in_these_forms_are_kept() {
    let redactor = Redactor::new(Rules {
        regions: vec![Region::DE, Region::US],
        ..Rules::default()
    });
    for text in [
        "4111  1111  1111  1112",
        "5411 / 0817 / 6779 / 6391",
        "VISA4111111111111112",
        "2042  3571  4239  9902  3639",
        "DE88 4111 1111 1111 1111 00",
        "DE88  4111  1111  1111  1111  00",
        "FI4111111111111111",
        "BE 35 1902 2065 0934",
        "0.4111111111111111",
        "order%2049151234567",
        "2 &lt; 3 &amp; 4",
        "100%25 of 40%20",
        "logo%402x.png",
        "see @mary at example.com",
    ] {
        assert_eq!(redacted_by(&redactor, text), text);
    }
}

#[test]
fn accounts_and_numbers_are_found_in_the_forms_that_people_type() {
    assert_redacted(&[
        ("IBANDE89370400440532013000", "IBAN[REDACTED:IBAN]"),
        ("ibande89 3704 0044 0532 0130 00", "iban[REDACTED:IBAN]"),
        ("DE89\n3704\n0044\n0532\n0130\n00", "[REDACTED:IBAN]"),
        ("DE89_3704_0044_0532_0130_00bic", "[REDACTED:IBAN]bic"),
        ("219  09  9999 is my ssn", "[REDACTED:SSN] is my ssn"),
        ("my ssn: 219/09/9999", "my ssn: [REDACTED:SSN]"),
        ("ssn 219_09_9999", "ssn [REDACTED:SSN]"),
        ("219-09-9999is my ssn", "[REDACTED:SSN]is my ssn"),
        (
            "my social security number is 219  09  9999",
            "my social security number is [REDACTED:SSN]",
        ),
        (
            "meine Sozialversicherungsnummer ist 219:09:9999",
            "meine Sozialversicherungsnummer ist [REDACTED:SSN]",
        ),
        ("%2B4915123456789", "[REDACTED:PHONE]"),
        ("tel%3A%2B49%20151%2023456789", "tel%3A[REDACTED:PHONE]"),
        ("&#43;4915123456789", "[REDACTED:PHONE]"),
        ("tel:=2B4915123456789", "tel:[REDACTED:PHONE]"),
        ("CPF529.982.247-25", "CPF[REDACTED:TAX_ID]"),
        ("529 . 982 . 247 - 25", "[REDACTED:TAX_ID]"),
        ("10%2E0%2E0%2E1", "[REDACTED:IP]"),
    ]);
}

#[test]
fn addresses_are_found_in_the_forms_that_people_type() {
    assert_redacted(&[
        ("mary.roe @ example.com", "[REDACTED:EMAIL]"),
        ("mary.roe\n@example.com", "[REDACTED:EMAIL]"),
        ("mary.roe@\nexample.com", "[REDACTED:EMAIL]"),
        ("mary.roe@exam\nple.com", "[REDACTED:EMAIL]"),
        ("mary.roe@exam=\nple.com", "[REDACTED:EMAIL]"),
        ("?email=mary.roe%40example.com", "?email=[REDACTED:EMAIL]"),
        (
            "https://x.example/a?email=mary.roe%2540example.com&b=1",
            "https://x.example/a?email=[REDACTED:EMAIL]&b=1",
        ),
        ("mary.roe&#64;example.com", "[REDACTED:EMAIL]"),
        ("mary.roe&#x40;example&#46;com", "[REDACTED:EMAIL]"),
        ("mary.roe&commat;example.com", "[REDACTED:EMAIL]"),
        (r"mary.roe\u0040example.com", "[REDACTED:EMAIL]"),
        (
            r#"{"a":"{\"to\":\"mary.roe@example.com\",\"n\":1}"}"#,
            r#"{"a":"{\"to\":\"[REDACTED:EMAIL]\",\"n\":1}"}"#,
        ),
        (r"\nmary.roe@example.com\n", r"\n[REDACTED:EMAIL]\n"),
        ("mary.roe=40example.com", "[REDACTED:EMAIL]"),
        ("mary.roe%u0040example.com", "[REDACTED:EMAIL]"),
        (
            "=?utf-8?Q?Mary_<mary.roe=40example.com>?=",
            "=?utf-8?Q?Mary_<[REDACTED:EMAIL]>?=",
        ),
        ("mary.roe@example. com", "[REDACTED:EMAIL]"),
    ]);
}

#[test]
fn invisible_characters_do_not_hide_a_value() {
    for invisible in [
        '\0',
        '\u{1}',
        '\u{7f}',
        '\u{ad}',
        '\u{34f}',
        '\u{115f}',
        '\u{180f}',
        '\u{200b}',
        '\u{2064}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{fffb}',
        '\u{e0001}',
        '\u{e0062}',
        '\u{e01ef}',
    ] {
        for (value, label) in [
            ("4111 1111 1111 1111", "[REDACTED:CARD]"),
            ("DE89370400440532013000", "[REDACTED:IBAN]"),
            ("mary.roe@example.com", "[REDACTED:EMAIL]"),
            ("+4915123456789", "[REDACTED:PHONE]"),
            ("10.0.0.1", "[REDACTED:IP]"),
            ("my ssn 219-09-9999", "my ssn [REDACTED:SSN]"),
        ] {
            let place = value.len() - 4;
            let text = format!("{}{invisible}{}", &value[..place], &value[place..]);
            assert_eq!(redacted(&text), label, "{text:?}");
        }
    }
}

#[test]
fn all_values_of_a_list_are_redacted() {
    let key = HashKey::new("v1", &"a key".into()).unwrap();
    for replacement in [
        Replacement::Label,
        Replacement::Mask,
        Replacement::Hash(key),
    ] {
        let redactor = Redactor::new(Rules {
            replacement,
            ..Rules::default()
        });
        for separator in [" ", ", ", "; ", "\n", "\n\n", " | "] {
            for form in ["219-09-9{:03}", "my ssns: 219 09 9{:03}"] {
                let (before, number) = form.split_at(form.find("219").unwrap());
                let numbers = (100..300).map(|place| number.replace("{:03}", &place.to_string()));
                let text = format!("{before}{}", numbers.collect::<Vec<_>>().join(separator));
                let mut tally = Tally::default();

                let once = redactor.redact(&text, &mut tally).into_owned();

                assert_eq!(tally.of("SSN"), 200, "{separator:?} {form}: {once}");
                assert_eq!(redacted_by(&redactor, &once), once);
            }
        }
    }
}

#[test]
fn a_label_after_a_list_refers_to_all_of_it() {
    let redactor = Redactor::new(Rules {
        regions: REGIONS.to_vec(),
        ..Rules::default()
    });
    let numbers: Vec<_> = (100..120).map(|place| format!("219 09 9{place}")).collect();
    let text = format!("{} are my ssn", numbers.join(" "));

    let expected = format!("{} are my ssn", ["[REDACTED:SSN]"; 20].join(" "));
    for redactor in [&redactor, &self::redactor()] {
        assert_eq!(redacted_by(redactor, &text), expected);
    }
}

#[test]
fn equal_values_have_equal_hashes_in_every_form() {
    let key = HashKey::new("v1", &"a key".into()).unwrap();
    let redactor = Redactor::new(Rules {
        replacement: Replacement::Hash(key),
        ..Rules::default()
    });
    for forms in [
        &[
            "mary.roe@example.com",
            "mary.roe%40example.com",
            "Mary.Roe&#64;example.com",
            "mary.roe @ example.com",
            "mary.roe@exam\nple.com",
            "mary.\0roe@example.com",
        ][..],
        &[
            "4111111111111111",
            "4111 | 1111 | 1111 | 1111",
            "4111%201111%201111%201111",
        ],
        &[
            "DE89370400440532013000",
            "DE 89 3704 0044 0532 0130 00",
            "de89_3704_0044_0532_0130_00",
        ],
    ] {
        for form in forms {
            assert_eq!(
                redacted_by(&redactor, form),
                redacted_by(&redactor, forms[0]),
                "{form}"
            );
        }
    }
}

#[test]
fn an_allowed_value_is_kept_in_every_form() {
    let redactor = Redactor::new(Rules {
        allowed: vec!["help@example.com".to_owned()],
        ..Rules::default()
    });
    for text in [
        "help@example.com",
        "help%40example.com",
        "help&#64;example.com",
    ] {
        assert_eq!(redacted_by(&redactor, text), text);
    }
}

#[test]
fn a_mask_keeps_at_most_half_of_a_value() {
    let redactor = Redactor::new(Rules {
        replacement: Replacement::Mask,
        ..Rules::default()
    });
    for (text, masked) in [
        ("call 12345", "call ***45"),
        ("call 555-0123", "call ***-*123"),
        ("my ssn 219 09 9999", "my ssn *** ** 9999"),
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("a@b.de", "a@*.**"),
        ("mary.roe%40example.com", "m***.***%40*******.***"),
    ] {
        assert_eq!(redacted_by(&redactor, text), masked);
    }
}
