//! Kills the process right before and right after every step of every handler, then continues: the archive is always
//! the same.

use std::sync::Arc;

use end_to_end::crashes::Recovery::{self, BucketAlone, Redelivery};
use end_to_end::crashes::{
    ALL_MEDIA, Case, CrashPlan, GATEWAY, JOB, PORTIONS, QUERY, Scenario, TRANSCRIPTS,
    every_crash_point, run_scenario,
};
use end_to_end::memory_store::MemoryStore;
use end_to_end::seams::Kill;
use end_to_end::world::{Turn, World, organisation};
use genesys_simulator::Settings;
use start_export::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_killed_at_any_step_ends_in_the_same_archive() {
    test_every_crash_point(JOB, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_killed_at_any_step_ends_in_the_same_archive() {
    test_every_crash_point(GATEWAY, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_export_killed_at_any_step_ends_in_the_same_archive() {
    test_every_crash_point(QUERY, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_export_resumes_from_the_bucket_alone_after_any_step() {
    test_every_crash_point(QUERY, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_transcripts_killed_at_any_step_ends_in_the_same_archive() {
    test_every_crash_point(TRANSCRIPTS, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_transcripts_resumes_from_the_bucket_after_any_step() {
    test_every_crash_point(TRANSCRIPTS, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_of_all_media_survive_a_crash_at_any_step() {
    test_every_crash_point(ALL_MEDIA, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_resumes_from_the_bucket_alone_after_any_step() {
    test_every_crash_point(JOB, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_resumes_from_the_bucket_alone_after_any_step() {
    test_every_crash_point(GATEWAY, BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_parks_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::Parked), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_with_rejects_survives_a_crash_at_any_step() {
    test_every_crash_point(GATEWAY.with_scenario(Scenario::Rejects), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_loses_its_query_survives_a_crash_at_any_step() {
    test_every_crash_point(GATEWAY.with_scenario(Scenario::LostQuery), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_fails_and_is_resumed_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::FailedThenResumed), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_cancelled_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::Cancelled), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_swept_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::Swept), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_with_a_dead_letter_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::DeadLetter), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_the_sweep_resumes_survives_a_crash_at_any_step() {
    test_every_crash_point(JOB.with_scenario(Scenario::DeadLetterThenSwept), Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_concluded_in_portions_survives_a_crash_at_any_step() {
    test_every_crash_point(PORTIONS, Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portions_resume_from_the_bucket_alone_after_any_step() {
    test_every_crash_point(PORTIONS, BucketAlone).await;
}

async fn test_every_crash_point(case: Case, recovery: Recovery) {
    let summary = every_crash_point(
        case,
        recovery,
        Arc::<MemoryStore>::default,
        CrashPlan::EVERY_STEP,
    )
    .await;
    println!("{summary}");
}

#[tokio::test]
async fn an_object_orphaned_by_a_crash_is_listed_and_harmless() {
    let undisturbed = run_scenario(Arc::<MemoryStore>::default(), JOB, None, Redelivery).await;
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
        // The job of the killed process is unknown to the API when the message is redelivered.
        world.simulator.forget_jobs();
        world.run().await;

        let report = world.verify(&"disturbed".parse().expect("an id")).await;
        orphaned += report.orphans.len();
    }
    println!("{orphaned} orphans in {} archives", undisturbed.steps);
    assert!(
        orphaned > 0,
        "a crash between a page object and its record leaves an orphan"
    );
}

fn world_request(world: &World) -> String {
    world.request(JOB.source, JOB.more_fields)
}
