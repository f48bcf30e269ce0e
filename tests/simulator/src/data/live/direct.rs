//! Events of the direct stream of an organisation's own gateway: `{conversationId, type, data, timestamp}`.
//!
//! The contract names the four types; the shape of `data` is the simulator's choice.

use serde_json::{Value, json};

use super::play::Play;
use super::script::Step;
use super::{DIRECT_TOPIC, FrameKind, NewFrame};
use crate::data::moment::Moment;

pub(super) fn frames(play: &Play, step: Step, at: Moment) -> Vec<NewFrame> {
    let mut events = Vec::new();
    match step {
        Step::CustomerStart => {
            events.push(status("active"));
            events.push(participants(play));
        }
        Step::Attributes => events.push(("metadata", metadata(play))),
        Step::Say => events.extend(transcript(play)),
        Step::UserStart => events.push(participants(play)),
        _ => {}
    }
    let is_over = play.record.record().conversation_end == Some(at);
    if is_over {
        events.push(participants(play));
        events.push(status("completed"));
    }
    let frame = |(kind, data): (&str, Value)| {
        let topic = format!("{DIRECT_TOPIC}{kind}");
        let body =
            json!({ "conversationId": play.id(), "type": kind, "data": data, "timestamp": at });
        play.frame(FrameKind::Direct, topic, body.to_string())
    };
    events.into_iter().map(frame).collect()
}

fn status(status: &str) -> (&'static str, Value) {
    ("statusChange", json!({ "status": status }))
}

fn participants(play: &Play) -> (&'static str, Value) {
    let participants = play.record.record().participants.iter();
    let participants = participants.map(|it| {
        let is_present = play.record.is_present(it.purpose);
        json!({
            "id": it.participant_id, "purpose": it.purpose, "name": it.participant_name, "userId": it.user_id,
            "state": if is_present { "connected" } else { "disconnected" },
        })
    });
    let participants: Vec<Value> = participants.collect();
    ("participants", json!({ "participants": participants }))
}

fn metadata(play: &Play) -> Value {
    let customer = play.record.participant("customer");
    json!({
        "mediaType": play.cast.medium_name(), "queueId": play.cast.queue.id, "queueName": play.cast.queue.language.queue,
        "attributes": customer.map(|it| &it.attributes),
    })
}

/// The latest message or phrase; `sequenceId` counts from 1.
fn transcript(play: &Play) -> Option<(&'static str, Value)> {
    let data = match (&play.texts.transcript, play.texts.phrases.last()) {
        (Some(transcript), _) => transcript.newest()?,
        (None, Some(phrase)) => {
            let speaker = if phrase.is_customer {
                "customer"
            } else {
                "agent"
            };
            let participant = play.record.participant(speaker)?;
            json!({
                "sequenceId": play.texts.phrases.len(), "id": phrase.utterance, "participantId": participant.participant_id,
                "purpose": speaker, "from": participant.participant_name, "text": phrase.text, "timestamp": phrase.time,
            })
        }
        (None, None) => return None,
    };
    Some(("transcript", data))
}
