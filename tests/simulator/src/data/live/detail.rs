//! Detail events. Their enumerations are in upper case, their times in milliseconds.

use serde_json::{Map, Value, json};

use super::cast::Cast;
use super::play::{FLOW_VERSION, Play};
use super::script::Step;
use super::{FrameKind, NewFrame};
use crate::data::model::{Participant, Session};
use crate::data::moment::Moment;

/// `None` for a step of which detail events do not report.
pub(super) fn frame(play: &Play, step: Step, at: Moment) -> Option<NewFrame> {
    let (suffix, purpose) = subject(play, step)?;
    let participant = play.record.participant(purpose)?;
    let session = participant.sessions.last()?;
    let body = if step == Step::Attributes {
        attributes(play, participant, at)
    } else {
        let mut body = common(play, participant, session, at);
        body.extend(of_participant(play, step));
        body.extend(of_event(play, step, session, at));
        body
    };
    let topic = format!("v2.detail.events.conversation.{}.{suffix}", play.id());
    Some(play.frame(FrameKind::Detail, topic, Value::Object(body).to_string()))
}

/// The end of the topic, and the purpose of the participant that the event is about.
fn subject(play: &Play, step: Step) -> Option<(&'static str, &'static str)> {
    Some(match step {
        Step::Outbound => ("outbound", "customer"),
        Step::CustomerStart => ("customer.start", "customer"),
        Step::Contact => ("contact", "customer"),
        Step::FlowStart => ("flow.start", play.menu()),
        Step::Attributes => ("attributes", "customer"),
        Step::FlowOutcome => ("flow.outcome", play.menu()),
        Step::FlowEnd => ("flow.end", play.menu()),
        Step::AcdStart => ("acd.start", "acd"),
        Step::AcdEnd => ("acd.end", "acd"),
        Step::UserStart => ("user.start", "agent"),
        Step::VoicemailStart => ("voicemail.start", "voicemail"),
        Step::VoicemailEnd => ("voicemail.end", "voicemail"),
        Step::UserEnd => ("user.end", "agent"),
        Step::CustomerEnd => ("customer.end", "customer"),
        Step::Acw => ("acw", "agent"),
        Step::Wrapup => ("wrapup", "agent"),
        Step::Say => return None,
    })
}

fn common(
    play: &Play,
    participant: &Participant,
    session: &Session,
    at: Moment,
) -> Map<String, Value> {
    let mut body = object(json!({
        "eventTime": at.0,
        "conversationId": play.id(),
        "participantId": participant.participant_id,
        "sessionId": session.session_id,
        "mediaType": session.media_type.to_uppercase(),
        "provider": session.provider,
        "direction": session.direction.to_uppercase(),
    }));
    body.extend(addresses(&play.cast));
    if let Some(subject) = play
        .cast
        .subject
        .as_ref()
        .filter(|_| participant.purpose != "voicemail")
    {
        body.insert("subject".to_owned(), json!(subject));
    }
    body.extend(contacts(play));
    body
}

fn addresses(cast: &Cast) -> Map<String, Value> {
    object(if cast.is_voice() {
        json!({ "ani": cast.from, "dnis": cast.to })
    } else {
        json!({ "addressFrom": cast.from, "addressTo": cast.to, "messageType": "WEBMESSAGING" })
    })
}

fn contacts(play: &Play) -> Map<String, Value> {
    let customer = play.record.participant("customer");
    let contact = customer.and_then(|it| it.external_contact_id.clone());
    object(json!({
        "conversationExternalContactIds": contact.into_iter().collect::<Vec<_>>(),
        "conversationExternalOrganizationIds": [],
    }))
}

fn attributes(play: &Play, customer: &Participant, at: Moment) -> Map<String, Value> {
    let sessions = customer.sessions.iter();
    let communications = sessions
        .map(|it| json!({ "id": it.session_id, "mediaType": it.media_type.to_uppercase() }));
    let mut body = object(json!({
        "eventTime": at.0,
        "conversationId": play.id(),
        "participantId": customer.participant_id,
        "attributes": customer.attributes,
        "communications": communications.collect::<Vec<_>>(),
        "participantStartTime": play.record.record().conversation_start.0,
    }));
    body.extend(contacts(play));
    body
}

