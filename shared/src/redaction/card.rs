//! Payment cards: by the ranges that the networks issue, the lengths they have in them, and Luhn's check digit.

use std::ops::Range;

use super::digits::{Digits, Run, begins, ends, is_one_separator};
use super::fold::Folded;

/// First and last prefix of a network, and the shortest and longest number in it (ISO/IEC 7812 and the networks' lists).
const NETWORKS: [(u32, u32, usize, usize); 19] = [
    // Visa, 13 digits once and 19 today.
    (4, 4, 13, 19),
    (51, 55, 16, 16),
    (2221, 2720, 16, 16),
    // American Express.
    (34, 34, 15, 15),
    (37, 37, 15, 15),
    // Diners Club.
    (300, 305, 14, 19),
    (309, 309, 14, 19),
    (36, 36, 14, 19),
    (38, 39, 14, 19),
    // Discover, and UnionPay with it.
    (6011, 6011, 16, 19),
    (62, 62, 16, 19),
    (644, 659, 16, 19),
    (81, 82, 16, 19),
    // JCB, and its cards of 15 digits.
    (3528, 3589, 16, 19),
    (1800, 1800, 15, 15),
    (2131, 2131, 15, 15),
    // Mir.
    (2200, 2204, 16, 19),
    // Maestro, RuPay, Elo, Verve.
    (50, 50, 12, 19),
    (56, 69, 12, 19),
];

pub(super) fn at(text: &Folded<'_>, start: usize) -> Option<Range<usize>> {
    if !begins(text, start) {
        return None;
    }
    let run = Run::at(text, start, is_one_separator);
    let groups = run.groups();
    // A date or a code often stands behind a card: the longest number that is one counts.
    (1..=groups.len()).rev().find_map(|count| {
        let end = groups[count - 1].end;
        let is_grouped = groups[..count - 1]
            .iter()
            .all(|group| group.end - group.start >= 3);
        let is_card = is_grouped
            && ends(text, end)
            && is_number(
                Digits::within(text, &(start..end)).values(),
                groups[count - 1].digits,
            );
        is_card.then_some(start..end)
    })
}

fn is_number(digits: &[u8], count: usize) -> bool {
    count == digits.len() && is_issued(digits) && has_luhn(digits)
}

fn is_issued(digits: &[u8]) -> bool {
    NETWORKS.iter().any(|(first, last, shortest, longest)| {
        let prefix = leading(digits, last.ilog10() as usize + 1);
        (*first..=*last).contains(&prefix) && (*shortest..=*longest).contains(&digits.len())
    })
}

fn leading(digits: &[u8], count: usize) -> u32 {
    let digits = digits.iter().take(count);
    digits.fold(0, |number, digit| number * 10 + u32::from(*digit))
}

/// Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
pub(super) fn has_luhn(digits: &[u8]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(place, digit)| {
        let weighed = if place % 2 == 1 { digit * 2 } else { *digit };
        u32::from(weighed / 10 + weighed % 10)
    });
    weighed.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let folded = Folded::new(text);
        let start = folded.bytes().iter().position(u8::is_ascii_digit)?;
        at(&folded, start).map(|range| &text[folded.range(&range)])
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
    fn what_stands_behind_a_card_is_no_part_of_it() {
        assert_eq!(
            found("4111 1111 1111 1111 12/28 123"),
            Some("4111 1111 1111 1111")
        );
    }

    #[test]
    fn a_wrong_check_digit_a_range_of_nobody_or_a_part_of_a_longer_word_is_no_card() {
        for text in [
            "4111 1111 1111 1112",
            "9111111111111111",
            "411111111111111",
            "A-4111111111111111",
            "4111111111111111b",
            "00004111111111111111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
