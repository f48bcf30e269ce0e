//! What was written in conversations: a list of conversations, so many on a page, each by the requests that its texts take.
//!
//! A conversation whose texts cannot be had becomes a record that says so, and the rest go on. What passes by itself ends the
//! page early: what was fetched before is kept, and only what was under way beside it is fetched again.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use jiff::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::Asking;
use super::{Reading, Setback, Source, SourcePage, SourceSettings, broken};
use crate::checkpoint::Checkpoint;
use crate::clock::{Clock, Deadline};
use crate::genesys::{ApiError, Call, GenesysClient, Reply};
use crate::page::{self, PageRules};
use crate::plan::SliceRange;
use crate::redaction::Tally;
use crate::transcript::{self, Limits, Messages, Status, Transcript, Untold, Written};
use crate::waiting::{Wait, WaitReason};

/// The most that a bulk request takes (official SDKs).
const BULK: usize = 1_000;
/// Conversations at a time. The pace is the client's; this keeps it busy while answers are on their way.
const AT_ONCE: usize = 8;
/// A page holds no more, however many conversations are left: it is all in memory.
const PAGE_BYTES: usize = 16_000_000;

/// A recording that is being prepared is waited for so often, five seconds each time. How long it takes is not documented.
const RECORDING_WAITS: u32 = 6;
const RECORDING_WAIT_MS: u32 = 5_000;

/// Which of the ways to a conversation's texts there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TranscriptRoute {
    /// The public API: messages, and recordings where they are gone.
    #[default]
    Messages,
    /// An organisation's own gateway.
    WebDetails,
}

impl std::str::FromStr for TranscriptRoute {
    type Err = UnknownRoute;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "messages" => Ok(Self::Messages),
            "web-details" => Ok(Self::WebDetails),
            _ => Err(UnknownRoute(text.to_owned())),
        }
    }
}

/// A text that names no way to transcripts.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no way to transcripts: messages or web-details is expected")]
pub struct UnknownRoute(String);

/// The texts of conversations as a source.
#[derive(Clone, Debug)]
pub struct Transcripts {
    client: GenesysClient,
    clock: Clock,
    settings: SourceSettings,
}

/// One conversation, and what it took.
struct Fetched {
    transcript: Result<Transcript, Untold>,
    asking: Asking,
    warning: Option<&'static str>,
}

/// Why a conversation's texts did not come.
enum Missed {
    /// For this conversation alone.
    Untold(Untold),
    Setback(Setback),
}

const NO_RECORDINGS: &str = "the client may not read recordings (recording:recording:view), so conversations whose messages are not found have no other way";

const NONE_ALLOWED: &str = "the client may not read any conversation of this page: its role may lack conversation:message:view, or their divisions";

impl Transcripts {
    pub(super) fn new(client: GenesysClient, clock: Clock, settings: SourceSettings) -> Self {
        Self {
            client,
            clock,
            settings,
        }
    }

    async fn visit<'a>(
        &self,
        id: &'a str,
        deadline: Deadline,
    ) -> (&'a str, Result<Fetched, Setback>) {
        (id, self.fetch(id, deadline).await)
    }

    async fn fetch(&self, id: &str, deadline: Deadline) -> Result<Fetched, Setback> {
        let mut visit = Visit {
            source: self,
            id,
            deadline,
            asking: Asking::default(),
            warning: None,
        };
        let transcript = match self.settings.transcript_route {
            // An earlier export may hold ids of any form, and another address is not to be asked.
            _ if !transcript::is_id(id) => Err(unaskable().into()),
            TranscriptRoute::Messages => visit.messages_or_recordings().await,
            TranscriptRoute::WebDetails => visit.web_details().await,
        };
        let transcript = match transcript {
            Ok(transcript) => Ok(transcript),
            Err(Missed::Untold(untold)) => Err(untold),
            Err(Missed::Setback(setback)) => return Err(setback),
        };
        visit.asking.requested = 1;
        Ok(Fetched {
            transcript,
            asking: visit.asking,
            warning: visit.warning,
        })
    }
}

/// The requests for one conversation.
struct Visit<'a> {
    source: &'a Transcripts,
    id: &'a str,
    deadline: Deadline,
    asking: Asking,
    warning: Option<&'static str>,
}

