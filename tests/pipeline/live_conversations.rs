//! Conversations that happen while the simulator runs are exported like all others: live traffic and the API agree.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::export::outcome::Manifest;
use end_to_end::world::{World, organisation};
use genesys_simulator::Traffic;
use serde_json::{Value, json};

/// Conversations of which some are calls and some continue after their end.
async fn world_after_traffic() -> (World, Vec<String>) {
    let world = World::new(organisation(401, 20)).await;
    let live = world.simulator.live();
    live.begin(Traffic {
        conversations: 40,
        reopened_every: 5,
        ..Traffic::default()
    });
    live.finish(100).await;
    world.advance_clock(Duration::from_mins(10));
    let conversations = live.conversations();
    let ids = conversations.into_iter().map(|it| it.id).collect();
    (world, ids)
}

async fn records(world: &World, manifest: &Manifest) -> BTreeMap<String, Value> {
    let mut records = BTreeMap::new();
    for (line, count) in world.archived_lines(manifest).await {
        assert_eq!(count, 1);
        let record: Value = serde_json::from_str(&line).expect("a record");
        let id = record["conversationId"].as_str().expect("an id").to_owned();
        assert!(records.insert(id, record).is_none(), "one record each");
    }
    records
}

#[tokio::test]
async fn ended_live_conversations_are_exported_by_their_ids() {
    let (mut world, ids) = world_after_traffic().await;
    let request = json!({ "source": "analytics-query", "filters": { "conversationIds": ids } });

    let manifest = world.export(&request.to_string()).await;

    let records = records(&world, &manifest).await;
    assert_eq!(records.len(), 40);
    for conversation in world.simulator.live().conversations() {
        let end = conversation.ends.last().expect("it has ended");
        let record = &records[&conversation.id];
        assert_eq!(record["conversationEnd"], format!("{end:.3}"));
    }
    world.verify(&manifest.outcome.export_id).await;
}

#[tokio::test]
async fn texts_of_live_conversations_are_exported_as_they_were_said() {
    let (mut world, ids) = world_after_traffic().await;
    let fields =
        r#","media":["message","voice"],"maxGapPercent":100,"redaction":{"enabled":false}"#;
    let request = world.transcripts_request(&ids, fields);

    let manifest = world.export(&request).await;

    let records = records(&world, &manifest).await;
    let mut count = 0;
    for id in &ids {
        let messages = world.simulator.messages(id).unwrap_or_default();
        let said = messages.into_iter().map(|it| it.text);
        let spoken = world.simulator.phrases(id).into_iter().map(|it| it.text);
        let said: Vec<String> = said.chain(spoken).collect();
        let archived = records[id]["messages"].as_array().into_iter().flatten();
        let archived: Vec<&str> = archived.filter_map(|it| it["text"].as_str()).collect();
        assert_eq!(archived, said, "{}", records[id]);
        count += said.len();
    }
    assert!(count > 100, "{count}");
}
