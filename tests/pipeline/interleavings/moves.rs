//! What an action does in a world: a message handled, a command given, a sweep, a dead letter recorded.

use conversation_archive::failure::in_one_line;
use conversation_archive::invocation::Invocation;
use conversation_archive::queue::{Delivery, Queue};
use start_export::{Command, StartError};

use end_to_end::process::{Disposition, Process};
use end_to_end::world::World;

/// An action with everything it needs.
#[derive(Clone, Debug)]
pub(super) enum Move {
    /// The queue holds the message in flight: it is deleted after it was handled.
    Message(Delivery),
    /// A copy of a message, which no queue holds.
    Copy(Delivery),
    Command(Command),
    Sweep,
    Letter(Delivery),
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Performed {
    Done,
    /// The handler returned the message to its queue.
    Kept,
    /// A command was refused by a rule.
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
                Err(error) => Err(anyhow::anyhow!(in_one_line(&error))),
            },
            Self::Sweep => {
                process.sweep.handle(invocation).await?;
                Ok(Performed::Done)
            }
            Self::Letter(letter) => {
                process.bury(letter.queue, &letter.body, invocation).await?;
                Ok(Performed::Done)
            }
        }
    }

    /// Deletes the message of a move that was performed.
    pub(super) fn settle(&self, world: &World, performed: &anyhow::Result<Performed>) {
        if let (Self::Message(delivery), Ok(Performed::Done)) = (self, performed) {
            world.queues.delete(delivery.queue, &delivery.receipt);
        }
    }

    /// Lambda and people repeat an invocation that failed; a message comes again from its queue.
    pub(super) fn is_repeated_by_its_caller(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Sweep | Self::Letter(_))
    }

    /// The queue whose message is in hand.
    pub(super) fn queue_in_hand(&self) -> Option<Queue> {
        match self {
            Self::Message(delivery) => Some(delivery.queue),
            _ => None,
        }
    }

    /// The move after the loss of all messages.
    pub(super) fn without_its_queue(self) -> Self {
        match self {
            Self::Message(delivery) => Self::Copy(delivery),
            other => other,
        }
    }
}
