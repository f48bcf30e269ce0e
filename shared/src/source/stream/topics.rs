//! The topics of a stream, and the channel of each. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The id of a queue, user or conversation: 1 to 64 letters, digits, `-` or `_`, so that it is one part of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicId(String);

/// The text is not an id that a topic can contain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id of a queue, user or conversation: 1 to 64 letters, digits, `-` or `_`")]
pub struct InvalidTopicId(String);

/// More topics than the channels may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{topics} topics need {needed} channels of {MAX_TOPICS} topics each, and {allowed} are allowed"
)]
pub struct TooManyTopics {
    pub topics: usize,
    pub needed: usize,
    pub allowed: usize,
}

/// The topics of each channel. A topic stays on its channel for as long as it is wanted.
#[derive(Debug)]
pub(super) struct TopicPlan {
    channels: Vec<BTreeSet<String>>,
    max_channels: usize,
}

/// A channel has at most this number of topics; combined topics count as one.
pub const MAX_TOPICS: usize = 1_000;

/// A combined topic is shorter than 200 characters.
/// <https://developer.genesys.cloud/notificationsalerts/notifications/notification-service>
const MAX_TOPIC_CHARS: usize = 199;

/// All detail events of a conversation.
const DETAIL_EVENTS: [&str; 16] = [
    "acd.start",
    "acd.end",
    "acw",
    "attributes",
    "contact",
    "customer.start",
    "customer.end",
    "flow.start",
    "flow.end",
    "flow.outcome",
    "outbound",
    "user.start",
    "user.end",
    "voicemail.start",
    "voicemail.end",
    "wrapup",
];

/// The topics that hear the conversations of a queue.
pub(super) fn of_queue(id: &TopicId) -> Vec<String> {
    vec![format!("v2.routing.queues.{id}.conversations")]
}

/// The topics that hear the conversations of a user.
pub(super) fn of_user(id: &TopicId) -> Vec<String> {
    vec![format!("v2.users.{id}.conversations")]
}

/// The topics that hear all events of a conversation.
pub(super) fn of_conversation(id: &TopicId) -> Vec<String> {
    let mut topics = combined(
        &format!("v2.detail.events.conversation.{id}"),
        &DETAIL_EVENTS,
    );
    topics.push(format!("v2.conversations.{id}.transcription"));
    topics
}

/// Topics that begin alike, as few combined ones: `prefix?a&b` in place of `prefix.a` and `prefix.b`.
fn combined(prefix: &str, parts: &[&str]) -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    for part in parts {
        match topics.last_mut() {
            Some(topic) if topic.len() + 1 + part.len() <= MAX_TOPIC_CHARS => {
                topic.extend(["&", part]);
            }
            _ => topics.push(format!("{prefix}?{part}")),
        }
    }
    topics
}

impl TopicPlan {
    pub(super) fn new(max_channels: usize) -> Self {
        Self {
            channels: Vec::new(),
            max_channels,
        }
    }

    /// Assigns each new topic to the first channel with room, and removes those that are not wanted any more. An error
    /// changes nothing.
    pub(super) fn update(&mut self, wanted: &BTreeSet<String>) -> Result<(), TooManyTopics> {
        let needed = wanted.len().div_ceil(MAX_TOPICS);
        if needed > self.max_channels {
            return Err(TooManyTopics {
                topics: wanted.len(),
                needed,
                allowed: self.max_channels,
            });
        }
        let mut added = wanted.clone();
        for channel in &mut self.channels {
            channel.retain(|topic| added.remove(topic));
        }
        self.channels
            .resize_with(needed.max(self.channels.len()), BTreeSet::new);
        let mut added = added.into_iter();
        for channel in &mut self.channels {
            let room = MAX_TOPICS - channel.len();
            channel.extend(added.by_ref().take(room));
        }
        Ok(())
    }

    /// The topics of each channel, in a fixed order.
    pub(super) fn channels(&self) -> impl ExactSizeIterator<Item = Vec<String>> {
        self.channels
            .iter()
            .map(|topics| topics.iter().cloned().collect())
    }
}

impl FromStr for TopicId {
    type Err = InvalidTopicId;

    fn from_str(text: &str) -> Result<Self, InvalidTopicId> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if (1..=64).contains(&text.len()) && text.chars().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTopicId(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8d5e8e5e-1111-4222-8333-9d2c5a6b7c8d";

    fn topics(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
        numbers.into_iter().map(|it| format!("t{it:05}")).collect()
    }

    fn sizes(plan: &TopicPlan) -> Vec<usize> {
        plan.channels().map(|topics| topics.len()).collect()
    }

    #[test]
    fn combined_topics_are_shorter_than_200_characters() {
        let topics = of_conversation(&ID.parse().unwrap());

        insta::assert_snapshot!(topics.join("\n"), @r"
        v2.detail.events.conversation.8d5e8e5e-1111-4222-8333-9d2c5a6b7c8d?acd.start&acd.end&acw&attributes&contact&customer.start&customer.end&flow.start&flow.end&flow.outcome&outbound&user.start&user.end
        v2.detail.events.conversation.8d5e8e5e-1111-4222-8333-9d2c5a6b7c8d?voicemail.start&voicemail.end&wrapup
        v2.conversations.8d5e8e5e-1111-4222-8333-9d2c5a6b7c8d.transcription
        ");
        assert!(topics.iter().all(|topic| topic.len() < 200));
    }

    #[test]
    fn queues_and_users_have_one_topic_each() {
        let id = "q-1".parse().unwrap();

        assert_eq!(of_queue(&id), ["v2.routing.queues.q-1.conversations"]);
        assert_eq!(of_user(&id), ["v2.users.q-1.conversations"]);
    }

    #[test]
    fn an_id_cannot_change_the_topic_around_it() {
        for text in ["", "a.b", "a?b&c", "a b", "ü", &"x".repeat(65)] {
            assert!(text.parse::<TopicId>().is_err(), "{text}");
        }
    }

    #[test]
    fn topics_beyond_a_thousand_go_to_a_second_channel() {
        let mut plan = TopicPlan::new(2);

        plan.update(&topics(0..1_000)).unwrap();
        assert_eq!(sizes(&plan), [1_000]);
        plan.update(&topics(0..1_001)).unwrap();
        assert_eq!(sizes(&plan), [1_000, 1]);
    }

    #[test]
    fn more_topics_than_allowed_are_refused_with_the_count() {
        let mut plan = TopicPlan::new(2);
        plan.update(&topics(0..3)).unwrap();

        let error = plan.update(&topics(0..2_001)).unwrap_err();

        insta::assert_snapshot!(error, @"2001 topics need 3 channels of 1000 topics each, and 2 are allowed");
        assert_eq!(sizes(&plan), [3]);
    }

    #[test]
    fn a_topic_stays_on_its_channel() {
        let mut plan = TopicPlan::new(2);
        plan.update(&topics(0..1_500)).unwrap();
        let before: Vec<_> = plan.channels().collect();

        plan.update(&topics(500..1_600)).unwrap();

        let after: Vec<_> = plan.channels().collect();
        assert_eq!(sizes(&plan), [600, 500]);
        assert_eq!(after[0][..500], before[0][500..]);
        assert_eq!(after[1], before[1]);
    }
}
