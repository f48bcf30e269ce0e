//! Two handlers or commands that act on one export, interleaved at every step.
//!
//! A is suspended before one of its steps (a store operation, a message sent, an API request, a webhook delivery) while
//! B runs to its end, alone or with everything that follows from it. Then A continues, and the export ends through its
//! messages or, if all of them are lost, through the sweep. After each interleaving the export has exactly one outcome,
//! contains each conversation once, passes `verify`, has announced its outcomes, and has no work left.
//!
//! A test run samples the interleavings of every pair. `INTERLEAVINGS=all cargo test -p end-to-end --test pipeline
//! interleavings::every -- --nocapture` runs all of them, `INTERLEAVINGS=20` that number for each pair;
//! `INTERLEAVED=lost-page` runs all interleavings of the pairs whose names contain that text.

mod action;
mod check;
mod explorer;
mod first_attempt_store;
mod interleaving;
mod pair;
mod prepared_action;
mod stage;
mod staged_export;
mod suspension;

use std::collections::BTreeMap;

use action::Action;
use check::Problem;
use explorer::{Explored, Selection, explore, problems_of};
use interleaving::{Interleaving, Meanwhile, StoreView};
use pair::{Loss, Pair, SourceKind};

/// Number of interleavings of each pair in a test run.
const SAMPLE: u64 = 6;

#[test]
fn every_pair_of_actions_can_be_interleaved_at_any_step() {
    let name = environment_variable("INTERLEAVED");
    let is_named = |pair: &Pair| {
        name.as_ref()
            .is_none_or(|name| pair.to_string().contains(name))
    };
    let pairs: Vec<_> = Pair::all().filter(is_named).collect();
    let selection = match environment_variable("INTERLEAVINGS").as_deref() {
        None if name.is_none() => Selection::Sample(SAMPLE),
        None | Some("all") => Selection::All,
        Some(number) => Selection::Sample(number.parse().expect("a number, or all")),
    };

    let explored = explore(&pairs, selection);

    print_results(&explored);
    assert!(explored.iter().all(|explored| explored.problems.is_empty()));
}

#[test]
fn a_conclusion_delayed_across_a_lost_query_mixes_no_queries() {
    assert_eq!(count_mixed_queries(StoreView::Everything), 0);
}

/// The checks detect the defect that the fence prevents: a conclusion that does not learn of the newest attempt takes
/// pages of the lost query for pages of the query that replaced it.
#[test]
fn without_the_fence_a_conclusion_mixes_queries() {
    assert!(count_mixed_queries(StoreView::FirstAttemptOnly) > 0);
}

/// Returns the number of pause points at which a conclusion with this sight, suspended while a lost query starts the
/// next attempt, ends in a manifest of two queries, which `verify` reports as damaged.
fn count_mixed_queries(store_view: StoreView) -> usize {
    /// After this many steps complete-export has read the positions of the slices.
    const PAUSE_POINTS: u64 = 6;
    let (conclusion, page) = (Action::FirstCompletion, Action::LostPage);
    let pair = Pair::new(SourceKind::Gateway, Loss::Early, conclusion, page);
    let is_mixed = |pause: &u64| {
        let problems = problems_of(
            pair,
            Interleaving {
                pause: *pause,
                meanwhile: Meanwhile::Others,
                loses_messages: false,
                store_view,
            },
        );
        let has = |kind| problems.iter().any(|problem| problem.kind == kind);
        has("the manifest mixes queries") && has("verify finds damage")
    };
    (0..PAUSE_POINTS).filter(is_mixed).count()
}

fn environment_variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    std::env::var(name).ok()
}

/// Prints each pair with its counts, then the problems.
fn print_results(explored: &[Explored]) {
    let (mut run, mut all, mut healed) = (0, 0, 0);
    for it in explored {
        let (pair, pauses) = (it.pair, it.pause_points);
        println!("{pair}: {pauses} pause points, {} interleavings", it.run);
        run += it.run;
        all += it.interleavings();
        healed += it.healed.len();
        for interleaving in &it.healed {
            println!("  {interleaving}: healed by the sweep");
        }
    }
    let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
    for it in explored {
        let problems = it.problems.iter().map(|it| ("", it));
        let beyond_timeout = it
            .beyond_timeout
            .iter()
            .map(|it| ("beyond the timeouts: ", it));
        for (prefix, (interleaving, problem)) in problems.chain(beyond_timeout) {
            let Problem { kind, detail } = problem;
            *kinds.entry(format!("{prefix}{kind}")).or_default() += 1;
            println!("{}: {interleaving}: {prefix}{kind}: {detail}", it.pair);
        }
    }
    let (pairs, left_out) = (explored.len(), all - run);
    println!(
        "{pairs} pairs, {run} interleavings, {left_out} left out, {healed} healed by the sweep"
    );
    println!("problems: {kinds:?}");
}
