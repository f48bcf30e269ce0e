//! The coverage of a stream of live events: the process that holds it, its gaps, and the seals of its days.

mod day;
mod epoch;
mod gap;

pub use day::{DayFigures, DaySeal, ListedGap, NotEnded, SealedRecord};
pub use epoch::{EndedEpoch, Epoch};
pub use gap::{ClosedGap, GapReason, LiveGap, LiveGapSpan};
