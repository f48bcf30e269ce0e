//! The notifications of a plan: one slot for each channel, and the list of queues, which is kept up to date.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::backoff::Backoff;
use super::calls::StreamCalls;
use super::channel_ids::ChannelIds;
use super::connection::ConnectionContext;
use super::item::{Interruption, Item, StreamError, Warning};
use super::lifecycle::LifecycleSender;
use super::notifications::{ChannelChoice, Notifications};
use super::plan::{NotificationPlan, QueueSelection};
use super::queue::ItemQueue;
use super::reading::ReadingLimit;
use super::slot::{Replacement, Slot};
use super::topics::TopicPlan;
use crate::base::time::later;

/// The slots of a stream of notifications.
pub(super) struct TopicSlots {
    pub(super) plan: NotificationPlan,
    pub(super) calls: StreamCalls,
    pub(super) queue: ItemQueue,
    pub(super) limit: ReadingLimit,
    pub(super) lifecycle: LifecycleSender,
    pub(super) topics: TopicPlan,
    /// The topics that the last list lacked.
    pub(super) absent: BTreeSet<String>,
    /// The topics of each slot.
    pub(super) slots: Vec<watch::Sender<Arc<[String]>>>,
    pub(super) tasks: JoinSet<Result<(), StreamError>>,
    pub(super) ids: ChannelIds,
}

/// How often the queues are listed again.
const LISTING_INTERVAL: Duration = Duration::from_mins(10);

impl TopicSlots {
    /// Runs until the stream stops or cannot continue.
    pub(super) async fn run(mut self, heard_until: Option<Timestamp>) -> Result<(), StreamError> {
        let mut lifecycle = self.lifecycle.subscribe();
        let topics = tokio::select! {
            biased;
            () = lifecycle.stopping() => return Ok(()),
            topics = self.first_topics() => topics?,
        };
        self.apply(&topics, heard_until)?;
        let mut outcome = Ok(());
        let mut list_at = self.next_listing();
        loop {
            let is_listing = lifecycle.is_running() && self.plan.queues == QueueSelection::All;
            tokio::select! {
                biased;
                ended = self.tasks.join_next() => match ended {
                    None => return outcome,
                    Some(ended) => {
                        // One slot cannot continue: the others close their connections.
                        self.lifecycle.stop();
                        outcome = outcome.and(ended.unwrap_or(Err(StreamError::Panicked)));
                    }
                },
                listed = list_at_time(&self.calls, &self.plan, list_at), if is_listing => {
                    self.update(listed);
                    list_at = self.next_listing();
                }
            }
        }
    }

    /// The first list of topics. An outage of the API is waited for.
    async fn first_topics(&self) -> Result<BTreeSet<String>, StreamError> {
        let mut backoff = Backoff::default();
        loop {
            match self.calls.topics(&self.plan).await {
                Ok(topics) if topics.is_empty() => return Err(StreamError::NoTopics),
                Err(StreamError::Api(error)) if error.is_transient() => {
                    let wait = backoff.wait(Duration::ZERO, fastrand::f64());
                    let until = later(self.calls.clock.now(), wait);
                    let cause = Interruption::Api(error);
                    self.warn(Warning::Reconnecting { cause, wait });
                    self.calls.clock.wait_until(until).await;
                }
                result => return result,
            }
        }
    }

    /// Follows a new list of queues, or keeps the last one.
    fn update(&mut self, listed: Result<BTreeSet<String>, StreamError>) {
        // Capture of a queue begins with the first list that holds it, so that the time before is not a gap.
        let updated = listed.and_then(|topics| {
            if topics.is_empty() {
                return Err(StreamError::NoTopics);
            }
            let topics = self.with_topics_absent_once(topics);
            self.apply(&topics, None)
        });
        if let Err(error) = updated {
            self.warn(Warning::QueuesNotUpdated(error));
        }
    }

    /// A topic is given up when two lists in a row lack it: one list may be incomplete.
    fn with_topics_absent_once(&mut self, mut listed: BTreeSet<String>) -> BTreeSet<String> {
        let current: BTreeSet<_> = self.topics.channels().flatten().collect();
        let absent = &current - &listed;
        let (gone, absent): (BTreeSet<_>, _) = absent
            .into_iter()
            .partition(|topic| self.absent.contains(topic));
        if !gone.is_empty() {
            self.warn(Warning::TopicsGone(gone.len()));
        }
        listed.extend(absent.iter().cloned());
        self.absent = absent;
        listed
    }

    /// Gives each slot its topics, and starts those that are new.
    fn apply(
        &mut self,
        topics: &BTreeSet<String>,
        heard_until: Option<Timestamp>,
    ) -> Result<(), StreamError> {
        self.topics.update(topics)?;
        let channels: Vec<Arc<[String]>> = self.topics.channels().map(Arc::from).collect();
        for (position, topics) in channels.into_iter().enumerate() {
            match self.slots.get(position) {
                Some(slot) => {
                    slot.send_if_modified(|current| {
                        let is_changed = *current != topics;
                        *current = topics;
                        is_changed
                    });
                }
                None => self.start(position, topics, heard_until),
            }
        }
        Ok(())
    }

    fn start(&mut self, position: usize, topics: Arc<[String]>, heard_until: Option<Timestamp>) {
        // Another slot may have been hearing since then.
        let begun = || (position > 0).then(|| self.calls.clock.now());
        let heard_until = heard_until.or_else(begun);
        let topics = watch::Sender::new(topics);
        let kept = self.plan.channels.get(position).cloned();
        let mut choice = kept.map_or(ChannelChoice::New, ChannelChoice::Kept);
        let (calls, queue, ids) = (self.calls.clone(), self.queue.clone(), self.ids.clone());
        let (rejected, slot_topics) = (self.plan.rejected, topics.subscribe());
        let new_protocol = move || Notifications {
            calls: calls.clone(),
            queue: queue.clone(),
            rejected,
            topics: slot_topics.clone(),
            // Only the first loop continues with a kept channel.
            channel: std::mem::replace(&mut choice, ChannelChoice::New),
            ids: ids.clone(),
            slot: position,
        };
        let slot = Slot {
            new_protocol,
            context: ConnectionContext::new(
                heard_until,
                self.queue.clone(),
                self.limit,
                self.calls.clock.clone(),
            ),
            replacement: Replacement::Channels,
        };
        self.tasks.spawn(slot.run(self.lifecycle.subscribe()));
        self.slots.push(topics);
    }

    fn next_listing(&self) -> Timestamp {
        later(self.calls.clock.now(), LISTING_INTERVAL)
    }

    fn warn(&self, warning: Warning) {
        self.queue.add(Item::Warning(warning));
    }
}

async fn list_at_time(
    calls: &StreamCalls,
    plan: &NotificationPlan,
    moment: Timestamp,
) -> Result<BTreeSet<String>, StreamError> {
    calls.clock.wait_until(moment).await;
    calls.topics(plan).await
}
