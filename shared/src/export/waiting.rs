//! The reason and the times of a page's wait.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::ids::PageId;

/// The reason why a page waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitReason {
    /// The job is not done yet.
    Job,
    /// The API's data does not reach the end of the slice yet.
    Watermark,
    /// The API responds with 429.
    Throttled,
    /// Any other error that is still transient at the end of the invocation.
    Unavailable,
    /// A page without records although the source announced some.
    Empty,
    /// The export that this one depends on has not ended.
    Export,
}

/// The start of a page's wait, for each reason.
pub type Waits = BTreeMap<WaitReason, Timestamp>;

/// The reason why a page cannot continue now, from the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub reason: WaitReason,
    /// The delay that the source requests, such as `Retry-After`.
    pub hint: Option<Duration>,
    /// A sentence for the failure, if the wait times out.
    pub detail: String,
}

/// `waiting.json`: the reason, start and end of a run's wait. Overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: PageId,
    pub reason: WaitReason,
    pub detail: String,
    pub times_parked: u32,
    /// For each reason, the time when this page first parked for it. Each page starts with new limits.
    pub since: Waits,
    pub not_before: Timestamp,
    pub deadline: Timestamp,
}
