//! Runs seeds in parallel, each in a runtime of its own thread, so that each is reproducible and its panics and logs
//! are separate.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use end_to_end::{logs, panics, parallel};

use super::altering_filter::{AlteringFilter, Entry, Pick};
use super::oracle::Problem;
use super::run::{Run, SeedOutcome};
use super::scenario::Scenario;
use super::schedule::Schedule;

/// Limit in real time, on a busy machine. Waits of the pipeline use the world's clock.
const MAX_DURATION: Duration = Duration::from_mins(2);

/// Number of failures that are printed in full.
const MAX_PRINTED: usize = 20;

/// Number of seeds after which a long run prints its progress.
const SEEDS_PER_PROGRESS_LINE: usize = 1_000;

#[derive(Clone)]
pub(super) struct Seed {
    number: u64,
    scenario: Scenario,
    schedule: Schedule,
    only: Option<BTreeSet<Pick>>,
    phantoms: Vec<String>,
}

pub(super) struct SeedResult {
    number: u64,
    scenario: Scenario,
    schedule: Schedule,
    entries: Vec<Entry>,
    pub(super) altered: usize,
    outcome: Result<SeedOutcome, Problem>,
}

pub(super) fn environment_variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    let text = std::env::var(name).ok();
    text.map(|text| text.parse().expect("a number"))
}

impl Seed {
    pub(super) fn draw(number: u64) -> Self {
        let scenario = Scenario::draw(number);
        Self {
            number,
            schedule: Schedule::draw(number, &scenario),
            scenario,
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
        let altering_filter = AlteringFilter::new(self.number, &self.scenario, schedule, only);
        let run = Run {
            scenario: &self.scenario,
            altering_filter: &altering_filter,
            phantoms: &self.phantoms,
        };
        let runtime = parallel::runtime();
        // Retry back-off uses the thread's generator.
        fastrand::seed(self.number);
        panics::take_collected();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let run = Box::pin(run.run());
            runtime.block_on(async { tokio::time::timeout(MAX_DURATION, run).await })
        }));
        drop(runtime);
        let outcome = match (panics::take_collected().first(), outcome) {
            (Some(panic), _) => Err(Problem::new("a panic", panic)),
            (None, Ok(Ok(outcome))) => outcome,
            (None, Ok(Err(_))) => Err(Problem::new("a hang", format!("for {MAX_DURATION:?}"))),
            (None, Err(_)) => Err(Problem::new("a panic", "")),
        };
        let entries = altering_filter.entries();
        SeedResult {
            number: self.number,
            scenario: self.scenario,
            schedule: self.schedule,
            altered: entries.len(),
            entries,
            outcome,
        }
    }

    /// Runs the seed alone and prints every alteration, then the smallest set of alterations that causes the same
    /// problem.
    pub(super) fn run_and_print(&self) {
        let result = self.run_alone();
        result.print(usize::MAX);
        let Some(problem) = result.problem() else {
            return;
        };
        println!("the smallest set of alterations with the same problem:");
        self.reduce(&result, &problem.kind).print(MAX_PRINTED);
        panic!("{}", problem.kind);
    }

    /// Removes one alteration after another while the problem persists.
    fn reduce(&self, result: &SeedResult, kind: &str) -> SeedResult {
        let mut only: BTreeSet<Pick> = result.entries.iter().map(|entry| entry.pick).collect();
        let with = |only: &BTreeSet<Pick>| Self {
            only: Some(only.clone()),
            ..self.clone()
        };
        for pick in only.clone() {
            let fewer: BTreeSet<_> = only.iter().copied().filter(|it| *it != pick).collect();
            let result = with(&fewer).run_alone();
            if result.problem().is_some_and(|problem| problem.kind == kind) {
                only = fewer;
            }
        }
        with(&only).run_alone()
    }

    fn run_alone(&self) -> SeedResult {
        let mut results = run(self.number..self.number + 1, |_| self.clone());
        results.remove(0)
    }
}

