//! A record's JSON as a list of nodes, made in one pass that copies nothing.
//!
//! Records are stored as they were received, and contain JSON that most parsers refuse: lone surrogates, repeated
//! members, numbers beyond a double. All of it is accepted here; the depth is limited.

mod scanner;
mod text;

pub(crate) use text::{Decoded, decode, quote};

/// The deepest nesting that a record may have.
pub const MAX_DEPTH: usize = 128;

/// Why a line is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Rejection {
    #[error("not JSON")]
    NotJson,
    #[error("not a JSON object")]
    NotAnObject,
    #[error("nested deeper than 128")]
    TooDeep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// The node after this value and everything in it.
    next: u32,
}

/// The nodes of one JSON value. An object is followed by its members, each a name (a string) and a value; an array by its
/// elements.
#[derive(Debug, Default)]
pub(crate) struct Nodes(Vec<Node>);

/// A value in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    text: &'a str,
    nodes: &'a [Node],
    position: u32,
}

impl Nodes {
    /// Reads one JSON value and replaces the nodes of the previous one.
    pub(crate) fn read<'a>(&'a mut self, text: &'a [u8]) -> Result<Value<'a>, Rejection> {
        let text = std::str::from_utf8(text).map_err(|_| Rejection::NotJson)?;
        self.scan(text, MAX_DEPTH)
    }

    fn scan<'a>(&'a mut self, text: &'a str, depth: usize) -> Result<Value<'a>, Rejection> {
        scanner::scan(text, depth, &mut self.0)?;
        Ok(Value {
            text,
            nodes: &self.0,
            position: 0,
        })
    }

    /// Reads a column `extra`, in which elements of a record are two levels deeper than in the record.
    pub(crate) fn read_extra<'a>(&'a mut self, text: &'a str) -> Result<Value<'a>, Rejection> {
        let value = self.scan(text, MAX_DEPTH + 2)?;
        match value.kind() {
            Kind::Object => Ok(value),
            _ => Err(Rejection::NotAnObject),
        }
    }

    /// Reads a record: a value that is an object.
    pub(crate) fn read_object<'a>(&'a mut self, text: &'a [u8]) -> Result<Value<'a>, Rejection> {
        let value = self.read(text)?;
        match value.kind() {
            Kind::Object => Ok(value),
            _ => Err(Rejection::NotAnObject),
        }
    }
}

impl<'a> Value<'a> {
    fn node(self) -> Node {
        self.nodes[self.position as usize]
    }

    /// Another value of the same text, by its position.
    pub(crate) fn at(self, position: u32) -> Self {
        Self { position, ..self }
    }

    pub(crate) fn position(self) -> u32 {
        self.position
    }

    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// The text of the value, as it was received.
    pub(crate) fn raw(self) -> &'a str {
        let node = self.node();
        &self.text[node.start as usize..node.end as usize]
    }

    /// The content of a string; `None` for any other value.
    pub(crate) fn string(self) -> Option<Decoded<'a>> {
        (self.kind() == Kind::String).then(|| decode(self.raw()))
    }

    /// Names and values of an object, in order, including repeated ones; empty for any other value.
    pub(crate) fn members(self) -> impl Iterator<Item = (Self, Self)> {
        let mut children = self.children(Kind::Object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The elements of an array; empty for any other value.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> {
        self.children(Kind::Array)
    }

    fn children(self, kind: Kind) -> impl Iterator<Item = Self> {
        let node = self.node();
        let end = if node.kind == kind { node.next } else { 0 };
        let mut position = self.position + 1;
        std::iter::from_fn(move || {
            let child = (position < end).then(|| self.at(position))?;
            position = child.node().next;
            Some(child)
        })
    }
}

#[cfg(test)]
mod tests;
