//! Scans a body that is not valid JSON from left to right.

/// A position in the body.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
    /// The number of bytes that may still be read.
    budget: usize,
}

/// Why the end of a value was not found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EndNotFound {
    /// The value contains a quote that neither begins nor ends a string.
    StrayQuote,
    /// The body is truncated, or the budget is exhausted.
    CutOff,
}

/// Classification of the text after an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remainder {
    /// The valid rest of a page.
    Valid,
    /// The same, up to another element with a stray quote.
    StrayQuote,
    Invalid,
}

/// The kind of page that contains a list.
#[derive(Clone, Copy)]
pub(super) enum PageKind {
    /// The list itself.
    Array,
    /// An object with the list as a member.
    Object,
}

/// How the elements of a list begin: the names of their first two members. Used to distinguish them from objects nested
/// in the elements.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    first: &'a [u8],
    second: SecondMember<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SecondMember<'a> {
    Name(&'a [u8]),
    /// There is no second member.
    Absent,
    /// The first member is damaged.
    Unknown,
}

/// Limit of all searches together, as a multiple of the body's size. Damage in real texts does not come near it, and a
/// body crafted to be slow costs no more than this.
const BUDGET_FACTOR: usize = 32;

impl Opening<'_> {
    pub(super) fn is_known(&self) -> bool {
        self.second != SecondMember::Unknown
    }

    fn may_equal(self, other: Self) -> bool {
        let is_known = self.is_known() && other.is_known();
        self.first == other.first && (!is_known || self.second == other.second)
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            at: 0,
            budget: body.len().saturating_mul(BUDGET_FACTOR),
        }
    }

    /// At the beginning of a list or object, or after one of its items: whether another item follows. At the end, moves
    /// past the closing bracket.
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

    /// The next byte that is not whitespace.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.body.get(self.at..)?;
        let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.at += skipped;
        self.body.get(self.at).copied()
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads the value that begins here and moves past it. Does not move if the value's quotes or brackets do not show
    /// where it ends.
    pub(super) fn read_value(&mut self) -> Result<&'a [u8], EndNotFound> {
        let first = self.peek().ok_or(EndNotFound::CutOff)?;
        let mut end = *self;
        let found = match first {
            b'"' => end.skip_string(),
            b'{' | b'[' => end.skip_brackets(),
            _ => end.skip_scalar(),
        };
        let read = end.at.saturating_sub(self.at).max(1);
        self.budget = self.budget.checked_sub(read).ok_or(EndNotFound::CutOff)?;
        found?;
        self.take_until(end.at).ok_or(EndNotFound::CutOff)
    }

    /// The opening of the element that begins here, if it is an object with a member.
    pub(super) fn peek_opening(mut self) -> Option<Opening<'a>> {
        self.expect(b'{')?;
        let first = self.read_name()?;
        let second = match self.read_value().ok().and_then(|_| self.peek()) {
            Some(b'}') => Some(SecondMember::Absent),
            Some(b',') => {
                self.at += 1;
                self.read_name().map(SecondMember::Name)
            }
            _ => None,
        };
        Some(Opening {
            first,
            second: second.unwrap_or(SecondMember::Unknown),
        })
    }

    /// Reads an element with a stray quote and moves past it. The element ends at the first closing brace after which
    /// the text is the valid rest of a page. If that holds only up to another stray quote, the next element must have
    /// the same opening as the others.
    pub(super) fn read_broken_value(
        &mut self,
        kind: PageKind,
        opening: Option<Opening<'_>>,
    ) -> Option<&'a [u8]> {
        // The text up to this offset was already read as the rest of a page, without success.
        let mut read_to = self.at;
        let braces = (self.at + 1..self.body.len()).filter(|at| self.body.get(*at) == Some(&b'}'));
        for end in braces.map(|brace| brace + 1) {
            let mut after = Self { at: end, ..*self };
            let is_next = opening.is_some_and(|opening| after.is_followed_by(opening));
            let rest = match is_next {
                _ if end >= read_to => after.classify_remainder(kind),
                true => Remainder::StrayQuote,
                false => continue,
            };
            self.budget = after.budget.checked_sub(1)?;
            read_to = read_to.max(after.at);
            let is_end = match rest {
                // A truncated body can end like a page where a list within its last element ends.
                Remainder::Valid => is_next || self.is_balanced(end)?,
                Remainder::StrayQuote => is_next,
                Remainder::Invalid => false,
            };
            if is_end {
                return self.take_until(end);
            }
        }
        None
    }

    /// Whether the brackets up to `end` are balanced, counting those in strings.
    fn is_balanced(&mut self, end: usize) -> Option<bool> {
        let element = self.body.get(self.at..end)?;
        self.budget = self.budget.checked_sub(element.len())?;
        let count = |bracket: u8| memchr::memchr_iter(bracket, element).count();
        Some(count(b'{') == count(b'}') && count(b'[') == count(b']'))
    }

    /// Whether an element with this opening follows.
    fn is_followed_by(mut self, opening: Opening<'_>) -> bool {
        self.expect(b',').is_some()
            && self
                .peek_opening()
                .is_some_and(|other| opening.may_equal(other))
    }

    /// Reads the text after an element, as far as it is the rest of a page.
    fn classify_remainder(&mut self, kind: PageKind) -> Remainder {
        match self.skip_elements() {
            Ok(()) if self.skip_end_of_page(kind).is_some() && self.is_at_end() => Remainder::Valid,
            Err(EndNotFound::StrayQuote) => Remainder::StrayQuote,
            Ok(()) | Err(EndNotFound::CutOff) => Remainder::Invalid,
        }
    }

    /// Moves past the remaining elements of a list and its end.
    fn skip_elements(&mut self) -> Result<(), EndNotFound> {
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(EndNotFound::CutOff),
            }
            self.read_value()?;
        }
    }

    /// Moves past the text that follows the list.
    fn skip_end_of_page(&mut self, kind: PageKind) -> Option<()> {
        if let PageKind::Object = kind {
            while self.next_item(b'}')? {
                self.read_name()?;
                self.read_value().ok()?;
            }
        }
        Some(())
    }

    /// Reads a quoted member name and moves past it and its colon.
    fn read_name(&mut self) -> Option<&'a [u8]> {
        (self.peek()? == b'"').then_some(())?;
        let name = self.read_value().ok()?;
        self.expect(b':')?;
        Some(name)
    }

    fn take_until(&mut self, end: usize) -> Option<&'a [u8]> {
        let value = self.body.get(self.at..end).filter(|it| !it.is_empty())?;
        self.at = end;
        Some(value)
    }

    fn skip_string(&mut self) -> Result<(), EndNotFound> {
        self.at += 1;
        loop {
            match self.body.get(self.at) {
                None => return Err(EndNotFound::CutOff),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
    }

    fn skip_brackets(&mut self) -> Result<(), EndNotFound> {
        let mut depth = 0_usize;
        loop {
            match self.body.get(self.at).ok_or(EndNotFound::CutOff)? {
                b'"' => {
                    self.skip_string()?;
                    match self.peek().ok_or(EndNotFound::CutOff)? {
                        b',' | b':' | b'}' | b']' => {}
                        _ => return Err(EndNotFound::StrayQuote),
                    }
                }
                byte => {
                    self.at += 1;
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<(), EndNotFound> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']'));
        self.at += length.unwrap_or(rest.len());
        length.map(|_| ()).ok_or(EndNotFound::CutOff)
    }
}
