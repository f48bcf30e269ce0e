//! The requests for one conversation, and what their answers say about it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;

use super::Transcripts;
use super::missed::{Cause, HeldUp, Missed, Stuck, Verdict, unaskable};
use crate::clock::Deadline;
use crate::decode::{self, DecodeError};
use crate::genesys::{ApiError, Call, GenesysClient, Reply};
use crate::page::AttachedFile;
use crate::plan::TranscriptPlan;
use crate::source::answer::Asking;
use crate::transcript::{self, Messages, Status, Transcript, TranscriptRoute, Untold};
use crate::waiting::{Wait, WaitReason};

/// The most that a bulk request takes (official SDKs).
const BULK: usize = 1_000;
/// Several conversations are in memory at a time.
const REPLY_LIMIT_BYTES: u64 = 12_000_000;

/// The API waits so long for a recording that is being prepared. How long that takes is not documented.
const RECORDING_WAIT_MS: u32 = 5_000;
/// So often when it is asked for again behind all others.
const RECORDING_WAITS: u32 = 6;

const NO_RECORDINGS: &str = "the client may not read recordings (recording:recording:view), so conversations whose messages are not found have no other way";

/// One conversation, and what it took.
pub(super) struct Visited {
    pub(super) told: Result<Told, Missed>,
    pub(super) asking: Asking,
    pub(super) warning: Option<&'static str>,
}

/// What was written, and the files that were sent with it.
pub(super) struct Told {
    pub(super) transcript: Transcript,
    pub(super) files: Vec<AttachedFile>,
}

impl Visited {
    /// Whether the API said something of it, were it only that there is nothing.
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
    id: &'a str,
    pub(super) plan: &'a TranscriptPlan,
    /// Whether it was postponed.
    again: bool,
    pub(super) deadline: Deadline,
    pub(super) asking: Asking,
    warning: Option<&'static str>,
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
            // An earlier export may hold ids of any form, and another address is not to be asked.
            _ if !transcript::is_id(self.id) => return Err(unaskable().into()),
            TranscriptRoute::Messages => self.messages_or_recordings().await?,
            TranscriptRoute::WebDetails => self.web_details().await?,
        };
        self.with_files(transcript).await
    }

    pub(super) fn client(&self) -> &'a GenesysClient {
        &self.source.client
    }

    async fn messages_or_recordings(&mut self) -> Result<Transcript, Missed> {
        match self.messages().await {
            Err(Missed::Untold(untold)) if untold.status == Status::Gone => {
                self.recordings(untold).await
            }
            other => other,
        }
    }

    async fn messages(&mut self) -> Result<Transcript, Missed> {
        let path = format!("/api/v2/conversations/messages/{}", self.id);
        let conversation = self
            .json(&Call::get(&path).at_most(REPLY_LIMIT_BYTES))
            .await?;
        let mut messages = Messages::of(&conversation)?;
        let ids = messages.ids.clone();
        for some in ids.chunks(BULK) {
            let call = Call::post(format!("{path}/messages/bulk"))
                .query("useNormalizedMessage", "true")
                .json(&json!(some))
                .at_most(REPLY_LIMIT_BYTES);
            messages.add(&self.json(&call).await?, self.plan.limits)?;
        }
        let transcript = messages.finish();
        let is_told = !transcript.messages.is_empty() || !transcript.cut.is_empty();
        if !is_told && transcript.missing > 0 {
            return Err(Untold::new(Status::Gone, "none of its messages is found any more").into());
        }
        Ok(transcript)
    }

    /// For messages that are gone.
    async fn recordings(&mut self, gone: Untold) -> Result<Transcript, Missed> {
        let call = Call::get(format!("/api/v2/conversations/{}/recordings", self.id))
            .query("formatId", "NONE")
            .query("maxWaitMs", RECORDING_WAIT_MS.to_string())
            .expecting(&[200, 202])
            .at_most(REPLY_LIMIT_BYTES);
        // The others are not kept waiting.
        let looks = if self.again { RECORDING_WAITS } else { 1 };
        for look in 1..=looks {
            let asked_at = self.source.clock.now();
            match self.ask(&call, prepared).await {
                Ok(Some(body)) => return Ok(transcript::recordings(&body)?),
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

    /// Recordings are a help: without them the conversation is what it was.
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
                Untold::new(gone.status, problem).into()
            }
            verdict => self.missed_by(verdict),
        }
    }

    /// The API answers 202 at the end of the wait that it was asked for; should it answer at once, we do not ask at once.
    /// Whether there is time to ask again.
    async fn rest_of_wait(&self, asked_at: Timestamp) -> bool {
        let clock = &self.source.clock;
        let now = clock.now();
        let waited = Duration::try_from(now.duration_since(asked_at));
        let whole = Duration::from_millis(RECORDING_WAIT_MS.into());
        let rest = whole.saturating_sub(waited.unwrap_or_default());
        // And as long again for the answer.
        let in_time = self.deadline.allows(now, rest + whole);
        if in_time {
            clock.sleep(rest).await;
        }
        in_time
    }

    async fn web_details(&mut self) -> Result<Transcript, Missed> {
        let path = format!("/api/v2/conversations/web/details/{}", self.id);
        let call = Call::get(path).at_most(REPLY_LIMIT_BYTES);
        let body = self.json(&call).await?;
        Ok(transcript::web_details(&body)?)
    }

    async fn json(&mut self, call: &Call) -> Result<Box<RawValue>, Missed> {
        let asked = self.ask(call, decode::json).await;
        asked.map_err(|error| self.missed(error))
    }

    /// What is about this conversation, and what is about the client or the moment.
    fn missed(&self, error: ApiError) -> Missed {
        self.missed_by(Verdict::of(error))
    }

    fn missed_by(&self, verdict: Verdict) -> Missed {
        match verdict {
            // Our own deadline may be why the answer did not come.
            Verdict::Failed(error) if !self.has_time() => HeldUp::All(error.into()).into(),
            verdict => verdict.missed(),
        }
    }

    /// Whether an answer that did not come was not cut short by our own deadline.
    pub(super) fn has_time(&self) -> bool {
        let now = self.source.clock.now();
        self.deadline.allows(now, Duration::from_secs(1))
    }

    async fn ask<T>(
        &mut self,
        call: &Call,
        decode: impl FnMut(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let reply: Reply<T> = self.source.client.call(call, self.deadline, decode).await?;
        self.asking.add(&reply, 0);
        Ok(reply.value)
    }
}

/// Nothing while the recording is being prepared.
fn prepared(body: &[u8]) -> Result<Option<Box<RawValue>>, DecodeError> {
    if body.is_empty() {
        return Ok(None);
    }
    let body: Box<RawValue> = decode::json(body)?;
    Ok(Some(body).filter(|body| body.get().starts_with('[')))
}
