//! One queue's messages and the rules by which they move. It has no clock: the time is an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::{DeadLetter, Delivery, QueueContents};
use crate::base::time::{elapsed, later};
use crate::storage::queue::settings::{MAX_VISIBILITY, check_delay};
use crate::storage::queue::{OutgoingMessage, Queue, QueueRefusal, QueueSettings};

pub(super) struct QueueState {
    queue: Queue,
    settings: QueueSettings,
    /// In the order of sending.
    messages: Vec<Message>,
    /// When each deduplication id was first sent.
    sent_ids: HashMap<String, Timestamp>,
    dead_letters: VecDeque<DeadLetter>,
    receipts: u64,
}

#[derive(Clone)]
struct Message {
    body: String,
    group: Option<String>,
    sent_at: Timestamp,
    visible_at: Timestamp,
    receive_count: u32,
    /// Set while the message is in flight.
    in_flight: Option<InFlight>,
}

#[derive(Clone)]
struct InFlight {
    receipt: String,
    received_at: Timestamp,
    /// Whether its consumer has postponed it, to a time that the consumer chose.
    postponed: bool,
}

impl QueueState {
    pub(super) fn new(queue: Queue) -> Self {
        Self {
            queue,
            settings: queue.settings(),
            messages: Vec::new(),
            sent_ids: HashMap::new(),
            dead_letters: VecDeque::new(),
            receipts: 0,
        }
    }

    pub(super) fn send(
        &mut self,
        message: OutgoingMessage,
        now: Timestamp,
    ) -> Result<(), QueueRefusal> {
        message.check()?;
        self.apply_due_changes(now);
        let group = match message.fifo {
            // As on SQS, sending a duplicate succeeds.
            Some(fifo) if self.sent_ids.contains_key(&fifo.deduplication_id) => return Ok(()),
            Some(fifo) => {
                self.sent_ids.insert(fifo.deduplication_id, now);
                Some(fifo.group)
            }
            None => None,
        };
        self.messages.push(Message {
            body: message.body,
            group,
            sent_at: now,
            visible_at: later(now, message.delay),
            receive_count: 0,
            in_flight: None,
        });
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        pick: impl FnOnce(usize) -> usize,
    ) -> Option<Delivery> {
        self.apply_due_changes(now);
        let eligible: Vec<usize> = self
            .next_in_group()
            .filter(|&i| self.messages[i].visible_at <= now)
            .collect();
        let last = eligible.len().checked_sub(1)?;
        let index = eligible[pick(eligible.len()).min(last)];
        self.receipts += 1;
        let receipt = format!("{}-{}", self.queue.name(), self.receipts);
        let message = &mut self.messages[index];
        message.receive_count += 1;
        message.visible_at = later(now, self.settings.visibility_timeout);
        message.in_flight = Some(InFlight {
            receipt: receipt.clone(),
            received_at: now,
            postponed: false,
        });
        Some(Delivery {
            queue: self.queue,
            body: message.body.clone(),
            receipt,
            receive_count: message.receive_count,
            group: message.group.clone(),
        })
    }

    pub(super) fn delete(&mut self, receipt: &str, now: Timestamp) -> bool {
        self.apply_due_changes(now);
        match self.index_of_receipt(receipt) {
            Some(index) => {
                self.messages.remove(index);
                true
            }
            None => false,
        }
    }

    pub(super) fn release(
        &mut self,
        receipt: &str,
        now: Timestamp,
        delay: Duration,
    ) -> Result<(), QueueRefusal> {
        self.apply_due_changes(now);
        let index = self
            .index_of_receipt(receipt)
            .ok_or(QueueRefusal::ReceiptOutdated)?;
        let message = &mut self.messages[index];
        let Some(received) = &mut message.in_flight else {
            return Err(QueueRefusal::ReceiptOutdated);
        };
        check_delay(
            delay,
            MAX_VISIBILITY.saturating_sub(elapsed(received.received_at, now)),
        )?;
        // As on SQS, the receipt stays valid until the message is visible again, so a consumer can still delete a
        // postponed message.
        received.postponed = true;
        message.visible_at = later(now, delay);
        self.apply_due_changes(now);
        Ok(())
    }

