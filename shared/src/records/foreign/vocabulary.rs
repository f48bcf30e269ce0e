//! The words that error messages use. Any other word may be a name, a token or a part of a message that a person wrote,
//! so an unknown word is replaced. A list of what is allowed also stops what nobody thought of.

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::Timestamp;

/// In lower case, separated by white space. Words that are first names too (bill, mark) are not in it.
static KNOWN: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("words.txt").split_whitespace().collect());

/// Known words that are names of people when they are capitalised.
const NAMES_TOO: [&str; 13] = [
    "Cross", "Day", "East", "Field", "Long", "Max", "May", "North", "Short", "South", "Strong",
    "West", "Will",
];

const REMOVED: &str = "…";

/// A longer number may be a part of a telephone, card or identity number.
const MAX_DIGITS: usize = 5;

/// What a text contains between two spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Word,
    /// A short number, or known words with one.
    Number,
    Punctuation,
    Unknown,
}

/// The text with `…` in place of the words that error messages do not use.
pub(super) fn known_words(text: &str) -> String {
    let words: Vec<(&str, Meaning)> = text
        .split_whitespace()
        .map(|word| (word, meaning(word)))
        .collect();
    let mut shown: Vec<&str> = Vec::with_capacity(words.len());
    for (at, (word, meaning)) in words.iter().enumerate() {
        let is_shown = match meaning {
            Meaning::Word | Meaning::Punctuation => true,
            // Several numbers in a row may be one number in groups.
            Meaning::Number => {
                !has_number(words[..at].iter().rev()) && !has_number(words[at + 1..].iter())
            }
            Meaning::Unknown => false,
        };
        if is_shown {
            shown.push(word);
        } else if shown.last() != Some(&REMOVED) {
            shown.push(REMOVED);
        }
    }
    shown.join(" ")
}

/// Whether the nearest word, besides punctuation, has digits and is not known.
fn has_number<'w>(mut near: impl Iterator<Item = &'w (&'w str, Meaning)>) -> bool {
    let nearest = near.find(|(_, meaning)| *meaning != Meaning::Punctuation);
    nearest.is_some_and(|(word, meaning)| match meaning {
        Meaning::Number => true,
        Meaning::Unknown => word.contains(|letter: char| letter.is_ascii_digit()),
        Meaning::Word | Meaning::Punctuation => false,
    })
}

/// Whether the text is a UUID.
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hex)
}

/// A longer hexadecimal number may be a key. Ids of the API are UUIDs; those of AWS have 16 digits or are UUIDs.
const MAX_HEX_DIGITS: usize = 16;

/// Whether a text without spaces is a hexadecimal number, or consists of known words, short numbers and single letters.
pub(super) fn is_identifier(text: &str) -> bool {
    let has = |is_kind: fn(&u8) -> bool| text.bytes().any(|byte| is_kind(&byte));
    let is_hex = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_hex = is_hex && text.len() <= MAX_HEX_DIGITS;
    is_hex && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) || has_only_known_parts(text)
}

fn meaning(word: &str) -> Meaning {
    let core = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    let has_letters = core.contains(char::is_alphabetic);
    if core.is_empty() {
        Meaning::Punctuation
    } else if is_label(word)
        || is_uuid(core)
        || core.contains('T') && core.parse::<Timestamp>().is_ok()
    {
        Meaning::Word
    } else if !has_letters
        && core.len() <= MAX_DIGITS
        && core.bytes().all(|byte| byte.is_ascii_digit())
    {
        Meaning::Number
    } else if has_letters && has_only_known_parts(core) {
        if core.contains(|letter: char| letter.is_ascii_digit()) {
            Meaning::Number
        } else {
            Meaning::Word
        }
    } else {
        Meaning::Unknown
    }
}

/// What the redactor and the removal of secrets put in place of a value.
fn is_label(word: &str) -> bool {
    let label = word
        .trim_end_matches(['.', ',', ';', ')', '"'])
        .trim_start_matches(['(', '"']);
    let inner = label
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| {
        inner == "SECRET" || inner.strip_prefix("REDACTED:").is_some_and(is_upper_case)
    })
}

fn is_upper_case(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Whether a word mixes several single letters and digits, as codes of bookings, post and vehicles do.
fn is_code(core: &str, parts: &[&str]) -> bool {
    core.contains(|letter: char| letter.is_ascii_digit())
        && parts.iter().filter(|part| part.len() == 1).count() > 1
}

/// Whether each part of a word, such as `missing.permissions`, `NoSuchBucket` or `analytics:conversationDetail:view`, is
/// known, and its digits are few.
fn has_only_known_parts(core: &str) -> bool {
    let digits = core.bytes().filter(u8::is_ascii_digit).count();
    let parts = parts(core);
    digits <= MAX_DIGITS
        && core.is_ascii()
        && !is_code(core, &parts)
        && !NAMES_TOO.contains(&core)
        && parts
            .iter()
            .all(|part| part.len() == 1 || KNOWN.contains(part.to_ascii_lowercase().as_str()))
}

/// The words in a word: `pageSize` and `page_size` are `page` and `size`.
fn parts(core: &str) -> Vec<&str> {
    let letters = core.split(|letter: char| !letter.is_ascii_alphabetic());
    letters
        .flat_map(humps)
        .filter(|part| !part.is_empty())
        .collect()
}

/// Splits `pageSize` before the `S`, and `SQLError` before the `E`; a word in one case is not split.
fn humps(word: &str) -> Vec<&str> {
    let bytes = word.as_bytes();
    let begins_hump = |at: &usize| {
        let is_lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
        bytes[*at].is_ascii_uppercase() && (is_lower(at - 1) || is_lower(at + 1))
    };
    let mut humps = Vec::new();
    let mut start = 0;
    for at in (1..bytes.len()).filter(begins_hump) {
        humps.push(&word[start..at]);
        start = at;
    }
    humps.push(&word[start..]);
    humps
}
