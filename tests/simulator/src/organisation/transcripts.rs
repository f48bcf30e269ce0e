//! Texts of conversations: the message conversation and its messages, recordings, and a gateway's web details.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Organisation;
use super::request::Request;
use super::response::{ApiError, ApiResponse};
use crate::data::Email;
use crate::data::transcript::Transcript;

/// Verified in the official SDKs.
const BULK_MAX: usize = 1_000;

/// For each fault, the `n` of "one in `n` conversations" whose texts are not available normally. Zero disables the
/// fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnavailableTexts {
    /// The messages are 404, but the recordings contain the texts.
    pub recorded_only: usize,
    /// Neither messages nor recordings contain the texts.
    pub gone: usize,
    /// 403 because of the conversation, not because of the client's permissions.
    pub forbidden: usize,
    /// The response to a request for the messages is 413.
    pub too_large: usize,
    /// The messages contain their texts where their receipts should be.
    pub malformed: usize,
    /// The response to every request for the conversation is 500.
    pub broken: usize,
    /// Number of 202 responses before a conversation's recordings are available.
    pub preparing: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TextAvailability {
    Available,
    RecordedOnly,
    Gone,
    Forbidden,
    TooLarge,
    Malformed,
    Broken,
}

impl UnavailableTexts {
    /// Each fault has its own remainder, so that all of them occur.
    fn availability(self, index: usize) -> TextAvailability {
        let hit = |every: usize, shift: usize| every > 0 && index % every == shift % every;
        match index {
            _ if hit(self.recorded_only, 1) => TextAvailability::RecordedOnly,
            _ if hit(self.gone, 2) => TextAvailability::Gone,
            _ if hit(self.forbidden, 3) => TextAvailability::Forbidden,
            _ if hit(self.too_large, 4) => TextAvailability::TooLarge,
            _ if hit(self.malformed, 5) => TextAvailability::Malformed,
            _ if hit(self.broken, 6) => TextAvailability::Broken,
            _ => TextAvailability::Available,
        }
    }
}

impl Organisation {
    pub(crate) fn message_conversation(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let (index, transcript) = self.transcript(id, now)?;
        match self.availability_of(index) {
            TextAvailability::RecordedOnly | TextAvailability::Gone => Err(not_found()),
            TextAvailability::Forbidden => Err(ApiError::new(
                403,
                "not.authorized",
                "You are not authorized to perform the requested action.",
            )),
            TextAvailability::Broken => Err(ApiError::new(
                500,
                "internal.server.error",
                "The server encountered an unexpected condition.",
            )),
            TextAvailability::Available
            | TextAvailability::TooLarge
            | TextAvailability::Malformed => Ok(ApiResponse::json(200, &transcript.conversation())),
        }
    }

    pub(crate) fn messages_bulk(
        &self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let ids: Vec<String> = request.json()?;
        if !(1..=BULK_MAX).contains(&ids.len()) {
            let message = format!("the body must list 1 to {BULK_MAX} message ids");
            return Err(ApiError::bad_request(&message));
        }
        let (index, transcript) = self.transcript(id, now)?;
        match self.availability_of(index) {
            TextAvailability::TooLarge => Err(ApiError::new(
                413,
                "request.entity.too.large",
                "The response is over the size limit.",
            )),
            TextAvailability::Malformed => Ok(ApiResponse::json(
                200,
                &transcript.malformed_bulk(&ids, &request.host),
            )),
            TextAvailability::Available
            | TextAvailability::RecordedOnly
            | TextAvailability::Gone
            | TextAvailability::Forbidden
            | TextAvailability::Broken => Ok(ApiResponse::json(
                200,
                &transcript.bulk(&ids, &request.host),
            )),
        }
    }

    /// 202 while the recordings are being prepared, 404 where none are kept.
    pub(crate) fn recordings(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let index = self.find_visible(id, now).ok_or_else(not_found)?;
        let recordings = self.recordings_of(index, &request.host);
        if recordings.is_empty() || self.availability_of(index) == TextAvailability::Gone {
            return Err(not_found());
        }
        let request_count = self.prepared.entry(index).or_default();
        *request_count += 1;
        if *request_count <= self.settings.unavailable_texts.preparing {
            return Ok(ApiResponse::empty(202));
        }
        Ok(ApiResponse::json(200, &Value::Array(recordings)))
    }

    /// `[RecordingMetadata]`: the recordings without what they hold.
    pub(crate) fn recording_metadata(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let index = self.find_visible(id, now).ok_or_else(not_found)?;
        let mut recordings = self.recordings_of(index, "");
        for recording in recordings.iter_mut().filter_map(Value::as_object_mut) {
            recording.retain(|name, _| !name.to_ascii_lowercase().ends_with("transcript"));
        }
        Ok(ApiResponse::json(200, &Value::Array(recordings)))
    }

    /// The recordings of messages, e-mails and calls.
    fn recordings_of(&self, index: usize, host: &str) -> Vec<Value> {
        let seed = self.settings.seed;
        let mut recordings = Vec::new();
        if let Some(messages) = self.data.transcript(index, seed) {
            recordings.push(messages.recording(host));
        }
        if let Some(emails) = self.data.emails(index, seed) {
            let conversation_id = &self.data.conversations[index].id;
            let texts: Vec<Value> = emails.iter().map(Email::json).collect();
            recordings.push(json!({
                "id": conversation_id, "conversationId": conversation_id, "media": "email", "fileState": "AVAILABLE",
                "startTime": emails[0].time, "endTime": emails[emails.len() - 1].time, "emailTranscript": texts,
            }));
        }
        if let Some(speech) = self.data.speech(index, seed) {
            recordings.extend(speech.recordings());
        }
        recordings
    }

    /// A gateway's route, which takes no parameters.
    pub(crate) fn web_details(
        &self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        if let Some((name, _)) = request.parameters.first() {
            return Err(ApiError::bad_request(&format!("unknown parameter {name}")));
        }
        let (index, transcript) = self.transcript(id, now)?;
        match self.availability_of(index) {
            TextAvailability::Gone => Err(not_found()),
            _ => Ok(ApiResponse::json(200, &transcript.web_details())),
        }
    }

    fn availability_of(&self, index: usize) -> TextAvailability {
        self.settings.unavailable_texts.availability(index)
    }

    fn transcript(&self, id: &str, now: Timestamp) -> Result<(usize, Transcript), ApiError> {
        let index = self.find_visible(id, now).ok_or_else(not_found)?;
        let transcript = self.data.transcript(index, self.settings.seed);
        Ok((index, transcript.ok_or_else(not_found)?))
    }
}

pub(super) fn not_found() -> ApiError {
    ApiError::new(
        404,
        "conversation.not.found",
        "The conversation was not found.",
    )
}
