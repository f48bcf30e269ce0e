//! How far behind now the bulk route is.

use std::time::Duration;

use jiff::Timestamp;

/// How far the data lake has got. A job asked for more gets what is there, without any error or mark.
#[derive(Clone, Debug)]
pub enum Watermark {
    /// Always this far behind now.
    Behind { lag: Duration },
    /// At this moment, until the settings are changed.
    At(Timestamp),
    /// Stuck at this moment: the lake has stopped, and a client that waits for more has to give up by itself.
    Never(Timestamp),
    /// Says `from` until the clock reaches `at`, then `to`.
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
