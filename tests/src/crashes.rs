//! Scenarios of exports whose process is killed right before or right after each step and which then continue: every
//! run must end in the same archive, in any store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use conversation_archive::archive::verify::{Anchors, verify, verify_ledger};
use conversation_archive::archive::{Archive, PortionLimits};
use conversation_archive::storage::store::ArchiveStore;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use genesys_simulator::{Faults, OtherMedia, Settings};
use serde_json::Value;

use crate::comparison::{assert_same_archive, content_section};
use crate::memory_store::MemoryStore;
use crate::rights::AccessLog;
use crate::seams::Kill;
use crate::world::{World, organisation};

mod scenario;

use scenario::ScenarioRun;

/// The way in which the export continues after the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The queues redeliver the messages that were not deleted.
    Redelivery,
    /// The messages are lost too; the operator resumes from the bucket alone.
    BucketAlone,
}

/// Events during the export besides the crash. Each scenario exercises different handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// No other disturbance.
    Plain,
    /// The job takes longer than an invocation polls: pages are parked, and await-ready sends them back.
    Parked,
    /// Some records are quarantined.
    Rejects,
    /// The gateway loses its query before the first page: each run is replaced under a new attempt.
    LostQuery,
    /// The API refuses every page. After the export has failed, the API works again and the operator resumes the
    /// export.
    FailedThenResumed,
    /// The operator cancels the export immediately.
    Cancelled,
    /// All messages are lost immediately, and sweep-exports resumes the export.
    Swept,
    /// A message ends in the dead-letter queue; after the failure the operator resumes the export.
    DeadLetter,
    /// A message ends in the dead-letter queue; after the failure sweep-exports resumes the export.
    DeadLetterThenSwept,
    /// The organisation has calls and e-mails too.
    AllMedia,
    /// The conclusion reads the export in portions, and its steps are so slow that it takes several invocations.
    Portions,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub source: &'static str,
    pub more_fields: &'static str,
    pub scenario: Scenario,
}

pub const JOB: Case = Case {
    source: "analytics-job",
    more_fields: r#","exportId":"disturbed","slices":2,"pageSize":9,"records":"full""#,
    scenario: Scenario::Plain,
};
pub const GATEWAY: Case = Case {
    source: "export-gateway",
    more_fields: r#","exportId":"disturbed","slices":2,"pageSize":7,"records":"minimal""#,
    scenario: Scenario::Plain,
};
pub const QUERY: Case = Case {
    source: "analytics-query",
    more_fields: r#","exportId":"disturbed","slices":2,"pageSize":1,"records":"full""#,
    scenario: Scenario::Plain,
};

pub const TRANSCRIPTS: Case = Case {
    source: "transcripts",
    more_fields: r#","exportId":"disturbed","pageSize":2,"includeMedia":true"#,
    scenario: Scenario::Plain,
};

/// Transcripts of messages, calls and e-mails.
pub const ALL_MEDIA: Case = Case {
    source: "transcripts",
    more_fields: r#","exportId":"disturbed","pageSize":2,"media":["message","voice","email"]"#,
    scenario: Scenario::AllMedia,
};

/// A job of about ten pages whose conclusion reads it in portions.
pub const PORTIONS: Case = Case {
    source: "analytics-job",
    more_fields: r#","exportId":"disturbed","slices":2,"pageSize":3,"records":"minimal""#,
    scenario: Scenario::Portions,
};

/// Limits small enough that the few pages of a scenario make several portions.
pub const SMALL_PORTIONS: PortionLimits = PortionLimits {
    lines: 10,
    pages: 3,
};

/// Long enough that the conclusion of a scenario takes several invocations of 110 seconds.
pub const SLOW_STEP: Duration = Duration::from_secs(3);

impl Case {
    /// Returns the same export in another scenario.
    #[must_use]
    pub fn with_scenario(self, scenario: Scenario) -> Self {
        Self { scenario, ..self }
    }
}

