//! When a connection reads: backpressure from the consumer to the server.
//!
//! A connection stops reading when the queue is full, and continues when it is half empty. The server's pings wait behind
//! the messages that are not read, so a pause lasts at most ten seconds; then the connection reads a little, although the
//! queue is full, and answers the pings among it. The size of all that is read in this way is limited, too.

use std::time::Duration;

use jiff::Timestamp;

use super::queue::ItemQueue;
use crate::base::time::{elapsed, later};
use crate::net::clock::Clock;

/// Whether a connection reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    Paused {
        since: Timestamp,
    },
    /// The queue is full, and this number of bytes may be read.
    Sip {
        left: usize,
    },
}

/// The size of the queue at which reading pauses.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadingLimit {
    pub(super) full_bytes: usize,
}

const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Read after a pause while the queue is still full: some hundred frames.
const SIP_BYTES: usize = 256 * 1024;

/// How far sips may exceed the limit of the queue. Beyond it nothing is read, and the server may give up the connection.
const RESERVE_BYTES: usize = 8 * 1024 * 1024;

impl Reading {
    pub(super) fn is_paused(self) -> bool {
        matches!(self, Self::Paused { .. })
    }

    /// The state after a message of this size.
    #[must_use]
    pub(super) fn after_message(
        self,
        size: usize,
        queued: usize,
        limit: ReadingLimit,
        now: Timestamp,
    ) -> Self {
        match self {
            Self::Open if queued < limit.full_bytes => Self::Open,
            Self::Sip { .. } if queued <= limit.half() => Self::Open,
            Self::Sip { left } if left > size => Self::Sip { left: left - size },
            Self::Open | Self::Sip { .. } => Self::Paused { since: now },
            Self::Paused { .. } => self,
        }
    }

    /// Waits for the end of the pause, and returns the next state. Never ends without a pause.
    pub(super) async fn resumed(
        self,
        queue: &ItemQueue,
        limit: ReadingLimit,
        clock: &Clock,
    ) -> Self {
        let Self::Paused { since } = self else {
            return std::future::pending().await;
        };
        tokio::select! {
            biased;
            () = queue.wait_for(limit.half()) => Self::Open,
            () = clock.wait_until(later(since, LONGEST_PAUSE)) => {
                // A queue that has no room for a sip is waited for without a limit.
                queue.wait_for(limit.full_bytes.saturating_add(RESERVE_BYTES)).await;
                Self::Sip { left: SIP_BYTES }
            }
        }
    }

    /// The length of the pause so far.
    pub(super) fn paused_for(self, now: Timestamp) -> Duration {
        match self {
            Self::Paused { since } => elapsed(since, now),
            Self::Open | Self::Sip { .. } => Duration::ZERO,
        }
    }
}

impl ReadingLimit {
    fn half(self) -> usize {
        self.full_bytes / 2
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::Item;
    use super::*;

    const LIMIT: ReadingLimit = ReadingLimit { full_bytes: 1_000 };
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const PAUSED: Reading = Reading::Paused { since: NOW };

    fn after(reading: Reading, size: usize, queued: usize) -> Reading {
        reading.after_message(size, queued, LIMIT, NOW)
    }

    #[test]
    fn reading_pauses_at_the_limit() {
        assert_eq!(after(Reading::Open, 10, 999), Reading::Open);
        assert_eq!(after(Reading::Open, 10, 1_000), PAUSED);
    }

    #[test]
    fn a_sip_ends_when_it_is_drunk_or_the_queue_is_half_empty() {
        let sip = |left| Reading::Sip { left };

        assert_eq!(after(sip(30), 10, 1_000), sip(20));
        assert_eq!(after(sip(10), 10, 1_000), PAUSED);
        assert_eq!(after(sip(10), 50, 501), PAUSED);
        assert_eq!(after(sip(10), 50, 500), Reading::Open);
    }

    fn filled(bytes: usize, clock: &Clock) -> ItemQueue {
        let queue = ItemQueue::new(clock.clone());
        queue.add(Item::Frame {
            text: "x".repeat(bytes),
            arrived_at: NOW,
        });
        queue
    }

    #[tokio::test]
    async fn a_half_empty_queue_ends_a_pause() {
        let clock = Clock::manual(NOW);
        let queue = filled(2_000, &clock);

        let (next, _) = tokio::join!(PAUSED.resumed(&queue, LIMIT, &clock), queue.next());

        assert_eq!(next, Reading::Open);
    }

    #[tokio::test]
    async fn a_pause_lasts_at_most_ten_seconds() {
        let clock = Clock::manual(NOW);
        let queue = filled(2_000, &clock);
        let advance = async { clock.advance(LONGEST_PAUSE) };

        let (next, ()) = tokio::join!(PAUSED.resumed(&queue, LIMIT, &clock), advance);

        assert_eq!(next, Reading::Sip { left: SIP_BYTES });
    }

    #[tokio::test]
    async fn nothing_is_read_beyond_the_reserve() {
        let clock = Clock::manual(later(NOW, LONGEST_PAUSE));
        let queue = filled(RESERVE_BYTES + 2_000, &clock);

        let resumed = PAUSED.resumed(&queue, LIMIT, &clock);
        let mut resumed = std::pin::pin!(resumed);

        assert!(futures::poll!(&mut resumed).is_pending());
        queue.next().await;
        assert_eq!(resumed.await, Reading::Sip { left: SIP_BYTES });
    }
}
