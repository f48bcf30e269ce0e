//! The request to stop a capture, and when it was made: what follows has a limited time.

use conversation_archive::net::clock::Clock;
use jiff::Timestamp;
use tokio::sync::watch;

/// Requests the stop of a capture. Dropping it has no effect.
#[derive(Clone, Debug)]
pub struct CaptureStopper {
    requested_at: watch::Sender<Option<Timestamp>>,
    clock: Clock,
}

/// Follows the request.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<Option<Timestamp>>);

impl CaptureStopper {
    pub(super) fn new(clock: Clock) -> Self {
        let requested_at = watch::Sender::new(None);
        Self {
            requested_at,
            clock,
        }
    }

    /// Stops reading; what was read is written. The first request counts.
    pub fn stop(&self) {
        let now = self.clock.now();
        self.requested_at.send_if_modified(|at| {
            let is_first = at.is_none();
            at.get_or_insert(now);
            is_first
        });
    }

    pub(super) fn subscribe(&self) -> Stop {
        Stop(self.requested_at.subscribe())
    }
}

impl Stop {
    /// Waits for the request, and returns its time.
    pub(super) async fn requested(&mut self) -> Timestamp {
        loop {
            if let Some(at) = self.requested_at() {
                return at;
            }
            if self.0.changed().await.is_err() {
                // No one is left to request it.
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) fn requested_at(&self) -> Option<Timestamp> {
        *self.0.borrow()
    }
}
