//! Settings of channels, sockets and the direct stream.

use std::time::Duration;

use super::faults::LiveFaults;

/// `heartbeat_interval` and `pieces` apply to sockets that open after a change.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Real time between the heartbeats of a socket, the first one after this time. `None` means that only
    /// [`Live::heartbeat`](crate::Live::heartbeat) sends them. About 30 seconds are documented.
    pub heartbeat_interval: Option<Duration>,
    /// Channels of the client; one more evicts the one that was used least recently, those without a socket first.
    pub channels_max: usize,
    /// Subscriptions of a channel; a combined topic is one of them.
    pub topics_max: usize,
    /// Simulated time from the creation of a channel, or the latest PUT of its subscriptions, to its end.
    pub channel_lifetime: Duration,
    /// How the direct stream refuses a token.
    pub direct_refusal: DirectRefusal,
    pub pieces: Pieces,
    /// Number of frames of which the simulator remembers to whom they were sent; older ones are forgotten.
    pub history: usize,
    pub faults: LiveFaults,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectRefusal {
    /// The request to upgrade is refused with 401.
    Unauthorized,
    /// The socket opens, and closes with this code.
    Close(u16),
}

/// How the values of the direct stream are divided into text messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// One message for each value.
    Whole,
    /// Values that are sent together are joined with white space between them and cut between characters, into messages
    /// of 1 to `max_bytes` bytes, or of one character if that is longer.
    Cut { seed: u64, max_bytes: usize },
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Some(Duration::from_secs(30)),
            channels_max: 20,
            topics_max: 1_000,
            channel_lifetime: Duration::from_hours(24),
            direct_refusal: DirectRefusal::Close(4001),
            // Most values are longer than some pieces and shorter than others.
            pieces: Pieces::Cut {
                seed: 1,
                max_bytes: 600,
            },
            history: usize::MAX,
            faults: LiveFaults::default(),
        }
    }
}
