//! Topic templates: the documented topics with `{id}` in place of an id.

use serde::Serialize;

/// A documented topic, or `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TopicTemplate(&'static str);

const ID: &str = "{id}";

/// Each start of a topic with each of its ends.
macro_rules! templates {
    ($($start:literal: $($end:literal)*;)*) => { &[$($(concat!($start, $end)),*),*] };
}

const DOCUMENTED: &[&str] = templates! {
    "v2.detail.events.conversation.{id}.":
        "acd.start" "acd.end" "acw" "attributes" "contact" "customer.start" "customer.end" "flow.start" "flow.end"
        "flow.outcome" "outbound" "user.start" "user.end" "voicemail.start" "voicemail.end" "wrapup";
    "v2.routing.queues.{id}.conversations":
        "" ".messages" ".calls" ".callbacks" ".chats" ".emails" ".cobrowsesessions" ".internalmessages" ".screenshares"
        ".socialexpressions" ".videos";
    "v2.users.{id}.conversations":
        "" ".messages" ".calls" ".callbacks" ".chats" ".emails" ".cobrowsesessions" ".internalmessages" ".screenshares"
        ".socialexpressions" ".videos";
    "v2.conversations.{id}.transcription": "";
    "direct.": "statusChange" "transcript" "metadata" "participants" "conversation";
};

impl TopicTemplate {
    /// Every topic that is not documented.
    pub const OTHER: Self = Self("other");
    pub(super) const STATUS_CHANGE: Self = Self("direct.statusChange");

    /// The template of a topic's name.
    pub fn of(topic_name: &str) -> Self {
        let documented = DOCUMENTED.iter();
        let found = documented
            .copied()
            .find(|template| is_of(topic_name, template));
        found.map_or(Self::OTHER, Self)
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether the bodies of the topic's frames are whole conversations, whose own id is `id`.
    pub(super) fn is_snapshot(self) -> bool {
        ["v2.routing.queues.", "v2.users."]
            .iter()
            .any(|start| self.0.starts_with(start))
    }
}

/// An id has no dots, so that a part of a longer topic is not taken for one.
fn is_of(topic_name: &str, template: &str) -> bool {
    let Some((start, end)) = template.split_once(ID) else {
        return topic_name == template;
    };
    let id = topic_name.strip_prefix(start);
    let id = id.and_then(|rest| rest.strip_suffix(end));
    id.is_some_and(|id| !id.is_empty() && !id.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_of_the_format_have_their_templates() {
        for (name, template) in [
            (
                "v2.detail.events.conversation.0f8fad5b-d9cb-469f-a165-70867728950e.customer.end",
                "v2.detail.events.conversation.{id}.customer.end",
            ),
            (
                "v2.routing.queues.a.conversations",
                "v2.routing.queues.{id}.conversations",
            ),
            (
                "v2.users.a.conversations.messages",
                "v2.users.{id}.conversations.messages",
            ),
            (
                "v2.conversations.a.transcription",
                "v2.conversations.{id}.transcription",
            ),
            ("direct.statusChange", "direct.statusChange"),
        ] {
            assert_eq!(TopicTemplate::of(name).as_str(), template);
        }
        assert_eq!(DOCUMENTED.len(), 16 + 11 + 11 + 1 + 5);
    }

    #[test]
    fn a_topic_that_only_resembles_a_documented_one_is_other() {
        for name in [
            "",
            "other",
            "v2.detail.events.conversation..customer.end",
            "v2.detail.events.conversation.a.b.customer.end",
            "v2.detail.events.conversation.a.customer.end.x",
            "v3.detail.events.conversation.a.customer.end",
            "v2.users.conversations",
            "v2.users.{id}.conversations.faxes",
            "v2.system.socket_closing",
            "channel.metadata",
            "direct.StatusChange",
        ] {
            assert_eq!(TopicTemplate::of(name), TopicTemplate::OTHER, "{name}");
        }
    }

    #[test]
    fn only_topics_of_queues_and_users_carry_whole_conversations() {
        let snapshots = DOCUMENTED
            .iter()
            .filter(|it| TopicTemplate(it).is_snapshot());

        assert_eq!(snapshots.count(), 22);
    }
}
