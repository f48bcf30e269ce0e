//! Seeded schedules of faults: with transient faults only, the export must be complete with every record exactly once;
//! with a permanent fault it must fail with exactly that reason.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::time::Interval;
use conversation_archive::storage::queue::Queue;
use genesys_simulator::{Faults, Permanent, Route, Settings};
use start_export::Command;

use end_to_end::seams::Kill;
use end_to_end::world::{DAYS, Order, Turn, World, organisation};

/// Number of schedules in a test run; `FAULT_SCHEDULES` overrides it.
const SCHEDULES: u64 = 200;

const MESSAGE: &str = "this organisation does not permit it";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_survive_transient_faults_and_report_permanent_ones() {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    let schedules =
        std::env::var("FAULT_SCHEDULES").map_or(SCHEDULES, |text| text.parse().expect("a number"));
    let mut tally = Tally::default();
    for seed in 0..schedules {
        let schedule = Schedule::draw(seed);
        let result = schedule.run(&mut tally).await;
        match (&schedule.permanent, result) {
            (None, ScheduleOutcome::Complete) => tally.complete += 1,
            (Some(_), ScheduleOutcome::Failed) => tally.failed += 1,
            // A permanent fault that was not reached before the export completed has no effect.
            (Some(_), ScheduleOutcome::Complete) => tally.unreached += 1,
            (None, ScheduleOutcome::Failed) => unreachable!("run() checks it"),
        }
    }
    println!("{schedules} schedules: {tally:?}");
    assert!(
        tally.complete * 2 >= schedules,
        "at least half hold only transient faults: {tally:?}"
    );
    assert!(
        tally.failed > 0,
        "some permanent fault was reached: {tally:?}"
    );
    assert!(
        tally.kills > schedules / 4 && tally.faults > schedules,
        "there was something to survive: {tally:?}"
    );
}

#[derive(Debug, Default)]
struct Tally {
    complete: u64,
    failed: u64,
    unreached: u64,
    kills: u64,
    lost_queues: u64,
    job_expiries: u64,
    lost_queries: u64,
    revoked_tokens: u64,
    orphans: usize,
    superseded: usize,
    faults: u64,
}

#[derive(Debug)]
struct Schedule {
    seed: u64,
    source: &'static str,
    slices: u32,
    permanent: Option<Permanent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScheduleOutcome {
    Complete,
    Failed,
}

impl Schedule {
    fn draw(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let source = if rng.bool() {
            "analytics-job"
        } else {
            "export-gateway"
        };
        let results = if source == "analytics-job" {
            Route::JobResults
        } else {
            Route::ExportResults
        };
        let permanent = (rng.u8(..4) == 0).then(|| Permanent {
            route: results,
            after: rng.u64(..12),
            status: *rng.choice(&[400, 403, 413]).expect("one of three"),
            code: "not.permitted".to_owned(),
            message: MESSAGE.to_owned(),
        });
        Self {
            seed,
            source,
            slices: rng.u32(1..=4),
            permanent,
        }
    }

    async fn run(&self, tally: &mut Tally) -> ScheduleOutcome {
        let mut rng = fastrand::Rng::with_seed(self.seed ^ 0x5eed);
        let faults = Faults {
            permanent: self.permanent.clone(),
            ..Faults::transient(self.seed)
        };
        let settings = Settings {
            token_lifetime: Duration::from_secs(rng.u64(60..900)),
            job_ready_after: Duration::from_secs(rng.u64(0..600)),
            faults,
            ..organisation(self.seed, 50)
        };
        let mut world = World::with_slices(settings, 1 + rng.usize(..3)).await;
        world.order = Order::Shuffled;
        let more_fields = format!(
            r#","slices":{},"pageSize":{},"exportId":"seed-{}""#,
            self.slices,
            rng.u32(5..20),
            self.seed
        );
        let request = world.request(self.source, &more_fields);
        self.run_with_disturbances(&mut world, &request, &mut rng, tally)
            .await;
        let outcome = self.check(&world, tally).await;
        tally.faults += world.simulator.stats().faults.values().sum::<u64>();
        outcome
    }

