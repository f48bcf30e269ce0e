//! The promises of the pace, checked with many seeds, kinds of windows and other clients.

use super::server::{Rounding, Window};
use super::*;

/// Each latency with each rounding, twice.
const SEEDS: u64 = 18;

const ROUNDINGS: [Rounding; 3] = [Rounding::Up, Rounding::Down, Rounding::Nearest];

const OTHERS: [Other; 4] = [Other::Steady, Other::Random, Other::Bursts, Other::OnAndOff];

/// With each of these latencies, four callers could send more than is allowed.
const LATENCIES: [Latency; 3] = [
    latency(20, 60, 50),
    latency(50, 150, 100),
    latency(100, 250, 1000),
];

const fn latency(shortest: u64, typical: u64, slow_one_in: u64) -> Latency {
    Latency {
        shortest,
        typical,
        slow_one_in,
    }
}

/// Results of many runs.
#[derive(Debug)]
struct Summary {
    least_used: f64,
    refused: f64,
    most_refused: f64,
    others_refused: f64,
    longest_wait: u64,
}

fn summary(window: impl Fn(u64) -> Window, other: Other) -> Summary {
    summary_of(|seed, rounding| Server::new(window(seed), rounding), other)
}

fn summary_of(server: impl Fn(u64, Rounding) -> Server, other: Other) -> Summary {
    let run = |seed: u64| {
        let pick = usize::try_from(seed).unwrap();
        let server = server(seed, ROUNDINGS[pick % 3]);
        Run::new(seed, server, other, LATENCIES[pick / 3 % 3]).finish()
    };
    let runs: Vec<_> = (0..SEEDS).map(run).collect();
    let mean = |share: fn(&Counts) -> f64| runs.iter().map(share).sum::<f64>() / runs.len() as f64;
    Summary {
        least_used: runs.iter().map(Counts::used).fold(f64::MAX, f64::min),
        refused: mean(Counts::refused),
        most_refused: runs.iter().map(Counts::refused).fold(0.0, f64::max),
        others_refused: mean(Counts::others_refused),
        longest_wait: runs.iter().map(|run| run.longest_wait).max().unwrap(),
    }
}

/// A window that ends at any phase of the minute.
fn fixed(seed: u64) -> Window {
    Window::Fixed(seed * 7_919 % MINUTE)
}

fn on_demand(_: u64) -> Window {
    Window::OnDemand
}

#[test]
fn alone_the_budget_of_fixed_windows_is_used_without_refusals() {
    for window in [fixed, on_demand] {
        let summary = summary(window, Other::Nobody);

        assert!(summary.least_used >= 0.98, "{summary:?}");
        assert!(summary.most_refused <= 0.0, "{summary:?}");
        // Four callers share five requests a second.
        assert!(summary.longest_wait <= 4 * SECOND, "{summary:?}");
    }
}

#[test]
fn beside_another_client_fixed_windows_are_used_with_few_refusals() {
    for other in OTHERS {
        let summary = summary(fixed, other);

        assert!(summary.least_used >= 0.96, "{other:?} {summary:?}");
        assert!(summary.refused <= 0.005, "{other:?} {summary:?}");
        assert!(summary.most_refused <= 0.01, "{other:?} {summary:?}");
        assert!(summary.others_refused <= 0.015, "{other:?} {summary:?}");
    }
}

#[test]
fn with_skewed_server_clocks_the_budget_is_used_with_few_refusals() {
    for other in [Other::Nobody].into_iter().chain(OTHERS) {
        let skewed = |seed, rounding| Server::new(fixed(seed), rounding).with_skewed_nodes();

        let summary = summary_of(skewed, other);

        assert!(summary.least_used >= 0.96, "{other:?} {summary:?}");
        assert!(summary.refused <= 0.005, "{other:?} {summary:?}");
        assert!(summary.most_refused <= 0.01, "{other:?} {summary:?}");
        assert!(summary.others_refused <= 0.015, "{other:?} {summary:?}");
    }
}

#[test]
fn a_limit_shared_by_two_tokens_is_used_with_few_refusals() {
    let layered = |seed, rounding| Server::new(fixed(seed), rounding).with_client_limit(400);
    for other in [Other::Steady, Other::Random] {
        let summary = summary_of(layered, other);

        // Relative to 300: both clients together may send 400, and the other one sends 150.
        assert!(
            summary.least_used >= 0.96 * 4.0 / 3.0,
            "{other:?} {summary:?}"
        );
        assert!(summary.refused <= 0.005, "{other:?} {summary:?}");
        assert!(summary.most_refused <= 0.01, "{other:?} {summary:?}");
    }
}

#[test]
fn windows_begun_by_a_request_are_used_with_few_refusals() {
    for other in OTHERS {
        let summary = summary(on_demand, other);

        assert!(summary.least_used >= 0.96, "{other:?} {summary:?}");
        assert!(summary.refused <= 0.005, "{other:?} {summary:?}");
        assert!(summary.most_refused <= 0.01, "{other:?} {summary:?}");
        assert!(summary.others_refused <= 0.015, "{other:?} {summary:?}");
    }
}

#[test]
fn the_budget_of_a_sliding_window_is_used_with_few_refusals() {
    for other in [Other::Nobody].into_iter().chain(OTHERS) {
        let summary = summary(|_| Window::Sliding, other);

        assert!(summary.least_used >= 0.95, "{other:?} {summary:?}");
        assert!(summary.refused <= 0.006, "{other:?} {summary:?}");
        assert!(summary.most_refused <= 0.01, "{other:?} {summary:?}");
    }
}

#[test]
fn a_sliding_window_with_a_full_reset_is_used_without_refusals() {
    let summary = summary(|_| Window::SlidingToEmpty, Other::Nobody);

    assert!(summary.least_used >= 0.95, "{summary:?}");
    assert!(summary.most_refused <= 0.0, "{summary:?}");
}

#[test]
fn without_headers_the_budget_is_used_with_few_refusals() {
    let silent = |seed, rounding| Server::new(fixed(seed), rounding).without_headers();

    let summary = summary_of(silent, Other::Nobody);

    assert!(summary.least_used >= 0.95, "{summary:?}");
    assert!(summary.refused <= 0.02, "{summary:?}");
}
