//! The requests for one conversation, and the interpretation of their responses.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Transcripts;
use super::batches::BulkLimit;
use super::bodies::{Recordings, web_details};
use super::missed::{Cause, HeldUp, Missed, Stuck, Verdict, unaskable, unavailable};
use crate::base::deadline::Deadline;
use crate::base::decode::DecodeError;
use crate::base::decode::object::required_object;
use crate::export::plan::TranscriptPlan;
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::{ApiError, Call, GenesysClient, Reply};
use crate::records::page::AttachedFile;
use crate::records::transcript::{self, Status, Transcript, TranscriptRoute, Untold};
use crate::source::answer::Asking;

/// Limit of one response: several conversations are in memory at a time.
pub(super) const REPLY_LIMIT_BYTES: u64 = 12_000_000;

/// `maxWaitMs`: how long the API waits for a recording that is being prepared. How long preparation takes is not
/// documented.
/// <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/RecordingApi.md>
const RECORDING_WAIT_MS: u32 = 5_000;
/// Number of such waits when a postponed conversation is requested again, after all others.
const RECORDING_WAITS: u32 = 6;

const NO_RECORDINGS: &str = "the client may not read recordings (recording:recording:view), so conversations whose messages are not found have no fallback";

/// The result of one conversation, and its cost.
pub(super) struct Visited {
    pub(super) told: Result<Told, Missed>,
    pub(super) asking: Asking,
    pub(super) warning: Option<&'static str>,
}

/// The texts, and the files that were sent with them.
pub(super) struct Told {
    pub(super) transcript: Transcript,
    pub(super) files: Vec<AttachedFile>,
}

impl Visited {
    /// Whether the API gave an answer for it, even if only that there is nothing.
    pub(super) fn is_answered(&self) -> bool {
        match &self.told {
            Ok(_) => true,
            Err(Missed::Untold(untold)) => *untold != unaskable(),
            Err(Missed::HeldUp(_)) => false,
        }
    }
}

