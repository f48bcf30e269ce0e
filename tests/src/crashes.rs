//! Stories of exports whose process is killed right before or right after each step and which then continue: every run
//! must end in the same archive, in any store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use conversation_archive::archive::Archive;
use conversation_archive::archive::PortionLimits;
use conversation_archive::archive::verify::verify;
use conversation_archive::storage::store::ArchiveStore;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use genesys_simulator::{Faults, Settings};
use serde_json::Value;

use crate::comparison::{assert_same_archive, content_section};
use crate::memory_store::MemoryStore;
use crate::seams::Kill;
use crate::world::{World, organisation};

mod telling;

use telling::Telling;

/// The way in which the export continues after the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The queues redeliver the messages that were not deleted.
    Redelivery,
    /// The messages are lost too; the operator resumes from the bucket alone.
    BucketAlone,
}

/// Events during the export besides the crash. Each story exercises different handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
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
    Buried,
    /// A message ends in the dead-letter queue; after the failure sweep-exports resumes the export.
    BuriedThenSwept,
    /// The conclusion reads the export in portions, and its steps are so slow that it takes several invocations.
    Portions,
}

#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub source: &'static str,
    pub more: &'static str,
    pub story: Story,
}

pub const JOB: Case = Case {
    source: "analytics-job",
    more: r#","exportId":"disturbed","slices":2,"pageSize":9,"records":"full""#,
    story: Story::Plain,
};
pub const GATEWAY: Case = Case {
    source: "export-gateway",
    more: r#","exportId":"disturbed","slices":2,"pageSize":7,"records":"minimal""#,
    story: Story::Plain,
};
pub const QUERY: Case = Case {
    source: "analytics-query",
    more: r#","exportId":"disturbed","slices":2,"pageSize":1,"records":"full""#,
    story: Story::Plain,
};

pub const TRANSCRIPTS: Case = Case {
    source: "transcripts",
    more: r#","exportId":"disturbed","pageSize":2,"includeMedia":true"#,
    story: Story::Plain,
};

/// A job of about ten pages whose conclusion reads it in portions.
pub const PORTIONS: Case = Case {
    source: "analytics-job",
    more: r#","exportId":"disturbed","slices":2,"pageSize":3,"records":"minimal""#,
    story: Story::Portions,
};

/// Limits small enough that the few pages of a story make several portions.
pub const SMALL_PORTIONS: PortionLimits = PortionLimits {
    lines: 10,
    pages: 3,
};

/// Long enough that the conclusion of a story takes several invocations of 110 seconds.
pub const SLOW_STEP: Duration = Duration::from_secs(3);

impl Case {
    /// Returns the same export in another story.
    #[must_use]
    pub fn telling(self, story: Story) -> Self {
        Self { story, ..self }
    }
}

/// Result of a story.
#[derive(Debug)]
pub struct Run {
    /// All objects in the store.
    pub archive: BTreeMap<String, Bytes>,
    /// Type of each outcome that was announced, once for each webhook id.
    pub announced: Vec<String>,
    /// Number of times the topic received the event of each transcript, by slice, run, page and line.
    pub events: BTreeMap<String, u32>,
    pub steps: u64,
    pub killed: bool,
}

/// The steps at which a story's process is killed, right before and right after each, and the number of exports that
/// run in parallel.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    pub first_step: u64,
    /// 1 means every step.
    pub stride: usize,
    pub at_once: usize,
}

impl Pass {
    /// Every step, one export at a time.
    pub const WHOLE: Self = Self {
        first_step: 0,
        stride: 1,
        at_once: 1,
    };

    fn kills(self, steps: u64) -> Vec<Kill> {
        let chosen = (self.first_step..steps).step_by(self.stride);
        chosen
            .flat_map(|number| [Kill::Before(number), Kill::After(number)])
            .collect()
    }
}

