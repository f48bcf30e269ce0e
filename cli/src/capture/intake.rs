//! From the texts of a stream to the frames of a batch.

use conversation_archive::records::live::{
    Batch, Frame, Problem, Quarantined, ReconstructedConversation, Reconstruction,
    ReconstructionLimits, UnreadableText,
};
use conversation_archive::records::redaction::Redactor;
use jiff::Timestamp;

/// The most texts that are not frames in a batch: each of them is written as an object of its own.
const MAX_QUARANTINED: usize = 100;

/// Collects the frames of a stream.
#[derive(Debug)]
pub(super) struct Intake {
    redactor: Redactor,
    /// For the direct stream.
    reconstruction: Option<Reconstruction>,
    batch: Batch,
    /// Arrival of the batch's last text.
    last_arrival: Option<Timestamp>,
}

impl Intake {
    /// For the notification service.
    pub(super) fn of_notifications(redactor: Redactor) -> Self {
        Self {
            redactor,
            reconstruction: None,
            batch: Batch::default(),
            last_arrival: None,
        }
    }

    /// For a direct stream, whose conversations are reconstructed.
    pub(super) fn of_direct_stream(redactor: Redactor, limits: ReconstructionLimits) -> Self {
        Self {
            reconstruction: Some(Reconstruction::new(limits)),
            ..Self::of_notifications(redactor)
        }
    }

    /// Adds a text as received.
    pub(super) fn add(&mut self, text: &str, arrived_at: Timestamp) {
        let frame = match &self.reconstruction {
            None => Frame::of_socket(text, arrived_at),
            Some(_) => Frame::of_direct_event(text, arrived_at),
        };
        self.add_frame(frame, text, arrived_at);
        // A text that is not an event is stored as a frame or quarantined, and changes no conversation.
        let emitted = self
            .reconstruction
            .as_mut()
            .and_then(|conversations| conversations.receive(text, arrived_at).ok());
        self.add_reconstructed(emitted.unwrap_or_default(), arrived_at);
    }

    /// Adds a part of the direct stream that is not a value.
    pub(super) fn add_unreadable(&mut self, text: &UnreadableText, arrived_at: Timestamp) {
        let quarantined = Quarantined::of_unreadable(text, &self.redactor);
        self.batch.quarantine(quarantined);
        self.arrived(arrived_at);
    }

    /// Adds the conversations that have ended, and changed for the last time a while ago.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let settled = self.reconstruction.as_mut().map(|it| it.settle(now));
        self.add_reconstructed(settled.unwrap_or_default(), now);
    }

    /// Adds conversations that are still in memory, until the batch is full. Returns whether there are no more of them.
    pub(super) fn add_partial(&mut self, batch_bytes: u64, now: Timestamp) -> bool {
        while !self.is_full(batch_bytes) {
            let idlest = self
                .reconstruction
                .as_mut()
                .and_then(Reconstruction::forget_idlest);
            match idlest {
                None => return true,
                Some(conversation) => self.add_reconstructed(conversation, now),
            }
        }
        false
    }

    fn add_reconstructed(
        &mut self,
        conversations: impl IntoIterator<Item = ReconstructedConversation>,
        arrived_at: Timestamp,
    ) {
        for conversation in conversations {
            let body = &conversation.body;
            self.add_frame(Frame::of_reconstructed(body, arrived_at), body, arrived_at);
        }
    }

    fn add_frame(&mut self, frame: Result<Frame, Problem>, text: &str, arrived_at: Timestamp) {
        match frame {
            Ok(frame) => self.batch.add(frame.redacted(&self.redactor)),
            Err(problem) => {
                let quarantined = Quarantined::new(problem, text, &self.redactor);
                self.batch.quarantine(quarantined);
            }
        }
        self.arrived(arrived_at);
    }

    fn arrived(&mut self, arrived_at: Timestamp) {
        self.last_arrival = self.last_arrival.max(Some(arrived_at));
    }

    pub(super) fn is_full(&self, batch_bytes: u64) -> bool {
        self.batch.size_bytes() >= batch_bytes || self.batch.quarantined() >= MAX_QUARANTINED
    }

    /// The batch so far, with the arrival of its last text. `None` if there is none.
    pub(super) fn take(&mut self) -> Option<(Batch, Timestamp)> {
        let last_arrival = self.last_arrival.take()?;
        Some((std::mem::take(&mut self.batch), last_arrival))
    }

    /// Number of conversations in memory.
    pub(super) fn conversations(&self) -> usize {
        self.reconstruction.as_ref().map_or(0, Reconstruction::len)
    }
}
