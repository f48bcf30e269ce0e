//! Words that label a number: `Tel.`, `born on`, `订单号`.
//!
//! An ambiguous number is classified by the nearest label before it, or else by the first one after it. Words are
//! compared in lower case and without accents, since people omit those.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::view::{REMOVED_VALUE, View};

/// The meaning that a word gives to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Phone,
    BirthDate,
    Ssn,
    TaxId,
    /// An order, a ticket, an article, an account: a number that is not personal data.
    Reference,
    /// A software version.
    Version,
}

/// Distance before and after a number within which words are considered, in bytes.
const WINDOW_BYTES: usize = 64;
/// Length of what stands between two numbers of a list, such as `, ` and ` and `.
const MAX_LIST_GAP_BYTES: usize = 6;

/// A word of at least this many bytes may be the last part of a longer one, as in `Firmwareversion`, and may have an
/// ending, as in `заказами`.
const LONG_WORD_BYTES: usize = 7;
const MAX_ENDING_LETTERS: usize = 3;

/// Words by topic, one line per language, in lower case; accents are optional.
const WORDS: [(Topic, &str); 6] = [
    (Topic::Phone, include_str!("labels/phone.txt")),
    (Topic::BirthDate, include_str!("labels/birth_date.txt")),
    (Topic::Ssn, include_str!("labels/ssn.txt")),
    (Topic::TaxId, include_str!("labels/tax_id.txt")),
    (Topic::Reference, include_str!("labels/reference.txt")),
    (Topic::Version, include_str!("labels/version.txt")),
];

/// Splits a field's name into words: `customer.dateOfBirth` becomes `customer date of birth`.
pub(super) fn split_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        let is_new = letter.is_uppercase() && words.ends_with(char::is_lowercase);
        if is_new || !letter.is_alphanumeric() {
            words.push(' ');
        }
        words.extend(letter.is_alphanumeric().then_some(letter));
    }
    words
}

struct Labels {
    words: AhoCorasick,
    topics: Vec<Topic>,
}

static LABELS: LazyLock<Labels> = LazyLock::new(|| {
    let pairs = WORDS.iter().flat_map(|(topic, words)| {
        words
            .split([',', '\n'])
            .map(|word| (*topic, fold_letters(word.trim())))
    });
    let (topics, words): (Vec<_>, Vec<_>) = pairs.filter(|(_, word)| !word.is_empty()).unzip();
    #[expect(
        clippy::expect_used,
        reason = "the words are constants, and only billions of states are too many"
    )]
    let words = AhoCorasick::new(words).expect("a few thousand words");
    Labels { words, topics }
});

/// The topic given by the words around this range of the text.
pub(super) fn topic(text: &View<'_>, range: &Range<usize>) -> Option<Topic> {
    topic_before(&text.window_before(range.start, WINDOW_BYTES))
        .or_else(|| topic_after(&text.window_after(range.end, WINDOW_BYTES)))
}

/// The topic of the last label before a number, if it can refer to the number.
fn topic_before(text: &str) -> Option<Topic> {
    let window = fold_letters(text);
    // Of two labels with the same end, the longer one is more specific.
    let (topic, start, end) =
        find_labels(&window).max_by_key(|(_, start, end)| (*end, end - start))?;
    let topic = topic_of_earlier_label(&window, start).unwrap_or(topic);
    let gap = window[end..].trim_start_matches('.');
    // The label of a value that was found refers to what follows it only in a list.
    let is_listed = gap
        .rsplit_once(REMOVED_VALUE)
        .is_none_or(|(_, rest)| rest.len() <= MAX_LIST_GAP_BYTES);
    let refers_to_number =
        is_listed && !ends_a_sentence(gap) && gap.chars().filter(char::is_ascii_digit).count() <= 2;
    refers_to_number.then_some(topic)
}

/// The topic of the label around the start of another one: in `Bestellnummer ist` and in `order number is`, the label
/// `number is` does not count.
fn topic_of_earlier_label(window: &str, start: usize) -> Option<Topic> {
    let mut labels = find_labels(window);
    let (topic, ..) = labels.find(|(_, from, to)| *from < start && start < *to)?;
    Some(topic)
}

/// Whether a sentence ends here. A full stop after a short word marks an abbreviation: `no. 5`.
fn ends_a_sentence(gap: &str) -> bool {
    let words = gap
        .match_indices(". ")
        .map(|(at, _)| gap[..at].chars().rev());
    let is_long = |word: std::iter::Rev<std::str::Chars<'_>>| {
        word.take_while(|letter| letter.is_alphabetic()).count() > 4
    };
    gap.contains(['!', '\n', '。']) || words.into_iter().any(is_long)
}

