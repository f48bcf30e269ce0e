//! From a line to rows: a pure function that loses nothing. The column `extra` of a row takes the members that no
//! column holds exactly; from it [`rebuild()`] puts the record together again.

mod buffers;
mod extra;
mod flatten;
mod found;
mod level;
mod rebuild;
mod report;

use jiff::Timestamp;

pub use buffers::Tables;
pub(crate) use buffers::schema;
pub use flatten::Flattener;
pub use rebuild::{Place, RebuildError, rebuild};
pub use report::{RejectedLine, Report};

/// The load that rows belong to.
#[derive(Clone, Debug)]
pub struct Load {
    pub export_id: String,
    /// End of the export's interval.
    pub interval_end: Timestamp,
    pub planned_at: Timestamp,
    /// 0 for the first load of an export.
    pub generation: u32,
}

/// A line of a page, with its place and what the page index says of it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Without the line break.
    pub text: &'a [u8],
    pub slice: u32,
    pub page: u32,
    /// Number of the line in its page, from 1.
    pub line: u64,
    /// The record's id; `None` for a frame without a conversation, and for a manifest.
    pub id: Option<&'a str>,
    /// `watermark` of the page record, else its `committedAt`.
    pub version_at: Timestamp,
    /// SHA-256 of the line, in hexadecimal digits.
    pub content_sha256: &'a str,
    /// Further columns that are neither in the line nor in its load, by name.
    pub given: &'a [(&'static str, Given<'a>)],
}

/// A value that the caller gives for a column.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    Text(&'a str),
    Moment(Timestamp),
}

#[cfg(test)]
mod tests;
