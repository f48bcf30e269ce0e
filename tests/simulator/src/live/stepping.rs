//! Traffic, step by step: conversations that go on, frames that a test composes, and traffic at a steady pace.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Live;
use crate::data::live::{DIRECT_TOPIC, FrameKind, NewFrame, Traffic};
use crate::data::moment::Moment;
use crate::organisation::Organisation;

/// Time between two batches of paced traffic.
const TICK: Duration = Duration::from_millis(50);

/// A second has this many ticks.
const TICKS: u64 = 20;

impl Live {
    /// Starts traffic. Nothing happens before the first step. Traffic that runs already begins no further
    /// conversations, and finishes those that it has begun.
    pub fn begin(&self, traffic: Traffic) {
        self.shared.lock().live.traffic.begin(traffic);
    }

    /// Performs this many events of conversations, picked at random from those that happen at once, and sends the
    /// frames of all of them together. Returns the number of events performed: fewer, when all conversations have
    /// finished.
    pub fn step(&self, events: usize) -> usize {
        let performed = self.shared.lock().step(events);
        self.shared.notify();
        performed
    }

    /// Performs all events that are left, in batches of this many, and waits after each until the sockets have written
    /// it. Returns the number of events.
    pub async fn finish(&self, batch: usize) -> usize {
        let mut performed = 0;
        loop {
            let events = self.step(batch.max(1));
            if events == 0 {
                return performed;
            }
            performed += events;
            self.flush().await;
        }
    }

    /// Sends about this many frames a second, until the traffic is finished.
    pub async fn run(&self, frames_per_second: u64) {
        let mut ticks = interval_at(Instant::now(), TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let first = self.frame_count();
        let mut due = 0;
        loop {
            ticks.tick().await;
            due += frames_per_second;
            while self.frame_count() - first < due / TICKS {
                if self.step(1) == 0 {
                    return;
                }
            }
        }
    }

    /// Lets the customer return to a message conversation of the traffic that has finished. Returns whether there is
    /// such a conversation.
    pub fn reopen(&self, conversation_id: &str) -> bool {
        self.shared.lock().live.traffic.reopen(conversation_id)
    }

    /// Sends a frame to the channels that are subscribed to its topic. The API does not know of it. Returns its number.
    pub fn push(&self, topic: &str, event_body: &Value) -> u64 {
        self.send(NewFrame {
            kind: kind_of(topic),
            conversation_id: conversation_of(event_body),
            topic: topic.to_owned(),
            body: event_body.to_string(),
        })
    }

    /// Sends an event on the direct stream. Returns its number.
    pub fn push_direct(&self, event: &Value) -> u64 {
        let kind = event["type"].as_str().unwrap_or_default();
        self.send(NewFrame {
            kind: FrameKind::Direct,
            conversation_id: conversation_of(event),
            topic: format!("{DIRECT_TOPIC}{kind}"),
            body: event.to_string(),
        })
    }

    fn send(&self, frame: NewFrame) -> u64 {
        let mut organisation = self.shared.lock();
        organisation.send_frames(vec![frame]);
        let number = organisation.live.ledger.count() - 1;
        drop(organisation);
        self.shared.notify();
        number
    }
}

impl Organisation {
    fn step(&mut self, events: usize) -> usize {
        let now = Moment::from_timestamp(self.now());
        let data = std::sync::Arc::make_mut(&mut self.data);
        let mut frames = Vec::new();
        let mut performed = 0;
        while performed < events
            && let Some(new) = self.live.traffic.step(data, &self.host, now)
        {
            frames.extend(new);
            performed += 1;
        }
        self.send_frames(frames);
        performed
    }
}

fn kind_of(topic: &str) -> FrameKind {
    if topic.starts_with("v2.detail.events.") {
        FrameKind::Detail
    } else if topic.ends_with(".transcription") {
        FrameKind::Transcription
    } else {
        FrameKind::Snapshot
    }
}

/// Detail events name the conversation, snapshots are one.
fn conversation_of(body: &Value) -> Option<String> {
    let id = body["conversationId"].as_str().or(body["id"].as_str());
    id.map(str::to_owned)
}
