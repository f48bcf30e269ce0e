//! From the records of a results page to the bytes that are stored: pure, and the same every time.
//!
//! Values travel as the text they arrived as: nothing that is only copied is parsed, so numbers of any size and strings
//! of any kind stay as they are. This module knows no store and no clock, and does not look across pages.

mod identity;
mod results;
mod walk;

pub use identity::RejectReason;
pub use results::{JobResults, gateway_records};

/// Whose records these are, which says where id and start stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordShape {
    /// `conversationId` and `conversationStart`.
    Analytics,
    /// `id` and `startTime`. An id may be an integer.
    Gateway,
}
