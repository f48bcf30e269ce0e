//! Killed right before and right after every step of every handler, then run again: the same archive each time.

use std::collections::BTreeMap;

use bytes::Bytes;
use genesys_simulator::Settings;
use start_export::Command;

use crate::comparison::{assert_same_archive, content_section};
use crate::seams::Kill;
use crate::world::{Turn, World, organisation};

/// How the export goes on after the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Afterwards {
    /// The queues deliver again what was not deleted.
    Redelivery,
    /// The messages are gone too; somebody resumes from the bucket alone.
    BucketAlone,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    source: &'static str,
    more: &'static str,
}

const JOB: Case = Case {
    source: "analytics-job",
    more: r#","exportId":"disturbed","slices":2,"pageSize":9,"records":"full""#,
};
const GATEWAY: Case = Case {
    source: "export-gateway",
    more: r#","exportId":"disturbed","slices":2,"pageSize":7,"records":"minimal""#,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_killed_at_any_step_ends_in_the_same_archive() {
    every_crash_point(JOB, Afterwards::Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_killed_at_any_step_ends_in_the_same_archive() {
    every_crash_point(GATEWAY, Afterwards::Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_goes_on_from_the_bucket_alone_after_any_step() {
    every_crash_point(JOB, Afterwards::BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_goes_on_from_the_bucket_alone_after_any_step() {
    every_crash_point(GATEWAY, Afterwards::BucketAlone).await;
}

async fn every_crash_point(case: Case, afterwards: Afterwards) {
    let undisturbed = run(case, None, afterwards).await;
    let steps = undisturbed.steps;
    assert!(
        steps > 50,
        "only {steps} steps were seen: the seams are not instrumented"
    );
    for number in 0..steps {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let disturbed = run(case, Some(kill), afterwards).await;
            let context = format!("{case:?} {kill:?} {afterwards:?}");
            assert!(disturbed.killed, "{context}: nothing was killed");
            assert_same_archive(&undisturbed.archive, &disturbed.archive, &context);
            assert_eq!(
                content_section(&undisturbed.archive),
                content_section(&disturbed.archive),
                "{context}"
            );
            assert_eq!(
                disturbed.webhook_ids, undisturbed.webhook_ids,
                "{context}: one outcome, one webhook id"
            );
        }
    }
    println!(
        "{}: {steps} steps, {} crash points, {afterwards:?}",
        case.source,
        2 * steps
    );
}

struct Run {
    archive: BTreeMap<String, Bytes>,
    webhook_ids: Vec<String>,
    steps: u64,
    killed: bool,
}

async fn run(case: Case, kill: Option<Kill>, afterwards: Afterwards) -> Run {
    let settings = Settings {
        spill: 0.1,
        ..organisation(7, 24)
    };
    let mut world = World::new(settings).await;
    let request = world.request(case.source, case.more);
    if let Some(kill) = kill {
        world.steps.kill_at(kill);
    }
    let mut killed = false;
    let command = || Command::parse(&request).expect("a request");
    if world.invoke(command()).await.is_none() {
        killed = true;
        // An asynchronous invocation that died is repeated by Lambda, and a person repeats their command.
        world
            .invoke(command())
            .await
            .expect("killed once")
            .expect("started");
    }
    loop {
        match world.turn().await {
            Turn::Killed if afterwards == Afterwards::BucketAlone => {
                killed = true;
                world.lose_messages();
                world
                    .invoke(command())
                    .await
                    .expect("killed once")
                    .expect("resumed");
            }
            Turn::Killed => killed = true,
            Turn::Idle => {
                if !world.wait_for_next() {
                    break;
                }
            }
            Turn::Done | Turn::Failed => {}
        }
    }
    world.verify(&"disturbed".parse().expect("an id")).await;
    world.assert_nothing_leaked();
    let mut webhook_ids: Vec<_> = world.receiver.ids().into_keys().collect();
    webhook_ids.sort();
    Run {
        archive: world.store.snapshot(),
        webhook_ids,
        steps: world.steps.taken(),
        killed,
    }
}

#[tokio::test]
async fn an_object_orphaned_by_a_crash_is_listed_and_harms_nobody() {
    let undisturbed = run(JOB, None, Afterwards::Redelivery).await;
    let mut orphaned = 0;
    for number in 0..undisturbed.steps {
        let mut world = World::new(Settings {
            spill: 0.1,
            ..organisation(7, 24)
        })
        .await;
        world.steps.kill_at(Kill::After(number));
        let command = || Command::parse(&world_request(&world)).expect("a request");
        let (first, again) = (command(), command());
        if world.invoke(first).await.is_none() {
            world
                .invoke(again)
                .await
                .expect("killed once")
                .expect("started");
        }
        while !matches!(world.turn().await, Turn::Killed | Turn::Idle) {}
        // Whatever the killed process had written, its job is gone when the message comes again.
        world.simulator.forget_jobs();
        world.run().await;

        let report = world.verify(&"disturbed".parse().expect("an id")).await;
        orphaned += report.orphans.len();
        world.assert_nothing_leaked();
    }
    println!("{orphaned} orphans in {} archives", undisturbed.steps);
    assert!(
        orphaned > 0,
        "a crash between a page object and its record leaves an orphan"
    );
}

fn world_request(world: &World) -> String {
    world.request(JOB.source, JOB.more)
}
