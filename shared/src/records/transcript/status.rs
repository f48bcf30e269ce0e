//! The status of a transcript: whether the texts of a conversation are stored, and if not, why.

use serde::{Deserialize, Serialize};

/// Whether a conversation's texts are stored.
///
/// | status | texts stored | cause |
/// |---|---|---|
/// | [`Complete`](Self::Complete) | all | the source may have none: an understood, empty conversation is complete |
/// | [`Partial`](Self::Partial) | some | the source did not return the others, or they cannot be read |
/// | [`Truncated`](Self::Truncated) | the newest | the request limits the transcript |
/// | [`Gone`](Self::Gone) | none | the source no longer has them, or never had |
/// | [`NotRecorded`](Self::NotRecorded) | none | nothing was recorded of the media asked for: there is no text to archive |
/// | [`Forbidden`](Self::Forbidden) | none | the client may not read the conversation |
/// | [`NotLicensed`](Self::NotLicensed) | none | the organisation has no licence for transcripts of calls |
/// | [`TooLarge`](Self::TooLarge) | none | a limit of the source, of this program or of the request |
/// | [`Malformed`](Self::Malformed) | none | the source's response violates its contract |
/// | [`Preparing`](Self::Preparing) | none | the recording or its transcript was not ready in time |
/// | [`Refused`](Self::Refused) | none | the source refuses the request for this conversation |
/// | [`Unavailable`](Self::Unavailable) | none | the source failed at this conversation |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Complete,
    /// Some of its messages were not returned or cannot be read.
    Partial,
    /// All of its messages were returned, and the oldest were left out because the request limits the transcript.
    Truncated,
    /// The API no longer has any of them, or never had.
    Gone,
    /// Nothing was recorded of the media asked for, or the conversation has no session of them. There is no text to
    /// archive, so nothing is missing.
    NotRecorded,
    /// The client may not read this conversation.
    Forbidden,
    /// The organisation has no licence for the feature that has the texts, or has not switched it on.
    NotLicensed,
    /// Larger than the API returns, than this program keeps, or than the request allows for a single message.
    TooLarge,
    /// The API's response violates its contract.
    Malformed,
    /// The recording or its transcript was not ready in time.
    Preparing,
    /// The API refuses the request with a status that says neither that the conversation is gone nor that it is
    /// forbidden, such as 400.
    Refused,
    /// The API returned other conversations, but failed at this one.
    Unavailable,
}

impl Status {
    pub const ALL: [Self; 12] = [
        Self::Complete,
        Self::Partial,
        Self::Truncated,
        Self::Gone,
        Self::NotRecorded,
        Self::Forbidden,
        Self::NotLicensed,
        Self::TooLarge,
        Self::Malformed,
        Self::Preparing,
        Self::Refused,
        Self::Unavailable,
    ];

    /// The name in a stored record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Truncated => "truncated",
            Self::Gone => "gone",
            Self::NotRecorded => "notRecorded",
            Self::Forbidden => "forbidden",
            Self::NotLicensed => "notLicensed",
            Self::TooLarge => "tooLarge",
            Self::Malformed => "malformed",
            Self::Preparing => "preparing",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status with this name; `None` for a name that this version does not know.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether the record holds the texts of the conversation, or those of them that could be read and kept. Also true
    /// for a conversation that was read completely and has no message.
    pub fn has_text(self) -> bool {
        match self {
            Self::Complete | Self::Partial | Self::Truncated => true,
            Self::Gone
            | Self::NotRecorded
            | Self::Forbidden
            | Self::NotLicensed
            | Self::TooLarge
            | Self::Malformed
            | Self::Preparing
            | Self::Refused
            | Self::Unavailable => false,
        }
    }

    /// Whether the conversation has, or had, texts of the media asked for, as far as the source says. If not, a record
    /// without texts lacks nothing.
    pub fn expects_text(self) -> bool {
        self != Self::NotRecorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_name_and_says_whether_texts_exist() {
        let rows = Status::ALL.map(|status| {
            assert_eq!(serde_json::json!(status), status.as_str());
            assert_eq!(Status::from_name(status.as_str()), Some(status));
            let (has, expects) = (status.has_text(), status.expects_text());
            format!("{} {has} {expects}", status.as_str())
        });

        insta::assert_snapshot!(rows.join("\n"), @r"
        complete true true
        partial true true
        truncated true true
        gone false true
        notRecorded false false
        forbidden false true
        notLicensed false true
        tooLarge false true
        malformed false true
        preparing false true
        refused false true
        unavailable false true
        ");
    }
}
