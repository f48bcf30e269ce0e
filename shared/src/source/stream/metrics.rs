//! The counters of a stream.

use std::time::Duration;

/// A snapshot of the counters since the stream was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamMetrics {
    /// Frames, or values of the direct stream.
    pub frames: u64,
    /// The size of these frames.
    pub bytes: u64,
    /// Texts of the direct stream that are not values.
    pub unreadable: u64,
    pub heartbeats: u64,
    /// Connections that were opened.
    pub connections: u64,
    pub gaps: u64,
    /// The sum of the gaps. Those of two channels may overlap.
    pub gap_time: Duration,
    /// How often reading was paused because the consumer was slow.
    pub pauses: u64,
    /// The sum of the pauses that have ended.
    pub paused_time: Duration,
    /// Items that the consumer has not taken.
    pub depth: usize,
    /// Their size in memory.
    pub depth_bytes: usize,
    /// The largest size so far.
    pub greatest_depth_bytes: usize,
    /// The age of the oldest item that the consumer has not taken.
    pub lag: Duration,
}
