//! Parking: a page that cannot continue within its invocation waits in a queue. Waiting does not increase the receive
//! count.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::failure::{Failure, FailureKind};
use crate::base::format::FormatVersion;
use crate::base::time::{format_timestamp, later};
use crate::export::message::{PageMessage, WaitingMessage};
use crate::export::waiting::{Wait, WaitReason, Waiting};

/// Limits on the total wait of a page, by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitLimits {
    pub watermark: Duration,
    pub job: Duration,
    pub throttled: Duration,
    pub unavailable: Duration,
    pub empty: Duration,
    pub export: Duration,
}

impl Default for WaitLimits {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            watermark: Duration::from_secs(36 * HOUR),
            job: Duration::from_secs(6 * HOUR),
            throttled: Duration::from_secs(24 * HOUR),
            unavailable: Duration::from_secs(24 * HOUR),
            // Announced records that do not appear within minutes do not exist.
            empty: Duration::from_mins(15),
            // An open export makes progress or is ended by the sweep; a backfill of years takes weeks.
            export: Duration::from_hours(90 * 24),
        }
    }
}

impl WaitLimits {
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

/// The decision for a page that has to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parking {
    Park(Waiting),
    GiveUp(Failure),
}

/// Parks `message`, or gives up if the time limit for this reason is reached.
pub fn park(
    prior: Option<&Waiting>,
    message: &PageMessage,
    wait: &Wait,
    limits: &WaitLimits,
    now: Timestamp,
) -> Parking {
    let prior = prior.filter(|prior| prior.id == message.id);
    if let Some(repeated) = prior.filter(|prior| prior.times_parked == message.times_parked + 1) {
        return Parking::Park(repeated.clone());
    }
    let mut since = prior.map(|prior| prior.since.clone()).unwrap_or_default();
    let first = *since.entry(wait.reason).or_insert(now);
    let deadline = later(first, limits.limit(wait.reason));
    if now >= deadline {
        return Parking::GiveUp(wait_failure(wait, first));
    }
    let wait_time = wait_time(wait, message.times_parked);
    let not_before = later(now, wait_time).min(deadline);
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

/// The delay before the next try: as the source requests, otherwise growing up to 15 minutes.
fn wait_time(wait: &Wait, times_parked: u32) -> Duration {
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
        // The hint of an unavailable server is not reliable, so it can only lengthen the delay.
        (Some(hint), WaitReason::Unavailable) => hint.max(growing),
        (Some(hint), _) => hint.max(Duration::from_secs(1)),
        (None, _) => growing,
    }
}

fn wait_failure(wait: &Wait, since: Timestamp) -> Failure {
    let kind = match wait.reason {
        WaitReason::Watermark => FailureKind::WatermarkDeadline,
        WaitReason::Job => FailureKind::JobDeadline,
        WaitReason::Throttled => FailureKind::ThrottledDeadline,
        WaitReason::Unavailable => FailureKind::UnavailableDeadline,
        WaitReason::Empty => FailureKind::RecordsMissing,
        WaitReason::Export => FailureKind::BaseExportIncomplete,
    };
    Failure::new(
        kind,
        format!(
            "gave up after waiting since {}: {}",
            format_timestamp(since),
            wait.detail
        ),
    )
}

impl Waiting {
    /// The message that returns the page.
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
