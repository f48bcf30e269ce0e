//! Performs an action in a world: a message handled, a command given, a sweep, a dead letter recorded.

use conversation_archive::base::failure::error_chain;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::storage::queue::{Delivery, Queue};
use start_export::{Command, StartError};

use end_to_end::process::{Disposition, Process};
use end_to_end::world::World;

/// An action with its input.
#[derive(Clone, Debug)]
pub(super) enum Move {
    /// A message in flight, which is deleted after it was handled.
    Message(Delivery),
    /// A copy of a message that is in no queue.
    Copy(Delivery),
    Command(Command),
    Sweep,
    Letter(Delivery),
}

/// Result of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Performed {
    Done,
    /// The handler returned the message to its queue.
    Kept,
    /// The command was refused by a rule.
    Refused,
}

impl Move {
    pub(super) async fn perform(
        &self,
        process: &Process,
        invocation: &Invocation,
    ) -> anyhow::Result<Performed> {
        match self {
            Self::Message(delivery) | Self::Copy(delivery) => {
                let disposition = process.handle(delivery, invocation).await?;
                Ok(match disposition {
                    Disposition::Delete => Performed::Done,
                    Disposition::Keep => Performed::Kept,
                })
            }
            Self::Command(command) => match process.start.handle(command.clone(), invocation).await
            {
                Ok(_) => Ok(Performed::Done),
                Err(StartError::Refused(_)) => Ok(Performed::Refused),
                Err(error) => Err(anyhow::anyhow!(error_chain(&error))),
            },
            Self::Sweep => {
                process.sweep.handle(invocation).await?;
                Ok(Performed::Done)
            }
            Self::Letter(letter) => {
                process
                    .record_dead_letter(letter.queue, &letter.body, invocation)
                    .await?;
                Ok(Performed::Done)
            }
        }
    }

    /// Deletes the message of a successful move.
    pub(super) fn settle(&self, world: &World, performed: &anyhow::Result<Performed>) {
        if let (Self::Message(delivery), Ok(Performed::Done)) = (self, performed) {
            world.queues.delete(delivery.queue, &delivery.receipt);
        }
    }

    /// Whether the caller (Lambda or the operator) repeats a failed invocation. Failed messages are redelivered by
    /// their queue instead.
    pub(super) fn is_repeated_by_its_caller(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Sweep | Self::Letter(_))
    }

    /// The queue whose message is in flight.
    pub(super) fn queue_in_hand(&self) -> Option<Queue> {
        match self {
            Self::Message(delivery) => Some(delivery.queue),
            _ => None,
        }
    }

    /// The same move after all messages are lost.
    pub(super) fn without_its_queue(self) -> Self {
        match self {
            Self::Message(delivery) => Self::Copy(delivery),
            other => other,
        }
    }
}
