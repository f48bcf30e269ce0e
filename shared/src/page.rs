//! From the records of a results page to the bytes that are stored: pure, and the same every time.
//!
//! Values travel as the text they arrived as: nothing that is only copied is parsed, so numbers of any size and strings
//! of any kind stay as they are. This module knows no store and no clock, and does not look across pages.

use std::fmt;

use serde::{Deserialize, Serialize};

mod identity;
mod minimal;
mod results;
mod standard;
mod walk;

pub use identity::RejectReason;
pub use results::{JobResults, gateway_records};
pub use standard::dropped_paths;

/// How much of a record is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Projection {
    /// Seven fields and the participants' id, type and name; an analytics record is mapped to them.
    Minimal,
    /// The record without the fields named by [`dropped_paths`]; a gateway's record as it is.
    #[default]
    Standard,
    /// The record as it is.
    Full,
}

/// Whose records these are, which says where id and start stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordShape {
    /// `conversationId` and `conversationStart`.
    Analytics,
    /// `id` and `startTime`. An id may be an integer.
    Gateway,
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimal => "minimal",
            Self::Standard => "standard",
            Self::Full => "full",
        })
    }
}
