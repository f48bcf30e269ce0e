//! Runs all interleavings of the pairs, or a sample, on one thread per processor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use end_to_end::{logs, panics, parallel};
use tracing::subscriber::NoSubscriber;

use super::check::Problem;
use super::interleaving::{Interleaving, InterleavingResult, Meanwhile, StoreView};
use super::pair::Pair;
use super::stage::StageWorld;

/// Limit in real time, on a busy machine. Waits of the pipeline use the world's clock.
const MAX_DURATION: Duration = Duration::from_mins(2);

/// The number of interleavings to run for a pair.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selection {
    All,
    /// This many, spread over the pause points.
    Sample(u64),
}

/// Results of a pair.
#[derive(Debug)]
pub(super) struct Explored {
    pub(super) pair: Pair,
    pub(super) pause_points: u64,
    pub(super) run: u64,
    /// Interleavings that needed the sweep to end, although no message was lost.
    pub(super) healed: Vec<Interleaving>,
    pub(super) problems: Vec<(Interleaving, Problem)>,
    /// Problems of a conclusion that runs longer than its message stays invisible, in parallel with another one.
    pub(super) beyond_timeout: Vec<(Interleaving, Problem)>,
}

impl Explored {
    /// Number of interleavings of the pair, including those that were not run.
    pub(super) fn interleavings(&self) -> u64 {
        self.pause_points * variants(self.pair).len() as u64 + 1
    }
}

/// If A holds no message, the variants `Others` and `Everything` are the same, so one of them is omitted.
fn variants(pair: Pair) -> Vec<(Meanwhile, bool)> {
    let differs =
        |it: &(Meanwhile, bool)| pair.a_holds_a_message() || it.0 != Meanwhile::Everything;
    Interleaving::VARIANTS.into_iter().filter(differs).collect()
}

/// Explores each pair. Results are sorted by pair.
pub(super) fn explore(pairs: &[Pair], selection: Selection) -> Vec<Explored> {
    let new_explorer = || {
        panics::start_collecting();
        logs::separate_by_world();
        Explorer::default()
    };
    let mut explored: Vec<Explored> = parallel::run_all(
        pairs.iter().enumerate(),
        new_explorer,
        |explorer, (place, pair)| explorer.explore_pair(*pair, selection, place as u64),
        |results| results.into_iter().collect(),
    );
    explored.sort_by_key(|explored| explored.pair);
    explored
}

/// Returns the problems of one interleaving in a new world.
pub(super) fn problems_of(pair: Pair, interleaving: Interleaving) -> Vec<Problem> {
    let result = Explorer::default().run(pair, interleaving);
    result.err().unwrap_or_default()
}

/// The world of one thread, reused for many interleavings.
#[derive(Default)]
struct Explorer {
    world: Option<(tokio::runtime::Runtime, StageWorld)>,
}

impl Explorer {
    fn explore_pair(&mut self, pair: Pair, selection: Selection, offset: u64) -> Explored {
        let mut explored = Explored {
            pair,
            pause_points: 0,
            run: 0,
            healed: Vec::new(),
            problems: Vec::new(),
            beyond_timeout: Vec::new(),
        };
        explored.pause_points = self.run_one(&mut explored, Interleaving::SEQUENTIAL);
        for interleaving in select_interleavings(pair, explored.pause_points, selection, offset) {
            self.run_one(&mut explored, interleaving);
        }
        explored
    }

    /// Returns the number of steps of A, counted when it was not suspended.
    fn run_one(&mut self, explored: &mut Explored, interleaving: Interleaving) -> u64 {
        explored.run += 1;
        let result = match self.run(explored.pair, interleaving) {
            Ok(result) => result,
            Err(problems) => {
                let problems = problems.into_iter().map(|it| (interleaving, it));
                if explored.pair.a.concludes() && interleaving.exceeds_visibility_timeout() {
                    explored.beyond_timeout.extend(problems);
                } else {
                    explored.problems.extend(problems);
                }
                return 0;
            }
        };
        if result.is_healed {
            explored.healed.push(interleaving);
        }
        result.steps.unwrap_or(0)
    }

    /// A problem may leave messages and markers in the world, so the world is then not reused.
    fn run(
        &mut self,
        pair: Pair,
        interleaving: Interleaving,
    ) -> Result<InterleavingResult, Vec<Problem>> {
        let mut world = self.world.take();
        panics::take_collected();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let (runtime, world) = world.get_or_insert_with(new_world);
            let run = Box::pin(world.interleave(pair, interleaving));
            let run = || runtime.block_on(async { tokio::time::timeout(MAX_DURATION, run).await });
            tracing::subscriber::with_default(NoSubscriber::new(), run)
        }));
        let problem = |kind, detail: String| Err(vec![Problem::new(kind, detail)]);
        let panics = panics::take_collected();
        let result = match (panics.first(), result) {
            (Some(panic), _) => problem("a panic", panic.clone()),
            (None, Ok(Ok(result))) => result,
            (None, Ok(Err(_))) => problem("a hang", format!("for {MAX_DURATION:?}")),
            (None, Err(_)) => problem("a panic", String::new()),
        };
        if panics.is_empty() {
            self.world = world.filter(|(runtime, world)| runtime.block_on(world.is_reusable()));
        }
        result
    }
}

fn new_world() -> (tokio::runtime::Runtime, StageWorld) {
    let runtime = parallel::runtime();
    let world = runtime.block_on(StageWorld::new());
    (runtime, world)
}

/// Selects the interleavings of a pair to run: pause points evenly spread, variants in rotation.
fn select_interleavings(
    pair: Pair,
    pause_points: u64,
    selection: Selection,
    offset: u64,
) -> Vec<Interleaving> {
    let variants = variants(pair);
    let variant_count = variants.len() as u64;
    let all = pause_points * variant_count;
    let interleaving_at = |pause, variant: u64| {
        let place = usize::try_from(variant).expect("few variants");
        let (meanwhile, loses_messages) = variants[place];
        Interleaving {
            pause,
            meanwhile,
            loses_messages,
            store_view: StoreView::Everything,
        }
    };
    let number = match selection {
        Selection::Sample(number) if number < all => number,
        _ => {
            return (0..all)
                .map(|it| interleaving_at(it / variant_count, it % variant_count))
                .collect();
        }
    };
    let spread = |place| (offset + place * pause_points / number) % pause_points;
    let chosen =
        (0..number).map(|place| interleaving_at(spread(place), (offset + place) % variant_count));
    chosen.collect()
}
