//! Addresses that are not written in one word: with blanks around the `@`, or with a domain that a line break or blanks
//! divide.
//!
//! Sentences contain such texts too (`meet us @ example.com`). The domain must therefore end with a known top level, and
//! a word before the `@` must look like a part of an address, unless a word for mail stands before it.

use std::ops::Range;

use super::super::fold::{LETTER, is_word_byte};
use super::super::view::View;
use super::{domain_end, local_part_start};

/// Blanks on one side of the `@`.
const MAX_BLANKS: usize = 3;
const MAX_LABEL_BYTES: usize = 63;
/// Distance within which a word for mail is looked for, in bytes.
const WINDOW_BYTES: usize = 48;

/// Top levels of more than two letters, or reserved for examples; all of two letters are countries.
const TOP_LEVELS: [&str; 40] = [
    "com",
    "net",
    "org",
    "info",
    "biz",
    "edu",
    "gov",
    "mil",
    "int",
    "name",
    "pro",
    "app",
    "dev",
    "shop",
    "online",
    "store",
    "tech",
    "site",
    "xyz",
    "club",
    "cloud",
    "email",
    "museum",
    "travel",
    "jobs",
    "mobi",
    "asia",
    "berlin",
    "technology",
    "studio",
    "photography",
    "international",
    "amsterdam",
    "tokyo",
    "gmbh",
    "health",
    "bank",
    "example",
    "test",
    "invalid",
];

/// Words and parts of words for mail, in lower case.
const MAIL_WORDS: [&str; 17] = [
    "mail",
    "correo",
    "courriel",
    "posta",
    "address",
    "adres",
    "contact",
    "write to",
    "почт",
    "мейл",
    "мыло",
    "адрес",
    "邮",
    "郵",
    "メール",
    "메일",
    "بريد",
];

/// `mary.roe @ example.com`, `mary.roe@ example.com`, and the same with line breaks.
pub(super) fn find_with_blanks(text: &View<'_>, at: usize) -> Option<Range<usize>> {
    let before = (1..=MAX_BLANKS + 1).find(|back| !is_blank(text.byte_before(at + 1 - back)))? - 1;
    let after = (1..=MAX_BLANKS + 1).find(|on| !is_blank(text.byte(at + on)))? - 1;
    if before + after == 0 {
        return None;
    }
    let end = domain_end(text, at + 1 + after)?;
    let word_end = at - before;
    let start = local_part_start(text, word_end);
    let is_address = start < word_end
        && has_known_top_level(text, end)
        && (before == 0
            || text
                .slice(start..word_end)
                .iter()
                .any(|byte| b".+-_0123456789".contains(byte))
            || follows_mail_word(text, start));
    is_address.then_some(start..end)
}

/// `mary.roe@exam⏎ple.com`, `mary.roe@example⏎.com`, `mary.roe@example.⏎com`, `mary.roe@example. com`.
pub(super) fn find_with_broken_domain(text: &View<'_>, at: usize) -> Option<Range<usize>> {
    let first_end = end_of_domain_part(text, at + 1);
    let second = end_of_blanks(text, first_end)?;
    let is_line_break = text.slice(first_end..second).contains(&b'\n');
    let end = end_of_domain_part(text, second);
    let end = end - usize::from(text.byte_before(end) == b'.');
    let start = local_part_start(text, at);
    let first = text.slice(at + 1..first_end);
    let rest = text.slice(second..end);
    // After a whole domain, or a sentence, the next line is another text.
    let is_joined = !first.is_empty()
        && !rest.is_empty()
        && if is_line_break {
            are_parts_of_domain(first, rest)
        } else {
            first.ends_with(b".") && is_listed_top_level(rest) || rest.starts_with(b".")
        }
        && !rest.ends_with(b"-")
        && !rest.windows(2).any(|pair| pair == b"..")
        && !is_word_byte(text.byte(end));
    let is_lower = |part: &[u8]| !part.iter().any(u8::is_ascii_uppercase);
    let has_case_of_first = is_lower(rest) || !is_lower(first);
    (start < at && is_joined && has_case_of_first && has_known_top_level(text, end))
        .then_some(start..end)
}

