//! The requests for one conversation, and the interpretation of their responses.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Transcripts;
use super::allowance::Allowance;
use super::batches::BulkLimit;
use super::bodies::{Recordings, web_details};
use super::fetch::{Cause, Fetch, Postponed, Stop, Texts, invalid_id};
use crate::base::deadline::Deadline;
use crate::base::decode::DecodeError;
use crate::base::decode::object::required_object;
use crate::base::time::elapsed;
use crate::export::plan::TranscriptPlan;
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::{ApiError, ApiPath, Call, GenesysClient, InvalidSegment, Reply};
use crate::records::medium::Medium;
use crate::records::transcript::{self, NoTranscript, Status, Transcript, TranscriptRoute};
use crate::source::fetched_page::RequestCost;

/// `maxWaitMs`: how long the API waits for a recording that is being prepared. How long preparation takes is not
/// documented.
/// <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/RecordingApi.md>
const RECORDING_WAIT_MS: u32 = 5_000;
/// Number of such waits when a postponed conversation is requested again, after all others.
const RECORDING_WAITS: u32 = 6;

const NO_RECORDINGS: &str = "the client may not read recordings (recording:recording:view), so conversations whose messages are not found have no fallback";

/// The result of one conversation, and its cost.
pub(super) struct Fetched {
    pub(super) fetch: Fetch,
    pub(super) cost: RequestCost,
    pub(super) warnings: Warnings,
}

/// What the operator should know of the requests for conversations, each sentence once.
pub(super) type Warnings = BTreeSet<&'static str>;

/// The requests for one conversation.
pub(super) struct ConversationRequests<'a> {
    source: &'a Transcripts,
    pub(super) id: &'a str,
    pub(super) plan: &'a TranscriptPlan,
    pub(super) allowance: Allowance,
    /// Whether the conversation was postponed.
    again: bool,
    pub(super) deadline: Deadline,
    pub(super) cost: RequestCost,
    pub(super) warnings: Warnings,
    /// Bytes of the media that were read before the current one.
    pub(super) held_bytes: u64,
    /// The ids of its messages, known once the conversation has listed them.
    pub(super) announced: Vec<String>,
}

impl<'a> ConversationRequests<'a> {
    pub(super) fn new(
        source: &'a Transcripts,
        id: &'a str,
        plan: &'a TranscriptPlan,
        allowance: Allowance,
        again: bool,
        deadline: Deadline,
    ) -> Self {
        Self {
            source,
            id,
            plan,
            allowance,
            again,
            deadline,
            cost: RequestCost::default(),
            warnings: Warnings::new(),
            held_bytes: 0,
            announced: Vec::new(),
        }
    }

    pub(super) async fn fetch(mut self) -> Fetched {
        let texts = self.texts().await;
        Fetched {
            fetch: texts.map_or_else(|fetch| fetch, |texts| Fetch::Record(Ok(texts))),
            cost: self.cost,
            warnings: self.warnings,
        }
    }

    /// The texts, or the result of the conversation without them.
    async fn texts(&mut self) -> Result<Box<Texts>, Fetch> {
        // An earlier export may hold ids of any form, and an id must not lead the request to another path.
        if !transcript::is_id(self.id) {
            return Err(invalid_id().into());
        }
        let read = if self.plan.media == Medium::DEFAULT {
            self.messages_of_route().await
        } else {
            self.media().await
        };
        match read {
            Ok(transcript) => {
                let transcript = self.within_allowance(transcript)?;
                self.with_files(transcript).await
            }
            Err(fetch) => Err(self.fallback_within_allowance(fetch)?),
        }
    }

    fn within_allowance(&self, mut transcript: Transcript) -> Result<Transcript, Stop> {
        transcript.apply_limits(self.plan.limits);
        let is_within = transcript.stored_bytes() <= self.allowance.bytes();
        if is_within && !transcript.cut.is_beyond_archive_limit() {
            return Ok(transcript);
        }
        self.too_large(transcript)
    }

