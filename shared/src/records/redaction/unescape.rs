//! Undoes the escapes of a text: percent, HTML entities, JSON escapes, quoted-printable, nested in any order.
//!
//! Each byte of the result knows the part of the original that it stands for. The result grows from the left; an escape is
//! replaced as soon as its last byte arrives, and what it stands for may complete another one. Each step looks at a
//! bounded number of bytes and each replacement shortens the result, so that the time is linear whatever the nesting.
//!
//! Where an escape could also be plain text, the reading is chosen that does not hide a number: `%4012888888881881` is a
//! card after a percent sign, not an `@`.

use memchr::{memchr_iter, memchr3_iter};

use super::card;
use super::steps::Steps;

mod entities;
mod quoted_printable;

/// A part of the original text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A text without its escapes.
#[derive(Debug)]
pub(super) struct Unescaped {
    /// UTF-8, except for escapes that are not.
    pub(super) bytes: Vec<u8>,
    /// The part of the original for each byte.
    pub(super) units: Vec<Unit>,
    pub(super) steps: Steps,
}

/// The longest entity that is read, with `&` and `;`.
const MAX_ENTITY_BYTES: usize = 18;
/// The longest card number that is read after a percent sign, with its separators.
const MAX_CARD_BYTES: usize = 40;
/// Not UTF-8: stands for half a surrogate pair.
const NO_CHARACTER: &[u8] = b"\xff";

/// Undoes the escapes of a text. `None` if it has none.
pub(super) fn unescape(text: &str) -> Option<Unescaped> {
    if !may_contain_escape(text.as_bytes()) {
        return None;
    }
    let mut unescaper = Unescaper {
        raw: text.as_bytes(),
        next: 0,
        bytes: Vec::with_capacity(text.len()),
        units: Vec::with_capacity(text.len()),
        steps: Steps::default(),
    };
    for (start, character) in text.char_indices() {
        let unit = Unit {
            start,
            end: start + character.len_utf8(),
        };
        unescaper.next = unit.end;
        unescaper.read(&text.as_bytes()[start..unit.end], unit);
    }
    unescaper.replace_open_entity();
    Some(Unescaped {
        bytes: unescaper.bytes,
        units: unescaper.units,
        steps: unescaper.steps,
    })
}

fn may_contain_escape(text: &[u8]) -> bool {
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let is_hex = |at: usize| byte(at).is_ascii_hexdigit();
    let starts_escape = |at: usize| match text[at] {
        b'%' => is_hex(at + 1) && is_hex(at + 2) || byte(at + 1) == b'u' && is_hex(at + 2),
        b'&' => byte(at + 1) == b'#' || byte(at + 1).is_ascii_alphabetic(),
        _ => json_escape(byte(at + 1)).is_some() || matches!(byte(at + 1), b'u' | b'x'),
    };
    memchr3_iter(b'%', b'&', b'\\', text).any(starts_escape)
        || memchr_iter(b'=', text)
            .any(|at| matches!(byte(at + 1), b'\r' | b'\n') || is_hex(at + 1) && is_hex(at + 2))
}

struct Unescaper<'t> {
    raw: &'t [u8],
    /// Offset in the original after the character that was read last.
    next: usize,
    bytes: Vec<u8>,
    units: Vec<Unit>,
    steps: Steps,
}

