//! The figures and notices of a running capture.

use std::fmt;
use std::sync::{Arc, OnceLock};

use conversation_archive::export::live_coverage::LiveGapSpan;
use conversation_archive::records::live::FrameCounts;
use conversation_archive::source::stream::{GapReason, StreamHandle, StreamMetrics};
use jiff::Timestamp;
use tokio::sync::watch;

/// A snapshot of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureFigures {
    pub stream: StreamMetrics,
    /// Of the frames that are committed.
    pub counts: FrameCounts,
    /// Number of frame records that this process has committed.
    pub records: u64,
    /// Conversations that may have ended, counted once per frame record.
    pub ended: u64,
    /// Number of live gaps that this process has recorded.
    pub gaps: u64,
    pub last_gap: Option<LiveGapSpan>,
    /// Since when not everything is heard or read: a gap that is not over, or a pause of reading.
    pub interrupted_since: Option<Timestamp>,
    pub phase: CapturePhase,
    /// Conversations of a direct stream that are reconstructed in memory.
    pub reconstructing: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CapturePhase {
    /// Nothing has been heard yet.
    #[default]
    Connecting,
    /// Frames stay in memory until the process before has ended.
    TakingOver,
    Hearing,
    /// Another process has taken over.
    Draining,
    Stopping,
}

/// Observes a capture, also while it waits for the archive. A clone observes the same one.
#[derive(Clone, Debug)]
pub struct CaptureObserver {
    pub(super) figures: watch::Receiver<CaptureFigures>,
    pub(super) stream: Arc<OnceLock<StreamHandle>>,
}

impl CaptureObserver {
    pub fn figures(&self) -> CaptureFigures {
        let figures = *self.figures.borrow();
        CaptureFigures {
            stream: self
                .stream
                .get()
                .map(StreamHandle::metrics)
                .unwrap_or_default(),
            ..figures
        }
    }

    /// Waits until something has changed besides the counters of the stream.
    pub async fn changed(&mut self) {
        // A capture that has ended changes nothing.
        let _ = self.figures.changed().await;
    }
}

/// Something that an operator should know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Warning(String),
    /// The archive cannot be written; the write is repeated.
    WriteFailed(String),
    Gap {
        span: LiveGapSpan,
        reason: GapReason,
    },
    /// An epoch has begun: this process holds the stream.
    Holds {
        epoch: u64,
    },
    /// Another process has begun the next epoch.
    Superseded,
    /// The conversations that an earlier process had heard of are looked up.
    LookingUpAgain {
        conversations: usize,
    },
    /// The channels of the process have changed.
    Channels(ChannelIds),
}

/// Ids of notification channels. Whoever knows one can hear its events.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelIds(Vec<String>);

impl From<Vec<String>> for ChannelIds {
    fn from(ids: Vec<String>) -> Self {
        Self(ids)
    }
}

impl From<ChannelIds> for Vec<String> {
    fn from(ids: ChannelIds) -> Self {
        ids.0
    }
}

impl fmt::Debug for ChannelIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelIds({})", self.0.len())
    }
}
