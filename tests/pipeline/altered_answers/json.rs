//! A JSON text with the positions of its values, members and elements, so that one of them can be changed while every
//! other byte is preserved. Lenient about the content of strings.

use std::ops::Range;

/// More nesting than any response or alteration has.
const MAX_DEPTH: usize = 300;
const BOM: &[u8] = b"\xef\xbb\xbf";

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Object(Vec<Member>),
    List(Vec<Node>),
    Text,
    Number,
    Bool,
    Null,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Including the quotes.
    pub(super) name: Range<usize>,
    pub(super) value: Node,
}

/// Parses a text, which may begin with a byte order mark. `None` when it is not exactly one JSON value.
pub(super) fn parse(text: &[u8]) -> Option<Node> {
    let position = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let mut parser = Parser { text, position };
    let root = parser.value(0)?;
    parser.skip_space();
    (parser.position == text.len()).then_some(root)
}

impl Member {
    /// From the start of its name to the end of its value.
    pub(super) fn span(&self) -> Range<usize> {
        self.name.start..self.value.span.end
    }
}

impl Node {
    pub(super) fn bytes<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.span.clone()]
    }

    pub(super) fn elements(&self) -> Option<&[Node]> {
        match &self.shape {
            Shape::List(elements) => Some(elements),
            _ => None,
        }
    }

    pub(super) fn members(&self) -> Option<&[Member]> {
        match &self.shape {
            Shape::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the decoded string; `None` if the value is not a string or cannot be decoded.
    pub(super) fn text(&self, text: &[u8]) -> Option<String> {
        matches!(self.shape, Shape::Text)
            .then(|| serde_json::from_slice(self.bytes(text)).ok())
            .flatten()
    }

    /// Returns the string, or the digits of a number.
    pub(super) fn id(&self, text: &[u8]) -> Option<String> {
        match self.shape {
            Shape::Number => Some(String::from_utf8_lossy(self.bytes(text)).into_owned()),
            _ => self.text(text),
        }
    }

    /// Returns the whole number, which may be written as a string.
    pub(super) fn count(&self, text: &[u8]) -> Option<u64> {
        let digits = match self.shape {
            Shape::Number => String::from_utf8_lossy(self.bytes(text)).into_owned(),
            _ => self.text(text)?,
        };
        digits.trim().parse().ok()
    }

    /// Returns the values of all members with this name, in document order.
    pub(super) fn all(&self, text: &[u8], name: &str) -> Vec<&Node> {
        let members = self.members().unwrap_or_default().iter();
        let is_named = |member: &&Member| {
            let quoted = &text[member.name.clone()];
            quoted.get(1..quoted.len() - 1) == Some(name.as_bytes())
        };
        members
            .filter(is_named)
            .map(|member| &member.value)
            .collect()
    }
}

struct Parser<'a> {
    text: &'a [u8],
    position: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Option<Node> {
        self.skip_space();
        let start = self.position;
        let shape = match self.peek()? {
            _ if depth > MAX_DEPTH => return None,
            b'{' => self.object(depth)?,
            b'[' => self.list(depth)?,
            b'"' => self.string().map(|_| Shape::Text)?,
            _ => self.literal()?,
        };
        let span = start..self.position;
        Some(Node { span, shape })
    }

    fn object(&mut self, depth: usize) -> Option<Shape> {
        let mut members = Vec::new();
        self.position += 1;
        self.skip_space();
        while !self.consume(b'}') {
            if !members.is_empty() {
                self.consume(b',').then_some(())?;
                self.skip_space();
            }
            let name = self.string()?;
            self.skip_space();
            self.consume(b':').then_some(())?;
            let value = self.value(depth + 1)?;
            members.push(Member { name, value });
            self.skip_space();
        }
        Some(Shape::Object(members))
    }

    fn list(&mut self, depth: usize) -> Option<Shape> {
        let mut elements = Vec::new();
        self.position += 1;
        self.skip_space();
        while !self.consume(b']') {
            if !elements.is_empty() {
                self.consume(b',').then_some(())?;
            }
            elements.push(self.value(depth + 1)?);
            self.skip_space();
        }
        Some(Shape::List(elements))
    }

    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.position;
        self.consume(b'"').then_some(())?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.position += 2,
                _ => self.position += 1,
            }
        }
        self.position += 1;
        Some(start..self.position)
    }

    fn literal(&mut self) -> Option<Shape> {
        let rest = &self.text[self.position..];
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.position += length;
        match &rest[..length] {
            b"null" => Some(Shape::Null),
            b"true" | b"false" => Some(Shape::Bool),
            word => serde_json::from_slice::<serde_json::Number>(word)
                .is_ok()
                .then_some(Shape::Number)
                .or_else(|| is_large(word).then_some(Shape::Number)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn consume(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.position += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.position += 1;
        }
    }
}

/// Whether the word is a number that no number type can hold.
fn is_large(word: &[u8]) -> bool {
    let is_part =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    word.first()
        .is_some_and(|first| first.is_ascii_digit() || *first == b'-')
        && word.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_members_and_elements_are_located() {
        let text = b"\xef\xbb\xbf {\"a\" : [1E+400, \"x\\\"\xe9\", null] , \"b\":{}, \"a\":true}";

        let root = parse(text).expect("a value");

        let all = root.all(text, "a");
        let values: Vec<_> = all.iter().map(|node| node.bytes(text)).collect();
        assert_eq!(
            values,
            [b"[1E+400, \"x\\\"\xe9\", null]".as_slice(), b"true"]
        );
        assert_eq!(all[0].elements().map(<[Node]>::len), Some(3));
        assert_eq!(root.members().map(<[Member]>::len), Some(3));
    }

    #[test]
    fn text_that_is_not_one_json_value_is_not_parsed() {
        for text in [
            "",
            "{",
            "[1,]",
            "[1 2]",
            "{\"a\":1}x",
            "nul",
            "\"",
            "{\"a\"}",
            "\"\\",
        ] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_count_may_be_a_string() {
        for (text, count) in [
            ("7", Some(7)),
            ("\"7\"", Some(7)),
            ("-1", None),
            ("\"\"", None),
        ] {
            let node = parse(text.as_bytes()).expect("a value");
            assert_eq!(node.count(text.as_bytes()), count);
        }
    }
}
