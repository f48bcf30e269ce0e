//! No function has a right on objects that it does not use: stories of exports use each one.

mod stories;

use std::sync::Arc;

use end_to_end::crashes::{
    Case, GATEWAY, JOB, PORTIONS, QUERY, Scenario, TRANSCRIPTS, record_scenario,
};
use end_to_end::needs::NEEDS;
use end_to_end::rights::ObjectAction;

/// The exports of the crash tests.
const SCENARIOS: [(Case, Scenario); 13] = [
    (JOB, Scenario::Plain),
    (GATEWAY, Scenario::Plain),
    (QUERY, Scenario::Plain),
    (TRANSCRIPTS, Scenario::Plain),
    (JOB, Scenario::Parked),
    (JOB, Scenario::Rejects),
    (GATEWAY, Scenario::LostQuery),
    (JOB, Scenario::FailedThenResumed),
    (JOB, Scenario::Cancelled),
    (JOB, Scenario::Swept),
    (JOB, Scenario::DeadLetter),
    (JOB, Scenario::DeadLetterThenSwept),
    (PORTIONS, Scenario::Portions),
];

/// Rights that no story uses, with the reason for which the function needs them.
const UNREACHED: [(&str, ObjectAction, &str, &str); 2] = [
    (
        "complete-export",
        ObjectAction::Put,
        "Open",
        "a resume creates the next attempt while the outcome of this one is announced",
    ),
    (
        "sweep-exports",
        ObjectAction::Get,
        "LiveDay",
        "another sweep seals the day meanwhile",
    ),
];

#[tokio::test]
async fn each_right_on_objects_is_used() {
    let accesses = Arc::default();
    for (case, scenario) in SCENARIOS {
        record_scenario(case.with_scenario(scenario), &accesses).await;
    }
    stories::run_all(&accesses).await;

    let used = accesses.used();

    let needs = NEEDS.iter().flat_map(|(function, action, kinds)| {
        let needs = kinds.iter();
        needs.map(move |kind| (*function, *action, *kind))
    });
    let is_unreached = |need: &(&str, ObjectAction, &str)| {
        let mut unreached = UNREACHED.iter();
        unreached.any(|(function, action, kind, _)| (*function, *action, *kind) == *need)
    };
    let unused: Vec<_> = needs
        .filter(|need| used.contains(need) == is_unreached(need))
        .map(|(function, action, kind)| format!("{function} {} {kind}", action.name()))
        .collect();
    assert!(unused.is_empty(), "unused:\n{}", unused.join("\n"));
}