impl Visit<'_> {
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
        let conversation = self.json(&Call::get(&path)).await?;
        let mut messages = Messages::of(&conversation)?;
        let ids = messages.ids.clone();
        for batch in ids.chunks(BULK) {
            let call = Call::post(format!("{path}/messages/bulk"))
                .query("useNormalizedMessage", "true")
                .json(&json!(batch));
            messages.add(&self.json(&call).await?)?;
        }
        let transcript = messages.finish();
        if transcript.messages.is_empty() && transcript.missing > 0 {
            return Err(Untold::new(Status::Gone, "none of its messages is found any more").into());
        }
        Ok(transcript)
    }

    /// For messages that are gone.
    async fn recordings(&mut self, gone: Untold) -> Result<Transcript, Missed> {
        let call = Call::get(format!("/api/v2/conversations/{}/recordings", self.id))
            .query("formatId", "NONE")
            .query("maxWaitMs", RECORDING_WAIT_MS.to_string());
        for _ in 0..RECORDING_WAITS {
            let asked_at = self.source.clock.now();
            match self.ask(&call, prepared).await {
                Ok(Some(body)) => return Ok(transcript::recordings(&body)?),
                Ok(None) => self.rest_of_wait(asked_at).await?,
                Err(ApiError::Refused { status: 404, .. }) => return Err(gone.into()),
                Err(ApiError::Refused { status: 403, .. }) => {
                    self.warning = Some(NO_RECORDINGS);
                    return Err(gone.into());
                }
                Err(error) => return Err(missed(error)),
            }
        }
        let seconds = RECORDING_WAITS * RECORDING_WAIT_MS / 1_000;
        let problem =
            format!("the messages are not found, and the recording was not ready in {seconds} s");
        Err(Untold::new(Status::Preparing, problem).into())
    }

    /// The API answers 202 at the end of the wait that it was asked for; should it answer at once, we do not ask at once.
    async fn rest_of_wait(&self, asked_at: Timestamp) -> Result<(), Missed> {
        let clock = &self.source.clock;
        let now = clock.now();
        let waited = Duration::try_from(now.duration_since(asked_at));
        let whole = Duration::from_millis(RECORDING_WAIT_MS.into());
        let rest = whole.saturating_sub(waited.unwrap_or_default());
        // And as long again for the answer.
        if !self.deadline.allows(now, rest + whole) {
            return Err(Missed::Setback(Setback::Wait(Wait {
                reason: WaitReason::Unavailable,
                hint: None,
                detail: format!("the recording of {} is being prepared", self.id),
            })));
        }
        clock.sleep(rest).await;
        Ok(())
    }

    async fn web_details(&mut self) -> Result<Transcript, Missed> {
        let call = Call::get(format!("/api/v2/conversations/web/details/{}", self.id));
        let body = self.json(&call).await?;
        Ok(transcript::web_details(&body)?)
    }

    async fn json(&mut self, call: &Call) -> Result<Box<RawValue>, Missed> {
        self.ask(call, |body| serde_json::from_slice(body))
            .await
            .map_err(missed)
    }

    async fn ask<T>(
        &mut self,
        call: &Call,
        decode: impl Fn(&[u8]) -> Result<T, serde_json::Error>,
    ) -> Result<T, ApiError> {
        let reply: Reply<T> = self.source.client.call(call, self.deadline, decode).await?;
        self.asking.add(&reply, 0);
        Ok(reply.value)
    }
}

/// Nothing while the recording is being prepared.
fn prepared(body: &[u8]) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    if body.is_empty() {
        return Ok(None);
    }
    let body: Box<RawValue> = serde_json::from_slice(body)?;
    Ok(Some(body).filter(|body| body.get().starts_with('[')))
}

/// What is about one conversation, and what is about the client or the moment.
fn missed(error: ApiError) -> Missed {
    let untold = |status, problem: &str| Missed::Untold(Untold::new(status, problem));
    match &error {
        ApiError::Refused { status: 404, .. } => untold(
            Status::Gone,
            "the conversation has no messages that are found",
        ),
        ApiError::Refused { status: 400, .. } => Missed::Untold(unaskable()),
        ApiError::Refused {
            status: 403, code, ..
        } if !is_of_the_client(code.as_deref()) => untold(
            Status::Forbidden,
            "the client may not read the conversation",
        ),
        ApiError::Refused { status: 413, .. } | ApiError::TooLarge { .. } => untold(
            Status::TooLarge,
            "its messages are more than the API or we take at once",
        ),
        _ => Missed::Setback(error.into()),
    }
}

