//! Walks the text of a JSON value without parsing the values that it skips.
//!
//! The text was validated as JSON when the body arrived, so nothing here can fail: a cursor moves over tokens and
//! returns their text. Text that is not JSON gives meaningless results, but neither a panic nor an endless loop.

use std::borrow::Cow;

/// A position in the text of a valid JSON value.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// A member's key, with its quotes and escapes.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(super) at: usize,
    quoted: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(value: &'a str) -> Self {
        Self { text: value, at: 0 }
    }

    /// The current offset in bytes.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn is_at_object(&self) -> bool {
        self.peek() == Some(b'{')
    }

    pub(crate) fn is_at_array(&self) -> bool {
        self.peek() == Some(b'[')
    }

    /// Enters the object or array that begins here.
    pub(crate) fn enter(&mut self) {
        self.at += 1;
    }

    /// Inside an object, at its beginning or after a value: moves to the next member's value. Returns `None` at the end
    /// of the object, with the cursor after it.
    pub(crate) fn next_key(&mut self) -> Option<Key<'a>> {
        let at = self.next_item()?;
        let quoted = self.skip();
        self.skip_token(b':');
        Some(Key { at, quoted })
    }

    /// Inside an array, at its beginning or after an element: moves to the next element. Returns whether there is one;
    /// if not, the cursor is after the array.
    pub(crate) fn next_element(&mut self) -> bool {
        self.next_item().is_some()
    }

    /// Skips the value that begins here and returns its text.
    pub(crate) fn skip(&mut self) -> &'a str {
        let from = self.at;
        self.at = match self.peek() {
            Some(b'"') => self.string_end(from),
            Some(b'{' | b'[') => self.bracket_end(from),
            _ => self.scalar_end(from),
        };
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// The offset after the next comma, or the current offset if no comma follows.
    pub(super) fn offset_after_comma(&self) -> usize {
        let position = self.next_token_offset(self.at);
        match self.byte(position) {
            Some(b',') => position + 1,
            _ => self.at,
        }
    }

    fn next_item(&mut self) -> Option<usize> {
        self.skip_token(b',');
        match self.peek() {
            Some(b'}' | b']') | None => {
                self.at += 1;
                None
            }
            Some(_) => Some(self.at),
        }
    }

    /// Moves to the next token. If it is `token`, moves on to the token after it.
    fn skip_token(&mut self, token: u8) {
        self.at = self.next_token_offset(self.at);
        if self.peek() == Some(token) {
            self.at = self.next_token_offset(self.at + 1);
        }
    }

    fn next_token_offset(&self, from: usize) -> usize {
        let mut at = from;
        while self.byte(at).is_some_and(|byte| byte.is_ascii_whitespace()) {
            at += 1;
        }
        at
    }

    fn scalar_end(&self, from: usize) -> usize {
        let mut at = from;
        while self.byte(at).is_some_and(is_scalar_byte) {
            at += 1;
        }
        at
    }

    fn bracket_end(&self, from: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = from;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'"' => {
                    at = self.string_end(at);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => return at + 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        at
    }

    fn string_end(&self, from: usize) -> usize {
        let mut at = from + 1;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'"' => return at + 1,
                // The next byte is escaped, and may be a quote.
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.byte(self.at)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }
}

/// Numbers, `true`, `false` and `null` end at the next delimiter or whitespace.
fn is_scalar_byte(byte: u8) -> bool {
    !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace()
}

impl<'a> Key<'a> {
    /// The key with its quotes and escapes.
    pub(crate) fn quoted(&self) -> &'a str {
        self.quoted
    }

    /// Whether this is the key `name`, whatever its escapes.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name() == name
    }

    pub(super) fn name(&self) -> Cow<'_, str> {
        unquoted(self.quoted)
    }
}

/// The decoded key. A key with half a surrogate pair is valid JSON but not a string; it becomes empty, which matches no
/// name.
pub(super) fn unquoted(key: &str) -> Cow<'_, str> {
    decode_string(key).unwrap_or_default()
}

