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

    /// The connection received a frame or a heartbeat. Returns the gap that ends with it.
    pub(super) fn heard(&mut self, connection: ConnectionNumber, now: Timestamp) -> Option<Gap> {
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
        Some(Gap::new(from, now, reason))
    }

    /// The connection or its subscription has ended. Returns the gap before another connection began to hear, if that is
    /// known already.
    pub(super) fn ended(&mut self, connection: ConnectionNumber, reason: GapReason) -> Option<Gap> {
        let position = self
            .hearing
            .iter()
            .position(|it| it.connection == connection)?;
        let last = self.hearing.swap_remove(position).last;
        let from = self.ended.map_or(last, |ended| ended.max(last));
        self.ended = Some(from);
        let Some(until) = self.hearing.iter().map(|it| it.first).min() else {
            self.interrupted = Some((from, reason));
            return None;
        };
        (until > from).then(|| Gap::new(from, until, reason))
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

    fn gap(from: i64, until: i64, reason: GapReason) -> Gap {
        Gap::new(at(from), at(until), reason)
    }

    #[test]
    fn a_gap_lasts_from_the_last_to_the_first_frame() {
        let mut coverage = Coverage::default();

        assert_eq!(coverage.heard(OLD, at(0)), None);
        assert_eq!(coverage.heard(OLD, at(30)), None);
        assert_eq!(coverage.ended(OLD, LOST), None);
        assert_eq!(coverage.ended(OLD, GapReason::Silence), None);

        assert_eq!(coverage.heard(OLD, at(40)), Some(gap(30, 40, LOST)));
        assert_eq!(coverage.heard(OLD, at(41)), None);
    }

    #[test]
    fn a_connection_that_heard_nothing_ends_no_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.ended(OLD, LOST);
        assert_eq!(coverage.ended(NEW, GapReason::Silence), None);

        assert_eq!(coverage.heard(NEW, at(90)), Some(gap(0, 90, LOST)));
    }

    #[test]
    fn overlapping_connections_leave_no_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.heard(NEW, at(50));
        coverage.heard(OLD, at(60));

        assert_eq!(coverage.ended(OLD, LOST), None);
        assert_eq!(coverage.heard(NEW, at(70)), None);
        assert_eq!(coverage.ended(NEW, LOST), None);
        assert_eq!(coverage.heard(NEW, at(80)), Some(gap(70, 80, LOST)));
    }

    #[test]
    fn a_replacement_that_came_too_late_leaves_a_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.heard(NEW, at(20));

        let silence = GapReason::Silence;
        assert_eq!(coverage.ended(OLD, silence), Some(gap(0, 20, silence)));
    }

    #[test]
    fn the_later_one_of_two_silent_connections_begins_the_gap() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(0));
        coverage.heard(NEW, at(0));
        coverage.heard(OLD, at(10));

        assert_eq!(coverage.ended(OLD, GapReason::Silence), None);
        assert_eq!(coverage.ended(NEW, LOST), None);
        assert_eq!(coverage.heard(NEW, at(60)), Some(gap(10, 60, LOST)));
    }

    #[test]
    fn the_time_without_a_process_is_a_gap() {
        let mut coverage = Coverage::new(Some(at(5)));

        assert_eq!(
            coverage.heard(OLD, at(100)),
            Some(gap(5, 100, GapReason::Start))
        );
    }

    #[test]
    fn no_gap_is_empty() {
        let mut coverage = Coverage::default();

        coverage.heard(OLD, at(1));
        coverage.ended(OLD, LOST);
        let gap = coverage.heard(OLD, at(1)).unwrap();

        assert_eq!(gap.until, later(at(1), SHORTEST_GAP));
    }
}
