//! Finds the ends of values in a text that arrives in fragments.

use std::ops::ControlFlow;

use super::string_end::find_in_string;

/// The position in the text of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner(State);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    BetweenValues,
    /// In `depth` objects and lists, outside of strings.
    Inside {
        depth: usize,
        after: After,
    },
    /// In a string, at depth 0 outside of objects and lists.
    InString {
        depth: usize,
    },
    AfterBackslash {
        depth: usize,
    },
    /// In a text that began outside of objects and lists.
    Stray,
    Broken(Boundary),
}

/// The significant character before the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// The last one of a value: no other value may begin.
    Value,
    Other,
}

/// In a broken text: whether the text before the position ends in a boundary and white space, so that a bracket that opens
/// there begins a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Boundary {
    Reached,
    NotReached,
}

/// The end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Offset of the first byte after it.
    pub(super) at: usize,
    pub(super) kind: TextKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKind {
    /// An object or list.
    Value,
    /// Strings, numbers, literals and other characters between two values.
    Stray,
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Space,
    LineBreak,
    Quote,
    Opening,
    Closing,
    /// A comma or colon.
    Separator,
    /// A character of a number, `true`, `false` or `null`.
    Scalar,
    /// No JSON has it outside of strings.
    Foreign,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Foreign; 256];
    let members: [(&[u8], Class); 7] = [
        (b" \t\r", Class::Space),
        (b"\n", Class::LineBreak),
        (b"\"", Class::Quote),
        (b"{[", Class::Opening),
        (b"}]", Class::Closing),
        (b",:", Class::Separator),
        (b"0123456789+-.eEtrufalsn", Class::Scalar),
    ];
    let mut class = 0;
    while class < members.len() {
        let (bytes, of) = members[class];
        let mut byte = 0;
        while byte < bytes.len() {
            classes[bytes[byte] as usize] = of;
            byte += 1;
        }
        class += 1;
    }
    classes
}

impl Scanner {
    pub(super) fn is_between_values(self) -> bool {
        matches!(self.0, State::BetweenValues)
    }

    pub(super) fn is_broken(self) -> bool {
        matches!(self.0, State::Broken(_))
    }

    /// The kind of the text so far, if it can have no other.
    pub(super) fn kind_so_far(self) -> Option<TextKind> {
        match self.0 {
            State::Broken(_) => Some(TextKind::Broken),
            State::Stray => Some(TextKind::Stray),
            State::BetweenValues
            | State::Inside { .. }
            | State::InString { .. }
            | State::AfterBackslash { .. } => None,
        }
    }

    /// The beginning of a fragment is a boundary for a broken text.
    pub(super) fn begin_fragment(&mut self) {
        if self.is_broken() {
            self.0 = State::Broken(Boundary::Reached);
        }
    }

    /// Counts the text as broken from here on.
    pub(super) fn give_up(&mut self) {
        self.0 = State::Broken(Boundary::NotReached);
    }

    /// Moves to the end of the current text, or of the fragment (`None`). Between values, the fragment must not begin with
    /// white space.
    pub(super) fn scan(&mut self, fragment: &[u8]) -> Option<End> {
        let mut at = 0;
        while at < fragment.len() {
            let rest = &fragment[at..];
            let moved = match self.0 {
                State::BetweenValues => self.begin(rest),
                State::Inside { depth, after } => self.scan_inside(rest, depth, after),
                State::InString { depth } => self.scan_string(rest, depth),
                State::AfterBackslash { depth } => self.scan_escape(rest, depth),
                State::Stray => self.scan_stray(rest),
                State::Broken(boundary) => self.scan_broken(rest, boundary),
            };
            match moved {
                ControlFlow::Continue(by) => at += by,
                ControlFlow::Break(End { at: by, kind }) => {
                    self.0 = State::BetweenValues;
                    return Some(End { at: at + by, kind });
                }
            }
        }
        None
    }

    fn begin(&mut self, rest: &[u8]) -> ControlFlow<End, usize> {
        if class_at(rest, 0) != Some(Class::Opening) {
            self.0 = State::Stray;
            return ControlFlow::Continue(0);
        }
        self.0 = State::Inside {
            depth: 1,
            after: After::Other,
        };
        ControlFlow::Continue(1)
    }

    fn scan_inside(
        &mut self,
        rest: &[u8],
        mut depth: usize,
        mut after: After,
    ) -> ControlFlow<End, usize> {
        let mut at = 0;
        while let Some(class) = class_at(rest, at) {
            match class {
                Class::Space | Class::LineBreak => {}
                Class::Quote => {
                    self.0 = State::InString { depth };
                    return ControlFlow::Continue(at + 1);
                }
                // The value before it lacks its closing bracket.
                Class::Opening if after == After::Value => return end(at, TextKind::Broken),
                Class::Opening => depth += 1,
                Class::Closing if depth == 1 => return end(at + 1, TextKind::Value),
                Class::Closing => {
                    depth -= 1;
                    after = After::Value;
                }
                Class::Separator => after = After::Other,
                Class::Scalar => after = After::Value,
                Class::Foreign => {
                    self.0 = State::Broken(Boundary::NotReached);
                    return ControlFlow::Continue(at);
                }
            }
            at += 1;
        }
        self.0 = State::Inside { depth, after };
        ControlFlow::Continue(at)
    }

    fn scan_string(&mut self, rest: &[u8], depth: usize) -> ControlFlow<End, usize> {
        let Some(at) = find_in_string(rest) else {
            return ControlFlow::Continue(rest.len());
        };
        self.0 = match rest.get(at) {
            Some(b'"') if depth == 0 => State::Stray,
            Some(b'"') => State::Inside {
                depth,
                after: After::Value,
            },
            Some(b'\\') => State::AfterBackslash { depth },
            _ => State::Broken(Boundary::Reached),
        };
        ControlFlow::Continue(at + 1)
    }

    fn scan_escape(&mut self, rest: &[u8], depth: usize) -> ControlFlow<End, usize> {
        self.0 = match rest.first() {
            Some(b'\n') => State::Broken(Boundary::Reached),
            _ => State::InString { depth },
        };
        ControlFlow::Continue(1)
    }

    fn scan_stray(&mut self, rest: &[u8]) -> ControlFlow<End, usize> {
        let Some(at) = memchr::memchr3(b'"', b'{', b'[', rest) else {
            return ControlFlow::Continue(rest.len());
        };
        if class_at(rest, at) == Some(Class::Opening) {
            return end(at, TextKind::Stray);
        }
        self.0 = State::InString { depth: 0 };
        ControlFlow::Continue(at + 1)
    }

    fn scan_broken(&mut self, rest: &[u8], mut boundary: Boundary) -> ControlFlow<End, usize> {
        let mut at = 0;
        while let Some(class) = class_at(rest, at) {
            match class {
                Class::Opening if boundary == Boundary::Reached => {
                    return end(at, TextKind::Broken);
                }
                Class::Space => {}
                Class::LineBreak | Class::Closing => boundary = Boundary::Reached,
                _ => boundary = Boundary::NotReached,
            }
            at += 1;
        }
        self.0 = State::Broken(boundary);
        ControlFlow::Continue(at)
    }
}

fn class_at(text: &[u8], at: usize) -> Option<Class> {
    text.get(at).map(|byte| CLASSES[usize::from(*byte)])
}

fn end(at: usize, kind: TextKind) -> ControlFlow<End, usize> {
    ControlFlow::Break(End { at, kind })
}
