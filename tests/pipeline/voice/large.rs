//! Calls, and several media together, that are larger than any transcript that is kept.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

/// Texts of 1 MB each, of one word: the transcript of a call repeats each word.
fn megabytes(count: usize) -> Vec<String> {
    vec![format!("so{}", " ".repeat(1_000_000)); count]
}

/// The number of legs of the conversation in which something was said.
fn legs(world: &World, id: &str) -> usize {
    let phrases = world.simulator.phrases(id).into_iter();
    let legs: BTreeSet<_> = phrases.map(|it| it.communication_id).collect();
    legs.len()
}

fn assert_left_out(record: &Value) {
    assert_eq!(record["status"], "tooLarge", "{}", record["problem"]);
    assert_eq!(record["cut"]["by"], json!(["archiveLimit"]));
    assert!(list(record, "messages").is_empty());
}

#[tokio::test]
async fn no_further_leg_is_read_of_a_call_that_is_too_large() {
    let mut world = patient(mixed(341, 120)).await;
    let ids = spoken(&world);
    let id = ids.into_iter().max_by_key(|id| legs(&world, id));
    let id = id.expect("a call");
    let legs = legs(&world, &id);
    assert!(legs > 2, "{legs} legs");
    // Two legs exceed the 32 MB that are kept.
    world.simulator.say(&id, megabytes(17 * legs));

    let (_, records) = export(
        &mut world,
        std::slice::from_ref(&id),
        r#","media":["voice"]"#,
    )
    .await;

    assert_left_out(&records[&id]);
    let stats = world.simulator.stats();
    assert_eq!(stats.requests_on(Route::TranscriptFile), 2);
}

#[tokio::test]
async fn texts_kept_for_a_postponed_call_are_limited_too() {
    let mut world = patient(Settings {
        unavailable_speech: UnavailableSpeech {
            preparing: 1_000,
            ..UnavailableSpeech::default()
        },
        ..mixed(342, 60)
    })
    .await;
    let mut ids = spoken(&world);
    ids.retain(|id| world.simulator.messages(id).is_some());
    let id = ids.swap_remove(0);
    world.simulator.write(&id, megabytes(34));

    let fields = r#","media":["message","voice"]"#;
    let (_, records) = export(&mut world, std::slice::from_ref(&id), fields).await;

    assert_left_out(&records[&id]);
}

#[tokio::test]
async fn messages_and_a_call_share_one_limit() {
    let mut world = patient(mixed(343, 60)).await;
    let mut ids = spoken(&world);
    ids.retain(|id| world.simulator.messages(id).is_some());
    let id = ids.swap_remove(0);
    world.simulator.write(&id, megabytes(17));
    world.simulator.say(&id, megabytes(17));

    let fields = r#","media":["message","voice"]"#;
    let (_, records) = export(&mut world, std::slice::from_ref(&id), fields).await;

    assert_left_out(&records[&id]);
}
