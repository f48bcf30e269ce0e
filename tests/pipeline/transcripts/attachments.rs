//! Attachments of messages, if the request includes media.

use std::collections::BTreeSet;

use conversation_archive::archive::exports;
use end_to_end::world::{World, organisation};
use genesys_simulator::Route;
use serde_json::Value;

use super::export_transcripts;

#[tokio::test]
async fn attachments_are_stored_as_objects_named_in_the_record() {
    let mut world = World::new(organisation(126, 80)).await;
    let ids = world.message_conversations();

    let records = export_transcripts(&mut world, &ids, r#","includeMedia":true"#).await;

    let id = exports::ids(&world.archive())
        .await
        .expect("listed")
        .remove(0);
    let listed = world.archive().list_all(&format!("exports/{id}/")).await;
    let keys: Vec<_> = listed
        .expect("listed")
        .into_iter()
        .map(|it| it.key)
        .collect();
    let (mut stored, mut gone) = (0, 0);
    let messages = records.values().filter_map(|it| it["messages"].as_array());
    let attachments = messages
        .flatten()
        .filter_map(|message| message["attachments"].as_array());
    for attachment in attachments.flatten() {
        assert!(attachment["url"].is_null(), "an address may hold a secret");
        let file = world
            .simulator
            .file(attachment["id"].as_str().expect("an id"));
        let Some(sha256) = attachment["sha256"].as_str() else {
            assert_eq!(
                (&attachment["notStored"], file),
                (&Value::from("gone"), None)
            );
            gone += 1;
            continue;
        };
        let key = keys
            .iter()
            .find(|key| key.ends_with(&format!("-file-{sha256}")));
        let bytes = world.archive().store().get(key.expect("an object")).await;
        assert_eq!(
            bytes.expect("read").expect("there").to_vec(),
            file.expect("a file")
        );
        stored += 1;
    }
    assert!(stored > 10 && gone > 0, "{stored} stored, {gone} gone");
}

#[tokio::test]
async fn attachments_of_other_types_and_sizes_are_not_downloaded() {
    let mut world = World::new(organisation(127, 40)).await;
    let ids = world.message_conversations();
    let mut reasons = BTreeSet::new();
    for (types, bytes) in [("audio/*", 10_000), ("image/png", 4_095)] {
        let limits = &mut world.process.start.limits.attachments;
        limits.content_types = vec![types.to_owned()];
        limits.max_attachment_bytes = bytes;

        let records = export_transcripts(
            &mut world,
            &ids,
            &format!(r#","includeMedia":true,"exportId":"e{bytes}""#),
        )
        .await;

        let messages = records.values().filter_map(|it| it["messages"].as_array());
        let attachments = messages
            .flatten()
            .filter_map(|message| message["attachments"].as_array());
        reasons.extend(attachments.flatten().map(|it| it["notStored"].to_string()));
    }
    let request_count = world.simulator.stats().requests_on(Route::Download);
    assert_eq!(request_count, 0);
    assert_eq!(
        reasons.into_iter().collect::<Vec<_>>(),
        [r#""contentType""#, r#""tooLarge""#]
    );
}
