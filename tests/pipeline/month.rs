//! A month of nightly schedules with troubles that last minutes to hours: the API, the login, the store and the
//! receiver do not respond, functions are throttled, processes are killed, queues are lost.
//!
//! At the end of the month every day is complete or its failure is recorded, which raises an alarm;
//! and the webhook of every outcome was delivered.
//!
//! `MONTHS=2000 cargo test -p end-to-end --test pipeline month` runs more seeds; `MONTH=7` runs one seed and prints its
//! troubles.

mod oracle;
mod simulation;
mod troubles;

use end_to_end::parallel;
use oracle::Tally;
use simulation::Month;

/// Number of months in a test run; `MONTHS` overrides it.
const MONTHS: u64 = 200;

#[test]
fn each_day_of_a_faulty_month_is_complete_or_reported() {
    if let Some(seed) = environment_variable("MONTH") {
        let month = Month::draw(seed);
        println!("{month:#?}");
        println!("{:?}", run(&month));
        return;
    }
    let months = environment_variable("MONTHS").unwrap_or(MONTHS);

    let run_seed = |_thread: &mut (), seed| run(&Month::draw(seed));
    let tally = parallel::run_all(
        0..months,
        || {},
        run_seed,
        |months| {
            let mut tally = Tally::default();
            for month in months {
                tally.add(&month);
            }
            tally
        },
    );

    println!("{months} months: {tally:?}");
    assert_eq!(tally.days, months * u64::from(simulation::DAYS));
    assert!(
        10 * tally.effects.smallest_count() > months,
        "each kind of trouble had effects: {tally:?}"
    );
    assert!(
        tally.failed_days * 100 <= tally.days,
        "troubles that pass leave hardly a day failed"
    );
}

fn run(month: &Month) -> Tally {
    parallel::runtime().block_on(month.run())
}

fn environment_variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    let text = std::env::var(name).ok();
    text.map(|text| text.parse().expect("a number"))
}
