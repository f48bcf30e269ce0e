//! Transcripts of calls by speech and text analytics: the presigned URL, and the file at another host, which refuses a
//! token as S3 does.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::Organisation;
use super::interval::after;
use super::request::Request;
use super::response::{ApiError, ApiResponse};
use super::transcripts::not_found;
use crate::data::speech::Speech;

/// Documented: a URL expires after ten minutes.
const URL_LIFETIME: Duration = Duration::from_mins(10);

/// For each fault, the `n` of "one in `n` conversations" whose calls have no ordinary transcript. Zero disables the
/// fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnavailableSpeech {
    /// There is no transcript: 404 for each communication.
    pub gone: usize,
    /// The URL leads to a file that no longer exists.
    pub file_gone: usize,
    /// 403 because of the conversation, not because of the client's permissions.
    pub forbidden: usize,
    /// The transcript is a document of another shape.
    pub malformed: usize,
    /// The transcript is not JSON.
    pub not_json: usize,
    /// The transcript is padded to this number of bytes, in every conversation.
    pub padded_bytes: usize,
    /// The organisation has no licence: 403 for every conversation. How the API says so is not documented.
    pub unlicensed: bool,
    /// Number of 202 responses before the URL of a communication's transcript is available. Undocumented.
    pub preparing: u32,
    /// Number of downloads of each transcript that the host refuses because the URL has expired.
    pub expired: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SpeechFault {
    Gone,
    FileGone,
    Forbidden,
    Malformed,
    NotJson,
}

impl UnavailableSpeech {
    /// Each fault has its own remainder, so that all of them occur.
    fn fault(self, index: usize) -> Option<SpeechFault> {
        let hit = |every: usize, shift: usize| every > 0 && index % every == shift % every;
        match index {
            _ if hit(self.gone, 1) => Some(SpeechFault::Gone),
            _ if hit(self.file_gone, 2) => Some(SpeechFault::FileGone),
            _ if hit(self.forbidden, 3) => Some(SpeechFault::Forbidden),
            _ if hit(self.malformed, 4) => Some(SpeechFault::Malformed),
            _ if hit(self.not_json, 5) => Some(SpeechFault::NotJson),
            _ => None,
        }
    }
}

impl Organisation {
    /// `TranscriptUrl`.
    pub(crate) fn transcript_url(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let (index, speech, leg) = self.leg(id, request, now)?;
        let communication = &speech.communications[leg].id;
        if let Some(response) = self.not_ready(index, communication)? {
            return Ok(response);
        }
        let url = self.url_of(&speech, leg, now);
        Ok(ApiResponse::json(200, &json!({ "url": url })))
    }

    /// `TranscriptUrls`.
    pub(crate) fn transcript_urls(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let (index, speech, leg) = self.leg(id, request, now)?;
        let communication = &speech.communications[leg];
        if let Some(response) = self.not_ready(index, &communication.id)? {
            return Ok(response);
        }
        let recording = &communication.recording_id;
        let body = json!({
            "conversation": {"id": id, "selfUri": format!("/api/v2/conversations/{id}")},
            "communicationId": communication.id,
            "urls": [{
                "recording": {"id": recording, "selfUri": format!("/api/v2/conversations/{id}/recordings/{recording}")},
                "url": self.url_of(&speech, leg, now),
            }],
        });
        Ok(ApiResponse::json(200, &body))
    }

    /// The file. Like S3, the host refuses a request that has a signature and a token.
    pub(crate) fn transcript_file(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        if request.authorization.is_some() {
            return Ok(of_s3(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed",
            ));
        }
        let (index, speech, leg) = self.leg(id, request, now)?;
        let communication = &speech.communications[leg].id;
        let downloads = self
            .downloaded_speech
            .entry(communication.clone())
            .or_default();
        *downloads += 1;
        let faults = &self.settings.unavailable_speech;
        if *downloads <= faults.expired || is_expired(request, now) {
            return Ok(of_s3(403, "AccessDenied", "Request has expired"));
        }
        Ok(match faults.fault(index) {
            Some(SpeechFault::FileGone) => {
                of_s3(404, "NoSuchKey", "The specified key does not exist.")
            }
            Some(SpeechFault::Malformed) => ApiResponse::json(200, &json!({"transcripts": "lost"})),
            Some(SpeechFault::NotJson) => ApiResponse::raw(200, "<html>moved</html>".to_owned()),
            Some(SpeechFault::Gone | SpeechFault::Forbidden) | None => {
                ApiResponse::raw(200, speech.document(leg, faults.padded_bytes))
            }
        })
    }

    /// The conversation, what was said in it, and the communication of the path.
    fn leg(
        &self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<(usize, Speech, usize), ApiError> {
        let index = self.find_visible(id, now).ok_or_else(not_found)?;
        let speech = self.data.speech(index, self.settings.seed);
        let speech = speech.ok_or_else(not_found)?;
        let is_named = |it: &str| {
            let named = request.path.split('/').any(|segment| segment == it);
            named || request.path.ends_with(&format!("/{it}-transcripts"))
        };
        let mut legs = speech.communications.iter();
        let leg = legs
            .position(|leg| is_named(&leg.id))
            .ok_or_else(not_found)?;
        Ok((index, speech, leg))
    }

    /// The response while the transcript is not ready, or the error in place of its URL.
    fn not_ready(
        &mut self,
        index: usize,
        communication: &str,
    ) -> Result<Option<ApiResponse>, ApiError> {
        let faults = self.settings.unavailable_speech;
        if faults.unlicensed {
            let message = "The organization is not licensed for speech and text analytics.";
            return Err(ApiError::new(403, "license.required", message));
        }
        match faults.fault(index) {
            Some(SpeechFault::Gone) => {
                return Err(ApiError::not_found("The transcript was not found."));
            }
            Some(SpeechFault::Forbidden) => {
                let message = "You are not authorized to perform the requested action.";
                return Err(ApiError::new(403, "not.authorized", message));
            }
            _ => {}
        }
        let requests = self
            .requested_speech
            .entry(communication.to_owned())
            .or_default();
        *requests += 1;
        Ok((*requests <= faults.preparing).then(|| ApiResponse::empty(202)))
    }

    fn url_of(&self, speech: &Speech, leg: usize, now: Timestamp) -> String {
        let (host, id) = (&self.files_host, speech.conversation_id());
        let communication = &speech.communications[leg].id;
        format!(
            "http://{host}/transcriptsCache/{id}/{communication}-transcripts?X-Amz-Date={}&X-Amz-Expires={}&X-Amz-Signature=5f7a",
            now.as_millisecond(),
            URL_LIFETIME.as_secs()
        )
    }
}

fn is_expired(request: &Request, now: Timestamp) -> bool {
    let issued = request.parameter("X-Amz-Date").unwrap_or_default();
    let issued = issued.parse().ok();
    let issued = issued.and_then(|issued| Timestamp::from_millisecond(issued).ok());
    issued.is_none_or(|issued| after(issued, URL_LIFETIME) < now)
}

fn of_s3(status: u16, code: &str, message: &str) -> ApiResponse {
    ApiResponse::xml(
        status,
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    )
}
