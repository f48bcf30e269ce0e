//! Checks that a text is one JSON value, and lists its nodes.

use super::{Kind, Node, Rejection};

/// Values may be nested this deep.
pub(super) fn scan(text: &str, depth: usize, nodes: &mut Vec<Node>) -> Result<(), Rejection> {
    nodes.clear();
    if u32::try_from(text.len()).is_err() {
        return Err(Rejection::NotJson);
    }
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        position: 0,
        nodes,
    };
    scanner.value(depth)?;
    scanner.skip_space();
    if scanner.position == text.len() {
        Ok(())
    } else {
        Err(Rejection::NotJson)
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    position: usize,
    nodes: &'a mut Vec<Node>,
}

impl Scanner<'_> {
    /// `depth` is the number of levels that the value may have.
    fn value(&mut self, depth: usize) -> Result<(), Rejection> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.nested(Kind::Object, b'}', depth),
            Some(b'[') => self.nested(Kind::Array, b']', depth),
            Some(b'n') => self.literal(b"null", Kind::Null),
            Some(b't') => self.literal(b"true", Kind::True),
            Some(b'f') => self.literal(b"false", Kind::False),
            _ => self.number(),
        }
    }

    /// An object or an array.
    fn nested(&mut self, kind: Kind, close: u8, depth: usize) -> Result<(), Rejection> {
        let below = depth.checked_sub(1).ok_or(Rejection::TooDeep)?;
        let (start, node) = (self.position, self.nodes.len());
        self.add(kind, start);
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(close) {
            self.position += 1;
        } else {
            self.children(kind, close, below)?;
        }
        let (end, next) = (index(self.position), index(self.nodes.len()));
        self.nodes[node].end = end;
        self.nodes[node].next = next;
        Ok(())
    }

    fn children(&mut self, kind: Kind, close: u8, depth: usize) -> Result<(), Rejection> {
        loop {
            if kind == Kind::Object {
                self.skip_space();
                self.string()?;
                self.skip_space();
                self.expect(b':')?;
            }
            self.value(depth)?;
            self.skip_space();
            if self.peek() == Some(close) {
                self.position += 1;
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<(), Rejection> {
        let start = self.position;
        self.expect(b'"')?;
        loop {
            self.skip_plain();
            match self.next()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..0x20 => return Err(Rejection::NotJson),
                _ => {}
            }
        }
        self.add(Kind::String, start);
        Ok(())
    }

    /// Skips eight bytes at a time, as long as none of them needs a look.
    fn skip_plain(&mut self) {
        while let Some(bytes) = self.bytes[self.position..].first_chunk() {
            if has_special(u64::from_le_bytes(*bytes)) {
                return;
            }
            self.position += 8;
        }
    }

    fn escape(&mut self) -> Result<(), Rejection> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    if !self.next()?.is_ascii_hexdigit() {
                        return Err(Rejection::NotJson);
                    }
                }
                Ok(())
            }
            _ => Err(Rejection::NotJson),
        }
    }

    fn number(&mut self) -> Result<(), Rejection> {
        let start = self.position;
        self.skip(|byte| byte == b'-', 1);
        if self.skip(|byte| byte == b'0', 1) == 0 {
            self.digits()?;
        }
        if self.skip(|byte| byte == b'.', 1) == 1 {
            self.digits()?;
        }
        if self.skip(|byte| matches!(byte, b'e' | b'E'), 1) == 1 {
            self.skip(|byte| matches!(byte, b'+' | b'-'), 1);
            self.digits()?;
        }
        self.add(Kind::Number, start);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Rejection> {
        match self.skip(|byte| byte.is_ascii_digit(), usize::MAX) {
            0 => Err(Rejection::NotJson),
            _ => Ok(()),
        }
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<(), Rejection> {
        let start = self.position;
        if !self.bytes[start..].starts_with(word) {
            return Err(Rejection::NotJson);
        }
        self.position += word.len();
        self.add(kind, start);
        Ok(())
    }

    /// Adds a node that ends here; those of objects and arrays are completed later.
    fn add(&mut self, kind: Kind, start: usize) {
        let next = self.nodes.len() + 1;
        self.nodes.push(Node {
            kind,
            start: index(start),
            end: index(self.position),
            next: index(next),
        });
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn next(&mut self) -> Result<u8, Rejection> {
        let byte = self.peek().ok_or(Rejection::NotJson)?;
        self.position += 1;
        Ok(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Rejection> {
        if self.next()? == byte {
            Ok(())
        } else {
            Err(Rejection::NotJson)
        }
    }

    /// Skips up to this number of bytes, and returns how many there were.
    fn skip(&mut self, matches: impl Fn(u8) -> bool, limit: usize) -> usize {
        let start = self.position;
        while self.position - start < limit && self.peek().is_some_and(&matches) {
            self.position += 1;
        }
        self.position - start
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.position += 1;
        }
    }
}

/// Whether one of eight bytes is a quotation mark, a backslash or a control character; sometimes also if none is
/// (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>).
fn has_special(bytes: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let has_less =
        |bytes: u64, limit: u8| bytes.wrapping_sub(ONES * u64::from(limit)) & !bytes & HIGH;
    let equals = |byte: u8| has_less(bytes ^ (ONES * u64::from(byte)), 1);
    (has_less(bytes, 0x20) | equals(b'"') | equals(b'\\')) != 0
}

/// A position in the text, or in the nodes, of which there are fewer than bytes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the length of the text was checked"
)]
fn index(position: usize) -> u32 {
    position as u32
}
