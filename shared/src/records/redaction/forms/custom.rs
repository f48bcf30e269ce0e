//! Patterns of an organisation, beside values and invisible characters.

use proptest::prelude::*;

use super::redacted_by;
use crate::records::redaction::{
    CustomPattern, HashKey, Redactor, Region, Replacement, Rules, Tally,
};

fn redactor(pattern: &str, replacement: Replacement) -> Redactor {
    Redactor::new(Rules {
        replacement,
        regions: vec![Region::DE, Region::US],
        custom: vec![CustomPattern::new("OURS", pattern).unwrap()],
        ..Rules::default()
    })
}

#[test]
fn a_match_of_invisible_text_within_a_value_is_part_of_it() {
    for (pattern, text, expected) in [
        (r"\p{Cf}", "4111 1111\u{200b} 1111 1111", "[REDACTED:CARD]"),
        (r"\s{2,}", "mary.roe@exam=\r\nple.com", "[REDACTED:EMAIL]"),
        (
            r"\u{ad}+",
            "DE89 3704\u{ad}\u{ad} 0044 0532 0130 00",
            "[REDACTED:IBAN]",
        ),
        (r"\p{Cf}", "a\u{200b}b", "a[REDACTED:OURS]b"),
        (
            r"\p{Cf}",
            "\u{200b}10.0.0.1\u{200b}",
            "[REDACTED:OURS][REDACTED:IP][REDACTED:OURS]",
        ),
    ] {
        let redactor = redactor(pattern, Replacement::Label);

        assert_eq!(redacted_by(&redactor, text), expected, "{text:?}");
    }
}

fn pattern() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        r"\p{Cf}",
        r"\p{Cf}+\d",
        r"[\s\p{Cf}]{1,3}",
        r"\s{2,}",
        r"=\r?\n",
        r"%..",
        r"&#?\w+;",
        r"\d{3}",
        r"[a-z]\W",
        r"\P{ASCII}{1,2}",
        r"(?s).{5}",
        r"\x00",
    ])
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\u{200b}\u{ad}\u{2060}\u{e0041}\u{0}]{1,3}",
        "[0-9 @.a]{1,4}",
        "[é是ж=%&;]{1,2}",
        prop::sample::select(vec![
            "4111 1111",
            " 1111 1111",
            "DE89 3704 0044",
            " 0532 0130 00",
            "mary.roe",
            "@exam",
            "ple.com",
            "=\r\n",
            "\r\n",
            "%40",
            "%C3%A9",
            "&#64;",
            "&nbsp;",
            "\\u0040",
            "10.0",
            ".0.1",
            "+49151",
            "23456789",
            "https://x.example/?token=",
            "[REDACTED:CARD]",
            "\\ud83d",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn replaced_values_never_overlap(pattern in pattern(), text in text()) {
        let key = HashKey::new("v1", &"a key".into()).unwrap();
        for replacement in [Replacement::Label, Replacement::Mask, Replacement::Hash(key)] {
            let redactor = redactor(pattern, replacement);
            redactor.redact(&text, &mut Tally::default());

            let mut at = 0;
            for (_, range) in redactor.locate_values(&text) {
                prop_assert!(at <= range.start && range.start <= range.end);
                at = range.end;
            }
        }
    }
}
