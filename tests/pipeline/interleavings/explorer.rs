//! Runs all interleavings of the pairs, or a sample, on one thread per processor.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use end_to_end::{logs, panics};
use tracing::subscriber::NoSubscriber;

use super::check::Problem;
use super::interleaving::{Ended, Interleaving, Meanwhile, Sight};
use super::pair::Pair;
use super::stage::StageWorld;

/// Limit in real time, on a busy machine. Waits of the pipeline use the world's clock.
const LONGEST: Duration = Duration::from_mins(2);

/// The number of interleavings to run for a pair.
#[derive(Clone, Copy, Debug)]
pub(super) enum Breadth {
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
    /// Problems of a conclusion that runs on in parallel with another one.
    pub(super) outlived: Vec<(Interleaving, Problem)>,
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

/// Explores each pair. Results are in the order in which the pairs finish.
pub(super) fn explore(pairs: &[Pair], breadth: Breadth) -> Vec<Explored> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                panics::listen();
                logs::keep_by_world();
                let mut explorer = Explorer::default();
                while let Some((place, pair)) = take(next, pairs) {
                    let offset = place as u64;
                    if sender.send(explorer.pair(*pair, breadth, offset)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut explored: Vec<_> = receiver.into_iter().collect();
        explored.sort_by_key(|explored| explored.pair);
        explored
    })
}

fn take<'a>(next: &AtomicUsize, pairs: &'a [Pair]) -> Option<(usize, &'a Pair)> {
    let place = next.fetch_add(1, Ordering::SeqCst);
    pairs.get(place).map(|pair| (place, pair))
}

/// Returns the problems of one interleaving in a new world.
pub(super) fn problems_of(pair: Pair, interleaving: Interleaving) -> Vec<Problem> {
    let ended = Explorer::default().run(pair, interleaving);
    ended.err().unwrap_or_default()
}

/// The world of one thread, reused for many interleavings.
#[derive(Default)]
struct Explorer {
    world: Option<(tokio::runtime::Runtime, StageWorld)>,
}

impl Explorer {
    fn pair(&mut self, pair: Pair, breadth: Breadth, offset: u64) -> Explored {
        let mut explored = Explored {
            pair,
            pause_points: 0,
            run: 0,
            healed: Vec::new(),
            problems: Vec::new(),
            outlived: Vec::new(),
        };
        explored.pause_points = self.one(&mut explored, Interleaving::SEQUENTIAL);
        for interleaving in chosen(pair, explored.pause_points, breadth, offset) {
            self.one(&mut explored, interleaving);
        }
        explored
    }

    /// Returns the number of steps of A, counted when it was not suspended.
    fn one(&mut self, explored: &mut Explored, interleaving: Interleaving) -> u64 {
        explored.run += 1;
        let ended = match self.run(explored.pair, interleaving) {
            Ok(ended) => ended,
            Err(problems) => {
                let problems = problems.into_iter().map(|it| (interleaving, it));
                if explored.pair.a.concludes() && interleaving.outlives_its_message() {
                    explored.outlived.extend(problems);
                } else {
                    explored.problems.extend(problems);
                }
                return 0;
            }
        };
        if ended.is_healed {
            explored.healed.push(interleaving);
        }
        ended.steps.unwrap_or(0)
    }

    /// A problem may leave messages and markers in the world, so the world is then not reused.
    fn run(&mut self, pair: Pair, interleaving: Interleaving) -> Result<Ended, Vec<Problem>> {
        let mut world = self.world.take();
        panics::heard();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let (runtime, world) = world.get_or_insert_with(new_world);
            let run = Box::pin(world.interleave(pair, interleaving));
            let run = || runtime.block_on(async { tokio::time::timeout(LONGEST, run).await });
            tracing::subscriber::with_default(NoSubscriber::new(), run)
        }));
        let problem = |kind, detail: String| Err(vec![Problem::new(kind, detail)]);
        let panics = panics::heard();
        let result = match (panics.first(), result) {
            (Some(panic), _) => problem("a panic", panic.clone()),
            (None, Ok(Ok(result))) => result,
            (None, Ok(Err(_))) => problem("a hang", format!("for {LONGEST:?}")),
            (None, Err(_)) => problem("a panic", String::new()),
        };
        if panics.is_empty() {
            self.world = world.filter(|(runtime, world)| runtime.block_on(world.is_fresh()));
        }
        result
    }
}

fn new_world() -> (tokio::runtime::Runtime, StageWorld) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let world = runtime.block_on(StageWorld::new());
    (runtime, world)
}

/// Selects the interleavings of a pair to run: pause points evenly spread, variants in rotation.
fn chosen(pair: Pair, pause_points: u64, breadth: Breadth, offset: u64) -> Vec<Interleaving> {
    let variants = variants(pair);
    let each = variants.len() as u64;
    let all = pause_points * each;
    let nth = |pause, variant: u64| {
        let place = usize::try_from(variant).expect("few variants");
        let (meanwhile, loses_messages) = variants[place];
        Interleaving {
            pause,
            meanwhile,
            loses_messages,
            sight: Sight::Everything,
        }
    };
    let number = match breadth {
        Breadth::Sample(number) if number < all => number,
        _ => return (0..all).map(|it| nth(it / each, it % each)).collect(),
    };
    let spread = |place| (offset + place * pause_points / number) % pause_points;
    let chosen = (0..number).map(|place| nth(spread(place), (offset + place) % each));
    chosen.collect()
}
