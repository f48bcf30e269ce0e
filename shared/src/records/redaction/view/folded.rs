//! The characters of a text as bytes of a view, with their places in the text.

use std::borrow::Cow;

use crate::records::redaction::fold::{OTHER, fold};
use crate::records::redaction::unescape::{Unescaped, Unit};

/// The bytes of a view, and the part of the text for each; `None` when each byte stands for itself.
pub(super) type Bytes<'t> = (Cow<'t, [u8]>, Option<Vec<Unit>>);

/// The folded characters of a text without escapes.
pub(super) fn folded_characters<'t>(text: &str) -> Bytes<'t> {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut units = Vec::with_capacity(text.len());
    for (start, character) in text.char_indices() {
        if let Some(byte) = fold(character, bytes.last().copied()) {
            let end = start + character.len_utf8();
            bytes.push(byte);
            units.push(Unit { start, end });
        }
    }
    (bytes.into(), Some(units))
}

/// The folded characters of a text without its escapes.
pub(super) fn folded<'t>(unescaped: &Unescaped) -> Bytes<'t> {
    let mut bytes: Vec<u8> = Vec::with_capacity(unescaped.bytes.len());
    let mut units = Vec::with_capacity(unescaped.bytes.len());
    let mut at = 0;
    let mut add = |byte: Option<u8>, length: usize| {
        let (first, last) = (unescaped.units[at], unescaped.units[at + length - 1]);
        at += length;
        if byte.is_some() {
            units.push(Unit {
                start: first.start,
                end: last.end,
            });
        }
        byte
    };
    for chunk in unescaped.bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let byte = fold(character, bytes.last().copied());
            bytes.extend(add(byte, character.len_utf8()));
        }
        if !chunk.invalid().is_empty() {
            bytes.extend(add(Some(OTHER), chunk.invalid().len()));
        }
    }
    (bytes.into(), Some(units))
}
