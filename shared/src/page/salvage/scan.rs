//! Reading of a body that is not JSON, from left to right.

/// A place in the body.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    body: &'a [u8],
    at: usize,
    /// The number of bytes that may still be read.
    budget: usize,
}

/// Why a value does not end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Endless {
    /// A quote in it begins or ends no string.
    StrayQuote,
    /// The body ends first, or the budget is spent.
    CutOff,
}

/// What follows the end of an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// The rest of a page.
    Closes,
    /// That, up to another element with a stray quote.
    StrayQuote,
    Differs,
}

/// The kind of page that a list stands in.
#[derive(Clone, Copy)]
pub(super) enum Page {
    /// The list itself.
    Array,
    /// An object with the list as a member.
    Object,
}

/// How the elements of a list begin: the names of their first two members. Objects within the elements begin otherwise.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    first: &'a [u8],
    second: Second<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Second<'a> {
    Name(&'a [u8]),
    /// There is no second member.
    Absent,
    /// The first member is damaged.
    Unknown,
}

/// Searches read no more than this multiple of the body in all. Damage in real texts does not come near, and a body made to be
/// searched costs no more.
const BUDGET_FACTOR: usize = 32;

impl Opening<'_> {
    pub(super) fn is_known(&self) -> bool {
        self.second != Second::Unknown
    }

    fn fits(self, other: Self) -> bool {
        let is_known = self.is_known() && other.is_known();
        self.first == other.first && (!is_known || self.second == other.second)
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            at: 0,
            budget: body.len().saturating_mul(BUDGET_FACTOR),
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

    /// The bytes of the value that begins here, which is passed. Nothing is passed when its quotes or brackets do not show where
    /// it ends.
    pub(super) fn value(&mut self) -> Result<&'a [u8], Endless> {
        let first = self.peek().ok_or(Endless::CutOff)?;
        let mut end = *self;
        let found = match first {
            b'"' => end.pass_string(),
            b'{' | b'[' => end.pass_brackets(),
            _ => end.pass_scalar(),
        };
        let read = end.at.saturating_sub(self.at).max(1);
        self.budget = self.budget.checked_sub(read).ok_or(Endless::CutOff)?;
        found?;
        self.pass(end.at).ok_or(Endless::CutOff)
    }

    /// How the element that begins here begins, if it is an object with a member.
    pub(super) fn opening(mut self) -> Option<Opening<'a>> {
        self.expect(b'{')?;
        let first = self.name()?;
        let second = match self.value().ok().and_then(|_| self.peek()) {
            Some(b'}') => Some(Second::Absent),
            Some(b',') => {
                self.at += 1;
                self.name().map(Second::Name)
            }
            _ => None,
        };
        Some(Opening {
            first,
            second: second.unwrap_or(Second::Unknown),
        })
    }

    /// The bytes of an element with a stray quote, which is passed: up to the first closing brace after which the rest is the
    /// rest of a page. Where that holds only up to another stray quote, the next element has to begin as the others.
    pub(super) fn broken_value(
        &mut self,
        page: Page,
        opening: Option<Opening<'_>>,
    ) -> Option<&'a [u8]> {
        // What follows was read up to here, to no other result.
        let mut read_to = self.at;
        let braces = (self.at + 1..self.body.len()).filter(|at| self.body.get(*at) == Some(&b'}'));
        for end in braces.map(|brace| brace + 1) {
            let mut after = Self { at: end, ..*self };
            let is_next = opening.is_some_and(|opening| after.is_before(opening));
            let rest = match is_next {
                _ if end >= read_to => after.rest(page),
                true => Rest::StrayQuote,
                false => continue,
            };
            self.budget = after.budget.checked_sub(1)?;
            read_to = read_to.max(after.at);
            let is_end = match rest {
                // A body that is cut off can end like a page where a list within its last element ends.
                Rest::Closes => is_next || self.is_balanced(end)?,
                Rest::StrayQuote => is_next,
                Rest::Differs => false,
            };
            if is_end {
                return self.pass(end);
            }
        }
        None
    }

    /// Whether each bracket up to `end` has its counterpart, in strings or not.
    fn is_balanced(&mut self, end: usize) -> Option<bool> {
        let element = self.body.get(self.at..end)?;
        self.budget = self.budget.checked_sub(element.len())?;
        let count = |bracket: u8| memchr::memchr_iter(bracket, element).count();
        Some(count(b'{') == count(b'}') && count(b'[') == count(b']'))
    }

    /// Whether an element with that opening comes next.
    fn is_before(mut self, opening: Opening<'_>) -> bool {
        self.expect(b',').is_some() && self.opening().is_some_and(|other| opening.fits(other))
    }

    /// Reads what follows an element, as far as it is the rest of a page.
    fn rest(&mut self, page: Page) -> Rest {
        match self.pass_elements() {
            Ok(()) if self.pass_page(page).is_some() && self.is_at_end() => Rest::Closes,
            Err(Endless::StrayQuote) => Rest::StrayQuote,
            Ok(()) | Err(Endless::CutOff) => Rest::Differs,
        }
    }

    /// Passes a list's other elements and its end.
    fn pass_elements(&mut self) -> Result<(), Endless> {
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Endless::CutOff),
            }
            self.value()?;
        }
    }

    /// Passes what follows the list.
    fn pass_page(&mut self, page: Page) -> Option<()> {
        if let Page::Object = page {
            while self.next_item(b'}')? {
                self.name()?;
                self.value().ok()?;
            }
        }
        Some(())
    }

    /// The name of a member in quotes, which is passed with its colon.
    fn name(&mut self) -> Option<&'a [u8]> {
        (self.peek()? == b'"').then_some(())?;
        let name = self.value().ok()?;
        self.expect(b':')?;
        Some(name)
    }

    fn pass(&mut self, end: usize) -> Option<&'a [u8]> {
        let value = self.body.get(self.at..end).filter(|it| !it.is_empty())?;
        self.at = end;
        Some(value)
    }

    fn pass_string(&mut self) -> Result<(), Endless> {
        self.at += 1;
        loop {
            match self.body.get(self.at) {
                None => return Err(Endless::CutOff),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
    }

    fn pass_brackets(&mut self) -> Result<(), Endless> {
        let mut depth = 0_usize;
        loop {
            match self.body.get(self.at).ok_or(Endless::CutOff)? {
                b'"' => {
                    self.pass_string()?;
                    match self.peek().ok_or(Endless::CutOff)? {
                        b',' | b':' | b'}' | b']' => {}
                        _ => return Err(Endless::StrayQuote),
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

    fn pass_scalar(&mut self) -> Result<(), Endless> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']'));
        self.at += length.unwrap_or(rest.len());
        length.map(|_| ()).ok_or(Endless::CutOff)
    }
}
