//! The signals that end a stream, and its work in the background.

use std::time::Duration;

use conversation_archive::base::failure::error_chain;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::problem::Problem;

/// Waits for Ctrl-C, SIGTERM, or the end of the time.
pub(super) struct Stop {
    interrupted: Signal,
    terminated: Signal,
    ends_at: Option<Instant>,
}

/// Sweeps, and continues the exports of an earlier process. Ends when it is dropped.
pub(super) struct Background(#[expect(dead_code, reason = "holds the tasks")] JoinSet<()>);

/// The exports of gaps start after minutes.
const STREAMS_INTERVAL: Duration = Duration::from_mins(5);

/// As in AWS.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

impl Stop {
    pub(super) fn listen(ends_after: Option<Duration>) -> Result<Self, Problem> {
        let listen = |kind| signal(kind).map_err(|error| Problem::from(anyhow::Error::from(error)));
        Ok(Self {
            interrupted: listen(SignalKind::interrupt())?,
            terminated: listen(SignalKind::terminate())?,
            ends_at: ends_after.map(|duration| Instant::now() + duration),
        })
    }

    /// Waits for the next request.
    pub(super) async fn requested(&mut self) {
        let ends_at = self.ends_at;
        let over = async {
            match ends_at {
                Some(moment) => tokio::time::sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
            () = over => self.ends_at = None,
        }
    }
}

impl Background {
    /// Starts the work of a process whose predecessor is gone.
    pub(super) fn start(engine: &Engine) -> Self {
        let mut tasks = JoinSet::new();
        let (streams, exports) = (engine.clone(), engine.clone());
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(STREAMS_INTERVAL).await;
                report(streams.sweep_streams().await);
            }
        });
        tasks.spawn(async move {
            loop {
                tokio::time::sleep(SWEEP_INTERVAL).await;
                report(exports.sweep().await);
            }
        });
        let engine = engine.clone();
        tasks.spawn(async move { continue_exports(&engine).await });
        Self(tasks)
    }
}

fn report(swept: anyhow::Result<()>) {
    if let Err(error) = swept {
        let error = error_chain(error.as_ref());
        tracing::warn!(error, "sweep failed; it is repeated");
    }
}

async fn continue_exports(engine: &Engine) {
    match engine.continue_live_exports().await {
        Ok(continued) => tracing::info!(continued, "exports of an earlier process continued"),
        Err(error) => {
            let error = error_chain(error.as_ref());
            tracing::warn!(
                error,
                "exports of an earlier process not continued; the sweep continues them"
            );
        }
    }
}
