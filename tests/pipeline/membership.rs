//! Slices and consecutive exports partition the conversations by start, however the server defines activity.

use std::collections::BTreeSet;

use conversation_archive::base::time::Interval;
use genesys_simulator::{Settings, Simulator};

use end_to_end::world::{DAYS, World, organisation};

fn started_in(simulator: &Simulator, interval: &Interval) -> BTreeSet<String> {
    let conversations = simulator.truth().conversations.into_iter();
    conversations
        .filter(|conversation| interval.contains(conversation.start))
        .map(|found| found.id)
        .collect()
}

#[tokio::test]
async fn each_conversation_started_in_the_interval_is_archived_once() {
    let mut world = World::with_slices(
        Settings {
            spill: 0.3,
            ..organisation(11, 300)
        },
        4,
    )
    .await;
    let interval: Interval = DAYS.parse().expect("an interval");
    let expected = started_in(&world.simulator, &interval);
    let truth = world.simulator.truth();
    assert!(
        truth.conversations.iter().any(|found| found.end.is_none()),
        "some are still open"
    );
    assert!(
        truth
            .conversations
            .iter()
            .any(|found| found.active.len() > 1),
        "some are idle in between"
    );
    assert!(
        truth.conversations.len() > expected.len(),
        "some began before the interval"
    );

    let request = world.request("analytics-job", r#","slices":4,"pageSize":50"#);
    let manifest = world.export(&request).await;

    let archived = world.archived_ids(&manifest, "conversationId").await;
    assert!(archived.values().all(|count| *count == 1));
    assert_eq!(archived.into_keys().collect::<BTreeSet<_>>(), expected);
    let counts = manifest.content.counts;
    assert!(
        counts.left_out > 0,
        "what spans slices comes back in several of them"
    );
    assert_eq!(counts.received, counts.archived + counts.left_out);
}

#[tokio::test]
async fn two_consecutive_exports_partition_the_conversations() {
    let mut world = World::new(Settings {
        spill: 0.3,
        ..organisation(12, 200)
    })
    .await;
    let mut exported = Vec::new();

    for interval in [
        "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z",
        "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z",
    ] {
        let manifest = world
            .export(&format!(r#"{{"interval":"{interval}","pageSize":40}}"#))
            .await;
        exported.push(world.archived_ids(&manifest, "conversationId").await);
    }

    let sum: usize = exported.iter().map(std::collections::BTreeMap::len).sum();
    let all: BTreeSet<_> = exported.into_iter().flatten().map(|(id, _)| id).collect();
    assert_eq!(sum, all.len(), "none is in both");
    assert_eq!(
        all,
        started_in(&world.simulator, &DAYS.parse().expect("an interval"))
    );
}

#[tokio::test]
async fn membership_by_activity_keeps_everything_that_the_source_returns() {
    let mut world = World::new(Settings {
        spill: 0.3,
        ..organisation(13, 100)
    })
    .await;

    let request = world.request("analytics-job", r#","membership":"activity","pageSize":30"#);
    let manifest = world.export(&request).await;

    let started = started_in(&world.simulator, &DAYS.parse().expect("an interval"));
    assert_eq!(manifest.content.slices.len(), 1);
    assert_eq!(manifest.content.counts.left_out, 0);
    assert!(manifest.content.counts.archived > started.len() as u64);
}
