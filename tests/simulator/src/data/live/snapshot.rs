//! The state of a whole conversation on the topics of its queue and its agent. No text, no time of the event.

use serde::Serialize;
use serde_json::{Value, json};

use super::play::Play;
use super::script::Step;
use super::{FrameKind, NewFrame};
use crate::data::model::{Participant, Segment, Session};
use crate::data::moment::{Moment, SECOND};

/// One snapshot for the queue once the conversation waits in it, one for the agent once it is answered.
pub(super) fn frames(play: &Play, step: Step, host: &str) -> Vec<NewFrame> {
    let mut topics = topics(play, step).peekable();
    if topics.peek().is_none() {
        return Vec::new();
    }
    let body = body(play, host).to_string();
    topics
        .map(|topic| play.frame(FrameKind::Snapshot, topic, body.clone()))
        .collect()
}

/// `v2.routing.queues.{id}.conversations` and `v2.users.{id}.conversations`, as far as they hear of this step.
pub(super) fn topics(play: &Play, step: Step) -> impl Iterator<Item = String> {
    let changes_state = !matches!(step, Step::FlowOutcome | Step::Wrapup);
    let queue = play.record.participant("acd").map(|_| {
        let queue = &play.cast.queue.id;
        format!("v2.routing.queues.{queue}.conversations")
    });
    let agent = play.record.participant("agent").map(|_| {
        let agent = &play.cast.agent.id;
        format!("v2.users.{agent}.conversations")
    });
    queue
        .into_iter()
        .chain(agent)
        .filter(move |_| changes_state)
}

/// `QueueConversationEventTopicConversation`. That the topic of a user has the same shape is unverified.
fn body(play: &Play, host: &str) -> Value {
    let record = play.record.record();
    let participants = record.participants.iter();
    let participants = participants.map(|it| participant(play, it, host));
    json!({
        "id": record.conversation_id,
        "participants": participants.collect::<Vec<_>>(),
        "securePause": false,
        "divisions": divisions(play),
    })
}

pub(super) fn divisions(play: &Play) -> Value {
    let divisions = play.record.record().division_ids.iter();
    divisions
        .map(|id| json!({ "division": { "id": id }, "entities": [{ "id": play.id() }] }))
        .collect()
}

fn participant(play: &Play, participant: &Participant, host: &str) -> Value {
    let mut body = json!({
        "id": participant.participant_id,
        "name": participant.participant_name,
        "purpose": participant.purpose,
        "address": play.cast.from,
        "wrapupRequired": participant.purpose == "agent",
        "attributes": participant.attributes,
    });
    let (connected, ended) = stay(participant);
    insert(&mut body, "connectedTime", connected);
    insert(&mut body, "endTime", ended);
    insert(&mut body, "userId", participant.user_id.as_ref());
    insert(
        &mut body,
        "externalContactId",
        participant.external_contact_id.as_ref(),
    );
    insert(&mut body, "wrapup", wrap_up(participant));
    if matches!(participant.purpose, "acd" | "agent") {
        body["queueId"] = json!(play.cast.queue.id);
    }
    let sessions = participant.sessions.iter();
    let name = if play.cast.is_voice() {
        "calls"
    } else {
        "messages"
    };
    body[name] = sessions
        .map(|it| leg(play, participant, it, host))
        .collect();
    body
}

/// A call, or a message leg with the messages that its participant wrote.
fn leg(play: &Play, participant: &Participant, session: &Session, host: &str) -> Value {
    let segment = interaction(session);
    let end = segment.and_then(|it| it.segment_end);
    let mut body = json!({
        "id": session.session_id,
        "state": state(end),
        "initialState": "connected",
        "direction": session.direction,
        "held": false,
        "provider": session.provider,
    });
    insert(
        &mut body,
        "connectedTime",
        segment.map(|it| it.segment_start),
    );
    insert(&mut body, "disconnectedTime", end);
    insert(
        &mut body,
        "disconnectType",
        segment.and_then(|it| it.disconnect_type),
    );
    if play.cast.is_voice() {
        body["recording"] = json!(true);
    } else {
        body["type"] = json!("webmessaging");
        body["messages"] = messages(play, participant.purpose, host);
    }
    body
}

/// When the participant joined, and when it left, if it is not there.
pub(super) fn stay(participant: &Participant) -> (Option<Moment>, Option<Moment>) {
    let last = participant.sessions.last().and_then(interaction);
    (
        last.map(|it| it.segment_start),
        last.and_then(|it| it.segment_end),
    )
}

/// The first segment of a session; after-call work may follow it.
pub(super) fn interaction(session: &Session) -> Option<&Segment> {
    session.segments.first()
}

pub(super) fn state(end: Option<Moment>) -> &'static str {
    if end.is_some() {
        "disconnected"
    } else {
        "connected"
    }
}

/// The result that the agent entered after the latest session.
pub(super) fn wrap_up(participant: &Participant) -> Option<Value> {
    let segments = &participant.sessions.last()?.segments;
    let segment = segments.iter().find(|it| it.segment_type == "wrapup")?;
    let end = segment.segment_end?;
    let mut body = json!({
        "code": segment.wrap_up_code, "tags": [], "durationSeconds": (end.0 - segment.segment_start.0) / SECOND, "endTime": end,
    });
    insert(&mut body, "notes", segment.wrap_up_note.as_ref());
    Some(body)
}

pub(super) fn messages(play: &Play, purpose: &str, host: &str) -> Value {
    let transcript = play.texts.transcript.as_ref();
    transcript.map_or_else(|| json!([]), |it| it.details_by(purpose, host))
}

/// Absent values are omitted, as in the API.
pub(super) fn insert<T: Serialize>(body: &mut Value, name: &str, value: Option<T>) {
    if let Some(value) = value {
        body[name] = json!(value);
    }
}
