//! The assignment of faults to requests.

use super::*;
use crate::faults::schedule::{Schedule, ScheduledFault};
use crate::{Faults, Outage, OutageKind, Permanent, RetryAfter, Route};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn scheduled_faults(faults: &Faults, count: usize) -> Vec<ScheduledFault> {
    let mut schedule = Schedule::default();
    (0..count)
        .map(|_| schedule.next(faults, Route::JobStatus, NOW))
        .collect()
}

#[test]
fn one_seed_gives_one_schedule() {
    let faults = Faults::transient(7);

    assert_eq!(
        scheduled_faults(&faults, 300),
        scheduled_faults(&faults, 300)
    );
    assert_ne!(
        scheduled_faults(&faults, 300),
        scheduled_faults(&Faults::transient(8), 300)
    );
}

#[test]
fn without_faults_every_request_is_served() {
    assert!(
        scheduled_faults(&Faults::default(), 500)
            .iter()
            .all(|fault| *fault == ScheduledFault::NoFault)
    );
}

#[test]
fn every_kind_of_fault_occurs_about_as_often_as_configured() {
    let faults = Faults {
        stall: 0.1,
        max_in_a_row: u32::MAX,
        ..Faults::transient(1)
    };

    let scheduled_faults = scheduled_faults(&faults, 4000);

    let share = |kind: &str| {
        scheduled_faults
            .iter()
            .filter(|fault| fault.kind() == Some(kind))
            .count()
    };
    let expected_counts = [
        ("throttle", 360),
        ("server_error", 280),
        ("timeout_408", 200),
        ("cut_off", 240),
        ("slow", 320),
        ("stall", 400),
        ("garbage", 200),
    ];
    for (kind, expected) in expected_counts {
        assert!(
            (expected * 3 / 4..expected * 5 / 4).contains(&share(kind)),
            "{kind}: {}",
            share(kind)
        );
    }
    assert!(share("reset") > 80 && share("reset_after_effect") > 80);
}

#[test]
fn after_the_maximum_of_faults_in_a_row_one_request_is_served() {
    let faults = Faults {
        server_error: 1.0,
        max_in_a_row: 3,
        ..Faults::default()
    };

    let served: Vec<_> = scheduled_faults(&faults, 12)
        .iter()
        .map(|fault| *fault == ScheduledFault::NoFault)
        .collect();

    let row = [false, false, false, true];
    assert_eq!(served, [row, row, row].concat());
}

#[test]
fn without_a_maximum_faults_never_end() {
    let faults = Faults {
        server_error: 1.0,
        max_in_a_row: u32::MAX,
        ..Faults::default()
    };

    assert!(
        scheduled_faults(&faults, 100)
            .iter()
            .all(|fault| *fault != ScheduledFault::NoFault)
    );
}

#[test]
fn faults_occur_only_on_their_routes() {
    let faults = Faults {
        throttle: 1.0,
        only_routes: Some(vec![Route::JobResults]),
        ..Faults::default()
    };
    let mut schedule = Schedule::default();

    let (login, results) = (
        schedule.next(&faults, Route::Login, NOW),
        schedule.next(&faults, Route::JobResults, NOW),
    );

    assert_eq!(login, ScheduledFault::NoFault);
    assert!(matches!(results, ScheduledFault::Throttled { .. }));
}

#[test]
fn an_outage_includes_its_start_and_excludes_its_end() {
    let (from, to) = (time("2026-03-05T12:00:00Z"), time("2026-03-05T12:10:00Z"));
    let faults = Faults {
        outage: Some(Outage {
            from,
            to,
            kind: OutageKind::Unavailable,
        }),
        ..Faults::default()
    };
    let mut schedule = Schedule::default();

    let mut at = |moment: &str| schedule.next(&faults, Route::Login, time(moment));

    assert_eq!(at("2026-03-05T11:59:59Z"), ScheduledFault::NoFault);
    assert_eq!(
        at("2026-03-05T12:00:00Z"),
        ScheduledFault::Outage(OutageKind::Unavailable)
    );
    assert_eq!(at("2026-03-05T12:10:00Z"), ScheduledFault::NoFault);
}

#[test]
fn a_permanent_fault_lets_the_first_requests_through() {
    let permanent = Permanent {
        route: Route::JobStatus,
        after: 2,
        status: 403,
        code: "missing.permissions".into(),
        message: "no".into(),
    };
    let faults = Faults {
        permanent: Some(permanent),
        ..Faults::default()
    };

    assert_eq!(
        scheduled_faults(&faults, 4),
        [
            ScheduledFault::NoFault,
            ScheduledFault::NoFault,
            ScheduledFault::Permanent,
            ScheduledFault::Permanent
        ]
    );
}

#[test]
fn a_mixed_retry_after_is_a_number_a_word_or_absent() {
    let faults = Faults {
        throttle: 1.0,
        retry_after: RetryAfter::Mixed(5),
        max_in_a_row: u32::MAX,
        ..Faults::default()
    };

    let waits: Vec<_> = scheduled_faults(&faults, 200)
        .into_iter()
        .map(|fault| {
            if let ScheduledFault::Throttled { retry_after } = fault {
                retry_after
            } else {
                panic!("{fault:?}")
            }
        })
        .collect();

    assert!(waits.contains(&None) && waits.contains(&Some("soon".to_owned())));
    assert!(
        waits
            .iter()
            .flatten()
            .filter_map(|wait| wait.parse::<u32>().ok())
            .all(|seconds| seconds <= 5)
    );
}
