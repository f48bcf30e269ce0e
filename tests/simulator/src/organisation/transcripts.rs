//! Texts of conversations: the message conversation and its messages, recordings, and a gateway's web details.

use jiff::Timestamp;

use super::Organisation;
use super::answer::{Answer, ApiError};
use super::request::Request;
use crate::data::transcript::Transcript;

/// Verified in the official SDKs.
const BULK_MAX: usize = 1_000;

/// For each fault, the `n` of "one in `n` conversations" whose texts are not available normally. Zero disables the
/// fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Untold {
    /// The messages are 404, but the recordings contain the texts.
    pub recorded_only: usize,
    /// Neither messages nor recordings contain the texts.
    pub gone: usize,
    /// 403 because of the conversation, not because of the client's permissions.
    pub forbidden: usize,
    /// The messages are answered with 413.
    pub too_large: usize,
    /// The messages contain their texts where their receipts should be.
    pub malformed: usize,
    /// Every request for the conversation is answered with 500.
    pub broken: usize,
    /// Number of 202 responses before a conversation's recordings are available.
    pub preparing: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Told,
    RecordedOnly,
    Gone,
    Forbidden,
    TooLarge,
    Malformed,
    Broken,
}

impl Untold {
    /// Each fault has its own remainder, so that all of them occur.
    fn fate(self, place: usize) -> Fate {
        let hit = |every: usize, shift: usize| every > 0 && place % every == shift % every;
        match place {
            _ if hit(self.recorded_only, 1) => Fate::RecordedOnly,
            _ if hit(self.gone, 2) => Fate::Gone,
            _ if hit(self.forbidden, 3) => Fate::Forbidden,
            _ if hit(self.too_large, 4) => Fate::TooLarge,
            _ if hit(self.malformed, 5) => Fate::Malformed,
            _ if hit(self.broken, 6) => Fate::Broken,
            _ => Fate::Told,
        }
    }
}

impl Organisation {
    pub(crate) fn message_conversation(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let (place, transcript) = self.transcript(id, now)?;
        match self.fate_of(place) {
            Fate::RecordedOnly | Fate::Gone => Err(not_found()),
            Fate::Forbidden => Err(ApiError::new(
                403,
                "not.authorized",
                "You are not authorized to perform the requested action.",
            )),
            Fate::Broken => Err(ApiError::new(
                500,
                "internal.server.error",
                "The server encountered an unexpected condition.",
            )),
            Fate::Told | Fate::TooLarge | Fate::Malformed => {
                Ok(Answer::json(200, &transcript.conversation()))
            }
        }
    }

    pub(crate) fn messages_bulk(
        &self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let ids: Vec<String> = request.json()?;
        if !(1..=BULK_MAX).contains(&ids.len()) {
            let message = format!("the body must list 1 to {BULK_MAX} message ids");
            return Err(ApiError::bad_request(&message));
        }
        let (place, transcript) = self.transcript(id, now)?;
        match self.fate_of(place) {
            Fate::TooLarge => Err(ApiError::new(
                413,
                "request.entity.too.large",
                "The response is over the size limit.",
            )),
            Fate::Malformed => Ok(Answer::json(
                200,
                &transcript.malformed_bulk(&ids, &request.host),
            )),
            Fate::Told | Fate::RecordedOnly | Fate::Gone | Fate::Forbidden | Fate::Broken => {
                Ok(Answer::json(200, &transcript.bulk(&ids, &request.host)))
            }
        }
    }

    /// 202 while the recordings are being prepared, 404 where none are kept.
    pub(crate) fn recordings(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let (place, transcript) = self.transcript(id, now)?;
        if self.fate_of(place) == Fate::Gone {
            return Err(not_found());
        }
        let asked = self.prepared.entry(place).or_default();
        *asked += 1;
        if *asked <= self.settings.untold.preparing {
            return Ok(Answer::empty(202));
        }
        Ok(Answer::json(200, &transcript.recordings(&request.host)))
    }

    pub(crate) fn web_details(&self, id: &str, now: Timestamp) -> Result<Answer, ApiError> {
        let (place, transcript) = self.transcript(id, now)?;
        match self.fate_of(place) {
            Fate::Gone => Err(not_found()),
            _ => Ok(Answer::json(200, &transcript.web_details())),
        }
    }

    fn fate_of(&self, place: usize) -> Fate {
        self.settings.untold.fate(place)
    }

    fn transcript(&self, id: &str, now: Timestamp) -> Result<(usize, Transcript), ApiError> {
        let place = self.present(id, now).ok_or_else(not_found)?;
        let transcript = self.data.transcript(place, self.settings.seed);
        Ok((place, transcript.ok_or_else(not_found)?))
    }
}

fn not_found() -> ApiError {
    ApiError::new(
        404,
        "conversation.not.found",
        "The conversation was not found.",
    )
}
