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

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);

    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= months {
                        return;
                    }
                    let month = run(&Month::draw(seed));
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    tally.add(&month);
                }
            });
        }
    });

    let tally = tally.into_inner().expect("no thread panicked");
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(month.run())
}

fn environment_variable(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a setting of the test alone")]
    let text = std::env::var(name).ok();
    text.map(|text| text.parse().expect("a number"))
}
