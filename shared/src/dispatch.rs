//! Sends messages: derives from the bucket which message continues an export.

use std::sync::Arc;

use crate::archive::{Archive, ArchiveError, SliceView};
use crate::attempt::Attempt;
use crate::clock::Clock;
use crate::conclusion::PortionLimits;
use crate::ids::ExportId;
use crate::message::{CompletionMessage, PageMessage, StartMessage, WaitingMessage};
use crate::plan::ExportPlan;
use crate::queue::{MessageQueue, Outgoing, QueueError};

mod webhooks;

/// Sends the messages of the pipeline.
#[derive(Clone, Debug)]
pub struct Dispatch {
    pub archive: Archive,
    pub queue: Arc<dyn MessageQueue>,
    pub clock: Clock,
    /// Number of slices of an export to process in parallel.
    pub max_open_slices: usize,
    /// Limits on the pages and lines read at a time when an export is concluded.
    pub portions: PortionLimits,
    pub failed_exports: FailedExports,
}

/// Who resumes an export that failed and may succeed at another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedExports {
    /// sweep-exports, at a time that a marker states.
    Swept,
    /// The operator: no sweep runs beside the process.
    LeftToOperator,
}

/// The reason why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("a queue message cannot be serialized")]
    Message(#[from] serde_json::Error),
    /// The runs of the attempt no longer count: the later attempt names its own.
    #[error("attempt {newest} has superseded attempt {attempt}")]
    Superseded { attempt: u32, newest: u32 },
    /// Another invocation would not make progress either.
    #[error("the invocation ended before it made progress that the next one could continue")]
    OutOfTime,
    #[error("{key} is damaged")]
    Index {
        key: String,
        #[source]
        source: crate::page::CodecError,
    },
}

impl DispatchError {
    /// Whether the archive or the queue may succeed on a retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Archive(error) => error.is_transient(),
            Self::Queue(error) => error.is_transient(),
            Self::Message(_) | Self::Superseded { .. } | Self::OutOfTime | Self::Index { .. } => {
                false
            }
        }
    }
}

/// The selection of open slices that get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Slices that may start now and have no object in the bucket yet. The others have a message already.
    Unstarted,
    /// Also all started slices, because their messages may be lost. If one is not, both arrive, and the later one finds
    /// the page committed.
    Every,
}

impl Dispatch {
    /// Sends the next message of open slices and returns these slices. Starts up to `max_open_slices`, in order.
    pub async fn open_slices(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        which: Which,
    ) -> Result<Vec<SliceView>, DispatchError> {
        let mut views = self.archive.survey(plan, attempt).await?;
        views.retain(|view| view.end.is_none());
        for (place, view) in views.iter().enumerate() {
            let may_go = place < self.max_open_slices;
            if !may_go && which == Which::Unstarted {
                break;
            }
            match (self.archive.is_untouched(&view.run).await?, which) {
                (true, Which::Unstarted) if may_go => {
                    self.page(&self.archive.opening_message(view, plan).await?)
                        .await?;
                }
                (true, Which::Every) if may_go => {
                    self.page_again(&self.archive.opening_message(view, plan).await?)
                        .await?;
                }
                (false, Which::Every) => {
                    self.page_again(&self.archive.next_message(view, plan).await?)
                        .await?;
                }
                _ => {}
            }
        }
        Ok(views)
    }

    /// Sends the next message of one slice, if it is among those that may run now.
    pub async fn open_slice(
        &self,
        plan: &ExportPlan,
        attempt: &Attempt,
        number: u32,
    ) -> Result<(), DispatchError> {
        let views = self.archive.survey(plan, attempt).await?;
        let mut open = views
            .iter()
            .filter(|view| view.end.is_none())
            .take(self.max_open_slices);
        match open.find(|view| view.slice.number == number) {
            Some(view) => {
                self.page(&self.archive.next_message(view, plan).await?)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Resumes a started export wherever it stopped: sends page messages for open slices, or else the completion
    /// message.
    pub async fn revive(&self, plan: &ExportPlan, attempt: &Attempt) -> Result<(), DispatchError> {
        if self
            .open_slices(plan, attempt, Which::Every)
            .await?
            .is_empty()
        {
            self.nudge(&plan.export_id).await?;
        }
        Ok(())
    }

    pub async fn page(&self, message: &PageMessage) -> Result<(), DispatchError> {
        self.send(message.outgoing()?).await
    }

    async fn page_again(&self, message: &PageMessage) -> Result<(), DispatchError> {
        self.send(message.outgoing_again(self.clock.now())?).await
    }

    pub async fn waiting(&self, message: &WaitingMessage) -> Result<(), DispatchError> {
        self.send(message.outgoing(self.clock.now())?).await
    }

    pub async fn completion(&self, message: &CompletionMessage) -> Result<(), DispatchError> {
        self.send(message.outgoing()?).await
    }

    /// Sends a message that starts an accepted export or resumes a failed one.
    pub async fn start(&self, id: &ExportId) -> Result<(), DispatchError> {
        self.send(StartMessage::new(id).outgoing(self.clock.now())?)
            .await
    }

    /// Sends a message that makes complete-export check the export again.
    pub async fn nudge(&self, id: &ExportId) -> Result<(), DispatchError> {
        self.completion(&CompletionMessage::nudge(id, self.clock.now()))
            .await
    }

    async fn send(&self, message: Outgoing) -> Result<(), DispatchError> {
        Ok(self.queue.send(message).await?)
    }
}
