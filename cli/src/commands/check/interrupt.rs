//! Ctrl-C, so that what a check has made is deleted before it ends.

use std::future::pending;

use tokio::sync::watch;

use crate::problem::Exit;
use crate::screen::Screen;

/// Whether somebody wants to stop.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(watch::Receiver<bool>);

/// Somebody wanted to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interrupted;

impl Interrupt {
    /// From here on the first Ctrl-C ends the step in hand, and the second one the process.
    pub(super) fn listen(screen: &Screen) -> Self {
        let (sender, receiver) = watch::channel(false);
        let screen = screen.clone();
        tokio::spawn(async move {
            wait().await;
            screen.line("deletes what it has made; Ctrl-C again stops at once");
            sender.send_replace(true);
            wait().await;
            std::process::exit(Exit::Failed as i32);
        });
        Self(receiver)
    }

    #[cfg(test)]
    pub(super) fn after(signal: watch::Receiver<bool>) -> Self {
        Self(signal)
    }

    /// The step, unless it is interrupted. Never for a step that makes what must be deleted: who does not wait for the
    /// answer cannot delete it.
    pub(super) fn or<T>(
        &self,
        step: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, Interrupted>> {
        let mut signal = self.0.clone();
        // On the heap: what asks AWS is large.
        let step = Box::pin(step);
        async move {
            tokio::select! {
                biased;
                Ok(_) = signal.wait_for(|is_interrupted| *is_interrupted) => Err(Interrupted),
                done = step => Ok(done),
            }
        }
    }
}

/// For ever where signals cannot be had.
async fn wait() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}
