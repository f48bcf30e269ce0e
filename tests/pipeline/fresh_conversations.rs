//! The details query as a source: windows of a day that has not ended, and days with too many conversations for one
//! query.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::base::time::Interval;
use conversation_archive::export::outcome::{ExportStatus, Manifest};
use genesys_simulator::{Faults, Permanent, Route, Settings, TruthConversation};

use end_to_end::memory_store::MemoryStore;
use end_to_end::world::{DAYS, NOW, World, organisation};

mod filters;

/// Returns the ids of the conversations that satisfy the predicate.
fn ids_where(world: &World, holds: impl Fn(&TruthConversation) -> bool) -> BTreeSet<String> {
    let conversations = world.simulator.truth().conversations.into_iter();
    conversations
        .filter(|found| holds(found))
        .map(|found| found.id)
        .collect()
}

fn started_in(world: &World, interval: &str) -> BTreeSet<String> {
    let interval: Interval = interval.parse().expect("an interval");
    ids_where(world, |found| interval.contains(found.start))
}

async fn assert_archived_once(world: &World, manifest: &Manifest, expected: &BTreeSet<String>) {
    let archived = world.archived_ids(manifest, "conversationId").await;
    assert!(archived.values().all(|count| *count == 1));
    assert_eq!(&archived.into_keys().collect::<BTreeSet<_>>(), expected);
}

/// An organisation in the middle of its day: it opened four hours ago and closes in four hours.
fn working_day(seed: u64, conversations: usize) -> Settings {
    let moment = |text: &str| text.parse().expect("a moment");
    Settings {
        interval: (
            moment("2026-03-09T20:00:00Z"),
            moment("2026-03-10T04:00:00Z"),
        ),
        spill: 0.1,
        ..organisation(seed, conversations)
    }
}

#[tokio::test]
async fn a_day_in_progress_is_read_to_its_end_without_duplicates() {
    let settings = Settings {
        query_lag: Duration::from_secs(100),
        ..working_day(41, 2_000)
    };
    let mut world = World::with_store(Arc::new(MemoryStore::default()), settings, 2).await;
    // Each request takes three seconds, so that conversations begin and become visible while pages are read.
    let clock = world.clock.clone();
    world.simulator.update(|settings| {
        settings.clock = Arc::new(move || {
            clock.advance(Duration::from_secs(3));
            clock.now()
        });
    });
    let interval = "2026-03-09T20:00:00Z/2026-03-10T04:00:00Z";
    let webhook = world.receiver.url();

    let manifest = world
        .export(&format!(
            r#"{{"source":"analytics-query","interval":"{interval}","slices":2,"pageSize":5,"webhookUrl":"{webhook}"}}"#
        ))
        .await;

    assert_archived_once(&world, &manifest, &started_in(&world, interval)).await;
    assert!(world.now() > "2026-03-10T04:02:00Z".parse().expect("a moment"));
    assert!(
        world
            .reported_texts
            .texts()
            .iter()
            .any(|text| text.contains("GENESYS_QUERY_LAG_SECONDS")),
        "it waited for the end"
    );
    let webhook_body = world.receiver.deliveries().pop().expect("a webhook").body;
    let metrics = &webhook_body["data"]["metrics"];
    assert_eq!(metrics["successRate"], 1.0);
    assert_eq!(metrics["records"], manifest.content.counts.archived);
    assert!(metrics["paginationDepth"].as_u64() > Some(3));
    assert!(metrics["answers"].as_u64() >= metrics["pages"].as_u64());
    let id = manifest.outcome.export_id;
    world.verify(&id).await;
}

#[tokio::test]
async fn a_moving_window_is_read_again_and_shrunk_until_it_is_stable() {
    // Conversations become visible later than expected, so that windows that we consider closed still change.
    let mut world = World::new(Settings {
        query_lag: Duration::from_mins(20),
        ..working_day(42, 1_000)
    })
    .await;
    let clock = world.clock.clone();
    world.simulator.update(|settings| {
        settings.clock = Arc::new(move || {
            clock.advance(Duration::from_secs(5));
            clock.now()
        });
    });

    // Up to the present: the newest window still changes.
    let request = format!(
        r#"{{"source":"analytics-query","interval":"2026-03-09T23:00:00Z/{NOW}","slices":1,"pageSize":5}}"#
    );
    let manifest = world.export(&request).await;

    let archived = world.archived_ids(&manifest, "conversationId").await;
    assert!(archived.values().all(|count| *count == 1), "none twice");
    let pages = &manifest.content.slices[0].pages;
    assert!(pages.len() > 3, "several windows");
    let old = started_in(&world, "2026-03-09T23:00:00Z/2026-03-09T23:30:00Z");
    assert!(
        old.iter().all(|id| archived.contains_key(id)),
        "what stands still is whole"
    );
}

