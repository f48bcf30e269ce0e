//! Ctrl-C handling: what a check has created is deleted before it ends.

use std::future::pending;

use tokio::sync::watch;

use crate::problem::Exit;
use crate::screen::Screen;

/// Reports whether the user has pressed Ctrl-C.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(watch::Receiver<bool>);

/// The user has pressed Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interrupted;

impl Interrupt {
    /// Starts to listen: the first Ctrl-C ends the current step, the second one the process.
    pub(super) fn listen(screen: &Screen) -> Self {
        let (sender, receiver) = watch::channel(false);
        let screen = screen.clone();
        tokio::spawn(async move {
            wait().await;
            screen.print_line(
                "deleting what the check has created; press Ctrl-C again to stop at once",
            );
            sender.send_replace(true);
            wait().await;
            std::process::exit(Exit::Failed.code().into());
        });
        Self(receiver)
    }

    #[cfg(test)]
    pub(super) fn after(signal: watch::Receiver<bool>) -> Self {
        Self(signal)
    }

    /// Runs a step unless it is interrupted. Not for a step that creates something that must be deleted: without the
    /// response it cannot be deleted.
    pub(super) fn run<T>(
        &self,
        step: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, Interrupted>> {
        let mut signal = self.0.clone();
        // On the heap, because the futures of AWS calls are large.
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

/// Waits for Ctrl-C; forever if signals are not available.
async fn wait() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}
