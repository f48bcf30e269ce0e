//! Texts of conversations, through each endpoint that serves them.

use super::*;
use crate::UnavailableTexts;

async fn world(unavailable_texts: UnavailableTexts) -> World {
    World::new(Settings {
        unavailable_texts,
        ..small_settings()
    })
    .await
}

/// Ids of the written (message) conversations, in the order of their indexes.
fn written(world: &World) -> Vec<String> {
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids = conversations.map(|it| it.id);
    ids.filter(|id| world.simulator.messages(id).is_some())
        .collect()
}

fn conversation_path(id: &str) -> String {
    format!("api/v2/conversations/messages/{id}")
}

/// Returns every message id in the conversation.
fn message_ids(conversation: &Value) -> Vec<String> {
    let participants = conversation["participants"].as_array().unwrap().iter();
    let messages = participants.flat_map(|it| it["messages"].as_array().unwrap());
    messages
        .map(|it| it["messageId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_conversation_lists_its_messages_and_the_bulk_has_their_texts() {
    let world = world(UnavailableTexts::default()).await;
    for id in written(&world) {
        let truth = world.simulator.messages(&id).unwrap();
        let mut ids = message_ids(&world.get(&conversation_path(&id)).await.json());
        ids.truncate(1_000);
        let bulk = format!(
            "{}/messages/bulk?useNormalizedMessage=true",
            conversation_path(&id)
        );

        let entities = world.post(&bulk, &json!(ids)).await.json();

        let entities = entities["entities"].as_array().unwrap();
        assert_eq!(entities.len(), truth.len().min(1_000));
        for entity in entities {
            let message = truth.iter().find(|it| entity["id"] == it.id.as_str());
            let text = entity["normalizedMessage"]["text"].as_str();
            assert_eq!(text.unwrap_or_default(), message.unwrap().text);
        }
    }
}

#[tokio::test]
async fn more_than_a_thousand_messages_at_once_are_refused() {
    let world = world(UnavailableTexts::default()).await;
    let id = &written(&world)[0];
    let bulk = format!("{}/messages/bulk", conversation_path(id));

    assert_eq!(
        world.post(&bulk, &json!(vec!["x"; 1_001])).await.status,
        400
    );
    assert_eq!(world.post(&bulk, &json!([])).await.status, 400);
    assert_eq!(
        world.post(&bulk, &json!(["x"])).await.json(),
        json!({"entities": []})
    );
}

#[tokio::test]
async fn recordings_are_prepared_first_and_hold_the_same_texts() {
    let world = world(UnavailableTexts {
        preparing: 2,
        ..UnavailableTexts::default()
    })
    .await;
    let id = &written(&world)[0];
    let path = format!("api/v2/conversations/{id}/recordings?formatId=NONE&maxWaitMs=5000");

    let statuses = [world.get(&path).await.status, world.get(&path).await.status];
    let recordings = world.get(&path).await.json();

    assert_eq!(statuses, [202, 202]);
    let texts: Vec<_> = recordings[0]["messagingTranscript"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["messageText"].as_str().unwrap_or_default().to_owned())
        .collect();
    let truth = world.simulator.messages(id).unwrap();
    assert_eq!(
        texts,
        truth.into_iter().map(|it| it.text).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn each_kind_of_unavailable_text_has_its_own_statuses() {
    let every = |unavailable_texts: UnavailableTexts| async move {
        let world = world(unavailable_texts).await;
        let mut statuses = Vec::new();
        for id in written(&world) {
            let conversation = world.get(&conversation_path(&id)).await;
            let bulk = format!("{}/messages/bulk", conversation_path(&id));
            let bulk = world.post(&bulk, &json!(["x"])).await;
            let recordings = format!("api/v2/conversations/{id}/recordings");
            let recordings = world.get(&recordings).await;
            statuses.push((conversation.status, bulk.status, recordings.status));
        }
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    };
    let one = |change: fn(&mut UnavailableTexts)| {
        let mut unavailable_texts = UnavailableTexts::default();
        change(&mut unavailable_texts);
        every(unavailable_texts)
    };

    assert_eq!(one(|it| it.recorded_only = 1).await, [(404, 200, 200)]);
    assert_eq!(one(|it| it.gone = 1).await, [(404, 200, 404)]);
    assert_eq!(one(|it| it.forbidden = 1).await, [(403, 200, 200)]);
    assert_eq!(one(|it| it.too_large = 1).await, [(200, 413, 200)]);
    assert_eq!(one(|it| it.malformed = 1).await, [(200, 200, 200)]);
}

#[tokio::test]
async fn gateway_details_hold_the_texts_in_their_order() {
    let world = world(UnavailableTexts::default()).await;
    let id = &written(&world)[0];

    let details = world
        .get(&format!("api/v2/conversations/web/details/{id}"))
        .await
        .json();

    let truth = world.simulator.messages(id).unwrap();
    let texts = truth
        .into_iter()
        .map(|it| it.text)
        .filter(|it| !it.is_empty());
    let texts_served = details["messages"].as_array().unwrap().iter();
    let texts_served = texts_served.map(|it| it["text"].as_str().unwrap().to_owned());
    assert_eq!(texts_served.collect::<Vec<_>>(), texts.collect::<Vec<_>>());
    assert_eq!(details["messages"][0]["sequenceId"], 1);
}

#[tokio::test]
async fn given_texts_replace_the_messages_of_one_conversation_only() {
    let world = world(UnavailableTexts::default()).await;
    let ids = written(&world);
    let other = world.simulator.messages(&ids[1]).unwrap();
    let texts = ["one", "two", "three"].map(str::to_owned).to_vec();

    assert!(world.simulator.write(&ids[0], texts.clone()));

    let truth = world.simulator.messages(&ids[0]).unwrap();
    assert_eq!(
        truth.into_iter().map(|it| it.text).collect::<Vec<_>>(),
        texts
    );
    let listed_ids = message_ids(&world.get(&conversation_path(&ids[0])).await.json());
    let bulk = format!("{}/messages/bulk", conversation_path(&ids[0]));
    let bulk = world.post(&bulk, &json!(listed_ids)).await.json();
    let entities = bulk["entities"].as_array().unwrap().iter();
    let mut served: Vec<_> = entities
        .map(|it| it["normalizedMessage"]["text"].as_str().unwrap())
        .collect();
    served.sort_unstable();
    assert_eq!(served, ["one", "three", "two"]);
    assert_eq!(world.simulator.messages(&ids[1]).unwrap(), other);
    assert!(!world.simulator.write("nobody's", texts));
    assert!(!world.simulator.write(&ids[0], Vec::new()));
}

#[tokio::test]
async fn malformed_messages_hold_their_text_in_the_receipts() {
    let world = world(UnavailableTexts {
        malformed: 1,
        ..UnavailableTexts::default()
    })
    .await;
    let id = &written(&world)[0];
    let listed_ids = message_ids(&world.get(&conversation_path(id)).await.json());

    let bulk = format!("{}/messages/bulk", conversation_path(id));
    let bulk = world.post(&bulk, &json!(listed_ids)).await.json();

    let truth = world.simulator.messages(id).unwrap();
    let entities = bulk["entities"].as_array().unwrap();
    assert_eq!(entities.len(), truth.len());
    for entity in entities {
        let message = truth.iter().find(|it| entity["id"] == it.id.as_str());
        assert_eq!(entity["normalizedReceipts"], message.unwrap().text.as_str());
    }
}

#[tokio::test]
async fn spoken_conversations_have_no_messages() {
    let world = world(UnavailableTexts::default()).await;
    let conversations = world.simulator.truth().conversations;
    let spoken = conversations
        .iter()
        .find(|it| world.simulator.messages(&it.id).is_none())
        .unwrap();

    assert_eq!(world.get(&conversation_path(&spoken.id)).await.status, 404);
}
