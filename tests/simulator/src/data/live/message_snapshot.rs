//! The state of a message conversation on the topics `….conversations.messages` of its queue and its agent.

use serde_json::{Value, json};

use super::play::Play;
use super::script::Step;
use super::snapshot::{divisions, insert, messages, state, stay, topics, wrap_up};
use super::{FrameKind, NewFrame};
use crate::data::model::Participant;

pub(super) fn frames(play: &Play, step: Step, host: &str) -> Vec<NewFrame> {
    let mut topics = topics(play, step).peekable();
    if play.cast.is_voice() || topics.peek().is_none() {
        return Vec::new();
    }
    let body = body(play, host).to_string();
    let topics = topics.map(|topic| format!("{topic}.messages"));
    topics
        .map(|topic| play.frame(FrameKind::Snapshot, topic, body.clone()))
        .collect()
}

/// `QueueConversationMessageEventTopicMessageConversation`; the topic of a user has the same shape.
fn body(play: &Play, host: &str) -> Value {
    let record = play.record.record();
    let participants = record.participants.iter();
    let participants = participants.map(|it| participant(play, it, host));
    json!({
        "id": record.conversation_id,
        "participants": participants.collect::<Vec<_>>(),
        "otherMediaUris": [],
        "divisions": divisions(play),
    })
}

fn participant(play: &Play, participant: &Participant, host: &str) -> Value {
    let (connected, ended) = stay(participant);
    let mut body = json!({
        "id": participant.participant_id,
        "name": participant.participant_name,
        "address": play.cast.from,
        "purpose": participant.purpose,
        "state": state(ended),
        "initialState": "connected",
        "direction": "inbound",
        "held": false,
        "wrapupRequired": participant.purpose == "agent",
        "attributes": participant.attributes,
        "provider": "PureCloud Messaging",
        "type": "webmessaging",
        "messages": messages(play, participant.purpose, host),
    });
    insert(&mut body, "startTime", connected);
    insert(&mut body, "connectedTime", connected);
    insert(&mut body, "endTime", ended);
    insert(
        &mut body,
        "user",
        participant.user_id.as_ref().map(reference),
    );
    insert(
        &mut body,
        "externalContact",
        participant.external_contact_id.as_ref().map(reference),
    );
    insert(&mut body, "wrapup", wrap_up(participant));
    if matches!(participant.purpose, "acd" | "agent") {
        let queue = &play.cast.queue;
        body["queue"] = json!({ "id": queue.id, "name": queue.language.queue });
    }
    body
}

fn reference(id: &String) -> Value {
    json!({ "id": id })
}
