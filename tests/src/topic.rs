//! A topic in memory: what was told, in order, and whether anybody can be told just now.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use conversation_archive::clock::Deadline;
use conversation_archive::topic::{Notice, Topic, TopicError};
use serde_json::Value;

use crate::seams::Steps;

#[derive(Debug, Default)]
pub struct MemoryTopic {
    told: Mutex<Vec<Notice>>,
    unreachable: AtomicBool,
}

impl MemoryTopic {
    /// From now on nothing is taken, or all is.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.unreachable.store(unreachable, Ordering::SeqCst);
    }

    /// All that was taken, repetitions too.
    pub fn told(&self) -> Vec<Notice> {
        self.lock().clone()
    }

    /// The bodies by the ids of their events, each with how often it was told. A repetition says the same.
    pub fn by_event(&self) -> BTreeMap<String, (Value, u32)> {
        let mut events: BTreeMap<String, (Value, u32)> = BTreeMap::new();
        for notice in self.told() {
            let body: Value = serde_json::from_str(&notice.body).expect("JSON");
            assert_eq!(body["eventId"], notice.id.as_str());
            let event = events.entry(notice.id).or_insert((body.clone(), 0));
            assert_eq!(event.0, body, "one event, two bodies");
            event.1 += 1;
        }
        events
    }

    fn take(&self, notices: &[Notice]) -> Result<(), TopicError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(TopicError {
                topic: "memory".to_owned(),
                source: "nobody answers".into(),
            });
        }
        self.lock().extend_from_slice(notices);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Notice>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The topic behind counted steps.
#[derive(Debug)]
pub struct SteppedTopic {
    pub topic: Arc<MemoryTopic>,
    pub steps: Arc<Steps>,
}

#[async_trait]
impl Topic for SteppedTopic {
    async fn publish(&self, notices: &[Notice], _: Deadline) -> Result<(), TopicError> {
        self.steps.step(async { self.topic.take(notices) }).await
    }
}
