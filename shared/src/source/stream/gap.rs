//! The gaps of one set of topics, which one connection hears, or two while one replaces the other. Pure.
//!
//! A connection *covers* the time from the first frame or heartbeat after its subscription to the last one. A gap is a time
//! that no connection covers, between two that are covered.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::time::later;
use crate::net::websocket::CloseCode;

/// A time in which events may have been missed: after the last frame or heartbeat, before the first one of the restored
/// subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Timestamp,
    /// At least a millisecond later than `from`.
    pub until: Timestamp,
    pub reason: GapReason,
}

/// The cause of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The connection or the subscription ended; with the close code, if there is one.
    Closed(Option<CloseCode>),
    /// Neither a frame nor a heartbeat was received for 45 seconds.
    Silence,
    /// The process was not running.
    Start,
}

/// A change of the time that is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// No connection hears, since then.
    Interrupted(Timestamp),
    /// The gap of an interruption is over.
    Resumed(Gap),
    /// A gap that was found when it was over already.
    Late(Gap),
}

/// Identifies a connection loop of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionNumber(pub(super) u64);

/// The time that the connections of one set of topics cover.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// The connections that hear.
    hearing: Vec<Covered>,
    /// The last frame or heartbeat of the connections that have ended.
    ended: Option<Timestamp>,
    /// No connection hears, since then.
    interrupted: Option<(Timestamp, GapReason)>,
}

#[derive(Clone, Copy, Debug)]
struct Covered {
    connection: ConnectionNumber,
    first: Timestamp,
    last: Timestamp,
}

/// The resolution in which gaps are stored: a shorter gap would be empty there.
const SHORTEST_GAP: Duration = Duration::from_millis(1);

impl Coverage {
    /// `heard_until` is the last moment that an earlier process covered: a gap begins there.
    pub(super) fn new(heard_until: Option<Timestamp>) -> Self {
        Self {
            interrupted: heard_until.map(|from| (from, GapReason::Start)),
            ..Self::default()
        }
    }

    /// The connection received a frame or a heartbeat, which may end a gap.
    pub(super) fn heard(&mut self, connection: ConnectionNumber, now: Timestamp) -> Option<Change> {
        if let Some(covered) = self
            .hearing
            .iter_mut()
            .find(|it| it.connection == connection)
        {
            covered.last = covered.last.max(now);
            return None;
        }
        self.hearing.push(Covered {
            connection,
            first: now,
            last: now,
        });
        let (from, reason) = self.interrupted.take()?;
        Some(Change::Resumed(Gap::new(from, now, reason)))
    }

    /// The connection or its subscription has ended: an interruption, unless another connection hears. If that one began
    /// to hear too late, the time before is a gap.
    pub(super) fn ended(
        &mut self,
        connection: ConnectionNumber,
        reason: GapReason,
    ) -> Option<Change> {
        let position = self
            .hearing
            .iter()
            .position(|it| it.connection == connection)?;
        let last = self.hearing.swap_remove(position).last;
        let from = self.ended.map_or(last, |ended| ended.max(last));
        self.ended = Some(from);
        let Some(until) = self.hearing.iter().map(|it| it.first).min() else {
            self.interrupted = Some((from, reason));
            return Some(Change::Interrupted(from));
        };
        (until > from).then(|| Change::Late(Gap::new(from, until, reason)))
    }
}

impl Gap {
    fn new(from: Timestamp, until: Timestamp, reason: GapReason) -> Self {
        let until = until.max(later(from, SHORTEST_GAP));
        Self {
            from,
            until,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ConnectionNumber = ConnectionNumber(1);
    const NEW: ConnectionNumber = ConnectionNumber(2);
    const LOST: GapReason = GapReason::Closed(Some(CloseCode::LOST));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn resumed(from: i64, until: i64, reason: GapReason) -> Change {
        Change::Resumed(Gap::new(at(from), at(until), reason))
    }

    fn interrupted(from: i64) -> Change {
        Change::Interrupted(at(from))
    }

    #[test]
    fn a_gap_lasts_from_the_last_to_the_first_frame() {
        let mut coverage = Coverage::default();

        assert_eq!(coverage.heard(OLD, at(0)), None);
        assert_eq!(coverage.heard(OLD, at(30)), None);
        assert_eq!(coverage.ended(OLD, LOST), Some(interrupted(30)));
        assert_eq!(coverage.ended(OLD, GapReason::Silence), None);

        assert_eq!(coverage.heard(OLD, at(40)), Some(resumed(30, 40, LOST)));
        assert_eq!(coverage.heard(OLD, at(41)), None);
    }

    #[test]
    fn a_connection_that_heard_nothing_ends_no_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.ended(OLD, LOST);
        assert_eq!(coverage.ended(NEW, GapReason::Silence), None);

        assert_eq!(coverage.heard(NEW, at(90)), Some(resumed(0, 90, LOST)));
    }

    #[test]
    fn overlapping_connections_leave_no_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.heard(NEW, at(50));
        coverage.heard(OLD, at(60));

        assert_eq!(coverage.ended(OLD, LOST), None);
        assert_eq!(coverage.heard(NEW, at(70)), None);
        assert_eq!(coverage.ended(NEW, LOST), Some(interrupted(70)));
        assert_eq!(coverage.heard(NEW, at(80)), Some(resumed(70, 80, LOST)));
    }

    #[test]
    fn a_replacement_that_came_too_late_leaves_a_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.heard(NEW, at(20));

        let silence = GapReason::Silence;
        let late = Change::Late(Gap::new(at(0), at(20), silence));
        assert_eq!(coverage.ended(OLD, silence), Some(late));
    }

    #[test]
    fn the_later_one_of_two_silent_connections_begins_the_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.heard(NEW, at(0));
        coverage.heard(OLD, at(10));

        assert_eq!(coverage.ended(OLD, GapReason::Silence), None);
        assert_eq!(coverage.ended(NEW, LOST), Some(interrupted(10)));
        assert_eq!(coverage.heard(NEW, at(60)), Some(resumed(10, 60, LOST)));
    }

    #[test]
    fn the_time_without_a_process_is_a_gap() {
        let mut coverage = Coverage::new(Some(at(5)));

        let heard = coverage.heard(OLD, at(100));
        assert_eq!(heard, Some(resumed(5, 100, GapReason::Start)));
    }

    #[test]
    fn no_gap_is_empty() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(1));
        coverage.ended(OLD, LOST);
        let resumed = coverage.heard(OLD, at(1));

        let until = later(at(1), SHORTEST_GAP);
        let gap = Gap {
            from: at(1),
            until,
            reason: LOST,
        };
        assert_eq!(resumed, Some(Change::Resumed(gap)));
    }
}
