//! Waiting: a page that cannot go on within its invocation parks. Waiting costs no receive count.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::format::FormatVersion;
use crate::ids::PageId;
use crate::message::{PageMessage, WaitingMessage};
use crate::time::millis;

/// What a page waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitReason {
    /// The job is not done.
    Job,
    /// The API's data does not reach the end of the slice yet.
    Watermark,
    /// 429.
    Throttled,
    /// Whatever else is still transient when the invocation ends.
    Unavailable,
    /// A page without records where the source announced some.
    Empty,
    /// The export that this one goes by has not ended.
    Export,
}

/// Since when a page has waited, for each reason.
pub type Waits = BTreeMap<WaitReason, Timestamp>;

/// Why a page cannot go on now, as the source says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub reason: WaitReason,
    /// How long the source asks us to stay away.
    pub hint: Option<Duration>,
    /// A sentence for the failure, should it come to that.
    pub detail: String,
}

/// How long pages wait in all, and how often they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    pub watermark: Duration,
    pub job: Duration,
    pub throttled: Duration,
    pub unavailable: Duration,
    pub empty: Duration,
    pub export: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            watermark: Duration::from_secs(36 * HOUR),
            job: Duration::from_secs(6 * HOUR),
            throttled: Duration::from_secs(24 * HOUR),
            unavailable: Duration::from_secs(24 * HOUR),
            // What was announced and does not come within minutes does not exist.
            empty: Duration::from_mins(15),
            // As long as it is open it moves, or it is ended by others: years of history take weeks.
            export: Duration::from_hours(90 * 24),
        }
    }
}

impl Patience {
    fn limit(&self, reason: WaitReason) -> Duration {
        match reason {
            WaitReason::Watermark => self.watermark,
            WaitReason::Job => self.job,
            WaitReason::Throttled => self.throttled,
            WaitReason::Unavailable => self.unavailable,
            WaitReason::Empty => self.empty,
            WaitReason::Export => self.export,
        }
    }
}

/// `waiting.json`: why a run waits, since when and until when. Overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub id: PageId,
    pub reason: WaitReason,
    pub detail: String,
    pub times_parked: u32,
    /// For each reason, when this page first parked for it. A page that went through starts the next one's patience anew.
    pub since: Waits,
    pub not_before: Timestamp,
    pub deadline: Timestamp,
}

/// What comes of a page that has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parking {
    Park(Waiting),
    GiveUp(Failure),
}

/// Parks `message`, or gives up when the patience for this reason is at its end.
pub fn park(
    prior: Option<&Waiting>,
    message: &PageMessage,
    wait: &Wait,
    patience: &Patience,
    now: Timestamp,
) -> Parking {
    let prior = prior.filter(|prior| prior.id == message.id);
    if let Some(repeated) = prior.filter(|prior| prior.times_parked == message.times_parked + 1) {
        return Parking::Park(repeated.clone());
    }
    let mut since = prior.map(|prior| prior.since.clone()).unwrap_or_default();
    let first = *since.entry(wait.reason).or_insert(now);
    let deadline = first
        .saturating_add(patience.limit(wait.reason))
        .unwrap_or(Timestamp::MAX);
    if now >= deadline {
        return Parking::GiveUp(given_up(wait, first));
    }
    let pause = pause(wait, message.times_parked);
    let not_before = now
        .saturating_add(pause)
        .unwrap_or(Timestamp::MAX)
        .min(deadline);
    Parking::Park(Waiting {
        format_version: FormatVersion,
        id: message.id.clone(),
        reason: wait.reason,
        detail: wait.detail.clone(),
        times_parked: message.times_parked + 1,
        since,
        not_before,
        deadline,
    })
}

/// The pause before the next look: what the source asks for, else longer each time up to a quarter of an hour.
fn pause(wait: &Wait, times_parked: u32) -> Duration {
    const LONGEST: Duration = Duration::from_mins(15);
    let first = match wait.reason {
        WaitReason::Watermark => LONGEST,
        WaitReason::Job | WaitReason::Export => Duration::from_secs(15),
        WaitReason::Throttled | WaitReason::Unavailable | WaitReason::Empty => {
            Duration::from_mins(1)
        }
    };
    let growing = first.saturating_mul(1 << times_parked.min(10)).min(LONGEST);
    match (wait.hint, wait.reason) {
        // Who is down does not know for how long.
        (Some(hint), WaitReason::Unavailable) => hint.max(growing),
        (Some(hint), _) => hint.max(Duration::from_secs(1)),
        (None, _) => growing,
    }
}

fn given_up(wait: &Wait, since: Timestamp) -> Failure {
    let kind = match wait.reason {
        WaitReason::Watermark => FailureKind::WatermarkDeadline,
        WaitReason::Job => FailureKind::JobDeadline,
        WaitReason::Throttled => FailureKind::ThrottledDeadline,
        WaitReason::Unavailable => FailureKind::UnavailableDeadline,
        WaitReason::Empty | WaitReason::Export => FailureKind::RecordsMissing,
    };
    Failure::new(
        kind,
        format!("waited in vain since {}: {}", millis(since), wait.detail),
    )
}

impl Waiting {
    /// The message that brings the page back.
    pub fn message(&self, page: PageMessage) -> WaitingMessage {
        WaitingMessage {
            format_version: FormatVersion,
            page,
            reason: self.reason,
            not_before: self.not_before,
            deadline: self.deadline,
        }
    }
}
