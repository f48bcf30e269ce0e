//! Which process holds the stream, and what the one before it left.
//!
//! A process that has begun to hear begins an epoch. The one before it sees that, hears for a while longer, and ends. Until
//! it has ended, or could have, the new process keeps what it hears in memory: only then is known from when on events may
//! have been missed.

use std::time::Duration;

use conversation_archive::archive::{Archive, ArchiveError, live_epochs, live_streams};
use conversation_archive::base::ids::{StreamName, WriterId};
use conversation_archive::base::time::later;
use conversation_archive::export::live_coverage::Epoch;
use jiff::Timestamp;

/// The process that holds the stream.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) epoch: Epoch,
    pub(super) predecessor: Predecessor,
}

/// The process of the epoch before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predecessor {
    /// It may still be writing, until then.
    Running { until: Timestamp },
    /// It writes no more; the stream is covered until then. `None` if no process has covered it.
    Gone { covered_until: Option<Timestamp> },
}

impl Holder {
    /// Begins the next epoch. A predecessor that does not end has `patience` to do so.
    pub(super) async fn begin(
        archive: &Archive,
        stream: &StreamName,
        writer: &WriterId,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Self, ArchiveError> {
        let epoch = live_epochs::begin(archive, stream, writer, now).await?;
        Ok(Self {
            epoch,
            predecessor: Predecessor::Running {
                until: later(now, patience),
            },
        })
    }

    /// Looks whether the predecessor has ended. Returns whether it is gone.
    pub(super) async fn look(
        &mut self,
        archive: &Archive,
        now: Timestamp,
    ) -> Result<bool, ArchiveError> {
        let Predecessor::Running { until } = self.predecessor else {
            return Ok(true);
        };
        if now < until && !self.has_predecessor_ended(archive).await? {
            return Ok(false);
        }
        self.give_up_waiting(archive, now).await?;
        Ok(true)
    }

    /// Takes what the predecessor has written so far as all of it.
    pub(super) async fn give_up_waiting(
        &mut self,
        archive: &Archive,
        now: Timestamp,
    ) -> Result<(), ArchiveError> {
        if let Predecessor::Running { .. } = self.predecessor {
            let stream = &self.epoch.stream;
            let covered_until = live_streams::covered_until(archive, stream, now).await?;
            self.predecessor = Predecessor::Gone { covered_until };
        }
        Ok(())
    }

    /// Until when the process before covered the stream, as far as is known.
    pub(super) fn covered_until(&self) -> Option<Timestamp> {
        match self.predecessor {
            Predecessor::Running { .. } => None,
            Predecessor::Gone { covered_until } => covered_until,
        }
    }

    async fn has_predecessor_ended(&self, archive: &Archive) -> Result<bool, ArchiveError> {
        let Epoch { stream, epoch, .. } = &self.epoch;
        match epoch - 1 {
            0 => Ok(true),
            before => {
                let ended = live_epochs::ended(archive, stream, before).await?;
                Ok(ended.is_some())
            }
        }
    }
}