impl Unescaper<'_> {
    /// Adds a character of the original.
    fn read(&mut self, character: &[u8], unit: Unit) {
        if !matches!(character, [b'0'..=b'9' | b';']) {
            self.replace_open_entity();
        }
        self.push(character, unit);
        while let Some((length, decoded)) = self.last_escape() {
            self.replace_last(length, &decoded);
        }
    }

    fn push(&mut self, bytes: &[u8], unit: Unit) {
        self.steps.add(bytes.len());
        self.bytes.extend_from_slice(bytes);
        self.units.extend(bytes.iter().map(|_| unit));
    }

    /// Replaces the last `length` bytes.
    fn replace_last(&mut self, length: usize, decoded: &[u8]) {
        self.steps.add(length);
        let from = self.bytes.len() - length;
        let unit = Unit {
            start: self.units[from].start,
            end: self.units[self.units.len() - 1].end,
        };
        self.bytes.truncate(from);
        self.units.truncate(from);
        self.push(decoded, unit);
    }

    /// A numeric entity may lack its semicolon: `&#64example`.
    fn replace_open_entity(&mut self) {
        let digits = self.bytes.iter().rev().take(MAX_ENTITY_BYTES);
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
        self.steps.add(digits);
        if digits > 0 && self.bytes[..self.bytes.len() - digits].ends_with(b"&#") {
            let number = &self.bytes[self.bytes.len() - digits..];
            if let Some(character) = entities::of_number(number, 10) {
                self.replace_last(digits + 2, &encoded(character));
            }
        }
    }

    /// The length of the escape that ends here, and what it stands for.
    fn last_escape(&self) -> Option<(usize, Vec<u8>)> {
        match self.bytes.last()? {
            b';' => self.entity(),
            b'\n' => self.soft_line_break(),
            last => self.hexadecimal().or_else(|| self.after_backslash(*last)),
        }
    }

    fn entity(&self) -> Option<(usize, Vec<u8>)> {
        let from = self.bytes.len().saturating_sub(MAX_ENTITY_BYTES);
        self.steps.add(MAX_ENTITY_BYTES);
        let start = from + memchr::memrchr(b'&', &self.bytes[from..])?;
        let name = &self.bytes[start + 1..self.bytes.len() - 1];
        let character = entities::character(name)?;
        Some((self.bytes.len() - start, encoded(character)))
    }

    fn after_backslash(&self, last: u8) -> Option<(usize, Vec<u8>)> {
        let before = self.bytes.len().checked_sub(2)?;
        let decoded = json_escape(last).filter(|_| self.bytes[before] == b'\\')?;
        Some((2, vec![decoded]))
    }

    /// `%40`, `=40`, `\x40`, `\u0040`, `%u0040`.
    fn hexadecimal(&self) -> Option<(usize, Vec<u8>)> {
        let length = self.bytes.len();
        let number = |digits: usize| {
            let digits = &self.bytes[length.checked_sub(digits)?..];
            let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
            u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
        };
        let byte = u8::try_from(number(2)?).ok()?;
        let rest = &self.bytes[..length - 2];
        if rest.ends_with(b"%") {
            let is_escape = !self.is_card_after_percent() && self.is_part_of_character(byte);
            return is_escape.then(|| (3, vec![byte]));
        }
        if rest.ends_with(b"=") {
            return self.is_quoted_printable(byte).then(|| (3, vec![byte]));
        }
        if rest.ends_with(b"\\x") {
            return Some((4, encoded(char::from(byte))));
        }
        let before = &self.bytes[..length.checked_sub(4)?];
        let is_unicode = before.ends_with(b"\\u") || before.ends_with(b"%u");
        let code = number(4).filter(|_| is_unicode)?;
        Some((
            6,
            char::from_u32(code).map_or(NO_CHARACTER.to_vec(), encoded),
        ))
    }

    /// Whether the two digits begin a card number of the original that follows a percent sign.
    fn is_card_after_percent(&self) -> bool {
        let start = self.units[self.units.len() - 2].start;
        self.steps.add(MAX_CARD_BYTES);
        card::begins_with_number(&self.raw[start..self.raw.len().min(start + MAX_CARD_BYTES)])
    }

    /// Whether the byte of the escape that ends here is a character, or a part of one with the escapes beside it. The
    /// country of an account number (`=DE89`) is not.
    fn is_part_of_character(&self, byte: u8) -> bool {
        let before = &self.bytes[..self.bytes.len() - 3];
        match byte {
            0x80..0xc0 => open_sequence(before).is_some(),
            0xc2..0xf5 => self.is_followed_by_continuation(),
            _ => byte.is_ascii(),
        }
    }

    /// Whether another escape comes next, of a byte that continues a character if it is a percent escape.
    fn is_followed_by_continuation(&self) -> bool {
        let next = &self.raw[self.next..];
        let Some((sign, mut digits)) = next.split_first() else {
            return false;
        };
        while let Some(rest) = digits.strip_prefix(b"25") {
            digits = rest;
        }
        self.steps.add(next.len() - digits.len());
        match sign {
            b'%' | b'=' => {
                matches!(digits, [b'8' | b'9' | b'a' | b'b' | b'A' | b'B', digit, ..] if digit.is_ascii_hexdigit())
            }
            sign => matches!(sign, b'&' | b'\\'),
        }
    }
}