/// The topic of the first label after a number, if nothing separates them.
fn topic_after(text: &str) -> Option<Topic> {
    let window = fold_letters(text);
    let (topic, start, _) = find_labels(&window)
        .min_by_key(|(_, start, end)| (*start, start.abs_diff(*end).wrapping_neg()))?;
    let gap = window[..start]
        .strip_prefix('.')
        .unwrap_or(&window[..start]);
    let refers_to_number = !gap.contains(['.', '!', '?', '\n', '。', ',', ';', REMOVED_VALUE])
        && !gap.contains(|letter: char| letter.is_ascii_digit());
    refers_to_number.then_some(topic)
}

/// The labels in a text with their start and end: whole words only, in scripts with spaces between words.
fn find_labels(window: &str) -> impl Iterator<Item = (Topic, usize, usize)> {
    let found = LABELS.words.find_overlapping_iter(window);
    found.filter_map(move |found| {
        let (start, end) = (found.start(), found.end());
        // A word within an e-mail address is not a label.
        let is_word = |letter: Option<char>| {
            letter.is_some_and(|letter| {
                letter.is_alphanumeric() && !has_no_spaces(letter) || "@+_".contains(letter)
            })
        };
        let (letter_before, letter_after) = (
            window[..start].chars().next_back(),
            window[end..].chars().next(),
        );
        let length = end - start;
        let begins = !is_word(letter_before)
            || window[start..].chars().next().is_some_and(has_no_spaces)
            || length >= LONG_WORD_BYTES && letter_before.is_some_and(char::is_alphabetic);
        let ending = window[end..]
            .chars()
            .take_while(|letter| letter.is_alphabetic())
            .count();
        let ends = !is_word(letter_after)
            || window[..end].chars().next_back().is_some_and(has_no_spaces)
            || length >= LONG_WORD_BYTES && (1..=MAX_ENDING_LETTERS).contains(&ending);
        (begins && ends).then(|| (LABELS.topics[found.pattern().as_usize()], start, end))
    })
}

/// Scripts in which words may touch each other or have short prefixes: Hebrew and Arabic, and Unicode's blocks after
/// Georgian except Latin and symbols.
fn has_no_spaces(letter: char) -> bool {
    matches!(u32::from(letter), 0x590..=0x8FF | 0xE00..=0x10FF | 0x1100..=0x1DFF | 0x3000..)
}

/// The text in lower case, without accents, and in compatible forms.
fn fold_letters(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    letters
        .flat_map(char::to_lowercase)
        .map(without_stroke)
        .collect()
}

/// The base letter of letters whose stroke Unicode does not treat as an accent.
fn without_stroke(letter: char) -> char {
    match letter {
        'ł' => 'l',
        'ø' => 'o',
        'đ' => 'd',
        'ı' => 'i',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The topic of the digits in a text.
    fn topic_of_digits(text: &str) -> Option<Topic> {
        let view = View::new(text);
        let digits = |byte: &u8| byte.is_ascii_digit();
        let end = view.bytes().iter().rposition(digits).unwrap() + 1;
        let mut start = end;
        while view.byte_before(start).is_ascii_digit() {
            start -= 1;
        }
        topic(&view, &(start..end))
    }

    #[test]
    fn the_nearest_label_before_a_number_decides_its_kind() {
        let texts = [
            ("Tel. 0151", Some(Topic::Phone)),
            ("order 5, call 0151", Some(Topic::Phone)),
            ("ticket no. 415", Some(Topic::Reference)),
            ("my phone died, the order is 4711", Some(Topic::Reference)),
            ("né le 5", Some(Topic::BirthDate)),
            ("ne le 5", Some(Topic::BirthDate)),
            ("订单号4711", Some(Topic::Reference)),
            ("дата рождения: 5", Some(Topic::BirthDate)),
            ("Doğum tarihim 5", Some(Topic::BirthDate)),
            ("generation 4711", None),
            ("hotel 4711", None),
            ("Sozialversicherungsnummer ist 219", Some(Topic::Ssn)),
        ];

        for (text, topic) in texts {
            assert_eq!(topic_of_digits(text), topic, "{text}");
        }
    }

    #[test]
    fn a_label_after_a_number_counts_if_none_precedes_it() {
        assert_eq!(topic_of_digits("5日生まれ"), Some(Topic::BirthDate));
        assert_eq!(
            topic_of_digits("4711 is my order number"),
            Some(Topic::Reference)
        );
        assert_eq!(topic_of_digits("4711, my order number"), None);
    }

    #[test]
    fn a_label_in_another_sentence_or_line_does_not_count() {
        for text in [
            "on the phone yesterday. 4711",
            "the order! 4711",
            "order\n4711",
        ] {
            assert_eq!(topic_of_digits(text), None, "{text}");
        }
    }
}