/// The requests for one conversation.
pub(super) struct Visit<'a> {
    source: &'a Transcripts,
    pub(super) id: &'a str,
    pub(super) plan: &'a TranscriptPlan,
    /// Whether the conversation was postponed.
    again: bool,
    pub(super) deadline: Deadline,
    pub(super) asking: Asking,
    warning: Option<&'static str>,
    /// The ids of its messages, known once the conversation has listed them.
    pub(super) announced: Vec<String>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        source: &'a Transcripts,
        id: &'a str,
        plan: &'a TranscriptPlan,
        again: bool,
        deadline: Deadline,
    ) -> Self {
        Self {
            source,
            id,
            plan,
            again,
            deadline,
            asking: Asking::default(),
            warning: None,
            announced: Vec::new(),
        }
    }

    pub(super) async fn done(mut self) -> Visited {
        let told = self.told().await;
        Visited {
            told,
            asking: self.asking,
            warning: self.warning,
        }
    }

    async fn told(&mut self) -> Result<Told, Missed> {
        let transcript = match self.plan.route {
            // An earlier export may hold ids of any form, and an id must not lead the request to another path.
            _ if !transcript::is_id(self.id) => return Err(unaskable().into()),
            TranscriptRoute::Messages => self.messages_or_recordings().await?,
            TranscriptRoute::WebDetails => self.web_details().await?,
        };
        self.with_files(transcript).await
    }

    pub(super) fn client(&self) -> &'a GenesysClient {
        &self.source.client
    }

    pub(super) fn bulk_limit(&self) -> &'a BulkLimit {
        &self.source.bulk_limit
    }

    async fn messages_or_recordings(&mut self) -> Result<Transcript, Missed> {
        match self.messages().await {
            Err(Missed::Untold(untold)) if untold.status == Status::Gone => {
                self.recordings(untold).await
            }
            other => other,
        }
    }

    /// Falls back to the recordings, for messages that are gone.
    async fn recordings(&mut self, gone: Untold) -> Result<Transcript, Missed> {
        let call = Call::get(format!("/api/v2/conversations/{}/recordings", self.id))
            .query("formatId", "NONE")
            .query("maxWaitMs", RECORDING_WAIT_MS.to_string())
            .expecting(&[200, 202])
            .at_most(REPLY_LIMIT_BYTES);
        // On the first visit, other conversations are not kept waiting.
        let looks = if self.again { RECORDING_WAITS } else { 1 };
        for look in 1..=looks {
            let asked_at = self.source.clock.now();
            let id = self.id;
            let decode = |body: &[u8]| prepared(body, id);
            let reply = self.source.client.call(&call, self.deadline, decode).await;
            let recordings = reply.map(|reply| {
                self.asking.add(&reply, 0);
                // A 202 means not prepared, whatever its body contains.
                reply.value.filter(|_| reply.status != 202)
            });
            match recordings {
                Ok(Some(recordings)) => return Ok(recordings.finish(&self.announced)?),
                Ok(None) if look == looks => break,
                Ok(None) => {
                    if !self.rest_of_wait(asked_at).await {
                        break;
                    }
                }
                Err(error) => return Err(self.no_recordings(error, gone)),
            }
        }
        Err(Stuck {
            cause: Cause::Preparing,
            instead: Err(Untold::new(
                Status::Preparing,
                "the messages are not found, and the recording was not ready in time",
            )),
            wait: Wait {
                reason: WaitReason::Unavailable,
                hint: None,
                detail: format!("the recording of {} is being prepared", self.id),
            },
        }
        .into())
    }

    /// Recordings are only a fallback: without them the conversation keeps its original outcome.
    fn no_recordings(&mut self, error: ApiError, gone: Untold) -> Missed {
        if error.status() == Some(403) {
            self.warning = Some(NO_RECORDINGS);
            return gone.into();
        }
        match Verdict::of(error) {
            Verdict::Final(untold) if untold.status == Status::TooLarge => untold.into(),
            Verdict::Final(_) => gone.into(),
            Verdict::Refused(error) => {
                let status = error.status().unwrap_or_default();
                let problem = format!(
                    "{}; its recordings are refused with the status {status}",
                    gone.problem
                );
                // No response said that they are gone.
                Untold::new(Status::Unavailable, problem).into()
            }
            verdict => self.missed_by(verdict),
        }
    }

    /// Waits for the rest of `maxWaitMs`: the API answers 202 at the end of the wait, but if it answers at once, we do
    /// not poll at once. Returns whether there is time for another request.
    async fn rest_of_wait(&self, asked_at: Timestamp) -> bool {
        let clock = &self.source.clock;
        let now = clock.now();
        let waited = Duration::try_from(now.duration_since(asked_at));
        let whole = Duration::from_millis(RECORDING_WAIT_MS.into());
        let rest = whole.saturating_sub(waited.unwrap_or_default());
        // Reserves the same time again for the response.
        let in_time = self.deadline.allows(now, rest + whole);
        if in_time {
            clock.sleep(rest).await;
        }
        in_time
    }

    async fn web_details(&mut self) -> Result<Transcript, Missed> {
        let id = self.id;
        let call = Call::get(format!("/api/v2/conversations/web/details/{id}"));
        let call = call.at_most(REPLY_LIMIT_BYTES);
        let read = self.read(&call, |document| web_details(document, id)).await;
        read.map_err(|error| self.missed(error))
    }

    /// Requests a document, and requests it again if `read` does not accept it.
    pub(super) async fn read<T>(
        &mut self,
        call: &Call,
        read: impl Fn(&RawValue) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let decode = |body: &[u8]| read(&transcript::document(body)?);
        self.ask(call, decode).await
    }

    /// Separates errors about this conversation from errors about the client or transient ones.
    pub(super) fn missed(&self, error: ApiError) -> Missed {
        self.missed_by(Verdict::of(error))
    }

    pub(super) fn missed_by(&self, verdict: Verdict) -> Missed {
        match verdict {
            // The missing response may be due to our own deadline.
            Verdict::Failed(error) if !self.has_time() => {
                HeldUp::OutOfTime(unavailable(&error)).into()
            }
            verdict => verdict.missed(),
        }
    }

    /// Whether enough time is left that a missing response is not due to our own deadline.
    pub(super) fn has_time(&self) -> bool {
        let now = self.source.clock.now();
        self.deadline.allows(now, Duration::from_secs(1))
    }

    async fn ask<T>(
        &mut self,
        call: &Call,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let reply: Reply<T> = self.source.client.call(call, self.deadline, decode).await?;
        self.asking.add(&reply, 0);
        Ok(reply.value)
    }
}

/// `None` while the recording is being prepared.
fn prepared(body: &[u8], id: &str) -> Result<Option<Recordings>, DecodeError> {
    if body.is_empty() {
        return Ok(None);
    }
    let document = transcript::document(body)?;
    if is_progress(&document) {
        return Ok(None);
    }
    Recordings::of(&document, id).map(Some)
}

/// Whether the document is an object without an error message, as some 202 responses hold.
fn is_progress(document: &RawValue) -> bool {
    required_object(document).is_ok_and(|it| it.member("message").is_none())
}
