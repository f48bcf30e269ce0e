//! Revisits: an interval is read again days later, and only changed records are stored, as new versions.

use std::collections::BTreeSet;

use conversation_archive::archive::exports;
use conversation_archive::archive::find::{self, RecordType, SearchCriteria};
use conversation_archive::export::outcome::Manifest;
use conversation_archive::export::plan::Pattern;
use genesys_simulator::{Settings, Simulator};
use start_export::{Command, StartError, Started};

use end_to_end::world::{World, organisation};

/// Runs a schedule's request at 04:00 on that day of March, for the day that ended then.
async fn run_schedule(world: &mut World, day: u8, more_fields: &str) -> Started {
    let started = start_schedule(world, day, more_fields).await;
    world.run().await;
    started
}

async fn start_schedule(world: &mut World, day: u8, more_fields: &str) -> Started {
    try_start_schedule(world, day, more_fields)
        .await
        .expect("started")
}

async fn try_start_schedule(
    world: &mut World,
    day: u8,
    more_fields: &str,
) -> Result<Started, StartError> {
    let request = format!(
        r#"{{"interval":{{"last":"P1D"}},"scheduledTime":"2026-03-{day:02}T04:00:00Z","revisit":["P3D","P1D"]{more_fields}}}"#
    );
    let command = Command::parse(&request).expect("a request");
    world.invoke(command).await.expect("not killed")
}

async fn verified_revisit(world: &World, started: &Started, place: usize) -> Manifest {
    let manifest = world.manifest(&started.revisits[place].export_id).await;
    world.verify(&manifest.outcome.export_id).await;
    manifest
}

fn first_archived(simulator: &Simulator, archived: &BTreeSet<String>, count: usize) -> Vec<String> {
    let truth = simulator.truth().conversations.into_iter();
    truth
        .map(|it| it.id)
        .filter(|id| archived.contains(id))
        .take(count)
        .collect()
}

async fn ids(world: &World, manifest: &Manifest) -> BTreeSet<String> {
    let ids = world.archived_ids(manifest, "conversationId").await;
    ids.into_keys().collect()
}

#[tokio::test]
async fn a_revisit_stores_exactly_the_conversations_that_changed() {
    for more_fields in [
        "",
        r#","source":"analytics-query""#,
        r#","records":"full","pageSize":50"#,
    ] {
        let mut world = World::new(Settings {
            spill: 0.1,
            ..organisation(91, 1_000)
        })
        .await;
        let first = run_schedule(&mut world, 2, more_fields).await;
        let stand_ins = first.revisits.iter().map(|it| it.export_id.as_str());
        assert!(stand_ins.into_iter().all(|id| !id.contains("-after-")));
        let manifest = world.manifest(&first.export_id).await;
        let archived = ids(&world, &manifest).await;
        let changed = first_archived(&world.simulator, &archived, 3);
        assert_eq!(world.simulator.amend(&changed), 3);
        world.advance_clock(std::time::Duration::from_mins(10));

        let next_day = run_schedule(&mut world, 3, more_fields).await;

        let revisit = verified_revisit(&world, &next_day, 0).await;
        assert_eq!(next_day.revisits.len(), 2);
        assert_eq!(revisit.outcome.interval, manifest.outcome.interval);
        assert_eq!(ids(&world, &revisit).await, changed.into_iter().collect());
        let counts = revisit.content.counts;
        assert_eq!(
            (counts.archived, counts.unchanged),
            (3, archived.len() as u64 - 3)
        );
    }
}

#[tokio::test]
async fn a_revisit_waits_for_the_export_that_it_compares_with() {
    let mut world = World::new(organisation(95, 300)).await;
    let first = start_schedule(&mut world, 2, "").await;
    let next_day = start_schedule(&mut world, 3, "").await;

    world.run().await;

    let archived = world
        .manifest(&first.export_id)
        .await
        .content
        .counts
        .archived;
    let counts = verified_revisit(&world, &next_day, 0).await.content.counts;
    assert_eq!((counts.archived, counts.unchanged), (0, archived));
    assert!(archived > 0);
}

