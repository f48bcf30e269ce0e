//! Planted values, which no log may contain.

use super::data::truth_of;
use super::*;

#[test]
fn planted_values_are_in_the_data_and_not_in_the_ids() {
    let truth = truth_of(&Settings {
        conversations: 300,
        gateway_records: 300,
        ..small_settings()
    });
    let all: String = truth
        .conversations
        .iter()
        .map(|it| it.json.as_str())
        .chain(truth.gateway.iter().map(|it| it.json.as_str()))
        .collect();
    let ids: String = truth
        .conversations
        .iter()
        .map(|it| it.id.as_str())
        .chain(truth.gateway.iter().map(|it| it.id.as_str()))
        .collect();

    for planted in &truth.planted {
        assert!(
            planted.len() >= 12 && !ids.contains(planted.as_str()),
            "{planted}"
        );
    }
    let found = truth
        .planted
        .iter()
        .filter(|it| all.contains(it.as_str()))
        .count();
    assert!(
        found * 100 > truth.planted.len() * 95,
        "{found} of {}",
        truth.planted.len()
    );
}

#[test]
fn every_text_holds_a_planted_value() {
    let truth = truth_of(&small_settings());

    for conversation in &truth.conversations {
        let record: Value = serde_json::from_str(&conversation.json).unwrap();
        for text in texts_of(&record) {
            assert!(
                truth.planted.iter().any(|it| text.contains(it.as_str())),
                "{text}"
            );
        }
    }
}

/// Returns names of customers and agents, attribute values, notes, subjects and tags, but not the names of queues and
/// flows.
fn texts_of(value: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    if let Value::Object(fields) = value {
        let a_person = matches!(
            fields.get("purpose").and_then(Value::as_str),
            Some("customer" | "agent" | "external")
        );
        for (key, value) in fields {
            match (key.as_str(), value) {
                ("participantName", Value::String(text)) if a_person => texts.push(text.clone()),
                (
                    "wrapUpNote" | "subject" | "externalTag" | "ani" | "callbackUserName",
                    Value::String(text),
                ) => texts.push(text.clone()),
                ("attributes", Value::Object(attributes)) => texts.extend(
                    attributes
                        .values()
                        .map(|it| it.as_str().unwrap().to_owned()),
                ),
                (_, inner) => texts.extend(texts_of(inner)),
            }
        }
    }
    texts.extend(value.as_array().into_iter().flatten().flat_map(texts_of));
    texts
}

#[tokio::test]
async fn the_secret_and_every_token_are_planted() {
    let mut world = World::new(small_settings()).await;
    let first = world.token.clone();
    world.login().await;

    let planted = world.simulator.truth().planted;

    for secret in [&first, &world.token, &Settings::default().client_secret] {
        assert!(planted.contains(secret));
    }
}

#[test]
fn debug_output_of_the_settings_hides_the_secret() {
    let debug_text = format!("{:?}", Settings::default());

    assert!(!debug_text.contains(&Settings::default().client_secret));
}