    /// Runs to the end, with kills, lost queues, expired jobs and revoked tokens on the way.
    async fn run_with_disturbances(
        &self,
        world: &mut World,
        request: &str,
        rng: &mut fastrand::Rng,
        tally: &mut Tally,
    ) {
        let command = || Command::parse(request).expect("a request");
        // Lambda and operators repeat start-export while its source is unavailable.
        while !matches!(world.invoke(command()).await, Some(Ok(_))) {
            world.advance_clock(Duration::from_mins(1));
        }
        let mut queries_lost = 0;
        for turn in 0_u32..20_000 {
            match rng.u16(..400) {
                0..16 => world
                    .steps
                    .kill_at(random_kill(world.steps.step_count(), rng)),
                16 | 17 if turn > 5 => {
                    tally.lost_queues += 1;
                    world.lose_messages();
                    while !matches!(world.invoke(command()).await, Some(Ok(_))) {
                        world.advance_clock(Duration::from_mins(1));
                    }
                }
                18..21 => {
                    tally.job_expiries += 1;
                    world.simulator.expire_jobs();
                }
                24..27 if queries_lost < 3 => {
                    queries_lost += 1;
                    tally.lost_queries += 1;
                    world.simulator.lose_queries();
                }
                21..24 => {
                    tally.revoked_tokens += 1;
                    world.simulator.revoke_tokens();
                }
                27 => world.queues.expire_in_flight(),
                _ => {}
            }
            match world.turn().await {
                Turn::Killed => tally.kills += 1,
                Turn::Idle if !world.advance_to_next_message() => return,
                _ => {}
            }
        }
        panic!("{self:?} does not come to an end");
    }

    async fn check(&self, world: &World, tally: &mut Tally) -> ScheduleOutcome {
        let id = format!("seed-{}", self.seed).parse().expect("an id");
        if let Some(failed) = world
            .failed_outcome(
                &id,
                world
                    .archive()
                    .newest_attempt(&id)
                    .await
                    .expect("readable")
                    .expect("an attempt")
                    .attempt,
            )
            .await
        {
            let permanent = self
                .permanent
                .as_ref()
                .unwrap_or_else(|| panic!("{self:?} failed: {:?}", failed.failures));
            for failed in &failed.failures {
                assert_eq!(
                    failed.failure.kind,
                    FailureKind::Refused,
                    "{self:?}: {failed:?}"
                );
                assert!(
                    failed.failure.message.contains(&permanent.message),
                    "{self:?}: {failed:?}"
                );
            }
            return ScheduleOutcome::Failed;
        }
        let manifest = world.manifest(&id).await;
        let report = world.verify(&id).await;
        tally.orphans += report.orphans.len();
        tally.superseded += report.superseded.len();
        let (field, expected) = self.expected(world);
        let archived = world.archived_ids(&manifest, field).await;
        assert!(
            archived.values().all(|count| *count == 1),
            "{self:?}: a record stands twice"
        );
        assert_eq!(
            archived.into_keys().collect::<BTreeSet<_>>(),
            expected,
            "{self:?}"
        );
        assert_eq!(
            world.receiver.event_types_by_id().len(),
            1,
            "{self:?}: one outcome, one webhook id"
        );
        for queue in Queue::ALL {
            assert!(
                world.queues.dead_letters(queue).is_empty(),
                "{self:?}: dead letters"
            );
        }
        ScheduleOutcome::Complete
    }

    fn expected(&self, world: &World) -> (&'static str, BTreeSet<String>) {
        let interval: Interval = DAYS.parse().expect("an interval");
        let truth = world.simulator.truth();
        if self.source == "analytics-job" {
            let within = truth
                .conversations
                .into_iter()
                .filter(|found| interval.contains(found.start));
            return ("conversationId", within.map(|found| found.id).collect());
        }
        let within = truth
            .gateway
            .into_iter()
            .filter(|found| interval.contains(found.start));
        ("id", within.map(|found| found.id).collect())
    }
}

/// A kill before or after one of the next steps.
fn random_kill(step_count: u64, rng: &mut fastrand::Rng) -> Kill {
    let step = step_count + rng.u64(..12);
    if rng.bool() {
        Kill::Before(step)
    } else {
        Kill::After(step)
    }
}
