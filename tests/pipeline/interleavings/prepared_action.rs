//! Performs an action in a world: a message handled, a command given, a sweep, a dead letter recorded.

use conversation_archive::base::failure::error_chain;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::storage::queue::{Delivery, Queue};
use start_export::{Command, StartError};

use end_to_end::process::{Disposition, Process};
use end_to_end::world::World;

/// An action with its input.
#[derive(Clone, Debug)]
pub(super) enum PreparedAction {
    /// A message in flight, which is deleted after it was handled.
    Message(Delivery),
    /// A copy of a message that is in no queue.
    Copy(Delivery),
    Command(Command),
    Sweep,
    DeadLetter(Delivery),
}

/// Result of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActionResult {
    Done,
    /// The handler returned the message to its queue.
    ReturnedToQueue,
    /// The command was refused by a rule.
    Refused,
}

impl PreparedAction {
    pub(super) async fn perform(
        &self,
        process: &Process,
        invocation: &Invocation,
    ) -> anyhow::Result<ActionResult> {
        match self {
            Self::Message(delivery) | Self::Copy(delivery) => {
                let disposition = process.handle(delivery, invocation).await?;
                Ok(match disposition {
                    Disposition::Delete => ActionResult::Done,
                    Disposition::Keep => ActionResult::ReturnedToQueue,
                })
            }
            Self::Command(command) => match process.start.handle(command.clone(), invocation).await
            {
                Ok(_) => Ok(ActionResult::Done),
                Err(StartError::Refused(_)) => Ok(ActionResult::Refused),
                Err(error) => Err(anyhow::anyhow!(error_chain(&error))),
            },
            Self::Sweep => {
                process.sweep.handle(invocation).await?;
                Ok(ActionResult::Done)
            }
            Self::DeadLetter(delivery) => {
                process
                    .record_dead_letter(delivery.queue, &delivery.body, invocation)
                    .await?;
                Ok(ActionResult::Done)
            }
        }
    }

    /// Deletes the message of a successful action.
    pub(super) fn delete_if_handled(&self, world: &World, result: &anyhow::Result<ActionResult>) {
        if let (Self::Message(delivery), Ok(ActionResult::Done)) = (self, result) {
            world.queues.delete(delivery.queue, &delivery.receipt);
        }
    }

    /// Whether the caller (Lambda or the operator) repeats a failed invocation. Failed messages are redelivered by
    /// their queue instead.
    pub(super) fn is_repeated_by_its_caller(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Sweep | Self::DeadLetter(_))
    }

    /// The queue whose message is in flight.
    pub(super) fn held_queue(&self) -> Option<Queue> {
        match self {
            Self::Message(delivery) => Some(delivery.queue),
            _ => None,
        }
    }

    /// Returns the same action after all messages are lost.
    pub(super) fn into_copy(self) -> Self {
        match self {
            Self::Message(delivery) => Self::Copy(delivery),
            other => other,
        }
    }
}