impl SeedResult {
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.outcome.as_ref().err()
    }

    /// Whether the export needed the automatic resume in addition to the operator's.
    pub(super) fn is_resumed_twice(&self) -> bool {
        matches!(self.outcome, Ok(SeedOutcome::Resumed { resumes, .. }) if resumes > 1)
    }

    /// Returns the alterations and the result as text. The alterations are sorted, because concurrent requests have no
    /// order.
    pub(super) fn describe(&self) -> String {
        let mut entries: Vec<_> = self.entries.iter().map(|it| format!("{it:?}")).collect();
        entries.sort();
        format!("{}: {entries:#?}: {}", self.number, self.summary())
    }

    /// A short description that is equal for all seeds with the same result.
    fn summary(&self) -> String {
        match &self.outcome {
            Ok(outcome) => outcome.to_string(),
            Err(problem) => format!("{}: {:?}", problem.kind, self.scenario.source),
        }
    }

    fn print(&self, entries: usize) {
        println!(
            "seed {}: {:?}\n  {:?}",
            self.number, self.scenario, self.schedule
        );
        for entry in self.entries.iter().take(entries) {
            let Entry {
                pick: _,
                is_transient: _,
                route,
                request,
                status,
                sent,
                description,
            } = entry;
            println!("  {route} {request}: {status} sent as {sent}: {description}");
        }
        if self.altered > entries {
            println!("  and {} more", self.altered - entries);
        }
        match &self.outcome {
            Ok(outcome) => println!("  {outcome:?}"),
            Err(Problem { kind, detail }) => println!("  {kind}: {detail}"),
        }
    }
}

/// Runs the seeds on one thread per processor.
pub(super) fn run(seeds: Range<u64>, draw: impl Fn(u64) -> Seed + Sync) -> Vec<SeedResult> {
    let running_seeds = Mutex::new(BTreeSet::new());
    let lock = || running_seeds.lock().unwrap_or_else(PoisonError::into_inner);
    let start_thread = || {
        panics::start_collecting();
        logs::separate_by_world();
    };
    let run_seed = |_thread: &mut (), seed: u64| {
        lock().insert(seed);
        let result = draw(seed).run();
        lock().remove(&seed);
        result
    };
    parallel::run_all(seeds, start_thread, run_seed, |results| {
        collect(&results, &running_seeds)
    })
}

/// A thread in an endless loop cannot be stopped: the function then prints the seeds at work and ends the test run.
fn collect(
    receiver: &mpsc::Receiver<SeedResult>,
    running_seeds: &Mutex<BTreeSet<u64>>,
) -> Vec<SeedResult> {
    let mut results = Vec::new();
    loop {
        match receiver.recv_timeout(2 * MAX_DURATION) {
            Ok(result) => {
                if let Some(problem) = result.problem() {
                    println!("seed {} fails: {}", result.number, problem.kind);
                }
                results.push(result);
                if results.len().is_multiple_of(SEEDS_PER_PROGRESS_LINE) {
                    println!("{} seeds have run", results.len());
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return results,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let seeds = running_seeds.lock().unwrap_or_else(PoisonError::into_inner);
                println!("one of the seeds {:?} does not terminate", *seeds);
                std::process::abort();
            }
        }
    }
}

/// Prints a summary of the results, and panics if a seed has a problem.
pub(super) fn report(results: &[SeedResult]) {
    let mut tally: BTreeMap<String, u32> = BTreeMap::new();
    for result in results {
        *tally.entry(result.summary()).or_default() += 1;
    }
    let mut failed: Vec<_> = results
        .iter()
        .filter(|result| result.outcome.is_err())
        .collect();
    // Failures with the fewest alterations come first, because they are easiest to understand.
    failed.sort_by_key(|result| (result.altered, result.number));
    for (place, result) in failed.iter().enumerate() {
        result.print(if place < MAX_PRINTED { MAX_PRINTED } else { 0 });
    }
    println!("{} seeds: {tally:#?}", results.len());
    let seeds: Vec<_> = failed.iter().map(|result| result.number).collect();
    assert!(seeds.is_empty(), "{} seeds failed: {seeds:?}", seeds.len());
}
