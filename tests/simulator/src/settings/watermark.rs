//! Lag of the data lake that the jobs read.

use std::time::Duration;

use jiff::Timestamp;

/// The data lake's availability date. A job beyond it returns only the available rows, without an error or a mark.
#[derive(Clone, Debug)]
pub enum Watermark {
    /// Always this far behind the current time.
    Behind { lag: Duration },
    /// Fixed at this time until the settings change.
    At(Timestamp),
    /// Stuck at this time: the lake has stopped, and a client that waits for more has to give up.
    Never(Timestamp),
    /// `from` until the clock reaches `at`, then `to`.
    CatchesUp {
        at: Timestamp,
        from: Timestamp,
        to: Timestamp,
    },
}

impl Watermark {
    pub fn at(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Behind { lag } => now.checked_sub(*lag).unwrap_or(Timestamp::MIN),
            Self::At(stays) | Self::Never(stays) => *stays,
            Self::CatchesUp { at, from, to } => {
                if now < *at {
                    *from
                } else {
                    *to
                }
            }
        }
    }
}