/// Like [`unquoted`], but `None` for a key with half a surrogate pair: two such keys would decode to the same text and
/// still differ.
pub(super) fn decode_string(key: &str) -> Option<Cow<'_, str>> {
    let end = key.len().saturating_sub(1);
    let inner = key.get(1..end).unwrap_or_default();
    if inner.contains('\\') {
        serde_json::from_str(key).ok().map(Cow::Owned)
    } else {
        Some(inner.into())
    }
}

/// The values of the members with these names, including nulls. The last value of a repeated key applies, as in plain
/// JSON. All are `None` when the value is not an object.
pub(super) fn member_values<'a, const N: usize>(
    value: &'a str,
    names: [&str; N],
) -> [Option<&'a str>; N] {
    let mut values = [None; N];
    for_each_member(value, |key, value| {
        let name = unquoted(key);
        if let Some(position) = names.iter().position(|other| *other == name) {
            values[position] = Some(value);
        }
    });
    values
}

/// Visits every member of an object in order, the key with its quotes and escapes. Visits nothing when the value is not
/// an object.
pub(super) fn for_each_member<'a>(value: &'a str, mut visit: impl FnMut(&'a str, &'a str)) {
    let mut cursor = Cursor::new(value);
    if cursor.is_at_object() {
        cursor.enter();
        while let Some(key) = cursor.next_key() {
            visit(key.quoted, cursor.skip());
        }
    }
}

pub(super) fn is_object(value: &str) -> bool {
    value.starts_with('{')
}

pub(super) fn is_array(value: &str) -> bool {
    value.starts_with('[')
}

pub(super) fn is_null(value: &str) -> bool {
    value == "null"
}

/// Visits every element of an array in order. Visits nothing when the value is not an array.
pub(super) fn for_each_element<'a>(value: &'a str, mut visit: impl FnMut(&'a str)) {
    let mut cursor = Cursor::new(value);
    if cursor.is_at_array() {
        cursor.enter();
        while cursor.next_element() {
            visit(cursor.skip());
        }
    }
}

/// Writes a comma, unless an object or array was just opened. No JSON value ends with an opening bracket.
pub(super) fn push_comma(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_present_null_is_not_an_absent_member() {
        let [present, absent] = member_values(r#"{"a":null}"#, ["a", "b"]);

        assert_eq!(present, Some("null"));
        assert_eq!(absent, None);
    }

    #[test]
    fn the_last_of_repeated_keys_wins_however_they_are_escaped() {
        let [id] = member_values(r#"{"id":1,"\u0069d":2,"i\u0064":1e400}"#, ["id"]);

        assert_eq!(id, Some("1e400"));
    }

    #[test]
    fn a_key_with_a_lone_surrogate_is_skipped() {
        let [id] = member_values(r#"{"\ud800":1,"id":"x"}"#, ["id"]);

        assert_eq!(id, Some(r#""x""#));
    }

    #[test]
    fn brackets_and_quotes_in_strings_are_not_structure() {
        let [id] = member_values(r#"{"a":["]}\"","\\"],"\"id":2,"id":{"x":"}"}}"#, ["id"]);

        assert_eq!(id, Some(r#"{"x":"}"}"#));
    }

    #[test]
    fn whitespace_between_tokens_is_not_part_of_a_value() {
        let [a, b] = member_values("{ \"a\" :\t[ 1 ]\n,\r\n\"b\": 2 }", ["a", "b"]);

        assert_eq!([a, b], [Some("[ 1 ]"), Some("2")]);
    }

    #[test]
    fn a_value_nested_beyond_parser_limits_is_skipped() {
        let deep = format!(r#"{{"a":{}{},"id":1}}"#, "[".repeat(5000), "]".repeat(5000));

        assert_eq!(member_values(&deep, ["id"]), [Some("1")]);
    }

    #[test]
    fn nothing_is_found_outside_of_objects_and_arrays() {
        for text in ["null", "[1]", "\"{}\"", "1e400"] {
            assert_eq!(member_values(text, ["a"]), [None]);
        }
        for_each_element(r#"{"a":[1]}"#, |_| panic!("no element"));
    }

    proptest! {
        #[test]
        fn reading_text_that_is_not_json_does_not_panic(text in r#"[{}\[\]",:\\ a1\u{e9}]{0,24}"#) {
            member_values(&text, ["a"]);
            for_each_element(&text, |_| {});
        }
    }
}
