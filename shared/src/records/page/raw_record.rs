//! A record as received, before it is interpreted.

use std::fmt;

use serde_json::value::RawValue;

/// A record, borrowed from the response body.
#[derive(Clone, Copy)]
pub enum RawRecord<'a> {
    Json(&'a RawValue),
    /// An element of a list that is not valid JSON, for example with a byte that is not UTF-8 or a raw line break in a
    /// string.
    Unreadable(&'a [u8]),
}

/// A record that owns its bytes and outlives the body.
#[derive(Clone)]
pub enum OwnedRecord {
    Json(Box<RawValue>),
    Unreadable(Box<[u8]>),
}

impl<'a> RawRecord<'a> {
    pub fn into_owned(self) -> OwnedRecord {
        match self {
            Self::Json(record) => OwnedRecord::Json(record.to_owned()),
            Self::Unreadable(bytes) => OwnedRecord::Unreadable(bytes.into()),
        }
    }

    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Json(record) => record.get().as_bytes(),
            Self::Unreadable(bytes) => bytes,
        }
    }

    /// The record's text, if it is JSON.
    pub fn json(self) -> Option<&'a str> {
        match self {
            Self::Json(record) => Some(record.get()),
            Self::Unreadable(_) => None,
        }
    }
}

impl OwnedRecord {
    pub fn raw(&self) -> RawRecord<'_> {
        match self {
            Self::Json(record) => RawRecord::Json(record),
            Self::Unreadable(bytes) => RawRecord::Unreadable(bytes),
        }
    }
}

impl PartialEq for RawRecord<'_> {
    /// Compares the bytes.
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl<'a> From<&'a RawValue> for RawRecord<'a> {
    fn from(record: &'a RawValue) -> Self {
        Self::Json(record)
    }
}

impl fmt::Debug for RawRecord<'_> {
    /// Omits the content: a record must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = match self {
            Self::Json(_) => ("Json", self.bytes()),
            Self::Unreadable(_) => ("Unreadable", self.bytes()),
        };
        write!(f, "{kind}({} bytes)", bytes.len())
    }
}

impl fmt::Debug for OwnedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw().fmt(f)
    }
}