/// A role lacks it, in whichever conversation; a division that it lacks is that conversation's.
fn is_of_the_client(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("missing.permissions" | "missing.any.permissions")
    )
}

fn unaskable() -> Untold {
    Untold::new(
        Status::Gone,
        "the API takes no conversation id of this form",
    )
}

impl From<Untold> for Missed {
    fn from(untold: Untold) -> Self {
        Self::Untold(untold)
    }
}

#[async_trait]
impl Source for Transcripts {
    async fn page(
        &self,
        checkpoint: &Checkpoint,
        reading: &Reading<'_>,
    ) -> Result<SourcePage, Setback> {
        let (Checkpoint::Offset { offset }, SliceRange::Offsets(_)) =
            (checkpoint, &reading.slice.range)
        else {
            return Err(broken("the checkpoint does not fit the slice"));
        };
        let Some(limits) = reading.plan.transcripts else {
            return Err(broken("the plan has no limits of transcripts"));
        };
        let all = reading.conversations();
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(all.len());
        let (from, until) = (
            place(*offset),
            place(offset + u64::from(reading.plan.page_size)),
        );
        let mut page = Page::new(limits);
        // Collected: a stream over borrowing closures could not move between threads.
        let visits: Vec<_> = all[from..until]
            .iter()
            .map(|id| self.visit(id, reading.deadline))
            .collect();
        let mut visits = futures::stream::iter(visits).buffered(AT_ONCE);
        while let Some((id, fetched)) = visits.next().await {
            match fetched {
                Ok(fetched) => page.add(id, fetched, reading)?,
                // Those before are kept, and this one comes first on the next page.
                Err(Setback::Wait(_)) if page.conversations > 0 => break,
                Err(setback) => return Err(setback),
            }
            if page.bytes > PAGE_BYTES {
                break;
            }
        }
        drop(visits);
        let next = offset + page.conversations;
        let next = (place(next) < all.len()).then_some(Checkpoint::Offset { offset: next });
        Ok(page.finish(next, reading))
    }
}

/// A page while it is put together.
struct Page {
    limits: Limits,
    lines: Vec<Box<RawValue>>,
    conversations: u64,
    bytes: usize,
    redactions: Tally,
    statuses: Tally,
    asking: Asking,
    warnings: Vec<String>,
}

impl Page {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            lines: Vec::new(),
            conversations: 0,
            bytes: 0,
            redactions: Tally::default(),
            statuses: Tally::default(),
            asking: Asking::default(),
            warnings: Vec::new(),
        }
    }

    fn add(&mut self, id: &str, fetched: Fetched, reading: &Reading<'_>) -> Result<(), Setback> {
        let written = transcript::record(id, fetched.transcript, self.limits, reading.redactor);
        let Written {
            line,
            redactions,
            status,
        } = written.map_err(|_| broken("a transcript cannot be written"))?;
        self.bytes += line.get().len();
        self.lines.push(line);
        self.conversations += 1;
        self.redactions.add(&redactions);
        self.statuses.count(status.as_str());
        self.asking = std::mem::take(&mut self.asking).plus(fetched.asking);
        if let Some(warning) = fetched.warning
            && self.warnings.is_empty()
        {
            self.warnings.push(warning.to_owned());
        }
        Ok(())
    }

    fn finish(self, next: Option<Checkpoint>, reading: &Reading<'_>) -> SourcePage {
        let mut warnings = self.warnings;
        let forbidden = self.statuses.of(Status::Forbidden.as_str());
        if forbidden == self.conversations && forbidden > 0 {
            warnings.push(NONE_ALLOWED.to_owned());
        }
        // Each line is redacted already, by what its parts are.
        let rules = PageRules {
            redactor: None,
            ..reading.rules()
        };
        let lines: Vec<&RawValue> = self.lines.iter().map(|line| &**line).collect();
        let mut body = page::encode(&lines, &rules);
        body.redactions = self.redactions;
        body.statuses = self.statuses;
        self.asking.page(body, next, warnings)
    }
}
