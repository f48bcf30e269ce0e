//! International bank account numbers (ISO 13616): length and form by country, and check digits (mod 97).

use std::ops::Range;

use iban::Iban;

use super::digits::{is_one_separator, may_end};
use super::fold::{Folded, is_word_byte};

const MIN_LENGTH: usize = 15;
const MAX_LENGTH: usize = 34;

/// The account number whose check digits begin at `digit`.
pub(super) fn find_at(text: &Folded<'_>, digit: usize) -> Option<Range<usize>> {
    let start = country_start(text, digit)?;
    let account = AccountText::read(text, start);
    let candidates = account.ends.iter().rev();
    let end = candidates.copied().find(|(length, end)| {
        *length >= MIN_LENGTH && may_end(text, *end) && is_account(&account.letters[..*length])
    })?;
    Some(start..end.1)
}

/// The start of the two-letter country code directly before the digit.
fn country_start(text: &Folded<'_>, digit: usize) -> Option<usize> {
    let start = digit.checked_sub(2)?;
    let is_country = text.bytes()[start..digit]
        .iter()
        .all(u8::is_ascii_alphabetic);
    (is_country && !is_word_byte(text.byte_before(start))).then_some(start)
}

/// The end of a text that is written in groups of four like an account number, but is not valid.
pub(super) fn end_of_shape(text: &Folded<'_>, digit: usize) -> Option<usize> {
    country_start(text, digit)?;
    let check_digits = text.bytes().get(digit..digit + 2)?;
    if !check_digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (mut end, mut groups) = (digit + 2, 0);
    while is_one_separator(&[text.byte(end)]) && text.byte(end + 1).is_ascii_alphanumeric() {
        let group = text.bytes()[end + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let has_digit = text.bytes()[end + 1..][..group]
            .iter()
            .any(u8::is_ascii_digit);
        if group > 4 || !has_digit && group < 4 {
            break;
        }
        end += 1 + group;
        groups += 1;
    }
    (groups >= 3).then_some(end)
}

/// Letters and digits without separators, and the possible ends of the number.
struct AccountText {
    letters: Vec<u8>,
    /// Number of letters and digits up to each offset in the text that directly follows one of them.
    ends: Vec<(usize, usize)>,
}

impl AccountText {
    fn read(text: &Folded<'_>, start: usize) -> Self {
        let (mut letters, mut ends) = (
            Vec::with_capacity(MAX_LENGTH),
            Vec::with_capacity(MAX_LENGTH),
        );
        let mut at = start;
        while letters.len() < MAX_LENGTH {
            let byte = text.byte(at);
            if byte.is_ascii_alphanumeric() {
                letters.push(byte.to_ascii_uppercase());
                ends.push((letters.len(), at + 1));
            } else if !matches!(byte, b' ' | b'-' | b'.')
                || !text.byte(at + 1).is_ascii_alphanumeric()
            {
                break;
            }
            at += 1;
        }
        Self { letters, ends }
    }
}

fn is_account(letters: &[u8]) -> bool {
    has_check_digits(letters)
        && str::from_utf8(letters).is_ok_and(|account| account.parse::<Iban>().is_ok())
}

/// Cheaper than parsing the number, and rules out nearly all others.
fn has_check_digits(letters: &[u8]) -> bool {
    let (head, tail) = letters.split_at(4);
    let rest = tail
        .iter()
        .chain(head)
        .fold(0_u32, |rest, letter| match letter {
            b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
            letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
        });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at_digit(text, find_at)
    }

    #[test]
    fn ibans_are_found_in_all_spellings() {
        for account in [
            "DE89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "de89370400440532013000",
            "GB82-WEST-1234-5698-7654-32",
            "FR14\u{a0}2004\u{a0}1010\u{a0}0505\u{a0}0001\u{a0}3M02\u{a0}606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(found(&format!("IBAN {account} danke")), Some(account));
            assert_eq!(found(&format!("账号是{account}。")), Some(account));
        }
    }

    #[test]
    fn wrong_check_digits_wrong_lengths_and_longer_words_are_not_ibans() {
        for text in [
            "DE88370400440532013000",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "xDE89370400440532013000",
            "DE89370400440532013000x",
            "DE 89",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
