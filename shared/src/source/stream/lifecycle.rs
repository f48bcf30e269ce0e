//! The end of a stream: requested by the consumer, and awaited by it.

use tokio::sync::watch;

/// Follows a stream's end. Clones are independent.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle(watch::Receiver<State>);

/// Changes it.
#[derive(Clone, Debug)]
pub(super) struct LifecycleSender(watch::Sender<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Running,
    Stopping,
    Ended,
}

impl LifecycleSender {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(State::Running))
    }

    pub(super) fn stop(&self) {
        self.advance(State::Stopping);
    }

    pub(super) fn mark_ended(&self) {
        self.advance(State::Ended);
    }

    pub(super) fn subscribe(&self) -> Lifecycle {
        Lifecycle(self.0.subscribe())
    }

    fn advance(&self, to: State) {
        self.0.send_if_modified(|state| {
            let is_later = to > *state;
            *state = (*state).max(to);
            is_later
        });
    }
}

impl Lifecycle {
    /// Waits until the stream shall stop.
    pub(super) async fn stopping(&mut self) {
        self.reach(State::Stopping).await;
    }

    /// Waits until the stream has ended.
    pub(super) async fn ended(&mut self) {
        self.reach(State::Ended).await;
    }

    pub(super) fn is_running(&self) -> bool {
        *self.0.borrow() == State::Running
    }

    async fn reach(&mut self, target: State) {
        // Without a sender, the stream has ended.
        let _ = self.0.wait_for(|state| *state >= target).await;
    }
}
