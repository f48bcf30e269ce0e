//! Runs seeds in parallel, each in a runtime of its own thread, so that each is reproducible and its panics and logs
//! are separate.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use end_to_end::{logs, panics};

use super::oracle::Problem;
use super::run::{Ended, Run};
use super::schedule::Schedule;
use super::story::Story;
use super::tampering::{Entry, Pick, Tampering};

/// Limit in real time, on a busy machine. Waits of the pipeline use the world's clock.
const LONGEST: Duration = Duration::from_mins(2);

/// Number of failures that are printed in full.
const TOLD: usize = 20;

/// Number of seeds after which a long run prints its progress.
const SEEDS_PER_NOTE: usize = 1_000;

#[derive(Clone)]
pub(super) struct Seed {
    number: u64,
    story: Story,
    schedule: Schedule,
    only: Option<BTreeSet<Pick>>,
    phantoms: Vec<String>,
}

pub(super) struct SeedResult {
    number: u64,
    story: Story,
    schedule: Schedule,
    entries: Vec<Entry>,
    pub(super) altered: usize,
    ended: Result<Ended, Problem>,
}

pub(super) fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    let text = std::env::var(name).ok();
    text.map(|text| text.parse().expect("a number"))
}

impl Seed {
    pub(super) fn draw(number: u64) -> Self {
        let story = Story::draw(number);
        Self {
            number,
            schedule: Schedule::draw(number, &story),
            story,
            only: None,
            phantoms: Vec::new(),
        }
    }

    #[must_use]
    pub(super) fn unaltered(self) -> Self {
        Self {
            schedule: Schedule::none(),
            ..self
        }
    }

    /// Adds an expected conversation that does not exist.
    #[must_use]
    pub(super) fn with_a_phantom(self) -> Self {
        Self {
            phantoms: vec!["00000000-0000-4000-8000-000000000000".to_owned()],
            ..self
        }
    }

    fn run(self) -> SeedResult {
        let (schedule, only) = (self.schedule.clone(), self.only.clone());
        let tampering = Tampering::new(self.number, &self.story, schedule, only);
        let run = Run {
            story: &self.story,
            tampering: &tampering,
            phantoms: &self.phantoms,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        // Retry back-off uses the thread's generator.
        fastrand::seed(self.number);
        panics::heard();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let run = Box::pin(run.run());
            runtime.block_on(async { tokio::time::timeout(LONGEST, run).await })
        }));
        drop(runtime);
        let ended = match (panics::heard().first(), ended) {
            (Some(panic), _) => Err(Problem::new("a panic", panic)),
            (None, Ok(Ok(ended))) => ended,
            (None, Ok(Err(_))) => Err(Problem::new("a hang", format!("for {LONGEST:?}"))),
            (None, Err(_)) => Err(Problem::new("a panic", "")),
        };
        let entries = tampering.entries();
        SeedResult {
            number: self.number,
            story: self.story,
            schedule: self.schedule,
            altered: entries.len(),
            entries,
            ended,
        }
    }

    /// Runs the seed alone and prints every alteration, then the smallest set of alterations that causes the same
    /// problem.
    pub(super) fn told_at_length(&self) {
        let result = self.alone();
        result.print(usize::MAX);
        let Some(problem) = result.problem() else {
            return;
        };
        println!("the smallest set of alterations with the same problem:");
        self.reduced(&result, &problem.kind).print(TOLD);
        panic!("{}", problem.kind);
    }

    /// Removes one alteration after another while the problem persists.
    fn reduced(&self, result: &SeedResult, kind: &str) -> SeedResult {
        let mut only: BTreeSet<Pick> = result.entries.iter().map(|entry| entry.pick).collect();
        let with = |only: &BTreeSet<Pick>| Self {
            only: Some(only.clone()),
            ..self.clone()
        };
        for pick in only.clone() {
            let fewer: BTreeSet<_> = only.iter().copied().filter(|it| *it != pick).collect();
            let result = with(&fewer).alone();
            if result.problem().is_some_and(|problem| problem.kind == kind) {
                only = fewer;
            }
        }
        with(&only).alone()
    }

    fn alone(&self) -> SeedResult {
        let mut results = run(self.number..self.number + 1, |_| self.clone());
        results.remove(0)
    }
}

