//! A time in whole milliseconds, the resolution of the API.

use std::ops::Add;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

impl Moment {
    /// The first whole millisecond at or after the time.
    pub(crate) fn from_timestamp(time: Timestamp) -> Self {
        let floor = time.as_millisecond();
        Self(if Self(floor).timestamp() < time {
            floor + 1
        } else {
            floor
        })
    }

    pub(crate) fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl Add<i64> for Moment {
    type Output = Self;

    fn add(self, milliseconds: i64) -> Self {
        Self(self.0 + milliseconds)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.timestamp()))
    }
}
