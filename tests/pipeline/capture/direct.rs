//! The direct stream of a gateway: events, and the conversations that are put together from them.

use std::collections::BTreeMap;

use end_to_end::capture::{direct_stream, live_settings};
use end_to_end::live::LiveObjects;
use end_to_end::world::{World, organisation};
use genesys_archive::capture::CaptureEnd;
use genesys_simulator::{FrameKind, LiveFaults, LiveSettings, Settings, Traffic};
use serde_json::Value;

use super::account::{Account, live_objects};

async fn world() -> World {
    let faults = LiveFaults {
        seed: 5,
        duplicate: 0.1,
        reorder: 3,
        ..LiveFaults::default()
    };
    World::new(Settings {
        live: LiveSettings {
            faults,
            ..live_settings()
        },
        ..organisation(831, 20)
    })
    .await
}

#[tokio::test]
async fn events_are_stored_and_conversations_are_put_together() {
    let world = world().await;
    let mut capture = world.capture(direct_stream());
    capture
        .until(&world, |figures| figures.stream.heartbeats > 0)
        .await;
    let live = world.simulator.live();
    live.begin(Traffic {
        conversations: 30,
        kinds: vec![FrameKind::Direct],
        ..Traffic::default()
    });
    live.finish(20).await;
    capture.until_read(&world).await;

    assert_eq!(capture.stop().await.expect("in order"), CaptureEnd::Stopped);

    let account = Account::of(&world, |topic| topic.starts_with("direct.")).await;
    assert_eq!(account.missing, []);
    let mut newest = BTreeMap::<String, Value>::new();
    for line in LiveObjects::of(live_objects(&world)).lines() {
        if line["topicName"] == "direct.conversation" {
            let body = line["eventBody"].clone();
            let id = body["conversationId"].as_str().expect("an id").to_owned();
            let version = |body: &Value| body["version"].as_u64();
            let known = newest.entry(id).or_insert_with(|| body.clone());
            if version(known) < version(&body) {
                *known = body;
            }
        }
    }
    assert_eq!(newest.len(), 30);
    for (id, body) in newest {
        assert_eq!(body["state"], "ended", "{id}");
        assert!(
            !body["participants"].as_array().expect("a list").is_empty(),
            "{id}"
        );
    }
}
