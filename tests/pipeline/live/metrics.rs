//! The metrics of archive-events: frames by outcome, the lag of events, and the ends that they suggest.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::pipeline::metrics;
use end_to_end::logs;
use serde_json::{Map, Value, json};

use super::events::{conversation_id, conversations, event, frame};
use super::world::{LiveWorld, Messages};

/// The arrival of every batch.
const NOW: i64 = 1_772_445_605_000;

/// The metrics that the deliveries of these batches recorded, one after the other.
async fn measured(batches: &[Vec<String>]) -> Vec<BTreeMap<String, u64>> {
    // The logs of other tests that run at the same time are not searched.
    logs::separate_by_world();
    let world = LiveWorld::new();
    assert_eq!(world.clock.now().as_millisecond(), NOW);
    let process = world.process(1);
    let from = logs::capture();
    for batch in batches {
        let handled = process.handle(&Messages::of(batch.clone()).0).await;
        assert!(handled.failed.is_empty());
    }
    let lines = String::from_utf8(logs::since(from)).expect("text");
    lines.lines().filter_map(metrics_of).collect()
}

fn metrics_of(line: &str) -> Option<BTreeMap<String, u64>> {
    let line: Value = serde_json::from_str(line).expect("JSON");
    let measured = line["fields"]["measured"].as_str()?;
    let measured: Map<String, Value> = serde_json::from_str(measured).expect("JSON");
    let known = |name: &String| metrics::ALL.iter().any(|metric| metric.name == name);
    assert!(measured.keys().all(known), "{measured:?}");
    let values = measured.into_iter();
    Some(
        values
            .map(|(name, value)| (name, value.as_u64().expect("a number")))
            .collect(),
    )
}

fn expected<const N: usize>(values: [(&str, u64); N]) -> BTreeMap<String, u64> {
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

/// An event of a conversation with this time, in milliseconds.
fn event_at(time: &Value) -> String {
    let topic = format!(
        "v2.detail.events.conversation.{}.acd.end",
        conversation_id(1)
    );
    event(&frame(&topic, &json!({"eventTime": time})))
}

#[tokio::test]
async fn each_text_is_counted_as_stored_repeated_or_quarantined() {
    let frames = conversations(3);
    let repeated = frames[..2].iter().map(event);
    let texts = frames
        .iter()
        .map(event)
        .chain(repeated)
        .chain(["{".to_owned()]);

    let measured = measured(&[texts.collect()]).await;

    let values = [
        ("EndsSuggested", 3),
        ("LiveFrames", 9),
        ("LiveFramesQuarantined", 1),
        ("LiveFramesRepeated", 2),
        // The first event is five seconds old.
        ("LiveLag", 5_000),
    ];
    assert_eq!(measured, [expected(values)]);
}

#[tokio::test]
async fn a_batch_that_was_archived_before_counts_as_repeated() {
    let batch: Vec<_> = conversations(3).iter().map(event).collect();

    let measured = measured(&[batch.clone(), batch]).await;

    let values = [
        ("EndsSuggested", 3),
        ("LiveFrames", 0),
        ("LiveFramesQuarantined", 0),
        ("LiveFramesRepeated", 9),
    ];
    assert_eq!(measured.len(), 2);
    assert_eq!(measured[1], expected(values));
}

#[tokio::test]
async fn the_lag_is_that_of_the_oldest_event_with_a_plausible_time() {
    let day = i64::try_from(Duration::from_hours(24).as_millis()).expect("a number");
    let times = [
        (json!(NOW - 7_000), Some(7_000)),
        (json!(NOW - 4 * day), Some(4 * day.unsigned_abs())),
        (json!(NOW + 3_000), Some(0)),
        // Not plausible, and none.
        (json!(NOW - 15 * day), None),
        (json!("yesterday"), None),
        (Value::Null, None),
    ];
    for (time, lag) in times {
        let mut measured = measured(&[vec![event_at(&time)]]).await;

        let lag_of = measured.remove(0).remove("LiveLag");
        assert_eq!(lag_of, lag, "{time}");
    }
}
