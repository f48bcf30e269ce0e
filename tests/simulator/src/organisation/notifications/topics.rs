//! Topics: which ones exist, which permission each needs, and several of them combined into one subscription.

use std::collections::BTreeSet;

/// A topic with `{id}` in place of its ids, and the permission that it needs. That these are the permissions is
/// unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) topic: &'static str,
    pub(crate) permission: &'static str,
}

/// A combined topic must be shorter than this.
const COMBINED_MAX: usize = 200;

const DETAILS: &str = "analytics:conversationDetail:view";
const SNAPSHOTS: &str = "conversation:communication:view";
const MESSAGES: &str = "conversation:message:view";
const TRANSCRIPTION: &str = "speechAndTextAnalytics:data:view";

const DETAIL_EVENTS: [&str; 16] = [
    "v2.detail.events.conversation.{id}.acd.end",
    "v2.detail.events.conversation.{id}.acd.start",
    "v2.detail.events.conversation.{id}.acw",
    "v2.detail.events.conversation.{id}.attributes",
    "v2.detail.events.conversation.{id}.contact",
    "v2.detail.events.conversation.{id}.customer.end",
    "v2.detail.events.conversation.{id}.customer.start",
    "v2.detail.events.conversation.{id}.flow.end",
    "v2.detail.events.conversation.{id}.flow.outcome",
    "v2.detail.events.conversation.{id}.flow.start",
    "v2.detail.events.conversation.{id}.outbound",
    "v2.detail.events.conversation.{id}.user.end",
    "v2.detail.events.conversation.{id}.user.start",
    "v2.detail.events.conversation.{id}.voicemail.end",
    "v2.detail.events.conversation.{id}.voicemail.start",
    "v2.detail.events.conversation.{id}.wrapup",
];

const CONVERSATIONS: [&str; 2] = [
    "v2.routing.queues.{id}.conversations",
    "v2.users.{id}.conversations",
];

const MESSAGE_CONVERSATIONS: [&str; 2] = [
    "v2.routing.queues.{id}.conversations.messages",
    "v2.users.{id}.conversations.messages",
];

/// Topics that clients may subscribe to, and on which this organisation sends nothing by itself.
const OTHERS: [(&str, &str); 8] = [
    (
        "v2.analytics.conversations.details.jobs.availability",
        DETAILS,
    ),
    ("v2.routing.queues.{id}.conversations.callbacks", SNAPSHOTS),
    ("v2.routing.queues.{id}.conversations.calls", SNAPSHOTS),
    ("v2.routing.queues.{id}.conversations.emails", SNAPSHOTS),
    ("v2.users.{id}.conversations.callbacks", SNAPSHOTS),
    ("v2.users.{id}.conversations.calls", SNAPSHOTS),
    ("v2.users.{id}.conversations.emails", SNAPSHOTS),
    ("v2.users.{id}.presence", "presence:presence:view"),
];

pub(crate) fn templates() -> impl Iterator<Item = Template> {
    let with = |permission| move |topic| Template { topic, permission };
    let transcription = "v2.conversations.{id}.transcription";
    let others = OTHERS.map(|(topic, permission)| Template { topic, permission });
    DETAIL_EVENTS
        .map(with(DETAILS))
        .into_iter()
        .chain(CONVERSATIONS.map(with(SNAPSHOTS)))
        .chain(MESSAGE_CONVERSATIONS.map(with(MESSAGES)))
        .chain([with(TRANSCRIPTION)(transcription)])
        .chain(others)
}

/// The template of a topic; `None` if there is no such topic.
pub(crate) fn template_of(topic: &str) -> Option<Template> {
    templates().find(|it| matches(it.topic, topic))
}

fn matches(template: &str, topic: &str) -> bool {
    let mut segments = topic.split('.');
    let is_alike = template.split('.').all(|expected| {
        let segment = segments.next();
        segment.is_some_and(|it| it == expected || (expected == "{id}" && !it.is_empty()))
    });
    is_alike && segments.next().is_none()
}

/// One entry of a client's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// As the client wrote it.
    pub(crate) id: String,
    pub(crate) topics: Vec<String>,
    permissions: BTreeSet<&'static str>,
}

impl Subscription {
    /// Parses a topic, or topics combined as `prefix?a&b`. `None` if one of them does not exist, or if a combined topic
    /// is too long.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let topics: Vec<String> = match id.split_once('?') {
            None => vec![id.to_owned()],
            Some(_) if id.len() >= COMBINED_MAX => return None,
            Some((prefix, ends)) => ends
                .split('&')
                .map(|end| format!("{prefix}.{end}"))
                .collect(),
        };
        let templates = topics.iter().map(|it| template_of(it));
        let permissions = templates
            .map(|it| it.map(|it| it.permission))
            .collect::<Option<_>>()?;
        Some(Self {
            id: id.to_owned(),
            topics,
            permissions,
        })
    }

    /// The permissions that it needs and the client's role lacks.
    pub(crate) fn missing_permissions(&self, held: &[String]) -> Vec<&'static str> {
        let is_missing = |it: &&&str| !held.iter().any(|held| held == **it);
        self.permissions
            .iter()
            .filter(is_missing)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combined_topic_stands_for_several_topics() {
        let combined = Subscription::parse("v2.users.u1?presence&conversations.messages").unwrap();

        let topics = ["v2.users.u1.presence", "v2.users.u1.conversations.messages"];
        assert_eq!(combined.topics, topics);
        assert_eq!(combined.missing_permissions(&[]).len(), 2);
        assert_eq!(Subscription::parse("v2.users.u1?presence&nothing"), None);
    }

    #[test]
    fn a_topic_needs_exactly_the_segments_of_its_template() {
        let is_topic = |topic| template_of(topic).is_some();

        assert!(is_topic("v2.detail.events.conversation.c1.customer.end"));
        for other in [
            "v2.users.u1",
            "v2.users..presence",
            "v2.users.u1.presence.more",
            "users.u1.presence",
            "",
        ] {
            assert!(!is_topic(other), "{other}");
        }
    }

    #[test]
    fn a_combined_topic_of_200_characters_is_too_long() {
        let of_length = |length: usize| {
            let id = "u".repeat(length - "v2.users.?presence".len());
            format!("v2.users.{id}?presence")
        };

        assert!(Subscription::parse(&of_length(199)).is_some());
        assert!(Subscription::parse(&of_length(200)).is_none());
    }
}