fn are_parts_of_domain(first: &[u8], rest: &[u8]) -> bool {
    let has_dot = |part: &[u8]| part.contains(&b'.');
    first.ends_with(b".") && !has_dot(rest) || !has_dot(first) && has_dot(rest)
}

fn end_of_domain_part(text: &View<'_>, from: usize) -> usize {
    let mut end = from;
    while end - from <= MAX_LABEL_BYTES
        && (text.byte(end).is_ascii_alphanumeric()
            || matches!(text.byte(end), b'-' | b'.' | LETTER))
    {
        end += 1;
    }
    end
}

/// The offset after one line break, or a few blanks.
fn end_of_blanks(text: &View<'_>, at: usize) -> Option<usize> {
    let newline = at + usize::from(text.byte(at) == b'\r');
    if text.byte(newline) == b'\n' {
        return Some(newline + 1);
    }
    let is_blank = |on: &usize| matches!(text.byte(at + on), b' ' | b'\t');
    let blanks = (0..MAX_BLANKS).take_while(is_blank).count();
    (blanks > 0).then_some(at + blanks)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn has_known_top_level(text: &View<'_>, end: usize) -> bool {
    let mut start = end;
    while end - start <= MAX_LABEL_BYTES && text.byte_before(start).is_ascii_alphabetic() {
        start -= 1;
    }
    let last = text.slice(start..end);
    let mut before = start;
    while start - before < MAX_BLANKS && is_blank(text.byte_before(before)) {
        before -= 1;
    }
    text.byte_before(before) == b'.' && (last.len() == 2 || is_listed_top_level(last))
}

fn is_listed_top_level(label: &[u8]) -> bool {
    TOP_LEVELS
        .iter()
        .any(|known| label.eq_ignore_ascii_case(known.as_bytes()))
}

fn follows_mail_word(text: &View<'_>, start: usize) -> bool {
    let window = text.window_before(start, WINDOW_BYTES).to_lowercase();
    MAIL_WORDS.iter().any(|word| window.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::super::probe::found_at;
    use super::super::find_at;

    fn found(text: &str) -> Option<&str> {
        found_at(text, |byte| *byte == b'@', find_at)
    }

    #[test]
    fn blanks_around_the_sign_are_part_of_an_address() {
        for address in [
            "mary.roe @ example.com",
            "mary.roe  @  example.com",
            "mary.roe@ example.com",
            "mary.roe @example.com",
            "mary\u{a0}@\u{a0}example.com",
            "mary7\t@\texample.de",
            "mary_roe\n@example.com",
            "mary@\nexample.com",
        ] {
            for text in ["my mail is {}, thanks", "e-mail: {}"] {
                assert_eq!(found(&text.replace("{}", address)), Some(address));
            }
        }
        assert_eq!(
            found("it's mary.roe @ example.com"),
            Some("mary.roe @ example.com")
        );
    }

    #[test]
    fn an_address_may_be_broken_by_a_line_or_blanks() {
        for address in [
            "mary.roe@exam\nple.com",
            "mary.roe@example\r\n.com",
            "mary.roe@example.\ncom",
            "mary@mail-exam\nple.co.uk",
            "mary.roe@example. com",
            "mary.roe@example .com",
            "mary.roe@example  .co.uk",
        ] {
            assert_eq!(found(&format!("{address}\nthanks")), Some(address));
        }
    }

    #[test]
    fn sentences_with_an_at_sign_are_kept() {
        for text in [
            "mary @b.com",
            "meet us @ example.com",
            "we are @ home.",
            "call @ 5.30 pm",
            "see @mary and example.com",
            "me@home\nthanks a lot.",
            "it is mary@example.\nThanks.",
            "it is mary@example. Is it yours?",
            "it is mary@example. Info follows",
            "order.5 @ shop",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
