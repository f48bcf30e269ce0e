//! Stories of exports that are killed right before or right after any one step, and go on: the same archive each time,
//! whatever store it is in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use conversation_archive::archive::Archive;
use conversation_archive::conclusion::PortionLimits;
use conversation_archive::store::ArchiveStore;
use conversation_archive::verify::verify;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use genesys_simulator::{Faults, Settings};
use serde_json::Value;

use crate::comparison::{assert_same_archive, content_section};
use crate::memory_store::MemoryStore;
use crate::seams::Kill;
use crate::world::{World, organisation};

mod telling;

use telling::Telling;

/// How the export goes on after the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The queues deliver again what was not deleted.
    Redelivery,
    /// The messages are gone too; somebody resumes from the bucket alone.
    BucketAlone,
}

/// What happens on the way, besides the crash. Each story leads through other handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Nothing else.
    Plain,
    /// The job takes longer than an invocation polls: pages park, and await-ready brings them back.
    Parked,
    /// Some records are kept aside.
    Rejects,
    /// The gateway loses its query before the first page: every run is replaced under a new attempt.
    LostQuery,
    /// The API refuses every page; after the failure it does not any more, and somebody resumes.
    FailedThenResumed,
    /// Somebody cancels at once.
    Cancelled,
    /// All messages are lost at once, and the sweep brings the export back.
    Swept,
    /// A message ends in the dead letters; after the failure somebody resumes.
    Buried,
    /// A message ends in the dead letters; after the failure the sweep resumes.
    BuriedThenSwept,
    /// The export is read in portions when it is concluded, and steps take so long that this needs several invocations.
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

/// A job of about ten pages, which is concluded in portions.
pub const PORTIONS: Case = Case {
    source: "analytics-job",
    more: r#","exportId":"disturbed","slices":2,"pageSize":3,"records":"minimal""#,
    story: Story::Portions,
};

/// Several portions, of the few pages that a story has.
pub const SMALL_PORTIONS: PortionLimits = PortionLimits {
    lines: 10,
    pages: 3,
};

/// So that the conclusion of a story takes several invocations of 110 seconds.
pub const SLOW_STEP: Duration = Duration::from_secs(3);

impl Case {
    /// The same export in another story.
    #[must_use]
    pub fn telling(self, story: Story) -> Self {
        Self { story, ..self }
    }
}

/// What came of a story.
#[derive(Debug)]
pub struct Run {
    /// Everything that is in the store.
    pub archive: BTreeMap<String, Bytes>,
    /// The type of each outcome that was announced, once for each webhook id.
    pub announced: Vec<String>,
    /// How often the topic was told of each transcript: slice, run, page and line.
    pub events: BTreeMap<String, u32>,
    pub steps: u64,
    pub killed: bool,
}

/// At which steps a story's process is killed, right before and right after each, and how many exports run at once.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    pub first_step: u64,
    /// 1: at every step.
    pub stride: usize,
    pub at_once: usize,
}

impl Pass {
    /// Nothing is left out.
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

/// Tells the story undisturbed and then once for every crash point of the pass, each time in a store of its own.
/// Returns what there is to print.
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
        "only {steps} steps were seen: the seams are not instrumented"
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
        "{context}: one webhook id an outcome"
    );
    assert_all_told(undisturbed, disturbed, context);
}

/// Of each transcript the topic is told once, and once more by whoever cannot know that it was.
fn assert_all_told(undisturbed: &Run, disturbed: &Run, context: &str) {
    assert!(
        undisturbed.events.values().all(|times| *times == 1),
        "{context}: told twice without a reason"
    );
    assert!(
        disturbed.events.keys().eq(undisturbed.events.keys()),
        "{context}: an event for each transcript, and the same"
    );
    assert!(
        disturbed.events.values().all(|times| *times <= 2),
        "{context}: told again for no reason"
    );
}

fn events<S: ArchiveStore + 'static>(world: &World<S>) -> BTreeMap<String, u32> {
    let events = world.topic.by_event().into_iter();
    // Two archives have two ids of an event; within an archive each event has one.
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
    assert_eq!(by_place.len(), number, "one event id a line");
    by_place
}

/// Tells the story once, with a kill or without.
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
        // Which slice meets the loss first is chance; what was read from the lost query counts for nothing.
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

/// Reads the store from its first key to its last.
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
            Ok::<_, conversation_archive::store::StoreError>((object.key, body))
        })
        .buffer_unordered(AT_ONCE)
        .map_ok(|(key, body)| (key, body.expect("a listed object is there")))
        .try_collect()
        .await
        .expect("a readable store")
}

/// Recomputes the export from what was read, so that nothing is read twice.
async fn assert_intact(archive: BTreeMap<String, Bytes>) {
    let archive = Archive::new(Arc::new(MemoryStore::holding(archive)));
    let id = "disturbed".parse().expect("an id");
    verify(&archive, &id, &mut |_| {})
        .await
        .expect("an intact export");
}
