//! Recordings of a conversation: what the API says about each of them, without the audio.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// The description of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingMetadata {
    pub id: String,
    /// `audio`, `email`, `message`, `screen` …
    pub media: Option<String>,
    /// The leg that was recorded: the id of its session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communication_id: Option<String>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    /// `AVAILABLE`, `ARCHIVED`, `DELETED` …
    pub file_state: Option<String>,
    /// Key of the file in the bucket to which the vendor's S3 integration exports recordings. Derived, not reported by
    /// the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_key: Option<String>,
}

/// Bytes of a stored [`RecordingMetadata`] beside its texts: names of fields, times and the key in the bucket.
const ENVELOPE_BYTES: usize = 350;

impl RecordingMetadata {
    pub(super) fn bytes(&self) -> usize {
        let texts = self.media.iter().chain(&self.communication_id);
        let texts = texts.chain(&self.file_state).map(String::len);
        ENVELOPE_BYTES + self.id.len() + texts.sum::<usize>()
    }
}

/// The key at which the vendor's integration "AWS S3 recording bulk actions" stores a recording, if the start of the
/// conversation is known. Without the organisation's id, the key is relative to the organisation's folder.
///
/// The layout is documented; whether month, day and hour have a leading zero is not.
/// <https://help.mypurecloud.com/articles/working-with-exported-recordings-in-aws-s3-bucket/>
pub(super) fn archive_key(
    organization_id: Option<&str>,
    conversation_id: &str,
    conversation_start: Option<Timestamp>,
    recording_id: &str,
) -> Option<String> {
    let start = conversation_start?.to_zoned(TimeZone::UTC);
    let folder = organization_id.map_or_else(String::new, |id| format!("{id}/"));
    Some(format!(
        "{folder}year={:04}/month={:02}/day={:02}/hour={:02}/conversation_id={conversation_id}/{recording_id}",
        start.year(),
        start.month(),
        start.day(),
        start.hour(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_key_follows_the_start_of_the_conversation_in_utc() {
        let start = "2026-03-02T01:30:00+02:00".parse().ok();

        assert_eq!(
            archive_key(Some("o"), "c", start, "r").as_deref(),
            Some("o/year=2026/month=03/day=01/hour=23/conversation_id=c/r")
        );
        assert_eq!(
            archive_key(None, "c", start, "r").as_deref(),
            Some("year=2026/month=03/day=01/hour=23/conversation_id=c/r")
        );
        assert_eq!(archive_key(Some("o"), "c", None, "r"), None);
    }
}
