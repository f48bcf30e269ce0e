//! Seeded alterations of API responses, through whole exports of every source.
//!
//! Each seed draws a source, a small organisation and a schedule; the schedule alters responses (`alteration`) until
//! the export has ended. Whatever the responses, nothing panics, and every run ends within its deadlines. A complete
//! export accounts for every conversation (`oracle` defines this, `excuses` lists what a client cannot know), and
//! `verify` finds it intact. An export that failed or could not be started is completed by a resume once the
//! organisation responds correctly again.
//!
//! `ANSWER_SEEDS=50000 cargo test -p end-to-end --test pipeline altered_answers` runs more seeds, beginning with
//! `ANSWER_FIRST_SEED`; `ANSWER_SEED=7` runs one seed and prints every alteration.

mod alteration;
mod altering_filter;
mod excuses;
mod json;
mod mutation;
mod oracle;
mod page;
mod run;
mod scenario;
mod schedule;
mod seeds;
mod transcript_excuses;
mod values;

use seeds::{Seed, environment_variable, report};

/// Number of seeds in a test run; `ANSWER_SEEDS` overrides it.
const SEEDS: u64 = 2_000;

#[test]
fn no_odd_answer_loses_data_silently_or_blocks_an_export() {
    if let Some(seed) = environment_variable("ANSWER_SEED") {
        return Seed::draw(seed).run_and_print();
    }
    let first = environment_variable("ANSWER_FIRST_SEED").unwrap_or(0);
    let last = first + environment_variable("ANSWER_SEEDS").unwrap_or(SEEDS);

    let results = seeds::run(first..last, Seed::draw);

    report(&results);
    let altered = results.iter().filter(|result| result.altered > 0).count();
    let twice = results.iter().filter(|result| result.is_resumed_twice());
    assert!(
        twice.count() * 500 <= results.len(),
        "hardly ever a resume continues what is of no use"
    );
    assert!(
        altered * 2 > results.len(),
        "most seeds alter something: {altered}"
    );
}

#[test]
fn without_altered_answers_every_source_completes() {
    let results = seeds::run(0..36, |seed| Seed::draw(seed).unaltered());

    report(&results);
    assert!(results.iter().all(|result| result.altered == 0));
}

#[test]
fn the_check_detects_a_conversation_that_is_not_archived() {
    let results = seeds::run(0..18, |seed| Seed::draw(seed).unaltered().with_a_phantom());

    let missed = results
        .iter()
        .filter(|result| result.problem().is_some_and(|it| it.kind == "lost"));
    assert_eq!(missed.count(), results.len());
}

#[test]
fn a_seed_always_alters_the_same_answers() {
    let [first, second] = [(); 2].map(|()| seeds::run(0..27, Seed::draw));

    let in_order = |results: Vec<seeds::SeedResult>| {
        let mut descriptions: Vec<_> = results.iter().map(seeds::SeedResult::describe).collect();
        descriptions.sort();
        descriptions
    };
    assert_eq!(in_order(first), in_order(second));
}
