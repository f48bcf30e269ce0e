//! Each row of the table of problems in docs/live.md.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::events::{conversations, event, frame, identities};
use super::world::{LiveWorld, Messages};

const ACW: &str = "v2.detail.events.conversation.0f8fad5b-d9cb-469f-a165-70867728950e.acw";

/// The record after these messages, none of which failed, were delivered together with a usual one.
async fn record_of(bodies: impl IntoIterator<Item = String>) -> (LiveWorld, Value) {
    let world = LiveWorld::new();
    let usual = event(&conversations(1)[0]);
    let messages = Messages::of([usual].into_iter().chain(bodies));

    let handled = world.process(1).handle(&messages.0).await;

    assert!(handled.failed.is_empty());
    let objects = world.objects();
    let mut records = objects.records();
    let record = records.next().expect("a record").clone();
    assert!(records.next().is_none());
    assert_eq!(record["counts"]["received"], messages.0.len());
    (world, record)
}

/// A frame whose body has this JSON, without a time.
fn frame_with(body: &str) -> String {
    format!(r#"{{"detail":{{"topicName":"{ACW}","version":"2","eventBody":{body}}}}}"#)
}

async fn assert_quarantined(body: String, reason: &str) {
    let (world, record) = record_of([body.clone()]).await;

    assert_eq!(record["counts"]["quarantined"], 1, "{body}");
    assert_eq!(record["counts"]["stored"], 1, "{body}");
    let quarantined = world.objects().quarantined();
    assert_eq!(quarantined.len(), 1, "{body}");
    assert_eq!(quarantined[0]["reason"], reason, "{body}");
    assert_eq!(quarantined[0]["sizeBytes"], body.len(), "{body}");
    assert_eq!(quarantined[0]["text"], body, "{body}");
}

#[tokio::test]
async fn what_is_not_a_frame_is_quarantined_with_its_reason() {
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    for (body, reason) in [
        (String::new(), "notJson"),
        ("not an event".to_owned(), "notJson"),
        (frame_with("{}")[1..].to_owned(), "notJson"),
        (frame_with("{}").replace("}}}", "}}"), "notJson"),
        ("[]".to_owned(), "notAnObject"),
        (r#"{"detail":[]}"#.to_owned(), "notAnObject"),
        (r#"{"detail-type":"x"}"#.to_owned(), "noDetail"),
        (
            r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#.to_owned(),
            "noDetail",
        ),
        (r#"{"detail":{"eventBody":{}}}"#.to_owned(), "noTopicName"),
        (frame_with("null"), "noEventBody"),
        (frame_with("[]"), "noEventBody"),
        (frame_with(r#"{"a":1,"a":2}"#), "repeatedMember"),
        (frame_with(&format!(r#"{{"a":{deep}}}"#)), "tooDeep"),
    ] {
        assert_quarantined(body, reason).await;
    }
}

#[tokio::test]
async fn a_quarantined_text_is_stored_without_its_values_and_single_words() {
    let words = r#"[{"word":"4111"},{"word":"1111"}]"#;
    let bodies = [
        r#"{"detail":{"mail":"mary.roe@example.com""#.to_owned(),
        frame_with(&format!(
            r#"{{"a":1,"a":"mary.roe@example.com","words":{words}}}"#
        )),
        json!({"Message": frame_with(&format!(r#"{{"decoratedWords":{words}}}"#))}).to_string(),
    ];

    let (world, record) = record_of(bodies).await;

    assert_eq!(record["counts"]["quarantined"], 3);
    assert_eq!(record["redactions"], json!({"EMAIL": 2, "WORDS": 1}));
    for (key, text) in world.objects().texts() {
        for value in ["mary.roe", "4111", "1111"] {
            assert!(!text.contains(value), "{value} in {key}: {text}");
        }
    }
}

#[tokio::test]
async fn a_batch_of_texts_that_are_no_frames_has_a_record_too() {
    let world = LiveWorld::new();
    let process = world.process(1);

    for text in ["one", "other"] {
        let messages = Messages::of([text.to_owned()]);
        assert!(process.handle(&messages.0).await.failed.is_empty());
    }

    let objects = world.objects();
    assert_eq!(objects.records().count(), 2);
    assert_eq!(objects.quarantined().len(), 2);
    assert!(objects.records().all(|record| record["objects"].is_null()));
}

#[tokio::test]
async fn another_version_and_an_unknown_topic_are_kept_and_counted() {
    let body = json!({"eventTime": 1_772_445_600_000_u64});
    let mut other_version = frame(ACW, &body);
    other_version["version"] = json!("3");
    let mut no_version = frame("v2.tomorrow", &body);
    no_version
        .as_object_mut()
        .expect("an object")
        .remove("version");
    let frames = [other_version, no_version];

    let (world, record) = record_of(frames.iter().map(event)).await;

    assert_eq!(record["counts"]["otherVersion"], 1);
    assert_eq!(record["counts"]["otherTopic"], 1);
    assert_eq!(record["topics"]["other"], 1);
    assert_eq!(
        record["topics"]["v2.detail.events.conversation.{id}.acw"],
        1
    );
    assert!(world.identities().is_superset(&identities(&frames)));
}

#[tokio::test]
async fn an_event_without_a_usable_time_has_that_of_its_arrival() {
    let bodies = ["{}", r#"{"eventTime":"yesterday"}"#, r#"{"eventTime":1.5}"#];

    let (world, record) = record_of(bodies.map(frame_with)).await;

    assert_eq!(record["counts"]["timeOfArrival"], 3);
    let lines = world.objects().lines();
    let of_arrival = lines
        .iter()
        .filter(|line| line["eventTimeSource"] == "arrival");
    let times: Vec<_> = of_arrival.map(|line| line["eventTime"].clone()).collect();
    assert_eq!(times, ["2026-03-02T10:00:05.000Z"; 3]);
}

#[tokio::test]
async fn an_implausible_time_is_kept_and_counted() {
    let bodies = [
        r#"{"eventTime":"2026-03-03T10:00:05.001Z"}"#,
        r#"{"eventTime":"2026-02-16T10:00:04.999Z"}"#,
        r#"{"eventTime":0}"#,
        r#"{"eventTime":"2026-03-03T10:00:05Z"}"#,
        r#"{"eventTime":"2026-02-16T10:00:05Z"}"#,
    ];

    let (world, record) = record_of(bodies.map(frame_with)).await;

    assert_eq!(record["counts"]["implausibleTime"], 3);
    assert_eq!(record["counts"]["stored"], 6);
    assert_eq!(record["firstEventTime"], "1970-01-01T00:00:00Z");
    assert_eq!(record["lastEventTime"], "2026-03-03T10:00:05.001Z");
    assert_eq!(world.objects().lines().len(), 6);
}

#[tokio::test]
async fn half_a_surrogate_pair_is_kept_as_a_replacement_character() {
    let (world, record) = record_of([frame_with(r#"{"eventTime":0,"a":"x\ud83dy"}"#)]).await;

    assert_eq!(record["counts"]["stored"], 2);
    let lines = world.objects().lines();
    assert_eq!(lines[0]["eventBody"]["a"], "x\u{fffd}y");
}

#[tokio::test]
async fn the_sample_events_are_stored_and_foreign_ones_quarantined() {
    for (name, stored, quarantined) in [("events", 4, 0), ("foreign", 0, 2)] {
        let world = LiveWorld::new();
        let path = format!("../functions/archive-events/events/{name}.json");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let sample = fs::read_to_string(path).expect("a sample");
        let sample: Value = serde_json::from_str(&sample).expect("JSON");
        let records = sample["Records"].as_array().expect("records");
        let bodies = records
            .iter()
            .map(|it| it["body"].as_str().expect("a body").to_owned());

        let handled = world.process(1).handle(&Messages::of(bodies).0).await;

        assert!(handled.failed.is_empty());
        assert_eq!(handled.ended.len(), usize::from(stored > 0));
        let objects = world.objects();
        assert_eq!(
            (objects.lines().len(), objects.quarantined().len()),
            (stored, quarantined)
        );
        assert!(
            objects
                .lines()
                .iter()
                .all(|line| !line.to_string().contains("\"words\""))
        );
    }
}
