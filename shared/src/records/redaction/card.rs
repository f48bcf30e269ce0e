//! Payment cards: by the prefixes that the networks issue, the lengths valid for them, and the Luhn check digit.

use std::ops::Range;

use super::digits::{Digits, Group, Run, is_one_separator, may_begin_checked, may_end_checked};
use super::view::View;

/// First and last prefix of a network, and the minimum and maximum length of its numbers (ISO/IEC 7812 and the
/// networks' lists).
const NETWORKS: [(&[u8], &[u8], usize, usize); 20] = [
    // Visa: 13 digits in the past, up to 19 today.
    (b"4", b"4", 13, 19),
    (b"51", b"55", 16, 16),
    (b"2221", b"2720", 16, 16),
    // American Express.
    (b"34", b"34", 15, 15),
    (b"37", b"37", 15, 15),
    // Diners Club.
    (b"300", b"305", 14, 19),
    (b"309", b"309", 14, 19),
    (b"36", b"36", 14, 19),
    (b"38", b"39", 14, 19),
    // Discover, including UnionPay.
    (b"6011", b"6011", 16, 19),
    (b"62", b"62", 16, 19),
    (b"644", b"659", 16, 19),
    (b"81", b"82", 16, 19),
    // JCB, including its 15-digit cards.
    (b"35", b"35", 16, 19),
    (b"1800", b"1800", 15, 15),
    (b"2131", b"2131", 15, 15),
    // Mir.
    (b"2200", b"2204", 16, 19),
    // Maestro, RuPay, Elo, Verve.
    (b"50", b"50", 12, 19),
    (b"56", b"69", 12, 19),
    (b"0604", b"0604", 12, 19),
];

/// The groups in which numbers are printed on cards, by their lengths, longest first.
const PRINTED_GROUPS: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// The card that begins at this digit, or in a later group of the same number.
pub(super) fn find_at(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    find_in_usual_form(text, start).or_else(|| find_in_printed_groups(text, start))
}

/// Groups of three digits or more with one usual separator, or one group.
fn find_in_usual_form(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    if !may_begin_checked(text, start) {
        return None;
    }
    let run = Run::across_separators(text, start, is_usual_separator);
    let groups = run.groups();
    // A date or a code often follows a card number: the longest valid number is used.
    (1..=groups.len()).rev().find_map(|count| {
        let (number, rest) = groups.split_at(count);
        let last = number.last()?;
        let is_card = are_all_long(&number[..count - 1])
            && !(count > 1 && rest.first().is_some_and(|group| continues(last, group)))
            && is_card_at(text, &(start..last.end), last.digits);
        is_card.then_some(start..last.end)
    })
}

/// Groups as they are printed, with any separators, possibly after and before other groups of digits.
fn find_in_printed_groups(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    let run = Run::across_separators(text, start, |_| true);
    let lengths: Vec<_> = run.lengths().collect();
    let groups = run.groups();
    (0..groups.len()).find_map(|first| {
        let before = first
            .checked_sub(1)
            .map_or(0, |before| groups[before].digits);
        PRINTED_GROUPS.iter().find_map(|printed| {
            if !lengths[first..].starts_with(printed) {
                return None;
            }
            let last = &groups[first + printed.len() - 1];
            let range = groups[first].start..last.end;
            let may_begin = first > 0 || may_begin_checked(text, start);
            (may_begin && is_card_at(text, &range, last.digits - before)).then_some(range)
        })
    })
}

/// A plus sign is a space that a browser encoded.
fn is_usual_separator(between: &[u8]) -> bool {
    is_one_separator(between) || between == b"+"
}

fn is_card_at(text: &View<'_>, range: &Range<usize>, count: usize) -> bool {
    // Most numbers are excluded by their length.
    (12..=19).contains(&count)
        && is_card_number(Digits::within(text, range).values())
        && may_end_checked(text, range.end)
}

fn are_all_long(groups: &[Group]) -> bool {
    groups.iter().all(|group| group.end - group.start >= 3)
}

/// Whether the number continues. A date or a code after it has shorter groups.
fn continues(last: &Group, next: &Group) -> bool {
    last.digits < 16 && next.end - next.start >= 4
}

/// Whether the digits have an issued prefix, a length that is valid for it, and the right check digit.
pub(super) fn is_card_number(digits: &[u8]) -> bool {
    has_issued_prefix(digits) && passes_luhn(digits)
}