/// The fields that events of this participant share.
fn of_participant(play: &Play, step: Step) -> Map<String, Value> {
    let cast = &play.cast;
    let mut body = Map::new();
    let mut insert = |name: &str, value: Value| body.insert(name.to_owned(), value);
    if let Some(division) = &cast.division
        && !matches!(step, Step::Acw | Step::Wrapup)
    {
        insert("divisionId", json!(division));
    }
    match step {
        Step::FlowStart | Step::FlowOutcome | Step::FlowEnd => {
            insert("flowType", json!(play.flow_type()));
            insert("flowId", json!(cast.flow));
            insert("flowVersion", json!(FLOW_VERSION));
        }
        Step::AcdStart
        | Step::AcdEnd
        | Step::VoicemailStart
        | Step::VoicemailEnd
        | Step::Wrapup => {
            insert("queueId", json!(cast.queue.id));
        }
        Step::UserStart | Step::UserEnd | Step::Acw => {
            insert("queueId", json!(cast.queue.id));
            insert("userId", json!(cast.agent.id));
        }
        _ => {}
    }
    body
}

/// The fields that only this event has.
fn of_event(play: &Play, step: Step, session: &Session, at: Moment) -> Map<String, Value> {
    let cast = &play.cast;
    let start = session.segments.first().map_or(at, |it| it.segment_start);
    let lasted = at.0 - start.0;
    object(match step {
        Step::Outbound => json!({
            "outboundCampaignId": cast.flow, "outboundContactListId": cast.agent.team, "outboundContactId": play.id(),
        }),
        Step::CustomerStart if !cast.is_voice() => json!({
            "journeyContext": { "sessionId": cast.from, "sessionIdType": "web" },
        }),
        Step::Contact => {
            json!({ "externalContactId": cast.external_contact.as_deref().unwrap_or_default() })
        }
        Step::FlowOutcome => json!({
            "flowOutcomeId": cast.flow, "flowOutcomeStartTime": start.0, "flowOutcomeEndTime": at.0,
            "flowOutcomeValue": "SUCCESS", "flowMilestones": [{ "milestoneId": cast.flow, "milestoneTime": at.0 }],
        }),
        Step::FlowEnd => json!({
            "disconnectType": "TRANSFER", "connectedDurationMs": lasted, "exitReason": "TRANSFER", "transferType": "ACD",
        }),
        Step::AcdStart => json!({
            "routingPriority": 0, "requestedRoutingSkillIds": [], "skillExpressionApplied": false,
        }),
        Step::AcdEnd if play.is_answered() => json!({
            "disconnectType": "TRANSFER", "acdOutcome": "ANSWERED", "answeredUserId": cast.agent.id,
            "requestedRoutings": ["STANDARD"], "usedRouting": "STANDARD", "connectedDurationMs": lasted,
        }),
        Step::AcdEnd => json!({
            "disconnectType": "TRANSFER", "acdOutcome": "FLOW_OUT", "connectedDurationMs": lasted,
        }),
        Step::VoicemailEnd => json!({ "disconnectType": "CLIENT", "voicemailDurationMs": lasted }),
        Step::UserEnd => json!({
            "disconnectType": "CLIENT", "interactingDurationMs": lasted, "heldDurationMs": 0, "alertingDurationMs": 0,
        }),
        Step::CustomerEnd => json!({ "disconnectType": "PEER", "interactingDurationMs": lasted }),
        Step::Acw | Step::Wrapup => wrap_up(play),
        _ => json!({}),
    })
}

fn wrap_up(play: &Play) -> Value {
    let wrap_up = &play.wrap_up;
    let mut body = json!({ "wrapupCode": wrap_up.code, "wrapupDurationMs": wrap_up.duration });
    if let Some(note) = &wrap_up.note {
        body["wrapupNotes"] = json!(note);
    }
    body
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
