//! Every body that is sent has the shape that the official SDK documents.

mod schema;

use std::collections::BTreeSet;

use super::*;
use crate::FrameKind;
use schema::Schemas;

/// Enough for each kind of event to occur.
fn traffic() -> Traffic {
    Traffic {
        conversations: 120,
        voice_every: 2,
        reopened_every: 3,
        ..Traffic::default()
    }
}

const DETAILS: [(&str, &str); 16] = [
    ("acd.end", "AcdEndDetailEventTopicAcdEndEvent"),
    ("acd.start", "AcdStartDetailEventTopicAcdStartEvent"),
    ("acw", "AcwDetailEventTopicAfterCallWorkEvent"),
    (
        "attributes",
        "AttributeDetailEventTopicAttributeUpdateEvent",
    ),
    ("contact", "ContactDetailEventTopicContactUpdateEvent"),
    (
        "customer.end",
        "CustomerEndDetailEventTopicCustomerEndEvent",
    ),
    (
        "customer.start",
        "CustomerStartDetailEventTopicCustomerStartEvent",
    ),
    ("flow.end", "FlowEndDetailEventTopicFlowEndEvent"),
    (
        "flow.outcome",
        "FlowOutcomeDetailEventTopicFlowOutcomeEvent",
    ),
    ("flow.start", "FlowStartDetailEventTopicFlowStartEvent"),
    ("outbound", "OutboundDetailEventTopicOutboundInitEvent"),
    ("user.end", "UserEndDetailEventTopicUserEndEvent"),
    ("user.start", "UserStartDetailEventTopicUserStartEvent"),
    (
        "voicemail.end",
        "VoicemailEndDetailEventTopicVoicemailEndEvent",
    ),
    (
        "voicemail.start",
        "VoicemailStartDetailEventTopicVoicemailStartEvent",
    ),
    ("wrapup", "WrapupDetailEventTopicWrapupEvent"),
];

/// The end of a topic and its model; `None` for an event of the direct stream, which has none.
fn model_of(frame: &LiveFrame) -> Option<(&'static str, &'static str)> {
    let topic = frame.topic.as_str();
    let is_of_user = topic.starts_with("v2.users.");
    match frame.kind {
        FrameKind::Direct => None,
        FrameKind::Transcription => {
            Some(("transcription", "TranscriptionTopicTranscriptionMessage"))
        }
        FrameKind::Detail => {
            let id = frame.conversation_id.as_deref().unwrap();
            let prefix = format!("v2.detail.events.conversation.{id}.");
            let suffix = topic.strip_prefix(&prefix).unwrap();
            Some(*DETAILS.iter().find(|(end, _)| *end == suffix).unwrap())
        }
        FrameKind::Snapshot if !topic.ends_with(".messages") => {
            Some(("conversations", "QueueConversationEventTopicConversation"))
        }
        FrameKind::Snapshot if is_of_user => Some((
            "conversations.messages",
            "ConversationMessageEventTopicMessageConversation",
        )),
        FrameKind::Snapshot => Some((
            "conversations.messages",
            "QueueConversationMessageEventTopicMessageConversation",
        )),
    }
}

#[tokio::test]
async fn every_body_conforms_to_its_published_schema() {
    let world = World::new(quiet()).await;
    let schemas = Schemas::published();

    play(&world.live(), traffic());

    let mut seen = BTreeSet::new();
    for frame in world.live().frames() {
        let Some((suffix, model)) = model_of(&frame) else {
            continue;
        };
        seen.insert(suffix);
        let body: Value = serde_json::from_str(frame.body()).unwrap();
        assert_eq!(
            schemas.violations(model, &body),
            Vec::<String>::new(),
            "{body:#}"
        );
    }
    let mut expected: BTreeSet<&str> = DETAILS.iter().map(|(suffix, _)| *suffix).collect();
    expected.extend(["conversations", "conversations.messages", "transcription"]);
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn system_messages_conform_to_their_published_schema() {
    let world = World::new(quiet()).await;
    let mut socket = world.listen(&["v2.users.u.presence"]).await;

    world.live().take_subscription("v2.users.u.presence");
    world.live().revoke_tokens();

    for frame in socket.take(2).await {
        let violations =
            Schemas::published().violations("SystemMessageSystemMessage", &frame["eventBody"]);
        assert_eq!(violations, Vec::<String>::new());
    }
}