    /// Makes a received message a dead letter at once.
    pub(super) fn record_dead_letter(
        &mut self,
        receipt: &str,
        now: Timestamp,
    ) -> Result<(), QueueRefusal> {
        self.apply_due_changes(now);
        let index = self
            .index_of_receipt(receipt)
            .ok_or(QueueRefusal::ReceiptOutdated)?;
        let message = self.messages.remove(index);
        self.dead_letters.push_back(message.into_dead_letter());
        Ok(())
    }

    pub(super) fn depth(&mut self, now: Timestamp) -> usize {
        self.apply_due_changes(now);
        self.messages.len()
    }

    pub(super) fn in_flight(&mut self, now: Timestamp) -> usize {
        self.apply_due_changes(now);
        self.messages
            .iter()
            .filter(|message| message.in_flight.is_some())
            .count()
    }

    pub(super) fn contents(&mut self, now: Timestamp) -> QueueContents {
        let next_visible = self.next_visible(now);
        let received = self
            .messages
            .iter()
            .filter_map(|message| message.in_flight.as_ref());
        QueueContents {
            messages: self.messages.len(),
            in_progress: received.filter(|received| !received.postponed).count(),
            next_visible,
        }
    }

    pub(super) fn next_visible(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.apply_due_changes(now);
        self.next_in_group()
            .map(|i| self.messages[i].visible_at.max(now))
            .min()
    }

    pub(super) fn dead_letters(&mut self, now: Timestamp) -> &mut VecDeque<DeadLetter> {
        self.apply_due_changes(now);
        &mut self.dead_letters
    }

    pub(super) fn duplicate(&mut self, index: usize, now: Timestamp) -> bool {
        self.apply_due_changes(now);
        let Some(original) = self.messages.get(index).filter(|_| !self.settings.fifo) else {
            return false;
        };
        let mut copy = original.clone();
        if copy.in_flight.take().is_some() {
            copy.visible_at = now;
        }
        self.messages.push(copy);
        true
    }

    pub(super) fn expire_in_flight(&mut self, now: Timestamp) {
        self.apply_due_changes(now);
        for message in &mut self.messages {
            if message
                .in_flight
                .as_ref()
                .is_some_and(|received| !received.postponed)
            {
                message.visible_at = now;
            }
        }
        self.apply_due_changes(now);
    }

    /// Applies everything that is due at `now`: messages past their visibility timeout are no longer in flight, those
    /// with the maximum receive count become dead letters, those past the retention period are deleted.
    fn apply_due_changes(&mut self, now: Timestamp) {
        let QueueSettings {
            retention,
            deduplication_window,
            max_receive_count,
            ..
        } = self.settings;
        self.messages
            .retain(|message| elapsed(message.sent_at, now) < retention);
        self.sent_ids
            .retain(|_, sent_at| deduplication_window.is_some_and(|w| elapsed(*sent_at, now) < w));
        for message in self
            .messages
            .iter_mut()
            .filter(|message| message.visible_at <= now)
        {
            message.in_flight = None;
        }
        let is_dead = |m: &mut Message| m.visible_at <= now && m.receive_count >= max_receive_count;
        let letters = self.messages.extract_if(.., is_dead);
        self.dead_letters
            .extend(letters.map(Message::into_dead_letter));
    }

    /// The messages that are next: all on a standard queue, the first of each group on a FIFO queue. A message in
    /// flight is still the first of its group and so blocks it.
    fn next_in_group(&self) -> impl Iterator<Item = usize> {
        let mut groups = HashSet::new();
        let first = move |message: &Message| {
            message
                .group
                .as_ref()
                .is_none_or(|group| groups.insert(group.clone()))
        };
        let next_in_group: Vec<bool> = self.messages.iter().map(first).collect();
        next_in_group
            .into_iter()
            .enumerate()
            .filter_map(|(index, first)| first.then_some(index))
    }

    fn index_of_receipt(&self, receipt: &str) -> Option<usize> {
        self.messages.iter().position(|message| {
            message
                .in_flight
                .as_ref()
                .is_some_and(|received| received.receipt == receipt)
        })
    }
}

impl Message {
    fn into_dead_letter(self) -> DeadLetter {
        DeadLetter {
            body: self.body,
            receive_count: self.receive_count,
        }
    }
}
