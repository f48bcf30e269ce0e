//! Until when the items that were taken from a stream cover it. Pure.

use std::time::Duration;

use conversation_archive::base::time::earlier;
use jiff::Timestamp;

/// The time that a stream covers, according to its items.
#[derive(Debug, Default)]
pub(super) struct Covered {
    /// The last frame or heartbeat.
    last: Option<Timestamp>,
    /// The beginnings of the gaps and pauses that are not over.
    open: Vec<Timestamp>,
    channels: usize,
}

/// With several channels, one of them may have been silent for this long while another was heard.
const SILENCE: Duration = Duration::from_secs(45);

impl Covered {
    pub(super) fn heard(&mut self, arrived_at: Timestamp) {
        // Not the latest one: the clock may have been set back.
        self.last = Some(arrived_at);
    }

    pub(super) fn interrupted(&mut self, from: Timestamp) {
        self.open.push(from);
    }

    /// The gap or pause with this beginning is over.
    pub(super) fn resumed(&mut self, from: Timestamp) {
        if let Some(position) = self.open.iter().position(|open| *open == from) {
            self.open.swap_remove(position);
        }
    }

    pub(super) fn set_channels(&mut self, channels: usize) {
        self.channels = channels;
    }

    /// The beginning of the gap or pause that has lasted for longest.
    pub(super) fn interrupted_since(&self) -> Option<Timestamp> {
        self.open.iter().min().copied()
    }

    /// Everything that was sent until then has been taken, or is in a gap that is over. `None` before the first frame or
    /// heartbeat.
    pub(super) fn until(&self) -> Option<Timestamp> {
        let last = self.last?;
        let last = if self.channels > 1 {
            earlier(last, SILENCE)
        } else {
            last
        };
        Some(
            self.interrupted_since()
                .map_or(last, |since| since.min(last)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_stream_is_covered_until_its_last_sign_of_life() {
        let mut covered = Covered::default();
        assert_eq!(covered.until(), None);

        covered.heard(at(5));
        covered.heard(at(10));
        assert_eq!(covered.until(), Some(at(10)));
        covered.heard(at(7));

        assert_eq!(covered.until(), Some(at(7)), "the clock was set back");
    }

    #[test]
    fn nothing_is_covered_beyond_a_gap_that_is_not_over() {
        let mut covered = Covered::default();
        covered.heard(at(100));
        covered.interrupted(at(90));
        covered.interrupted(at(95));
        covered.heard(at(120));
        assert_eq!(covered.until(), Some(at(90)));

        covered.resumed(at(90));
        assert_eq!(covered.until(), Some(at(95)));
        covered.resumed(at(95));

        assert_eq!(covered.until(), Some(at(120)));
    }

    #[test]
    fn one_of_several_channels_may_have_been_silent() {
        let mut covered = Covered::default();
        covered.set_channels(2);

        covered.heard(at(100));

        assert_eq!(covered.until(), Some(at(55)));
    }
}
