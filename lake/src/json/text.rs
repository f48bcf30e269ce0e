//! Strings of JSON: their content, and the text that stands for a content.

use std::borrow::Cow;

/// The content of a JSON string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decoded<'a> {
    /// Exactly the content.
    Exact(Cow<'a, str>),
    /// The content is not Unicode: it has lone surrogates, each replaced by U+FFFD.
    Replaced(String),
}

impl Decoded<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) => text,
            Self::Replaced(text) => text,
        }
    }
}

/// Decodes a valid JSON string, given with its quotation marks.
pub(crate) fn decode(raw: &str) -> Decoded<'_> {
    let content = raw
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(raw);
    if content.contains('\\') {
        unescape(content)
    } else {
        Decoded::Exact(Cow::Borrowed(content))
    }
}

fn unescape(content: &str) -> Decoded<'static> {
    let mut text = String::with_capacity(content.len());
    let mut is_exact = true;
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let letter = rest[at + 1..].chars().next();
        rest = rest.get(at + 2..).unwrap_or_default();
        match letter {
            Some('u') => {
                let (character, length) = code_point(rest);
                is_exact &= character.is_some();
                text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = rest.get(length..).unwrap_or_default();
            }
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some(same) => text.push(same),
            None => {}
        }
    }
    text.push_str(rest);
    if is_exact {
        Decoded::Exact(Cow::Owned(text))
    } else {
        Decoded::Replaced(text)
    }
}

/// The character after `\u`, or `None` for a lone surrogate, and the length of its digits.
fn code_point(rest: &str) -> (Option<char>, usize) {
    let first = unit(rest).unwrap_or_default();
    let second = rest
        .get(4..)
        .and_then(|it| it.strip_prefix("\\u"))
        .and_then(unit);
    match (first, second) {
        (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code), 10)
        }
        _ => (char::from_u32(first), 4),
    }
}

fn unit(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits.get(..4)?, 16).ok()
}

/// Appends the text as a JSON string.
pub(crate) fn quote(text: &str, json: &mut String) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..'\x20' => {
                let code = u32::from(character);
                json.push_str("\\u00");
                json.extend(
                    [code >> 4, code & 15]
                        .into_iter()
                        .filter_map(|it| char::from_digit(it, 16)),
                );
            }
            other => json.push(other),
        }
    }
    json.push('"');
}