impl SeedResult {
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.ended.as_ref().err()
    }

    /// Whether it took the automatic resume after the operator's.
    pub(super) fn is_resumed_twice(&self) -> bool {
        matches!(self.ended, Ok(Ended::Resumed { resumes, .. }) if resumes > 1)
    }

    /// Returns the alterations and the result as text. The alterations are sorted, because concurrent requests have no order.
    pub(super) fn told(&self) -> String {
        let mut entries: Vec<_> = self.entries.iter().map(|it| format!("{it:?}")).collect();
        entries.sort();
        format!("{}: {entries:#?}: {}", self.number, self.ended())
    }

    /// A short description that is equal for all seeds with the same result.
    fn ended(&self) -> String {
        match &self.ended {
            Ok(ended) => ended.to_string(),
            Err(problem) => format!("{}: {:?}", problem.kind, self.story.source),
        }
    }

    fn print(&self, entries: usize) {
        println!(
            "seed {}: {:?}\n  {:?}",
            self.number, self.story, self.schedule
        );
        for entry in self.entries.iter().take(entries) {
            let Entry {
                pick: _,
                is_passing: _,
                route,
                asked,
                status,
                sent,
                what,
            } = entry;
            println!("  {route} {asked}: {status} sent as {sent}: {what}");
        }
        if self.altered > entries {
            println!("  and {} more", self.altered - entries);
        }
        match &self.ended {
            Ok(ended) => println!("  {ended:?}"),
            Err(Problem { kind, detail }) => println!("  {kind}: {detail}"),
        }
    }
}

/// Runs the seeds on one thread per processor.
pub(super) fn run(seeds: Range<u64>, draw: impl Fn(u64) -> Seed + Sync) -> Vec<SeedResult> {
    let next = AtomicU64::new(seeds.start);
    let at_work = Arc::new(Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (sender, at_work, next, draw) =
                (sender.clone(), Arc::clone(&at_work), &next, &draw);
            let end = seeds.end;
            scope.spawn(move || {
                panics::listen();
                logs::keep_by_world();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end {
                        break;
                    }
                    let mut seeds = at_work.lock().unwrap_or_else(PoisonError::into_inner);
                    seeds.insert(thread, seed);
                    drop(seeds);
                    if sender.send(draw(seed).run()).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        collect(&receiver, &at_work)
    })
}

/// A thread in an endless loop cannot be stopped: the function then prints the seeds at work and ends the test run.
fn collect(
    receiver: &mpsc::Receiver<SeedResult>,
    at_work: &Mutex<BTreeMap<usize, u64>>,
) -> Vec<SeedResult> {
    let mut results = Vec::new();
    loop {
        match receiver.recv_timeout(2 * LONGEST) {
            Ok(result) => {
                if let Some(problem) = result.problem() {
                    println!("seed {} fails: {}", result.number, problem.kind);
                }
                results.push(result);
                if results.len().is_multiple_of(SEEDS_PER_NOTE) {
                    println!("{} seeds have run", results.len());
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return results,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let seeds = at_work.lock().unwrap_or_else(PoisonError::into_inner);
                println!("one of the seeds {:?} does not terminate", seeds.values());
                std::process::abort();
            }
        }
    }
}

/// Prints a summary of the results, and panics if a seed has a problem.
pub(super) fn tell(results: &[SeedResult]) {
    let mut tally: BTreeMap<String, u32> = BTreeMap::new();
    for result in results {
        *tally.entry(result.ended()).or_default() += 1;
    }
    let mut failed: Vec<_> = results
        .iter()
        .filter(|result| result.ended.is_err())
        .collect();
    // Failures with the fewest alterations come first, because they are easiest to understand.
    failed.sort_by_key(|result| (result.altered, result.number));
    for (place, result) in failed.iter().enumerate() {
        result.print(if place < TOLD { TOLD } else { 0 });
    }
    println!("{} seeds: {tally:#?}", results.len());
    let seeds: Vec<_> = failed.iter().map(|result| result.number).collect();
    assert!(seeds.is_empty(), "{} seeds failed: {seeds:?}", seeds.len());
}
