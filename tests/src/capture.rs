//! A process that captures live events over sockets, beside a world: over its store, queues and clock, and with its
//! simulated organisation.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::{Archive, PortionLimits};
use conversation_archive::genesys::GenesysClient;
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::{FailedExports, Pipeline};
use conversation_archive::records::redaction::{Redactor, Rules};
use conversation_archive::source::stream::{
    DEFAULT_BUFFER_BYTES, DirectPlan, NotificationPlan, QueueSelection, StreamSource,
};
use conversation_archive::storage::store::ArchiveStore;
use futures::FutureExt as _;
use genesys_archive::capture::{
    Capture, CaptureEnd, CaptureError, CaptureFigures, CaptureLimits, CaptureObserver,
    CaptureSettings, CaptureStopper, Notice,
};
use genesys_simulator::{LiveSettings, SocketState, SocketView};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use url::Url;

use crate::process::client;
use crate::world::World;

/// A running capture. Dropping it kills the process.
#[derive(Debug)]
pub struct CaptureProcess {
    task: JoinHandle<Result<CaptureEnd, CaptureError>>,
    pub stopper: CaptureStopper,
    observer: CaptureObserver,
    notices: UnboundedReceiver<Notice>,
}

/// The time that sockets and tasks get before the clock advances.
const REAL_TIME: Duration = Duration::from_millis(20);

/// A condition that does not hold after these steps of a second never will.
const MAX_STEPS: usize = 2_000;

/// Live traffic whose heartbeats come when a test sends them.
pub fn live_settings() -> LiveSettings {
    LiveSettings {
        heartbeat_interval: None,
        ..LiveSettings::default()
    }
}

pub fn all_queues() -> StreamSource {
    StreamSource::Notifications(NotificationPlan::of_queues(QueueSelection::All))
}

pub fn direct_stream() -> StreamSource {
    StreamSource::Direct(DirectPlan::default())
}

/// A client of the simulated organisation at this address.
pub fn live_client(url: &Url, clock: &Clock) -> GenesysClient {
    client(url, clock, Duration::from_secs(10))
}

impl<S: ArchiveStore + 'static> World<S> {
    /// Starts a capture as the stream `sockets`, without redaction.
    pub fn capture(&self, source: StreamSource) -> CaptureProcess {
        let archive = self.archive();
        self.capture_with(source, archive, CaptureLimits::default())
    }

    pub fn capture_with(
        &self,
        source: StreamSource,
        archive: Archive,
        limits: CaptureLimits,
    ) -> CaptureProcess {
        self.capture_buffering(source, archive, limits, DEFAULT_BUFFER_BYTES)
    }

    /// Starts a capture that stops reading when events of this size wait to be written.
    pub fn capture_buffering(
        &self,
        source: StreamSource,
        archive: Archive,
        limits: CaptureLimits,
        buffer_bytes: usize,
    ) -> CaptureProcess {
        let pipeline = Pipeline {
            archive,
            queue: Arc::new(self.queues.clone()),
            clock: self.clock.clone(),
            max_open_slices: 1,
            portions: PortionLimits::default(),
            failed_exports: FailedExports::Swept,
        };
        let settings = CaptureSettings {
            stream: "sockets".parse().expect("a name"),
            source,
            buffer_bytes,
            redactor: Redactor::new(Rules {
                kinds: Vec::new(),
                ..Rules::default()
            }),
            settle: self.process.ended.settle,
            limits,
        };
        let client = live_client(&self.simulator.url(), &self.clock);
        let (capture, notices) = Capture::new(pipeline, client, settings);
        CaptureProcess {
            stopper: capture.stopper(),
            observer: capture.observer(),
            notices,
            task: tokio::spawn(capture.run()),
        }
    }
}

impl CaptureProcess {
    pub fn figures(&self) -> CaptureFigures {
        self.observer.figures()
    }

    /// Advances the clock second by second until the condition holds.
    ///
    /// # Panics
    ///
    /// If the capture ends before, or the condition never holds.
    pub async fn until<S: ArchiveStore + 'static>(
        &mut self,
        world: &World<S>,
        condition: impl Fn(&CaptureFigures) -> bool,
    ) {
        for _ in 0..MAX_STEPS {
            if condition(&self.figures()) {
                return;
            }
            let ended = (&mut self.task).now_or_never();
            assert!(ended.is_none(), "the capture has ended: {ended:?}");
            self.pass_a_second(world).await;
        }
        panic!("it never holds: {:?}", self.figures());
    }

    /// Advances the clock, and lets the other tasks do what is due.
    pub async fn pass_a_second<S: ArchiveStore + 'static>(&mut self, world: &World<S>) {
        world.clock.advance(Duration::from_secs(1));
        let _ = tokio::time::timeout(REAL_TIME, self.observer.changed()).await;
    }

    /// Waits until everything that the sockets sent so far has been read and taken.
    pub async fn until_read<S: ArchiveStore + 'static>(&mut self, world: &World<S>) {
        // The client answers a ping of the protocol when it has read everything before it.
        let live = world.simulator.live();
        let open = live.sockets().into_iter();
        let open: Vec<_> = open.filter(|it| it.state == SocketState::Open).collect();
        live.control_ping();
        let has_answered = |before: &SocketView| {
            let now = live.sockets().into_iter().find(|it| it.id == before.id);
            now.is_none_or(|now| now.state != SocketState::Open || now.pongs > before.pongs)
        };
        self.until(world, |figures| {
            open.iter().all(has_answered) && figures.stream.depth == 0
        })
        .await;
    }

    /// Stops in order.
    pub async fn stop(self) -> Result<CaptureEnd, CaptureError> {
        self.stopper.stop();
        self.end().await
    }

    /// Advances the clock second by second until the capture ends.
    pub async fn end_while_time_passes<S: ArchiveStore + 'static>(
        mut self,
        world: &World<S>,
    ) -> Result<CaptureEnd, CaptureError> {
        for _ in 0..MAX_STEPS {
            if let Ok(ended) = tokio::time::timeout(REAL_TIME, &mut self.task).await {
                return ended.expect("no panic");
            }
            world.clock.advance(Duration::from_secs(1));
        }
        panic!("it never ends: {:?}", self.figures());
    }

    /// Waits for the end.
    pub async fn end(self) -> Result<CaptureEnd, CaptureError> {
        self.task.await.expect("no panic")
    }

    /// Drops the process at whatever point it has reached.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The notices so far.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }
}
