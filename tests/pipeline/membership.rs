//! Slices and consecutive exports partition the conversations by start, however the server defines activity.

use std::collections::BTreeSet;

use conversation_archive::base::time::Interval;
use end_to_end::history::{filters_of_all, history_world};
use genesys_simulator::{Faults, HistoryForm, IntervalEnd, Settings, Simulator};

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

#[tokio::test]
async fn a_gateway_whose_interval_includes_its_end_doubles_no_record() {
    for source in ["export-gateway", "history-gateway"] {
        let settings = Settings {
            faults: Faults {
                gateway_interval_end: IntervalEnd::Included,
                ..Faults::default()
            },
            ..organisation(14, 60)
        };
        let mut world = history_world(HistoryForm::PageToken, settings).await;
        let truth = world.simulator.truth().gateway;
        let days: Interval = DAYS.parse().expect("an interval");
        let boundary = truth.iter().find(|record| record.start > days.start());
        let boundary = boundary.expect("a record").start;
        let filters = match source {
            "history-gateway" => filters_of_all(HistoryForm::PageToken, &truth),
            _ => String::new(),
        };
        let mut archived = Vec::new();
        let mut left_out = Vec::new();

        for (start, end) in [(days.start(), boundary), (boundary, days.end())] {
            let request = format!(
                r#"{{"source":"{source}","interval":"{start}/{end}","records":"minimal"{filters}}}"#
            );
            let manifest = world.export(&request).await;
            left_out.push(manifest.content.counts.left_out);
            let ids = world.archived_ids(&manifest, "id").await;
            archived.extend(ids.into_keys());
            world.verify(&manifest.outcome.export_id).await;
        }

        let distinct: BTreeSet<_> = archived.iter().collect();
        assert_eq!(archived.len(), distinct.len(), "{source}");
        assert_eq!(distinct.len(), truth.len(), "{source}");
        let on_boundary = truth.iter().filter(|record| record.start == boundary);
        assert_eq!(left_out, [on_boundary.count() as u64, 0], "{source}");
    }
}

#[tokio::test]
async fn membership_by_activity_keeps_what_a_gateway_returns() {
    let settings = Settings {
        faults: Faults {
            gateway_interval_end: IntervalEnd::Included,
            ..Faults::default()
        },
        ..organisation(15, 30)
    };
    let mut world = World::new(settings).await;
    let truth = world.simulator.truth().gateway;
    let end = truth.iter().map(|record| record.start).max();
    let end = end.expect("a record");

    let request = format!(
        r#"{{"source":"export-gateway","interval":"2026-03-01T00:00:00Z/{end}","membership":"activity"}}"#
    );
    let manifest = world.export(&request).await;

    assert_eq!(manifest.content.counts.archived, truth.len() as u64);
    assert_eq!(manifest.content.counts.left_out, 0);
}
