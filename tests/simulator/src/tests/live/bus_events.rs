use super::*;
use crate::{EventSource, FrameKind};

#[tokio::test]
async fn a_frame_as_an_event_holds_the_frame_and_its_template() {
    let world = World::new(quiet()).await;
    play(
        &world.live(),
        Traffic {
            conversations: 3,
            ..Traffic::default()
        },
    );

    let source = EventSource::default();
    for frame in world.live().frames() {
        let Some(event) = frame.bus_event(&source) else {
            assert_eq!(frame.kind, FrameKind::Direct);
            continue;
        };
        let json: Value = serde_json::from_str(&event.json()).unwrap();
        let sent: Value = serde_json::from_str(&frame.text).unwrap();
        for field in ["topicName", "version", "eventBody", "metadata"] {
            assert_eq!(json["detail"][field], sent[field]);
        }
        assert!(json["detail"]["timestamp"].is_string());
        assert!(
            !event
                .detail_type
                .contains(frame.conversation_id.as_deref().unwrap())
        );
        assert_eq!(
            event.detail_type.matches("{id}").count(),
            1,
            "{}",
            event.detail_type
        );
    }
}

#[tokio::test]
async fn an_event_has_the_fields_of_eventbridge() {
    let world = World::new(quiet()).await;
    let topic = "v2.detail.events.conversation.c1.customer.end";
    world
        .live()
        .push(topic, &json!({ "conversationId": "c1", "eventTime": 1 }));
    world.live().push("v2.something.else", &json!({}));

    let source = EventSource {
        suffix: "live".to_owned(),
        ..EventSource::default()
    };
    let frames = world.live().frames();
    let event = frames[0].bus_event(&source).unwrap();
    let json: Value = serde_json::from_str(&event.json()).unwrap();

    assert_eq!(json["version"], "0");
    assert_eq!(json["id"], event.id.as_str());
    assert_eq!(
        json["detail-type"],
        "v2.detail.events.conversation.{id}.customer.end"
    );
    assert_eq!(
        json["source"],
        "aws.partner/genesys.com/cloud/6f1c3a52-0d0e-4c1b-9c35-2f0f6c1c7a10/live"
    );
    assert_eq!(json["account"], "111122223333");
    assert_eq!(json["time"], "2026-03-05T12:00:00Z");
    assert_eq!(json["region"], "eu-central-1");
    assert_eq!(json["resources"], json!([]));
    assert_eq!(json["detail"]["timestamp"], "2026-03-05T12:00:00.000Z");
    let entry = event.entry("live");
    assert_eq!(entry["EventBusName"], "live");
    assert_eq!(entry["DetailType"], json["detail-type"]);
    assert_eq!(
        entry["Source"],
        "genesys.com/cloud/6f1c3a52-0d0e-4c1b-9c35-2f0f6c1c7a10/live"
    );
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, json["detail"]);
    let other = frames[1].bus_event(&source).unwrap();
    assert_eq!(other.detail_type, "v2.something.else");
}

#[tokio::test]
async fn the_same_frame_is_always_the_same_event() {
    let world = World::new(quiet()).await;
    world.live().push("v2.users.u.presence", &json!({}));
    world.live().push("v2.users.u.presence", &json!({}));
    let source = EventSource::default();
    let frames = world.live().frames();
    let event = |index: usize| frames[index].bus_event(&source).unwrap();

    assert_eq!(event(0).json(), event(0).json());
    assert_ne!(event(0).id, event(1).id);
}