/// Runs the story undisturbed and then once for each crash point of the pass, each time in a new store. Returns a
/// summary to print.
pub async fn every_crash_point<S: ArchiveStore + 'static>(
    case: Case,
    afterwards: Afterwards,
    store: impl Fn() -> Arc<S>,
    pass: Pass,
) -> String {
    let since = Instant::now();
    let undisturbed = run(store(), case, None, afterwards).await;
    let steps = undisturbed.steps;
    assert!(
        steps > 40,
        "only {steps} steps were counted: the seams are not instrumented"
    );
    assert_eq!(
        undisturbed.events.is_empty(),
        case.source != TRANSCRIPTS.source
    );
    let kills = pass.kills(steps);
    let points = kills.len();
    let (undisturbed, store) = (&undisturbed, &store);
    stream::iter(kills)
        .for_each_concurrent(pass.at_once, |kill| async move {
            let disturbed = run(store(), case, Some(kill), afterwards).await;
            assert_same(
                undisturbed,
                &disturbed,
                &format!("{case:?} {kill:?} {afterwards:?}"),
            );
        })
        .await;
    let Case { source, story, .. } = case;
    let (all, took) = (2 * steps, since.elapsed().as_secs_f64());
    format!(
        "{source} {story:?} {afterwards:?}: {steps} steps, {points} of {all} crash points, {took:.1} s"
    )
}

fn assert_same(undisturbed: &Run, disturbed: &Run, context: &str) {
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
    assert_all_told(undisturbed, disturbed, context);
}

/// Each transcript's event is published once, and a second time only by a handler that cannot know of the first.
fn assert_all_told(undisturbed: &Run, disturbed: &Run, context: &str) {
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

fn events<S: ArchiveStore + 'static>(world: &World<S>) -> BTreeMap<String, u32> {
    let events = world.topic.by_event().into_iter();
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

/// Runs the story once, with or without a kill.
pub async fn run<S: ArchiveStore + 'static>(
    store: Arc<S>,
    case: Case,
    kill: Option<Kill>,
    afterwards: Afterwards,
) -> Run {
    let mut world = World::over(Arc::clone(&store), settings(case.story), 2).await;
    if case.story == Story::Portions {
        world = world.in_portions(SMALL_PORTIONS).at_pace(SLOW_STEP);
    }
    if let Some(kill) = kill {
        world.steps.kill_at(kill);
    }
    let mut telling = Telling {
        world,
        case,
        afterwards,
        killed: false,
    };
    Box::pin(telling.tell()).await;
    let Telling { world, killed, .. } = telling;
    let mut archive = everything(store).await;
    if case.story != Story::Cancelled {
        assert_intact(archive.clone()).await;
    }
    if case.story == Story::LostQuery {
        // Which slice meets the loss first is random; pages read from the lost query are not part of the result.
        archive.retain(|key, _| !key.contains("/r01/"));
    }
    let mut announced: Vec<_> = world.receiver.ids().into_values().collect();
    announced.sort();
    Run {
        archive,
        announced,
        events: events(&world),
        steps: world.steps.taken(),
        killed,
    }
}

fn settings(story: Story) -> Settings {
    let malformed_every = (story == Story::Rejects).then_some(5);
    let settings = Settings {
        spill: 0.1,
        faults: Faults {
            malformed_every,
            ..Faults::default()
        },
        ..organisation(7, 24)
    };
    match story {
        Story::Parked => Settings {
            job_ready_after: Duration::from_mins(2),
            ..settings
        },
        _ => settings,
    }
}

/// Reads every object in the store.
async fn everything<S: ArchiveStore + 'static>(store: Arc<S>) -> BTreeMap<String, Bytes> {
    const AT_ONCE: usize = 4;
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
        .buffer_unordered(AT_ONCE)
        .map_ok(|(key, body)| (key, body.expect("a listed object is there")))
        .try_collect()
        .await
        .expect("a readable store")
}

/// Verifies the export against the objects already read, so that nothing is read twice.
async fn assert_intact(archive: BTreeMap<String, Bytes>) {
    let archive = Archive::new(Arc::new(MemoryStore::holding(archive)));
    let id = "disturbed".parse().expect("an id");
    verify(&archive, &id, &mut |_| {})
        .await
        .expect("an intact export");
}