#[tokio::test]
async fn a_day_of_more_hits_than_a_query_reaches_is_read_in_windows() {
    let mut world = World::new(Settings {
        spill: 0.2,
        query_page_size_max: 10,
        query_reach: 400,
        query_interval_max: Some(Duration::from_hours(24)),
        ..organisation(43, 6_000)
    })
    .await;
    let request = world.request("analytics-query", r#","pageSize":10"#);

    let manifest = world.export(&request).await;

    assert_archived_once(&world, &manifest, &started_in(&world, DAYS)).await;
    let content = &manifest.content;
    let largest = content
        .slices
        .iter()
        .flat_map(|slice| &slice.pages)
        .map(|page| page.counts.archived)
        .max();
    assert!(
        largest.is_some_and(|largest| (60..=100).contains(&largest)),
        "{largest:?}"
    );
    let requests = world.simulator.stats().requests_on(Route::DetailsQuery);
    let least = content.counts.archived / 10;
    println!(
        "{requests} requests of 10 for {} conversations in {} windows",
        content.counts.archived, manifest.outcome.totals.pages
    );
    assert!(
        requests < 2 * least,
        "{requests} requests where {least} would do at best"
    );
}

#[tokio::test]
async fn long_conversations_do_not_shrink_the_windows() {
    // One in ten begins in the interval; the others began before it and are active in all of it.
    let mut world = World::new(Settings {
        spill: 3.0,
        ..organisation(44, 300)
    })
    .await;
    let request = world.request("analytics-query", r#","slices":8,"pageSize":5"#);

    let manifest = world.export(&request).await;

    assert_archived_once(&world, &manifest, &started_in(&world, DAYS)).await;
    assert!(
        manifest.outcome.totals.pages < 30,
        "{} windows",
        manifest.outcome.totals.pages
    );
}

#[tokio::test]
async fn simultaneous_conversations_that_swap_pages_are_archived_once() {
    let mut queries = Vec::new();
    for loose_ties in [false, true] {
        let mut world = World::new(Settings {
            faults: Faults {
                loose_ties,
                ..Faults::default()
            },
            ..organisation(52, 1_000)
        })
        .await;
        let request = world.request("analytics-query", r#","slices":1,"pageSize":20"#);

        let manifest = world.export(&request).await;

        let interval: Interval = DAYS.parse().expect("an interval");
        let expected = ids_where(&world, |found| interval.contains(found.start));
        assert_archived_once(&world, &manifest, &expected).await;
        queries.push(world.simulator.stats().requests_on(Route::DetailsQuery));
    }
    assert!(queries[0] < queries[1], "something moved: {queries:?}");
}

#[tokio::test]
async fn records_without_id_or_start_are_quarantined_once() {
    let mut world = World::new(Settings {
        faults: Faults {
            malformed_every: Some(20),
            ..Faults::default()
        },
        ..organisation(46, 200)
    })
    .await;
    let request = world.request("analytics-query", r#","slices":1,"pageSize":10"#);

    let manifest = world.export(&request).await;

    let good = ids_where(&world, |found| !found.malformed);
    let interval: Interval = DAYS.parse().expect("an interval");
    let started = ids_where(&world, |found| interval.contains(found.start));
    let expected = good.intersection(&started).cloned().collect();
    assert_archived_once(&world, &manifest, &expected).await;
    assert_eq!(manifest.outcome.status, ExportStatus::CompletedWithRejects);
    let bad = ids_where(&world, |found| found.malformed);
    assert_eq!(
        manifest.content.counts.rejected,
        bad.intersection(&started).count() as u64
    );
}

#[tokio::test]
async fn an_export_of_an_interval_without_conversations_completes() {
    let mut world = World::new(organisation(49, 50)).await;

    let manifest = world
        .export(r#"{"source":"analytics-query","interval":"2026-03-05T00:00:00Z/2026-03-06T00:00:00Z"}"#)
        .await;

    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!(manifest.content.counts.archived, 0);
}

#[tokio::test]
async fn an_outage_within_a_window_loses_no_conversation() {
    let mut world = World::new(Settings {
        faults: Faults {
            permanent: Some(Permanent {
                route: Route::DetailsQuery,
                after: 7,
                status: 503,
                code: "service.unavailable".to_owned(),
                message: "out of order".to_owned(),
            }),
            ..Faults::default()
        },
        ..organisation(52, 200)
    })
    .await;
    let request = world.request("analytics-query", r#","slices":1,"pageSize":5"#);
    let id = world.start(&request).await;
    world.run_until_requests(Route::DetailsQuery, 13).await;

    world.simulator.set_faults(Faults::default());
    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_archived_once(&world, &manifest, &started_in(&world, DAYS)).await;
}