#[tokio::test]
async fn a_later_revisit_skips_versions_stored_by_an_earlier_one() {
    let mut world = World::new(organisation(92, 300)).await;
    let first = run_schedule(&mut world, 2, "").await;
    let manifest = world.manifest(&first.export_id).await;
    let archived = ids(&world, &manifest).await;
    let changed = first_archived(&world.simulator, &archived, 5);
    world.simulator.amend(&changed[..3]);

    let after_a_day = run_schedule(&mut world, 3, "").await;
    world.simulator.amend(&changed[3..]);
    run_schedule(&mut world, 4, "").await;
    let after_three_days = run_schedule(&mut world, 5, "").await;

    let one = verified_revisit(&world, &after_a_day, 0).await;
    let three = verified_revisit(&world, &after_three_days, 1).await;
    assert_eq!(
        ids(&world, &one).await,
        changed[..3].iter().cloned().collect()
    );
    assert_eq!(
        ids(&world, &three).await,
        changed[3..].iter().cloned().collect()
    );
    let versions = find::versions(
        &world.archive(),
        SearchCriteria {
            id: &changed[4],
            day: None,
            records: RecordType::Conversations,
        },
        &mut |_| {},
    )
    .await
    .expect("found");
    let exports: Vec<_> = versions.iter().map(|version| &version.export_id).collect();
    assert_eq!(
        exports,
        [&first.export_id, &three.outcome.export_id],
        "the latest one last"
    );
}

#[tokio::test]
async fn a_schedule_that_fires_twice_starts_nothing_twice() {
    let mut world = World::new(organisation(93, 50)).await;
    for day in 2..=5 {
        run_schedule(&mut world, day, "").await;
    }
    let once = run_schedule(&mut world, 6, "").await;
    let jobs = world.simulator.stats().jobs_submitted;

    let twice = run_schedule(&mut world, 6, "").await;

    assert_eq!(world.simulator.stats().jobs_submitted, jobs);
    assert_eq!(twice.revisits[0].export_id, once.revisits[0].export_id);
}

#[tokio::test]
async fn a_refused_revisit_is_reported_and_does_not_block_others() {
    let mut world = World::new(organisation(96, 50)).await;
    for day in [2, 4] {
        run_schedule(&mut world, day, "").await;
    }
    world
        .simulator
        .update(|settings| settings.retention_days = Some(8));

    let result = try_start_schedule(&mut world, 5, "").await;

    let Err(error @ StartError::Companion { .. }) = result else {
        panic!("{result:?}");
    };
    let message = error.to_string();
    assert!(message.contains(" was started, but "), "{message}");
    assert!(message.contains("8 days"), "{message}");
    let planned = exports::ids(&world.archive()).await.expect("listed");
    let is_planned = |start: &str, end: &str| {
        let mut planned = planned.iter().map(ToString::to_string);
        planned.any(|id| id.starts_with(start) && id.ends_with(end))
    };
    assert!(is_planned("analytics-job-20260304-", ""), "today's");
    assert!(is_planned("analytics-job-20260303-", "-after-24h"));
    assert!(!is_planned("analytics-job-20260301-", "-after-72h"));
}

#[tokio::test]
async fn a_revisit_uses_the_redaction_of_the_export_it_compares_with() {
    let mut world = World::new(organisation(97, 200)).await;
    let first = run_schedule(&mut world, 2, r#","records":"full""#).await;
    let first = world.manifest(&first.export_id).await;
    let archived = first.content.counts.archived;
    world.process.start.limits.redaction.patterns = vec![Pattern {
        label: "MARKER".to_owned(),
        pattern: "-zq[0-9]{4}".to_owned(),
    }];

    let next_day = run_schedule(&mut world, 3, r#","records":"full""#).await;

    let counts = verified_revisit(&world, &next_day, 0).await.content.counts;
    assert_eq!((counts.archived, counts.unchanged), (0, archived));
}
