//! The descriptions of a conversation's recordings.

use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::genesys::wire::Recording;
use crate::records::transcript::{RecordingMetadata, Transcript, Via};

/// The recordings that a document describes, which is a list of this conversation's. Elements without an id are left
/// out.
pub(crate) fn recording_metadata(
    document: &RawValue,
    id: &str,
) -> Result<Vec<RecordingMetadata>, DecodeError> {
    let listed = Recording::list(document, id)?;
    Ok(listed.read.iter().filter_map(metadata).collect())
}

/// The recordings of a document, which is a list of this conversation's, and a transcript that describes them and holds
/// the elements that cannot be read.
pub(super) fn recordings_and_transcript(
    document: &RawValue,
    id: &str,
) -> Result<(Vec<Recording>, Transcript), DecodeError> {
    let listed = Recording::list(document, id)?;
    let mut transcript = Transcript::new(Via::Recordings, None);
    let recordings = transcript.take_readable("recordings", listed);
    transcript.recordings = recordings.iter().filter_map(metadata).collect();
    Ok((recordings, transcript))
}

/// The description of a recording that has an id. Its key in the vendor's bucket depends on the conversation.
fn metadata(recording: &Recording) -> Option<RecordingMetadata> {
    Some(RecordingMetadata {
        id: recording.id.clone()?,
        media: recording.media.clone(),
        communication_id: recording.session_id.clone(),
        start_time: recording.start_time,
        end_time: recording.end_time,
        file_state: recording.file_state.clone(),
        archive_key: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(document: &Value) -> Result<Vec<RecordingMetadata>, DecodeError> {
        let document = RawValue::from_string(document.to_string()).unwrap();
        recording_metadata(&document, "c")
    }

    #[test]
    fn a_recording_is_described_by_its_id_times_and_state() {
        let listed = json!([{
            "id": "r", "media": "AUDIO", "sessionId": "s", "startTime": "2026-03-02T14:03:10.112Z",
            "endTime": "2026-03-02T14:05:00Z", "fileState": "ARCHIVED",
        }]);

        let recordings = read(&listed).unwrap();

        let text = serde_json::to_string(&recordings[0]).unwrap();
        insta::assert_snapshot!(text, @r#"{"id":"r","media":"audio","communicationId":"s","startTime":"2026-03-02T14:03:10.112Z","endTime":"2026-03-02T14:05:00Z","fileState":"ARCHIVED"}"#);
    }

    #[test]
    fn odd_values_lose_only_themselves() {
        for odd in [
            json!(null),
            json!(7),
            json!(true),
            json!([1]),
            json!({"x": 1}),
        ] {
            let listed = json!([
                {"id": "r", "media": "audio", "startTime": odd, "sessionId": odd, "fileState": odd},
                {"media": "audio"},
                odd,
            ]);

            let recordings = read(&listed).unwrap();

            assert_eq!(recordings.len(), 1, "{odd}");
            assert_eq!(recordings[0].id, "r", "{odd}");
        }
        assert!(read(&json!({"message": "boom"})).is_err());
        assert!(read(&json!([{"id": "r", "conversationId": "other"}])).is_err());
    }
}