/// Result of a scenario.
#[derive(Debug)]
pub struct ScenarioResult {
    /// All objects in the store.
    pub archive: BTreeMap<String, Bytes>,
    /// Type of each outcome that was announced, once for each webhook id.
    pub announced: Vec<String>,
    /// Number of times the topic received the event of each transcript, by slice, run, page and line.
    pub events: BTreeMap<String, u32>,
    pub steps: u64,
    pub killed: bool,
}

/// The steps at which a scenario's process is killed, right before and right after each, and the number of exports that
/// run in parallel.
#[derive(Clone, Copy, Debug)]
pub struct CrashPlan {
    pub first_step: u64,
    /// 1 means every step.
    pub stride: usize,
    pub concurrency: usize,
}

impl CrashPlan {
    /// Every step, one export at a time.
    pub const EVERY_STEP: Self = Self {
        first_step: 0,
        stride: 1,
        concurrency: 1,
    };

    fn kills(self, steps: u64) -> Vec<Kill> {
        let chosen = (self.first_step..steps).step_by(self.stride);
        chosen
            .flat_map(|number| [Kill::Before(number), Kill::After(number)])
            .collect()
    }
}

/// Runs the scenario undisturbed and then once for each crash point of the plan, each time in a new store. Returns a
/// summary to print.
pub async fn every_crash_point<S: ArchiveStore + 'static>(
    case: Case,
    recovery: Recovery,
    store: impl Fn() -> Arc<S>,
    plan: CrashPlan,
) -> String {
    let since = Instant::now();
    let undisturbed = run_scenario(store(), case, None, recovery).await;
    let steps = undisturbed.steps;
    assert!(
        steps > 40,
        "only {steps} steps were counted: the seams are not instrumented"
    );
    assert_eq!(
        undisturbed.events.is_empty(),
        case.source != TRANSCRIPTS.source
    );
    let kills = plan.kills(steps);
    let points = kills.len();
    let (undisturbed, store) = (&undisturbed, &store);
    stream::iter(kills)
        .for_each_concurrent(plan.concurrency, |kill| async move {
            let disturbed = run_scenario(store(), case, Some(kill), recovery).await;
            assert_same(
                undisturbed,
                &disturbed,
                &format!("{case:?} {kill:?} {recovery:?}"),
            );
        })
        .await;
    let Case {
        source, scenario, ..
    } = case;
    let (all, took) = (2 * steps, since.elapsed().as_secs_f64());
    format!(
        "{source} {scenario:?} {recovery:?}: {steps} steps, {points} of {all} crash points, {took:.1} s"
    )
}

fn assert_same(undisturbed: &ScenarioResult, disturbed: &ScenarioResult, context: &str) {
    assert!(disturbed.killed, "{context}: nothing was killed");
    assert_same_archive(&undisturbed.archive, &disturbed.archive, context);
    assert_eq!(
        content_section(&undisturbed.archive),
        content_section(&disturbed.archive),
        "{context}"
    );
    assert_eq!(
        disturbed.announced, undisturbed.announced,
        "{context}: one webhook id for each outcome"
    );
    assert_events_published(undisturbed, disturbed, context);
}

/// Each transcript's event is published once, and a second time only by a handler that cannot know of the first.
fn assert_events_published(
    undisturbed: &ScenarioResult,
    disturbed: &ScenarioResult,
    context: &str,
) {
    assert!(
        undisturbed.events.values().all(|times| *times == 1),
        "{context}: an event was published twice without a crash"
    );
    assert!(
        disturbed.events.keys().eq(undisturbed.events.keys()),
        "{context}: one event for each transcript, with and without crashes"
    );
    assert!(
        disturbed.events.values().all(|times| *times <= 2),
        "{context}: an event was published more than twice"
    );
}

fn event_counts<S: ArchiveStore + 'static>(world: &World<S>) -> BTreeMap<String, u32> {
    let events = world.topic.events_by_id().into_iter();
    // Event ids differ between two archives; within one archive each event has one id.
    let place = |body: &Value| {
        ["slice", "run", "page", "line"]
            .map(|field| body[field].to_string())
            .join("/")
    };
    let all: Vec<_> = events
        .map(|(_, (body, times))| (place(&body), times))
        .collect();
    let number = all.len();
    let by_place: BTreeMap<_, _> = all.into_iter().collect();
    assert_eq!(by_place.len(), number, "one event id per line");
    by_place
}

