//! International bank account numbers (ISO 13616): length and form by country, and check digits (mod 97).

use std::ops::Range;

use iban::Iban;

use super::digits::{end_of_any_separators, follows_letters, is_one_separator, may_end_checked};
use super::fold::is_word_byte;
use super::view::View;

const MIN_LENGTH: usize = 15;
const MAX_LENGTH: usize = 34;
/// Number of blanks after a country code.
const MAX_BLANKS: usize = 3;

/// The account number whose check digits begin at `digit`.
pub(super) fn find_at(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    find(text, digit, is_account)
}

/// The end of a text with the country, length and form of an account number, whatever its check digits. No other word
/// may touch it: `visa45` is not the beginning of a Saudi account.
pub(super) fn end_of_form(text: &View<'_>, digit: usize) -> Option<usize> {
    let form = find(text, digit, |letters| {
        is_account(&with_check_digits(letters))
    })?;
    (!is_word_byte(text.edge_before(form.start))).then_some(form.end)
}

fn find(text: &View<'_>, digit: usize, is_account: impl Fn(&[u8]) -> bool) -> Option<Range<usize>> {
    let start = country_start(text, digit).or_else(|| separate_country_start(text, digit))?;
    let account = AccountText::read(text, start);
    if !account.letters.get(2..4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let candidates = account.ends.iter().rev();
    let end = candidates.copied().find(|(length, end)| {
        *length >= MIN_LENGTH
            && is_account(&account.letters[..*length])
            && may_end_checked(text, *end)
    })?;
    Some(start..end.1)
}

/// The start of the two-letter country code directly before the digit. A word may touch it: `IBANDE89`.
fn country_start(text: &View<'_>, digit: usize) -> Option<usize> {
    let start = digit.checked_sub(2)?;
    let is_country = text.slice(start..digit).iter().all(u8::is_ascii_alphabetic);
    let begins = || !is_word_byte(text.edge_before(start)) || follows_letters(text, start);
    (is_country && begins()).then_some(start)
}

/// The start of a country code that blanks or a hyphen separate from the two check digits: `DE 89 3704`.
fn separate_country_start(text: &View<'_>, digit: usize) -> Option<usize> {
    let mut end = digit;
    while digit - end < MAX_BLANKS && matches!(text.byte_before(end), b' ' | b'\t' | b'-') {
        end -= 1;
    }
    let start = end.checked_sub(2)?;
    let is_country = end < digit
        && text.slice(start..end).iter().all(u8::is_ascii_uppercase)
        && !is_word_byte(text.edge_before(start));
    is_country.then_some(start)
}

/// Whether the letters before the check digits at `digit` are a word of their own.
pub(super) fn is_country_separate(text: &View<'_>, digit: usize) -> bool {
    !text.byte_before(digit).is_ascii_alphabetic()
}

/// The end of a text that is written in groups of four like an account number, but is not valid.
pub(super) fn end_of_shape(text: &View<'_>, digit: usize) -> Option<usize> {
    let start = digit.checked_sub(2)?;
    let has_country = text.slice(start..digit).iter().all(u8::is_ascii_alphabetic)
        && !is_word_byte(text.edge_before(start));
    if !has_country || !(0..2).all(|place| text.byte(digit + place).is_ascii_digit()) {
        return None;
    }
    let (mut end, mut groups) = (digit + 2, 0);
    while is_one_separator(&[text.byte(end)]) && text.byte(end + 1).is_ascii_alphanumeric() {
        let group = (0..5).take_while(|place| text.byte(end + 1 + place).is_ascii_alphanumeric());
        let group = group.count();
        let has_digit = (0..group).any(|place| text.byte(end + 1 + place).is_ascii_digit());
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
    fn read(text: &View<'_>, start: usize) -> Self {
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
                at += 1;
                continue;
            }
            let end = end_of_any_separators(text, at);
            if end == at || !text.byte(end).is_ascii_alphanumeric() {
                break;
            }
            at = end;
        }
        Self { letters, ends }
    }
}

fn is_account(letters: &[u8]) -> bool {
    has_check_digits(letters)
        && str::from_utf8(letters).is_ok_and(|account| account.parse::<Iban>().is_ok())
}

fn with_check_digits(letters: &[u8]) -> Vec<u8> {
    let mut letters = letters.to_vec();
    letters[2..4].copy_from_slice(b"00");
    let check = 98 - remainder(&letters);
    letters[2..4].copy_from_slice(format!("{check:02}").as_bytes());
    letters
}

/// Cheaper than parsing the number, and rules out nearly all others.
fn has_check_digits(letters: &[u8]) -> bool {
    remainder(letters) == 1
}

fn remainder(letters: &[u8]) -> u32 {
    let (head, tail) = letters.split_at(4);
    tail.iter()
        .chain(head)
        .fold(0_u32, |rest, letter| match letter {
            b'0'..=b'9' => (rest * 10 + u32::from(letter - b'0')) % 97,
            letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
        })
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
    fn any_separators_and_touching_letters_are_allowed() {
        for separator in ["  ", "\t", "\n", "/", "_", " | ", "*", ":", ", ", "+"] {
            let groups = ["DE89", "3704", "0044", "0532", "0130", "00"];
            let account = groups.join(separator);
            assert_eq!(found(&format!("my {account}, ok")), Some(&*account));
        }
        for text in ["IBAN{}", "konto{}", "счёт{}.", "_{}_", "{}BIC", "{}ok12"] {
            let text = text.replace("{}", "DE89370400440532013000");
            assert_eq!(found(&text), Some("DE89370400440532013000"), "{text}");
        }
        assert_eq!(
            found("IBAN: DE 89 3704 0044 0532 0130 00"),
            Some("DE 89 3704 0044 0532 0130 00")
        );
    }

    #[test]
    fn wrong_check_digits_wrong_lengths_and_longer_words_are_not_ibans() {
        for text in [
            "DE88370400440532013000",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "x1DE89370400440532013000",
            "DE89370400440532013000a1b2c3",
            "DE893704004405320130001",
            "DE 89",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
