//! Reading of a body that is not JSON, from left to right.

use serde_json::value::RawValue;

/// A place in the body.
pub(super) struct Scan<'a> {
    body: &'a [u8],
    at: usize,
    /// The number of bytes that may still be read in search of the ends of damaged values.
    search_left: usize,
}

/// The kind of page that a list stands in.
#[derive(Clone, Copy)]
pub(super) enum Page {
    /// The list itself.
    Array,
    /// An object with the list as a member.
    Object,
}

/// The page after a place that may be the end of a damaged element.
#[derive(PartialEq, Eq)]
enum Rest {
    /// It closes as the page should, or does so up to another damaged element.
    Fits,
    /// It does not.
    Differs,
}

/// A search reads no more than this multiple of the body, which damage in real texts does not come near.
const SEARCH_FACTOR: usize = 32;

impl<'a> Scan<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            at: 0,
            search_left: body.len().saturating_mul(SEARCH_FACTOR),
        }
    }

    /// At the beginning of a list or object or after one of its items: whether another item follows. At the end, the
    /// closing bracket is passed.
    pub(super) fn next_item(&mut self, end: u8) -> Option<bool> {
        if self.peek()? == b',' {
            self.at += 1;
        }
        if self.peek()? == end {
            self.at += 1;
            return Some(false);
        }
        Some(true)
    }

    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.body.get(self.at..)?;
        let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.at += skipped;
        self.body.get(self.at).copied()
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The bytes of the value that begins here, which is passed. `None`, and nothing is passed, when its quotes or brackets do
    /// not show where it ends.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let end = match first {
            b'"' => self.string_end(self.at)?,
            b'{' | b'[' => self.bracket_end()?,
            _ => self.scalar_end()?,
        };
        self.pass(end)
    }

    /// The bytes of an element whose quotes do not pair, which is passed: up to the first closing brace after which the rest is
    /// the rest of a page.
    pub(super) fn broken_value(&mut self, page: Page) -> Option<&'a [u8]> {
        if self.peek()? != b'{' {
            return None;
        }
        let braces = self.body.iter().enumerate().skip(self.at + 1);
        let braces = braces.filter(|(_, byte)| **byte == b'}');
        for (brace, _) in braces {
            let mut after = Self {
                at: brace + 1,
                ..*self
            };
            let rest = after.rest(page);
            let read = (after.at - brace).max(1);
            self.search_left = self.search_left.checked_sub(read)?;
            if rest == Some(Rest::Fits) {
                return self.pass(brace + 1);
            }
        }
        None
    }

    /// Judges what follows an element. `None` where the body ends too early.
    fn rest(&mut self, page: Page) -> Option<Rest> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                // Quotes that pair up the wrong way do not make JSON.
                let is_aligned = self.peek()? == b'{'
                    && self.value().is_some_and(|element| {
                        serde_json::from_slice::<&RawValue>(element).is_ok()
                    });
                if !is_aligned {
                    return Some(Rest::Differs);
                }
                while self.next_item(b']')? {
                    if self.value().is_none() {
                        return Some(Rest::Fits);
                    }
                }
            }
            b']' => self.at += 1,
            _ => return Some(Rest::Differs),
        }
        if let Page::Object = page {
            while self.next_item(b'}')? {
                self.value()?;
                self.expect(b':')?;
                self.value()?;
            }
        }
        Some(if self.is_at_end() {
            Rest::Fits
        } else {
            Rest::Differs
        })
    }

    fn pass(&mut self, end: usize) -> Option<&'a [u8]> {
        let value = self.body.get(self.at..end).filter(|it| !it.is_empty())?;
        self.at = end;
        Some(value)
    }

    fn string_end(&self, quote: usize) -> Option<usize> {
        let mut at = quote + 1;
        loop {
            match self.body.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    fn bracket_end(&self) -> Option<usize> {
        let mut scan = Self { ..*self };
        let mut depth = 0_usize;
        loop {
            match self.body.get(scan.at)? {
                b'"' => {
                    scan.at = self.string_end(scan.at)?;
                    // Any other byte after it shows that a quote began or ended no string.
                    if !matches!(scan.peek()?, b',' | b':' | b'}' | b']') {
                        return None;
                    }
                }
                byte => {
                    scan.at += 1;
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            if depth == 0 {
                return Some(scan.at);
            }
        }
    }

    fn scalar_end(&self) -> Option<usize> {
        let rest = self.body.get(self.at..)?;
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']'));
        Some(self.at + length?)
    }
}
