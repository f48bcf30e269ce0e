//! Counts how often an export's messages were sent again without progress, and decides the next step. Pure.

use conversation_archive::base::hash::Sha256;
use conversation_archive::export::marker::OpenMarker;
use jiff::{SignedDuration, Timestamp};

/// Number of times that messages are sent again, at least half an hour apart, before the export is failed.
pub(crate) const FRUITLESS_SWEEPS: u32 = 3;

/// By default Lambda retries a failed invocation after one minute and then two, which the template turns off
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>), and sweeps may overlap:
/// these do not count as another try.
const MIN_PAUSE: SignedDuration = SignedDuration::from_mins(30);
/// Longest pause between sends after the first [`FRUITLESS_SWEEPS`], while the queue holds messages. Each pause doubles
/// up to this limit.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// How often an export's messages were sent again since it last made progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resends {
    progress_digest: Sha256,
    times: u32,
    last: Option<Timestamp>,
}

/// The next step for an export that makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    Wait,
    SendAgain,
    GiveUp,
}

impl Resends {
    /// Reads the state from the marker; starts at zero if the export has made progress.
    pub(crate) fn of(marker: &OpenMarker, progress_digest: Sha256) -> Self {
        if marker.standing == Some(progress_digest) {
            Self {
                progress_digest,
                times: marker.fruitless_sweeps,
                last: marker.sent_again_at,
            }
        } else {
            Self {
                progress_digest,
                times: 0,
                last: None,
            }
        }
    }

    /// Never gives up while the queue holds messages: the export's own may be among them. Sending again is harmless,
    /// and revives an export that lost its messages while a long backfill keeps the queue filled.
    pub(crate) fn next_step(self, now: Timestamp, is_queued: bool) -> NextStep {
        let is_over = |pause| {
            self.last
                .is_none_or(|last| now.duration_since(last) >= pause)
        };
        if !is_over(MIN_PAUSE) {
            NextStep::Wait
        } else if self.times < FRUITLESS_SWEEPS {
            NextStep::SendAgain
        } else if !is_queued {
            NextStep::GiveUp
        } else if is_over(self.pause()) {
            NextStep::SendAgain
        } else {
            NextStep::Wait
        }
    }

    /// The marker after messages are sent again now.
    pub(crate) fn with_resend(self, marker: OpenMarker, now: Timestamp) -> OpenMarker {
        OpenMarker {
            fruitless_sweeps: self.times.saturating_add(1),
            sent_again_at: Some(now),
            standing: Some(self.progress_digest),
            ..marker
        }
    }

    fn pause(self) -> SignedDuration {
        let doublings = (self.times - FRUITLESS_SWEEPS).min(5);
        SignedDuration::from_hours(1 << doublings).min(MAX_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-10T00:00:00Z";

    fn step(times: u32, minutes_ago: Option<i64>, is_queued: bool) -> NextStep {
        let now: Timestamp = NOW.parse().unwrap();
        let sent = Resends {
            progress_digest: Sha256::of("s"),
            times,
            last: minutes_ago.map(|minutes| now - SignedDuration::from_mins(minutes)),
        };
        sent.next_step(now, is_queued)
    }

    #[test]
    fn an_export_is_given_up_after_its_messages_were_resent_three_times() {
        assert_eq!(step(0, None, false), NextStep::SendAgain);
        assert_eq!(step(2, Some(60), false), NextStep::SendAgain);
        assert_eq!(step(3, Some(60), false), NextStep::GiveUp);
        // A marker from an earlier version has no time.
        assert_eq!(step(3, None, false), NextStep::GiveUp);
    }

    #[test]
    fn a_sweep_that_is_repeated_within_minutes_counts_as_one() {
        for times in 1..5 {
            for minutes in [0, 1, 29] {
                assert_eq!(step(times, Some(minutes), false), NextStep::Wait);
            }
        }
    }

    #[test]
    fn an_export_with_queued_messages_is_never_given_up() {
        assert_eq!(step(0, None, true), NextStep::SendAgain);
        assert_eq!(step(3, Some(60), true), NextStep::SendAgain);
        assert_eq!(step(4, Some(119), true), NextStep::Wait);
        assert_eq!(step(4, Some(120), true), NextStep::SendAgain);
        assert_eq!(step(100, Some(24 * 60 - 1), true), NextStep::Wait);
        assert_eq!(step(100, Some(24 * 60), true), NextStep::SendAgain);
    }

    #[test]
    fn progress_of_an_export_resets_the_number_of_resends() {
        let id = "march".parse().unwrap();
        let now: Timestamp = NOW.parse().unwrap();
        let marker = OpenMarker::new(id, now);
        let marker = Resends::of(&marker, Sha256::of("a")).with_resend(marker, now);

        assert_eq!(Resends::of(&marker, Sha256::of("a")).times, 1);
        assert_eq!(Resends::of(&marker, Sha256::of("b")).times, 0);
    }
}
