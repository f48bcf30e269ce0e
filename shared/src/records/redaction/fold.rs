//! Reduces a character to one byte: what looks like an ASCII character becomes that character.
//!
//! Full-width and Arabic digits, no-break spaces, typographic dashes and accented letters become the ASCII characters
//! that a person would read; invisible characters are dropped. Matching then only needs ASCII.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A letter outside ASCII, of a script that has spaces between words.
pub(super) const LETTER: u8 = 0xF0;
/// A letter of a script without spaces between words, or with particles directly after them: it may touch a value.
pub(super) const IDEOGRAPH: u8 = 0xF1;
/// Any other symbol, such as an emoji, and bytes that are no text.
pub(super) const OTHER: u8 = 0xF2;
/// A part of a value that was found already, or of an earlier replacement. No value contains it.
pub(super) const REMOVED: u8 = 0xF3;
/// A part of an id in the form of a UUID. Counts as a letter, and no number contains it.
pub(super) const ID: u8 = 0xF4;

/// The zeros of decimal digits without a compatible ASCII digit (Unicode 14), each followed by one to nine.
const ZEROS: [u32; 59] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0,
    0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1e140,
    0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Whether the byte is part of a word.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, LETTER | ID | b'_')
}

/// Whether the character has no width, or controls something other than a line or column.
pub(super) fn is_ignored_control(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// The byte for a character; `None` for an invisible one.
pub(super) fn fold(character: char, before: Option<u8>) -> Option<u8> {
    if character.is_ascii() {
        return Some(character as u8).filter(|byte| !is_ignored_control(*byte));
    }
    let code = u32::from(character);
    if is_invisible(code) {
        return None;
    }
    if is_ideograph(code) {
        let is_dash = character == 'ー' && before.is_some_and(|byte| byte.is_ascii_digit());
        return Some(if is_dash { b'-' } else { IDEOGRAPH });
    }
    if is_plain_letter(code) {
        return Some(LETTER);
    }
    if is_combining_mark(character) {
        return None;
    }
    ascii_digit(code)
        .or_else(|| ascii_punctuation(character))
        .or_else(|| ascii_equivalent(character))
        .or(Some(if character.is_alphabetic() {
            LETTER
        } else {
            OTHER
        }))
}

/// Greek, Cyrillic, Hebrew and Arabic letters, which are most of the others: a fast check.
fn is_plain_letter(code: u32) -> bool {
    matches!(code, 0x391..=0x3A9 | 0x3B1..=0x3C9 | 0x410..=0x45F | 0x5D0..=0x5EA | 0x620..=0x64A | 0x671..=0x6D3)
}

/// Han, kana, hangul, Thai, Lao, Khmer, Myanmar.
fn is_ideograph(code: u32) -> bool {
    matches!(code, 0x3041..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7A3 | 0xE01..=0xE4F | 0xE81..=0xECF | 0x1000..=0x103F
        | 0xFF66..=0xFF9F | 0x1780..=0x17DF | 0x1100..=0x11FF | 0x3130..=0x318F | 0x20000..=0x323AF)
        && code != 0x30FB
}

/// Unicode's property `Default_Ignorable_Code_Point` (Unicode 16), which includes tags and Hangul fillers; annotations and
/// the object replacement character (U+FFF9 to U+FFFC); and C1 controls.
fn is_invisible(code: u32) -> bool {
    matches!(code, 0x80..=0x84 | 0x86..=0x9f | 0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5
        | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff
        | 0xffa0 | 0xfff0..=0xfffc | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

fn ascii_digit(code: u32) -> Option<u8> {
    let next = ZEROS.partition_point(|zero| *zero <= code);
    let value = code - ZEROS.get(next.checked_sub(1)?)?;
    (value < 10).then(|| b"0123456789"[value as usize])
}

fn ascii_punctuation(character: char) -> Option<u8> {
    Some(match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{ff70}' => b'-',
        '\u{3002}' | '\u{ff61}' | '\u{b7}' | '\u{2024}' | '\u{2027}' | '\u{2219}' | '\u{22c5}'
        | '\u{30fb}' => b'.',
        '\u{3001}' | '\u{60c}' => b',',
        '\u{2044}' | '\u{2215}' => b'/',
        '\u{2236}' => b':',
        '\u{2018}' | '\u{2019}' => b'\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => b'"',
        '\u{300c}' | '\u{3010}' => b'[',
        '\u{300d}' | '\u{3011}' => b']',
        character if character.is_whitespace() => b' ',
        _ => return None,
    })
}

/// The ASCII character of which this one is a compatible form: full-width, mathematical, circled, accented.
fn ascii_equivalent(character: char) -> Option<u8> {
    let (mut first, mut is_one) = (None, true);
    decompose_compatible(character, |part| {
        if first.is_none() {
            first = Some(part);
        } else if !is_combining_mark(part) {
            is_one = false;
        }
    });
    first
        .filter(|first| is_one && first.is_ascii())
        .map(|first| first as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut bytes: Vec<u8> = Vec::new();
        for character in text.chars() {
            let before = bytes.last().copied();
            bytes.extend(fold(character, before));
        }
        let letter = |byte: &u8| match *byte {
            LETTER => 'L',
            IDEOGRAPH => 'I',
            OTHER => 'O',
            byte => char::from(byte),
        };
        bytes.iter().map(letter).collect()
    }

    #[test]
    fn lookalike_characters_are_folded_to_ascii() {
        let looks = [
            ("４１１１－１１１１", "4111-1111"),
            ("٤١١١ ۴۲۰۰ ४१", "4111 4200 41"),
            ("𝟒𝟏𝟏𝟏", "4111"),
            ("a＠b．com", "a@b.com"),
            ("030\u{a0}12\u{2009}34\u{2011}5–6", "030 12 34-5-6"),
            ("03ー12", "03-12"),
            ("José Müller", "Jose Muller"),
        ];

        for (text, read) in looks {
            assert_eq!(folded(text), read);
        }
    }

    #[test]
    fn invisible_characters_are_removed() {
        assert_eq!(folded("41\u{200b}11\u{ad}1\u{200d}1\u{fe0f}é"), "411111e");
        assert_eq!(folded("e\u{301}4"), "e4");
        for invisible in [
            '\0',
            '\u{1}',
            '\u{7f}',
            '\u{80}',
            '\u{34f}',
            '\u{115f}',
            '\u{180f}',
            '\u{3164}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e01ef}',
        ] {
            assert_eq!(folded(&format!("4{invisible}1")), "41", "{invisible:?}");
        }
    }

    #[test]
    fn ideographs_and_letters_are_folded_to_different_classes() {
        assert_eq!(folded("是1の2은3ต4"), "I1I2I3I4");
        assert_eq!(folded("ж1ß2س3"), "L1L2L3");
        assert_eq!(folded("😀½"), "OO");
    }
}
