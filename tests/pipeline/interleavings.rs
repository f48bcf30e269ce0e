//! Two handlers or commands at one export, interleaved at every step.
//!
//! A is suspended before one of its steps (an operation of the store, a message sent, a request to the API, a delivery of a
//! webhook) while B runs to its end, alone or with everything that follows from it; then A continues, and the export comes to
//! its end, from its messages or, where all of them are lost, by the sweep. After each interleaving the export has exactly one
//! outcome, holds each conversation once, passes `verify`, has told its outcomes, and nothing is left to do.
//!
//! A test run samples the interleavings of every pair. `INTERLEAVINGS=all cargo test -p end-to-end --test pipeline
//! interleavings::every -- --nocapture` runs all of them, and `INTERLEAVINGS=20` that many of each pair;
//! `INTERLEAVED=lost-page` runs all of those pairs whose names contain that.

mod action;
mod blind;
mod check;
mod course;
mod explorer;
mod interleaving;
mod moves;
mod pair;
mod stage;
mod suspension;

use std::collections::BTreeMap;

use action::Action;
use check::Problem;
use explorer::{Breadth, Explored, explore, problems_of};
use interleaving::{Interleaving, Meanwhile, Sight};
use pair::{Kind, Loss, Pair};

/// Interleavings of each pair in a test run.
const SAMPLE: u64 = 6;

#[test]
fn every_pair_of_actions_may_be_interleaved_at_any_step() {
    let name = setting("INTERLEAVED");
    let is_named = |pair: &Pair| {
        name.as_ref()
            .is_none_or(|name| pair.to_string().contains(name))
    };
    let pairs: Vec<_> = Pair::all().filter(is_named).collect();
    let breadth = match setting("INTERLEAVINGS").as_deref() {
        None if name.is_none() => Breadth::Sample(SAMPLE),
        None | Some("all") => Breadth::All,
        Some(number) => Breadth::Sample(number.parse().expect("a number, or all")),
    };

    let explored = explore(&pairs, breadth);

    print(&explored);
    assert!(explored.iter().all(|explored| explored.problems.is_empty()));
}

#[test]
fn a_conclusion_held_up_while_a_query_is_lost_mixes_no_queries() {
    assert_eq!(mixed_queries(Sight::Everything), 0);
}

/// The checks notice what the product's fence prevents: a conclusion that does not learn of the newest attempt takes pages of
/// the lost query for pages of the query after it.
#[test]
fn a_conclusion_without_a_fence_is_found_to_mix_queries() {
    assert!(mixed_queries(Sight::FirstAttemptOnly) > 0);
}

/// The number of pause points at which a conclusion with this sight, suspended while a lost query starts the next attempt,
/// ends in a manifest of two queries that `verify` calls damaged.
fn mixed_queries(sight: Sight) -> usize {
    /// complete-export has read where the slices stand after these.
    const PAUSE_POINTS: u64 = 6;
    let (conclusion, page) = (Action::FirstCompletion, Action::LostPage);
    let pair = Pair::new(Kind::Gateway, Loss::Early, conclusion, page);
    let is_mixed = |pause: &u64| {
        let problems = problems_of(
            pair,
            Interleaving {
                pause: *pause,
                meanwhile: Meanwhile::Others,
                loses_messages: false,
                sight,
            },
        );
        let has = |kind| problems.iter().any(|problem| problem.kind == kind);
        has("the manifest mixes queries") && has("verify finds damage")
    };
    (0..PAUSE_POINTS).filter(is_mixed).count()
}

fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    std::env::var(name).ok()
}

/// Each pair with its counts, then the problems.
fn print(explored: &[Explored]) {
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
        let outlived = it.outlived.iter().map(|it| ("beyond the timeouts: ", it));
        for (prefix, (interleaving, problem)) in problems.chain(outlived) {
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
