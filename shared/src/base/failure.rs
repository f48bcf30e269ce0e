//! The cause of a failed run or export, as stored and as sent in webhooks.

use std::error::Error;
use std::fmt;
use std::iter::successors;

use serde::{Deserialize, Serialize};

use crate::base::printable;

/// The cause of an error whose type does not matter to callers.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The cause of a failure: a kind to branch on, a sentence for people, and the correlation id for support.
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
    /// The API responded with a permanent error status.
    Refused,
    /// The credentials were not accepted.
    LoginRefused,
    /// The page exceeds the limit on a response body.
    PageTooLarge,
    /// The API's data did not reach the end of the slice (`dataAvailabilityDate`) before the deadline.
    WatermarkDeadline,
    /// The job was not done before the deadline.
    JobDeadline,
    /// Still throttled at the deadline.
    ThrottledDeadline,
    /// Still unavailable at the deadline.
    UnavailableDeadline,
    /// The source announced more records than it returned.
    RecordsMissing,
    /// The export that this one depends on is not complete. Earlier versions wrote `records_missing`.
    BaseExportIncomplete,
    /// The job ended as FAILED or CANCELLED.
    JobFailed,
    /// The job or the query was lost more often than it may be replaced.
    SourceLost,
    /// The source's response violates its contract.
    SourceBroken,
    /// A record lacks its id or start, and the request has `onBadRecord: fail`.
    BadRecord,
    /// The stored bytes exceed the quota.
    QuotaExceeded,
    /// A slice has more pages than the limit.
    TooManyPages,
    /// A message could not be handled and was moved to a dead-letter queue.
    DeadLetter,
    /// No progress although messages were sent again several times.
    Stalled,
    /// An id is on two lines. Written by earlier versions only; a resume completes such an export.
    RepeatedRecord,
    /// The key with which values are hashed is missing or cannot be read.
    RedactionKey,
    /// This version does not support a region or a pattern of the plan's redaction. Earlier versions wrote
    /// `redaction_key`.
    RedactionUnsupported,
    /// The plan redacts less than the owner demands (`REDACTION_REQUIRED`).
    RedactionBelowPolicy,
}

impl FailureKind {
    /// Whether the failure is in our own infrastructure and may be transient, so that the sweep resumes the export.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::DeadLetter | Self::Stalled)
    }

    /// Whether the job or query of the run is no longer usable, so that `resume` starts a new one.
    pub fn makes_source_unusable(self) -> bool {
        matches!(
            self,
            Self::JobFailed
                | Self::SourceLost
                | Self::SourceBroken
                | Self::RecordsMissing
                | Self::BaseExportIncomplete
                // A chain without an end makes no progress, and its next page would exceed the limit again.
                | Self::TooManyPages
        )
    }
}

/// More than our own messages need. Those of the API may be a whole web page, and each is stored in several documents.
const MAX_MESSAGE_CHARS: usize = 2_000;

/// The API's own ids have 36 characters.
const MAX_CONTEXT_ID_CHARS: usize = 200;

impl Failure {
    /// Stores the message as one line and truncates it if it is long.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: one_line(&message.into(), MAX_MESSAGE_CHARS),
            context_id: None,
        }
    }

    #[must_use]
    pub(crate) fn with_context_id(self, context_id: Option<String>) -> Self {
        Self {
            context_id: context_id.map(|id| one_line(&id, MAX_CONTEXT_ID_CHARS)),
            ..self
        }
    }
}

/// Replaces control characters by spaces; an ellipsis marks truncation.
fn one_line(text: &str, max_chars: usize) -> String {
    let mut line: String = printable::one_line(text).chars().take(max_chars).collect();
    if text.chars().nth(max_chars).is_some() {
        line.push('…');
    }
    line
}

/// The error and its causes in one line. Each sentence appears once: a cause whose text is already part of an error's
/// own text is not repeated.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in successors(Some(error), |cause| (*cause).source()) {
        let text = cause.to_string();
        if text.is_empty() || parts.iter().any(|part| contains_words(part, &text)) {
            continue;
        }
        if parts.last().is_some_and(|last| contains_words(&text, last)) {
            parts.pop();
        }
        parts.push(text);
    }
    parts.join(": ")
}

/// Whether `part` occurs in `text` as whole words.
fn contains_words(text: &str, part: &str) -> bool {
    let is_boundary = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    text.match_indices(part).any(|(at, _)| {
        is_boundary(text[..at].chars().next_back())
            && is_boundary(text[at + part.len()..].chars().next())
    })
}

impl fmt::Display for Failure {
    /// The message only; the API's own messages contain the context id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with this text, whose source is the next one.
    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        below: Option<Box<Self>>,
    }

    fn chain_of(texts: &[&'static str]) -> String {
        let layers = texts
            .iter()
            .rev()
            .fold(None, |below, text| Some(Box::new(Layer { text, below })));
        error_chain(&*layers.unwrap())
    }

    #[test]
    fn the_text_of_an_error_and_its_causes_has_no_repetition() {
        let cases: [(&[&str], &str); 8] = [
            (&["a", "b", "c"], "a: b: c"),
            // An error that displays its source, and one that is transparent.
            (
                &["login failed: refused", "refused"],
                "login failed: refused",
            ),
            (&["refused", "refused", "refused"], "refused"),
            (
                &[
                    "export: login failed: refused",
                    "login failed: refused",
                    "refused",
                ],
                "export: login failed: refused",
            ),
            // A cause that repeats the text of its wrapper and adds to it.
            (
                &["cannot read x", "cannot read x: denied"],
                "cannot read x: denied",
            ),
            (
                &["start", "cannot read x", "cannot read x: denied", "denied"],
                "start: cannot read x: denied",
            ),
            // A part of a word is not a repetition.
            (&["cannot read", "not"], "cannot read: not"),
            (&["a", "", "b"], "a: b"),
        ];

        for (texts, expected) in cases {
            assert_eq!(chain_of(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn quoted_api_text_is_kept_as_one_line_of_bounded_length() {
        let page = "<html>\u{1b}[31m\r\n".repeat(10_000);

        let failure = Failure::new(FailureKind::JobFailed, format!("job failed: {page}"))
            .with_context_id(Some(page));

        assert_eq!(failure.message.chars().count(), 2_001);
        assert!(
            failure
                .message
                .starts_with("job failed: <html> [31m  <html>")
        );
        assert!(failure.message.ends_with('…'));
        assert_eq!(failure.context_id.unwrap().chars().count(), 201);
        let short = Failure::new(FailureKind::Refused, "no");
        assert_eq!(short.message, "no");
    }
}
