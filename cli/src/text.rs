//! Text files given by the user: UTF-8 with or without a byte order mark, or UTF-16 with one, as editors and shells of
//! Windows write them.

use std::io::{self, Read as _};
use std::path::Path;

use crate::problem::Problem;

/// Why bytes are not text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum TextError {
    #[error("is not UTF-8 text: byte 0x{byte:02X} at position {at}")]
    Utf8 { byte: u8, at: usize },
    #[error("is invalid UTF-16 text: it ends in the middle of a character")]
    Utf16CutOff,
    #[error("is invalid UTF-16 text: half a surrogate pair at position {at}")]
    Utf16Surrogate { at: usize },
    #[error("is UTF-32 text")]
    Utf32,
    #[error("contains NUL characters, as UTF-16 text without a byte order mark does")]
    Nul,
}

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// Reads a whole file, or standard input for `-`. Error messages call the content `what`.
pub(crate) fn read_text(what: &str, path: &Path) -> Result<String, Problem> {
    let is_standard_input = path.to_str() == Some("-");
    let mut bytes = Vec::new();
    let read = if is_standard_input {
        io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    let name = if is_standard_input {
        "from standard input".to_owned()
    } else {
        path.display().to_string()
    };
    read.map_err(|error| Problem::refused(format!("cannot read the {what} {name}: {error}")))?;
    decode(&bytes).map_err(|error| {
        let problem = Problem::refused(format!("the {what} {name} {error}"));
        problem.with_hint(
            "save it as UTF-8; in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEW_FILE",
        )
    })
}

fn decode(bytes: &[u8]) -> Result<String, TextError> {
    let text = match bytes {
        // Must precede UTF-16, whose byte order mark is the beginning of this one.
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err(TextError::Utf32),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => utf8(bytes)?,
    };
    if text.contains('\0') {
        return Err(TextError::Nul);
    }
    Ok(text.trim_start_matches(BYTE_ORDER_MARK).to_owned())
}

fn utf8(bytes: &[u8]) -> Result<String, TextError> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        TextError::Utf8 { byte, at }
    })?;
    Ok(text.to_owned())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TextError> {
    let (pairs, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(TextError::Utf16CutOff);
    }
    let characters = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    let numbered = characters.enumerate();
    numbered
        .map(|(at, character)| character.map_err(|_| TextError::Utf16Surrogate { at }))
        .collect()
}

/// The ids in a file, one per line or separated by commas or semicolons. Spaces, quotes, list brackets and byte order
/// marks around an id are removed. Duplicate ids are returned once.
pub(crate) fn parse_ids(text: &str) -> Vec<String> {
    let is_delimiter =
        |c: char| c.is_whitespace() || "\"'`“”‘’[]".contains(c) || c == BYTE_ORDER_MARK;
    let separated = text.split(['\n', '\r', ',', ';']);
    let ids = separated.map(|id| id.trim_matches(is_delimiter));
    let mut seen = std::collections::HashSet::new();
    ids.filter(|id| !id.is_empty() && seen.insert(*id))
        .map(ToOwned::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"exportId\": \"März 🙂\"}\r\n";

    fn little_endian(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xFF, 0xFE].into_iter().chain(units).collect()
    }

    fn big_endian(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        [0xFE, 0xFF].into_iter().chain(units).collect()
    }

    #[test]
    fn utf_8_and_utf_16_with_a_byte_order_mark_are_read() {
        let marked = format!("\u{FEFF}{TEXT}");
        let twice = format!("\u{FEFF}\u{FEFF}{TEXT}");
        for bytes in [
            TEXT.as_bytes().to_vec(),
            marked.clone().into_bytes(),
            twice.into_bytes(),
            little_endian(TEXT),
            big_endian(TEXT),
            little_endian(&marked),
        ] {
            assert_eq!(decode(&bytes).as_deref(), Ok(TEXT), "{bytes:?}");
        }
        for nothing in [&[] as &[u8], b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"] {
            assert_eq!(decode(nothing).as_deref(), Ok(""));
        }
    }

    #[test]
    fn undecodable_bytes_are_refused_with_the_reason() {
        let latin_1 = b"{\"exportId\": \"M\xE4rz\"}";
        let unmarked = &little_endian("{}")[2..];
        let unmarked_beyond_ascii = &big_endian("ä")[2..];
        let cut_off = &little_endian("{}")[..5];
        let half_a_pair = [0xFF, 0xFE, b'x', 0, 0x3D, 0xD8];
        let utf_32 = [0xFF, 0xFE, 0, 0, b'{', 0, 0, 0];
        let cases: [(&[u8], TextError); 7] = [
            (latin_1, TextError::Utf8 { byte: 0xE4, at: 15 }),
            (b"ok\xC3", TextError::Utf8 { byte: 0xC3, at: 2 }),
            (unmarked, TextError::Nul),
            (unmarked_beyond_ascii, TextError::Utf8 { byte: 0xE4, at: 1 }),
            (cut_off, TextError::Utf16CutOff),
            (&half_a_pair, TextError::Utf16Surrogate { at: 1 }),
            (&utf_32, TextError::Utf32),
        ];

        for (bytes, expected) in cases {
            assert_eq!(decode(bytes), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn ids_are_read_with_any_separators_and_quotes() {
        for text in [
            "a\nb\nc\n",
            "a\r\nb\r\n\r\nc",
            "a\rb\rc",
            "  a \n\tb\u{A0}\n\n c",
            "\"a\",\n\"b\",\n\"c\",\n",
            "'a'\n'b'\n‘c’",
            "[\"a\", \"b\", \"c\"]",
            "[\n  \"a\",\n  \"b\",\n  \"c\"\n]\n",
            "a, b;c",
            "a\nb\na\n\"b\"\nc\nc,",
            "\u{FEFF}a\n\u{FEFF}b\nc",
        ] {
            assert_eq!(parse_ids(text), ["a", "b", "c"], "{text:?}");
        }
        assert_eq!(parse_ids("\n , \"\"\r\n[]"), [""; 0]);
    }
}
