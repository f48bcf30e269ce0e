//! One queue's messages and the rules by which they move. It has no clock: the time is an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::{DeadLetter, Delivery, Holding};
use crate::storage::queue::settings::{MAX_VISIBILITY, check_delay};
use crate::storage::queue::{Outgoing, Queue, QueueSettings, Refused};

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
    held: Option<Held>,
}

#[derive(Clone)]
struct Held {
    receipt: String,
    received_at: Timestamp,
    /// Given back, to become visible again at a time that its consumer chose.
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

    pub(super) fn send(&mut self, message: Outgoing, now: Timestamp) -> Result<(), Refused> {
        message.check()?;
        self.settle(now);
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
            held: None,
        });
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        pick: impl FnOnce(usize) -> usize,
    ) -> Option<Delivery> {
        self.settle(now);
        let eligible: Vec<usize> = self
            .firsts()
            .filter(|&i| self.messages[i].visible_at <= now)
            .collect();
        let last = eligible.len().checked_sub(1)?;
        let index = eligible[pick(eligible.len()).min(last)];
        self.receipts += 1;
        let receipt = format!("{}-{}", self.queue.name(), self.receipts);
        let message = &mut self.messages[index];
        message.receive_count += 1;
        message.visible_at = later(now, self.settings.visibility_timeout);
        message.held = Some(Held {
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
        self.settle(now);
        match self.holder_of(receipt) {
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
    ) -> Result<(), Refused> {
        self.settle(now);
        let index = self.holder_of(receipt).ok_or(Refused::ReceiptOutdated)?;
        let message = &mut self.messages[index];
        let Some(held) = &mut message.held else {
            return Err(Refused::ReceiptOutdated);
        };
        check_delay(
            delay,
            MAX_VISIBILITY.saturating_sub(between(held.received_at, now)),
        )?;
        // As on SQS, the receipt stays valid until the message is visible again, so a consumer can still delete a
        // postponed message.
        held.postponed = true;
        message.visible_at = later(now, delay);
        self.settle(now);
        Ok(())
    }

    /// Makes a received message a dead letter at once.
    pub(super) fn record_dead_letter(
        &mut self,
        receipt: &str,
        now: Timestamp,
    ) -> Result<(), Refused> {
        self.settle(now);
        let index = self.holder_of(receipt).ok_or(Refused::ReceiptOutdated)?;
        let message = self.messages.remove(index);
        self.dead_letters.push_back(message.dead());
        Ok(())
    }

    pub(super) fn depth(&mut self, now: Timestamp) -> usize {
        self.settle(now);
        self.messages.len()
    }

    pub(super) fn in_flight(&mut self, now: Timestamp) -> usize {
        self.settle(now);
        self.messages
            .iter()
            .filter(|message| message.held.is_some())
            .count()
    }

    pub(super) fn holding(&mut self, now: Timestamp) -> Holding {
        let next_visible = self.next_visible(now);
        let held = self
            .messages
            .iter()
            .filter_map(|message| message.held.as_ref());
        Holding {
            messages: self.messages.len(),
            in_hand: held.filter(|held| !held.postponed).count(),
            next_visible,
        }
    }

    pub(super) fn next_visible(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.settle(now);
        self.firsts()
            .map(|i| self.messages[i].visible_at.max(now))
            .min()
    }

    pub(super) fn dead_letters(&mut self, now: Timestamp) -> &mut VecDeque<DeadLetter> {
        self.settle(now);
        &mut self.dead_letters
    }

    pub(super) fn duplicate(&mut self, index: usize, now: Timestamp) -> bool {
        self.settle(now);
        let Some(original) = self.messages.get(index).filter(|_| !self.settings.fifo) else {
            return false;
        };
        let mut copy = original.clone();
        if copy.held.take().is_some() {
            copy.visible_at = now;
        }
        self.messages.push(copy);
        true
    }

    pub(super) fn expire_in_flight(&mut self, now: Timestamp) {
        self.settle(now);
        for message in &mut self.messages {
            if message.held.as_ref().is_some_and(|held| !held.postponed) {
                message.visible_at = now;
            }
        }
        self.settle(now);
    }

    /// Applies everything that is due at `now`: messages past their visibility timeout are no longer held, those with
    /// the maximum receive count become dead letters, those past the retention period are deleted.
    fn settle(&mut self, now: Timestamp) {
        let QueueSettings {
            retention,
            deduplication_window,
            max_receive_count,
            ..
        } = self.settings;
        self.messages
            .retain(|message| between(message.sent_at, now) < retention);
        self.sent_ids
            .retain(|_, sent_at| deduplication_window.is_some_and(|w| between(*sent_at, now) < w));
        for message in self
            .messages
            .iter_mut()
            .filter(|message| message.visible_at <= now)
        {
            message.held = None;
        }
        let dead = |m: &mut Message| m.visible_at <= now && m.receive_count >= max_receive_count;
        let letters = self.messages.extract_if(.., dead);
        self.dead_letters.extend(letters.map(Message::dead));
    }

    /// The messages that are next: all on a standard queue, the first of each group on a FIFO queue. A message in
    /// flight is still the first of its group and so blocks it.
    fn firsts(&self) -> impl Iterator<Item = usize> {
        let mut groups = HashSet::new();
        let first = move |message: &Message| {
            message
                .group
                .as_ref()
                .is_none_or(|group| groups.insert(group.clone()))
        };
        let firsts: Vec<bool> = self.messages.iter().map(first).collect();
        firsts
            .into_iter()
            .enumerate()
            .filter_map(|(index, first)| first.then_some(index))
    }

    fn holder_of(&self, receipt: &str) -> Option<usize> {
        self.messages.iter().position(|message| {
            message
                .held
                .as_ref()
                .is_some_and(|held| held.receipt == receipt)
        })
    }
}

impl Message {
    fn dead(self) -> DeadLetter {
        DeadLetter {
            body: self.body,
            receive_count: self.receive_count,
        }
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    moment.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn between(start: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(start)).unwrap_or(Duration::ZERO)
}
