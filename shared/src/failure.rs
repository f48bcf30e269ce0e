//! Why a run or an export failed, as it is kept and announced.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The cause of a failure: a kind to branch on, a sentence for a person, and what support needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// The API's correlation id of the refused request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The API answered with a status that no repetition changes.
    Refused,
    /// The credentials were not accepted.
    LoginRefused,
    /// The page is larger than the limit on a body.
    PageTooLarge,
    /// The watermark did not reach the end of the slice in time.
    WatermarkDeadline,
    /// The job was not done in time.
    JobDeadline,
    /// Still throttled at the deadline.
    ThrottledDeadline,
    /// Still unavailable at the deadline.
    UnavailableDeadline,
    /// The source announced more records than it gave.
    RecordsMissing,
    /// The job ended as FAILED or CANCELLED.
    JobFailed,
    /// The job or the query was lost more often than we start anew.
    SourceLost,
    /// The source answered what its contract excludes.
    SourceBroken,
    /// A record without id or start, and the request says `fail`.
    BadRecord,
    /// More stored bytes than the quota.
    QuotaExceeded,
    /// More pages in one slice than the limit.
    TooManyPages,
    /// A message could not be handled and ended in a dead-letter queue.
    DeadLetter,
    /// Nothing moved although messages were sent again and again.
    Stalled,
    /// An id stands on two lines. Written by earlier versions only; a resume completes such an export.
    RepeatedRecord,
    /// What redacts the texts as planned is not there: mostly the key that values are hashed with.
    RedactionKey,
}

impl FailureKind {
    /// Whether the job or query behind the run is of no use any more, so that `resume` starts it anew.
    pub fn spoils_the_source(self) -> bool {
        matches!(
            self,
            Self::JobFailed | Self::SourceLost | Self::SourceBroken | Self::RecordsMissing
        )
    }
}

impl Failure {
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            context_id: None,
        }
    }

    #[must_use]
    pub fn with_context_id(self, context_id: Option<String>) -> Self {
        Self { context_id, ..self }
    }
}

/// The error and what caused it, in one line.
pub fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl fmt::Display for Failure {
    /// The sentence; the API's own sentences name the context id already.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