/// Runs the scenario once, with or without a kill.
pub async fn run_scenario<S: ArchiveStore + 'static>(
    store: Arc<S>,
    case: Case,
    kill: Option<Kill>,
    recovery: Recovery,
) -> ScenarioResult {
    let world = scenario_world(Arc::clone(&store), case.scenario).await;
    if let Some(kill) = kill {
        world.steps.kill_at(kill);
    }
    let mut scenario_run = ScenarioRun {
        world,
        case,
        recovery,
        killed: false,
    };
    Box::pin(scenario_run.run()).await;
    let ScenarioRun { world, killed, .. } = scenario_run;
    let mut archive = read_all_objects(store).await;
    if case.scenario != Scenario::Cancelled {
        assert_intact(archive.clone()).await;
    }
    if case.scenario == Scenario::LostQuery {
        // Which slice meets the loss first is random; pages read from the lost query are not part of the result.
        archive.retain(|key, _| !key.contains("/r01/"));
    }
    let mut announced: Vec<_> = world.receiver.event_types_by_id().into_values().collect();
    announced.sort();
    ScenarioResult {
        archive,
        announced,
        events: event_counts(&world),
        steps: world.steps.step_count(),
        killed,
    }
}

/// Runs the scenario once, and records the accesses of its handlers to objects.
pub async fn record_scenario(case: Case, accesses: &Arc<AccessLog>) {
    let world = scenario_world(Arc::<MemoryStore>::default(), case.scenario).await;
    let mut scenario_run = ScenarioRun {
        world: world.with_access_log(accesses),
        case,
        recovery: Recovery::Redelivery,
        killed: false,
    };
    Box::pin(scenario_run.run()).await;
}

async fn scenario_world<S: ArchiveStore + 'static>(store: Arc<S>, scenario: Scenario) -> World<S> {
    let world = World::with_store(store, settings(scenario), 2).await;
    if scenario != Scenario::Portions {
        return world;
    }
    world
        .with_portion_limits(SMALL_PORTIONS)
        .with_step_duration(SLOW_STEP)
}

fn settings(scenario: Scenario) -> Settings {
    let malformed_every = (scenario == Scenario::Rejects).then_some(5);
    let settings = Settings {
        spill: 0.1,
        faults: Faults {
            malformed_every,
            ..Faults::default()
        },
        ..organisation(7, 24)
    };
    match scenario {
        Scenario::Parked => Settings {
            job_ready_after: Duration::from_mins(2),
            ..settings
        },
        Scenario::AllMedia => Settings {
            other_media: OtherMedia {
                email: 4,
                message_and_voice: 4,
            },
            ..settings
        },
        _ => settings,
    }
}

/// Reads every object in the store.
async fn read_all_objects<S: ArchiveStore + 'static>(store: Arc<S>) -> BTreeMap<String, Bytes> {
    const CONCURRENCY: usize = 4;
    let listed = Archive::new(Arc::clone(&store) as Arc<dyn ArchiveStore>)
        .list_all("")
        .await
        .expect("a listing");
    let store = &store;
    stream::iter(listed)
        .map(|object| async move {
            let body = store.get(&object.key).await?;
            Ok::<_, conversation_archive::storage::store::StoreError>((object.key, body))
        })
        .buffer_unordered(CONCURRENCY)
        .map_ok(|(key, body)| (key, body.expect("a listed object is there")))
        .try_collect()
        .await
        .expect("a readable store")
}

/// Verifies the export against the objects already read, so that nothing is read twice.
async fn assert_intact(archive: BTreeMap<String, Bytes>) {
    let archive = Archive::new(Arc::new(MemoryStore::with_objects(archive)));
    let id = "disturbed".parse().expect("an id");
    verify(&archive, &id, &Anchors::default(), &mut |_| {})
        .await
        .expect("an intact export");
    let ledger = verify_ledger(&archive, &Anchors::default(), &mut |_, _| {}).await;
    let ledger = ledger.expect("a readable ledger");
    assert!(ledger.entries > 0 && ledger.damage.is_empty(), "{ledger:?}");
}
