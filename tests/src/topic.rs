//! A topic in memory: the published notifications in order, and whether the topic is reachable.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use conversation_archive::base::deadline::Deadline;
use conversation_archive::storage::topic::{Notification, Topic, TopicError};
use serde_json::Value;

use crate::seams::Steps;

#[derive(Debug, Default)]
pub struct MemoryTopic {
    published: Mutex<Vec<Notification>>,
    unreachable: AtomicBool,
}

impl MemoryTopic {
    /// Sets whether publishing fails from now on.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.unreachable.store(unreachable, Ordering::SeqCst);
    }

    /// Returns all accepted notifications, including repetitions.
    pub fn published(&self) -> Vec<Notification> {
        self.lock().clone()
    }

    /// Returns the body of each event by event id, with the number of times it was published. Panics if a repetition
    /// has another body.
    pub fn events_by_id(&self) -> BTreeMap<String, (Value, u32)> {
        let mut events: BTreeMap<String, (Value, u32)> = BTreeMap::new();
        for notification in self.published() {
            let body: Value = serde_json::from_str(&notification.body).expect("JSON");
            assert_eq!(body["eventId"], notification.id.as_str());
            let event = events.entry(notification.id).or_insert((body.clone(), 0));
            assert_eq!(event.0, body, "one event, two bodies");
            event.1 += 1;
        }
        events
    }

    fn accept(&self, notifications: &[Notification]) -> Result<(), TopicError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(TopicError {
                topic: "memory".to_owned(),
                source: "no endpoint responds".into(),
            });
        }
        self.lock().extend_from_slice(notifications);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Notification>> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The topic, with each publication counted as a step.
#[derive(Debug)]
pub struct SteppedTopic {
    pub topic: Arc<MemoryTopic>,
    pub steps: Arc<Steps>,
}

#[async_trait]
impl Topic for SteppedTopic {
    async fn publish(&self, notifications: &[Notification], _: Deadline) -> Result<(), TopicError> {
        self.steps
            .step(async { self.topic.accept(notifications) })
            .await
    }
}