/// Whether a text begins with a card number, in groups of three digits or more.
pub(super) fn begins_with_number(text: &[u8]) -> bool {
    let (mut digits, mut group) = (Vec::with_capacity(19), 0);
    for (at, byte) in text.iter().enumerate() {
        let next = text.get(at + 1);
        if byte.is_ascii_digit() {
            digits.push(byte - b'0');
            group += 1;
            let ends = !next.is_some_and(u8::is_ascii_digit);
            if digits.len() > 19 || ends && is_card_number(&digits) {
                return digits.len() <= 19;
            }
        } else {
            let continues = is_one_separator(&[*byte]) && next.is_some_and(u8::is_ascii_digit);
            if !continues || group < 3 {
                return false;
            }
            group = 0;
        }
    }
    false
}

fn has_issued_prefix(digits: &[u8]) -> bool {
    NETWORKS.iter().any(|(first, last, shortest, longest)| {
        let prefix = digits.iter().take(last.len()).map(|digit| digit + b'0');
        (*shortest..=*longest).contains(&digits.len())
            && prefix.clone().ge(first.iter().copied())
            && prefix.le(last.iter().copied())
    })
}

/// Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
pub(super) fn passes_luhn(digits: &[u8]) -> bool {
    let weighted = digits.iter().rev().enumerate().map(|(position, digit)| {
        let weighted = if position % 2 == 1 { digit * 2 } else { *digit };
        u32::from(weighted / 10 + weighted % 10)
    });
    weighted.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at_digit(text, find_at)
    }

    #[test]
    fn cards_of_all_networks_are_found_in_all_usual_forms() {
        let cards = [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111.1111.1111.1111",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4222222222222",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "3056 930902 5904",
            "6011000990139424",
            "3530111333300000",
            "2200 1234 5678 9019",
            "４１１１１１１１１１１１１１１１",
        ];

        for card in cards {
            assert_eq!(found(&format!("card: {card}, please")), Some(card));
            assert_eq!(found(&format!("卡号{card}谢谢")), Some(card));
        }
    }

    #[test]
    fn text_after_a_card_number_is_not_part_of_it() {
        for text in [
            "4111 1111 1111 1111 12/28 123",
            "4111 1111 1111 1111exp 12/27",
            "4111 1111 1111 1111cvc123",
            "4111 1111 1111 1111valid1227.",
            "4111 1111 1111 1111_1",
        ] {
            assert_eq!(found(text), Some("4111 1111 1111 1111"), "{text}");
        }
    }

    #[test]
    fn any_separators_may_stand_between_printed_groups() {
        for separator in [
            "  ", "    ", "\t", "\n", "\r\n  ", " / ", "/", "_", "|", " | ", "*", ":", ",", ", ",
            "--", ". ", "+",
        ] {
            for groups in [
                &["4111", "1111", "1111", "1111"][..],
                &["3782", "822463", "10005"],
                &["3056", "930902", "5904"],
            ] {
                let card = groups.join(separator);
                assert_eq!(found(&format!("it is {card}, please")), Some(&*card));
            }
        }
    }

    #[test]
    fn letters_may_touch_a_card_number() {
        for text in [
            "VISA{}",
            "VISA{}exp 12/27",
            "cc_{}",
            "карта{}",
            "mastercard-{}",
            "no.{}x",
            "**{}**",
            "/{}/",
            "#{}exp",
            "n°{}und",
        ] {
            let text = text.replace("{}", "4111111111111111");
            assert_eq!(found(&text), Some("4111111111111111"), "{text}");
        }
    }

    #[test]
    fn a_card_is_found_in_a_longer_run_of_groups() {
        for (text, card) in [
            ("1234 4111 1111 1111 1111", "4111 1111 1111 1111"),
            ("1234 4111 1111 1111 1111 5678", "4111 1111 1111 1111"),
            ("12 34 4111-1111-1111-1111", "4111-1111-1111-1111"),
            ("1234 5678 3782 822463 10005", "3782 822463 10005"),
            ("AB12 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ] {
            assert_eq!(found(text), Some(card), "{text}");
        }
    }

    #[test]
    fn wrong_check_digits_unknown_ranges_and_longer_words_are_not_cards() {
        for text in [
            "4111 1111 1111 1112",
            "9111111111111111",
            "411111111111111",
            "4f-4111111111111111",
            "a1b4111111111111111",
            "4111111111111111b2c3d4",
            "4111111111111111e12345",
            "0.4111111111111111",
            "0,4111111111111111",
            "00004111111111111111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "41, 11, 11, 11, 11, 11, 11, 11",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