    /// Applies the allowance to the texts of a postponed conversation. A retry makes them no smaller, so those that are
    /// too large are final.
    fn fallback_within_allowance(&self, fetch: Fetch) -> Result<Fetch, Stop> {
        let Fetch::RetryLater(mut postponed) = fetch else {
            return Ok(fetch);
        };
        let Ok(texts) = &mut postponed.fallback else {
            return Ok(Fetch::RetryLater(postponed));
        };
        let empty = Transcript::new(texts.transcript.via, None);
        let transcript = std::mem::replace(&mut texts.transcript, empty);
        texts.transcript = self.within_allowance(transcript)?;
        if texts.transcript.cut.is_beyond_archive_limit() {
            return Ok(Fetch::Record(postponed.fallback));
        }
        Ok(Fetch::RetryLater(postponed))
    }

    /// Whether texts of this size fit beside those of the media that were read before.
    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        self.held_bytes.saturating_add(bytes) <= self.allowance.bytes()
    }

    /// Ends the page before a transcript that is larger than its share, and leaves out the texts of one that is larger
    /// than any that is kept.
    pub(super) fn too_large(&self, mut transcript: Transcript) -> Result<Transcript, Stop> {
        match self.allowance {
            Allowance::Other => Err(Stop::LargerThanShare),
            Allowance::First => {
                transcript.leave_out_all();
                Ok(transcript)
            }
        }
    }

    pub(super) fn client(&self) -> &'a GenesysClient {
        &self.source.client
    }

    pub(super) fn bulk_limit(&self) -> &'a BulkLimit {
        &self.source.bulk_limit
    }

    /// The messages of the conversation.
    pub(super) async fn messages_of_route(&mut self) -> Result<Transcript, Fetch> {
        match self.plan.route {
            TranscriptRoute::Messages => self.messages_or_recordings().await,
            TranscriptRoute::WebDetails => self.web_details().await,
        }
    }

    async fn messages_or_recordings(&mut self) -> Result<Transcript, Fetch> {
        match self.messages().await {
            Err(Fetch::Record(Err(reason))) if self.may_be_recorded(reason.status) => {
                self.recordings(reason).await
            }
            other => other,
        }
    }

    /// Whether the recordings may hold a conversation without messages: they are gone, or the API refused to list them
    /// at all.
    fn may_be_recorded(&self, status: Status) -> bool {
        status == Status::Gone || (status == Status::Refused && self.announced.is_empty())
    }

    /// Falls back to the recordings. Without them the conversation keeps `reason`.
    async fn recordings(&mut self, reason: NoTranscript) -> Result<Transcript, Fetch> {
        let id = self.id;
        let read = self.prepared_recordings(|document| Recordings::of(document, id));
        let recordings = match read.await? {
            Ok(Some(recordings)) => recordings,
            Ok(None) => {
                let problem = "the messages are not found, and the recording was not ready in time";
                return Err(Postponed::preparing(problem, recording_wait()).into());
            }
            Err(error) => return Err(self.no_recordings(error, reason)),
        };
        let recorded = recordings.finish(&self.announced);
        let none = |gone| {
            if reason.status == Status::Gone {
                gone
            } else {
                reason
            }
        };
        Ok(recorded.map_err(none)?)
    }

    /// Requests the recordings until they are prepared, or as long as they may take; `None` if they are not ready.
    pub(super) async fn prepared_recordings<T>(
        &mut self,
        read: impl Fn(&RawValue) -> Result<T, DecodeError>,
    ) -> Result<Result<Option<T>, ApiError>, Fetch> {
        let path = ApiPath::from("/api/v2/conversations").segment(self.id)?;
        let call = Call::get(path.then("/recordings"))
            .query("formatId", "NONE")
            .query("maxWaitMs", RECORDING_WAIT_MS.to_string())
            .expect_statuses(&[200, 202])
            .with_reply_limit(self.allowance.bytes());
        // On the first request, other conversations are not kept waiting.
        let tries = if self.again { RECORDING_WAITS } else { 1 };
        for tried in 1..=tries {
            let requested_at = self.source.clock.now();
            let decode = |body: &[u8]| prepared(body, &read);
            let reply = self.source.client.call(&call, self.deadline, decode).await;
            let recordings = reply.map(|reply| {
                self.cost.add(&reply, 0);
                // A 202 means not prepared, whatever its body contains.
                reply.value.filter(|_| reply.status != 202)
            });
            match recordings {
                Ok(Some(recordings)) => return Ok(Ok(Some(recordings))),
                Ok(None) if tried == tries => break,
                Ok(None) => {
                    if !self.rest_of_wait(requested_at).await {
                        break;
                    }
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(None))
    }

    /// Recordings are only a fallback: without them the conversation keeps its original outcome.
    fn no_recordings(&mut self, error: ApiError, original: NoTranscript) -> Fetch {
        let status = error.status();
        if status == Some(403) {
            self.warnings.insert(NO_RECORDINGS);
            return original.into();
        }
        match (self.result_of(error), status) {
            (Fetch::Record(Err(reason)), _) if reason.status == Status::TooLarge => reason.into(),
            (Fetch::Record(_), _) => original.into(),
            (Fetch::RetryLater(postponed), Some(status)) if postponed.cause == Cause::Refused => {
                let problem = format!(
                    "{}; its recordings are refused with the status {status}",
                    original.problem
                );
                // No response said that they are gone.
                NoTranscript::new(Status::Refused, problem).into()
            }
            (fetch, _) => fetch,
        }
    }

    /// Waits for the rest of `maxWaitMs`: the API answers 202 at the end of the wait, but if it answers at once, we do
    /// not poll at once. Returns whether there is time for another request.
    async fn rest_of_wait(&self, requested_at: Timestamp) -> bool {
        let clock = &self.source.clock;
        let now = clock.now();
        let whole = Duration::from_millis(RECORDING_WAIT_MS.into());
        let rest = whole.saturating_sub(elapsed(requested_at, now));
        // Reserves the same time again for the response.
        let in_time = self.deadline.allows(now, rest + whole);
        if in_time {
            clock.sleep(rest).await;
        }
        in_time
    }

    async fn web_details(&mut self) -> Result<Transcript, Fetch> {
        let id = self.id;
        let call = web_details_call(id)?.with_reply_limit(self.allowance.bytes());
        let read = self.read(&call, |document| web_details(document, id)).await;
        read.map_err(|error| self.result_of(error))
    }

    /// Requests a document, and requests it again if `read` does not accept it.
    pub(super) async fn read<T>(
        &mut self,
        call: &Call,
        read: impl Fn(&RawValue) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let decode = |body: &[u8]| read(&transcript::parse_document(body)?);
        self.ask(call, decode).await
    }

    /// The meaning of an error for this conversation.
    pub(super) fn result_of(&self, error: ApiError) -> Fetch {
        if self.allowance == Allowance::Other && matches!(error, ApiError::TooLarge { .. }) {
            return Stop::LargerThanShare.into();
        }
        Fetch::of(error).within(self.has_time())
    }

    /// Whether enough time is left that a missing response is not due to our own deadline.
    pub(super) fn has_time(&self) -> bool {
        let now = self.source.clock.now();
        self.deadline.allows(now, Duration::from_secs(1))
    }

    pub(super) async fn ask<T>(
        &mut self,
        call: &Call,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let reply = self.ask_with_status(call, decode).await?;
        Ok(reply.0)
    }

    /// Like [`Self::ask`], for a call that expects several statuses.
    pub(super) async fn ask_with_status<T>(
        &mut self,
        call: &Call,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<(T, u16), ApiError> {
        let reply: Reply<T> = self.source.client.call(call, self.deadline, decode).await?;
        self.cost.add(&reply, 0);
        Ok((reply.value, reply.status))
    }
}

/// The request for a conversation's web details, at a gateway.
pub fn web_details_call(id: &str) -> Result<Call, InvalidSegment> {
    let path = ApiPath::from("/api/v2/conversations/web/details");
    Ok(Call::get(path.segment(id)?))
}

pub(super) fn recording_wait() -> Wait {
    Wait {
        reason: WaitReason::Unavailable,
        hint: None,
        detail: "the recording of a conversation is being prepared".to_owned(),
    }
}

/// `None` while the recording is being prepared.
fn prepared<T>(
    body: &[u8],
    read: impl Fn(&RawValue) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    if body.is_empty() {
        return Ok(None);
    }
    let document = transcript::parse_document(body)?;
    if is_progress(&document) {
        return Ok(None);
    }
    read(&document).map(Some)
}

/// Whether the document is an object without an error message, as some 202 responses hold.
fn is_progress(document: &RawValue) -> bool {
    required_object(document).is_ok_and(|it| it.member("message").is_none())
}
