//! Events of EventBridge as its queue delivers them.

use std::collections::BTreeSet;

use end_to_end::live::identity;
use serde_json::{Value, json};

/// The event that an event bus sends for this frame.
pub(super) fn event(frame: &Value) -> String {
    json!({
        "version": "0",
        "detail-type": "a topic template",
        "source": "aws.partner/genesys.com/cloud/organisation/archive",
        "detail": frame,
    })
    .to_string()
}

/// A frame of a topic.
pub(super) fn frame(topic_name: &str, body: &Value) -> Value {
    json!({"topicName": topic_name, "version": "2", "eventBody": body, "metadata": {"CorrelationId": "c"}})
}

pub(super) fn conversation_id(number: usize) -> String {
    format!("{number:08x}-d9cb-469f-a165-70867728950e")
}

/// Events of conversations, three of each; the last one suggests its end.
pub(super) fn conversations(count: usize) -> Vec<Value> {
    let of_conversation = |number: usize| {
        let id = conversation_id(number);
        ["customer.start", "user.start", "customer.end"]
            .into_iter()
            .zip(0..)
            .map(move |(event, position)| {
                let topic = format!("v2.detail.events.conversation.{id}.{event}");
                // Some events of different conversations have the same time.
                let time = 1_772_445_600_000 + 1000 * (number / 2) + position;
                let body = json!({"eventTime": time, "conversationId": id, "mediaType": "MESSAGE"});
                frame(&topic, &body)
            })
    };
    (0..count).flat_map(of_conversation).collect()
}

pub(super) fn identities(frames: &[Value]) -> BTreeSet<String> {
    let identity = |frame: &Value| {
        let topic = frame["topicName"].as_str().expect("a topic");
        identity(topic, &frame["eventBody"])
    };
    frames.iter().map(identity).collect()
}
