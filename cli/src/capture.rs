//! Live capture over sockets: one process that hears a stream, stores its frames, and records its gaps.
//!
//! One task does everything in order: it takes items from the stream, and writes what it has taken from time to time.
//! Meanwhile, items wait in the stream's own queue, which stops reading when it is full.
//!
//! | module | |
//! |---|---|
//! | `intake` | from texts to a batch of frames |
//! | `covered` | until when the items cover the stream |
//! | `holder` | epochs: which process holds the stream, and what the one before left |
//! | `running` | the loop |
//! | `writing`, `retry` | what is committed, in which order, and how long writes are repeated |
//! | `unfinished` | the conversations that an earlier process had heard of and not looked up |

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use conversation_archive::base::ids::{StreamName, WriterId};
use conversation_archive::genesys::GenesysClient;
use conversation_archive::pipeline::Pipeline;
use conversation_archive::records::live::ReconstructionLimits;
use conversation_archive::records::redaction::Redactor;
use conversation_archive::source::stream::{StreamError, StreamHandle, StreamSource};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

mod covered;
mod figures;
mod holder;
mod intake;
mod retry;
mod running;
mod stop;
mod unfinished;
mod writing;

pub use figures::{CaptureFigures, CaptureObserver, CapturePhase, ChannelIds, Notice};
pub use retry::NotWritten;
pub use stop::CaptureStopper;

use running::Running;

/// The stream to capture, and how.
#[derive(Clone, Debug)]
pub struct CaptureSettings {
    pub stream: StreamName,
    pub source: StreamSource,
    /// The size of the texts that wait to be written, in bytes, at which reading pauses.
    pub buffer_bytes: usize,
    pub redactor: Redactor,
    /// Time from a hint at the end of a conversation to its lookup.
    pub settle: Duration,
    pub limits: CaptureLimits,
}

/// Times and sizes of a capture.
#[derive(Clone, Copy, Debug)]
pub struct CaptureLimits {
    /// The time between two frame records.
    pub write_every: Duration,
    /// The size of the texts of a batch at which it is written early.
    pub batch_bytes: u64,
    /// How often the process looks whether another one has begun the next epoch.
    pub look_every: Duration,
    /// How long a process hears after that.
    pub drain: Duration,
    /// How long a new process waits for the end of the one before.
    pub patience: Duration,
    /// How long a write is repeated while the store fails.
    pub retry_for: Duration,
    /// The time from the request to stop to the end.
    pub stop_within: Duration,
    pub reconstruction: ReconstructionLimits,
}

/// A capture, ready to run.
#[derive(Debug)]
pub struct Capture {
    pipeline: Pipeline,
    client: GenesysClient,
    settings: CaptureSettings,
    writer: WriterId,
    stopper: CaptureStopper,
    figures: watch::Sender<CaptureFigures>,
    stream: Arc<OnceLock<StreamHandle>>,
    notices: tokio::sync::mpsc::UnboundedSender<Notice>,
}

/// Why a capture ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureEnd {
    /// It was asked to stop.
    Stopped,
    /// Another process holds the stream.
    Superseded,
}

/// Why a capture could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error(transparent)]
    Stream(StreamError),
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self {
            write_every: Duration::from_secs(30),
            batch_bytes: 8 * 1024 * 1024,
            look_every: Duration::from_secs(30),
            drain: Duration::from_mins(1),
            // The process before looks within 30 seconds, drains for a minute, and writes.
            patience: Duration::from_mins(2),
            retry_for: Duration::from_mins(2),
            stop_within: Duration::from_secs(10),
            reconstruction: ReconstructionLimits::default(),
        }
    }
}

impl Capture {
    /// A capture that sends the ends of conversations to the queue of the pipeline, and its notices to the receiver.
    pub fn new(
        pipeline: Pipeline,
        client: GenesysClient,
        settings: CaptureSettings,
    ) -> (Self, UnboundedReceiver<Notice>) {
        let (notices, received) = unbounded_channel();
        let id = format!("{:016x}", fastrand::u64(..));
        #[expect(clippy::expect_used, reason = "hexadecimal digits are a valid id")]
        let writer = id.parse().expect("a valid id");
        let capture = Self {
            stopper: CaptureStopper::new(pipeline.clock.clone()),
            pipeline,
            client,
            settings,
            writer,
            figures: watch::Sender::default(),
            stream: Arc::default(),
            notices,
        };
        (capture, received)
    }

    pub fn stopper(&self) -> CaptureStopper {
        self.stopper.clone()
    }

    pub fn observer(&self) -> CaptureObserver {
        CaptureObserver {
            figures: self.figures.subscribe(),
            stream: Arc::clone(&self.stream),
        }
    }

    /// Captures until it is asked to stop, another process takes over, or it cannot go on. Whatever has been read is
    /// written before, unless the archive cannot be written.
    pub async fn run(self) -> Result<CaptureEnd, CaptureError> {
        Running::start(self).await?.run().await
    }
}