/// The number of bytes that are missing from the character with which the text ends. `None` if it is whole.
fn open_sequence(text: &[u8]) -> Option<usize> {
    let continued = text
        .iter()
        .rev()
        .take_while(|byte| (0x80..0xc0).contains(*byte));
    let continued = continued.take(3).count();
    let length = match text[..text.len() - continued].last()? {
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return None,
    };
    (length - 1_usize)
        .checked_sub(continued)
        .filter(|missing| *missing > 0)
}

fn json_escape(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' | b'\\' | b'/' => letter,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' | b'f' => b' ',
        _ => return None,
    })
}

fn encoded(character: char) -> Vec<u8> {
    character.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str) -> String {
        let bytes = unescape(text).map(|unescaped| unescaped.bytes);
        String::from_utf8_lossy(&bytes.unwrap_or_else(|| text.into())).into_owned()
    }

    #[test]
    fn escapes_of_all_forms_are_undone() {
        for (text, read) in [
            ("a%40b%2Ec", "a@b.c"),
            ("%61%62%C3%A9", "abé"),
            ("a&#64;b&#x2e;c&commat;&nbsp;&lt;", "a@b.c@\u{a0}<"),
            ("a&#64b", "a@b"),
            (r"a\u0040b\/\x41\n\t", "a@b/A\n\t"),
            (
                "a=40b=2Ec =C3=A9 =3D tel:=2B4915123456",
                "a@b.c é = tel:+4915123456",
            ),
            ("%u0040 =?utf-8?Q?a=40b.de?=", "@ =?utf-8?Q?a@b.de?="),
            (
                "exam=\r\nple 41=\n11 a=\n.b a@b=\n1",
                "example 4111 a.b a@b1",
            ),
        ] {
            assert_eq!(unescaped(text), read, "{text}");
        }
    }

    #[test]
    fn nested_escapes_are_undone() {
        for text in [
            "%2540",
            "%252540",
            "&amp;#64;",
            "&amp;amp;amp;#x40;",
            "&#37;40",
            r"\\u0040",
            "%26commat%3B",
            "%5Cu0040",
        ] {
            assert_eq!(unescaped(text), "@", "{text}");
        }
    }

    #[test]
    fn text_that_only_resembles_an_escape_is_kept() {
        for text in [
            "100%",
            "5 % 40",
            "%4012888888881881",
            "R&D; AT&T",
            "a=40days@example.com",
            "id=4111111111111111",
            "tel=\n0151",
            "x=BEA@example.com",
            "x=ab",
            "https://x.example/?token=2Babc.de",
            "x?auth=40abc.de",
            "&#4;",
            "&#x7f;",
            "id=0F8FAD5B-D9CB-469F-A165-70867728950E",
            "id=2D8fad5b",
            r"\mary",
            "&#9999999999;",
        ] {
            assert_eq!(unescaped(text), text);
        }
    }

    #[test]
    fn each_byte_maps_back_to_its_escape() {
        let unescaped = unescape("é%2540.").unwrap();

        assert_eq!(unescaped.bytes, "é@.".as_bytes());
        let units = unescaped.units.iter().map(|unit| (unit.start, unit.end));
        assert_eq!(units.collect::<Vec<_>>(), [(0, 2), (0, 2), (2, 7), (7, 8)]);
    }

    #[test]
    fn half_a_surrogate_pair_stands_for_no_character() {
        assert_eq!(unescape(r"\ud83d").unwrap().bytes, NO_CHARACTER);
    }
}
