use jiff::SignedDuration;

use super::*;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_second(1_772_445_600).unwrap() + SignedDuration::from_secs_f64(seconds)
}

fn headers(count: &str, allowed: &str, reset: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("inin-ratelimit-count", count.parse().unwrap());
    headers.insert("inin-ratelimit-allowed", allowed.parse().unwrap());
    headers.insert("inin-ratelimit-reset", reset.parse().unwrap());
    headers
}

/// Records one request at this second, whose response arrives at once and reports this count of 300 and this reset.
fn report(pace: &mut RateLimiter, second: f64, count: u32, reset: u32) {
    let ticket = Ticket { sent: at(second) };
    pace.in_flight += 1;
    let headers = headers(&count.to_string(), "300", &reset.to_string());
    pace.record_response(&ticket, &headers, at(second));
}

/// Seconds until the next request may be sent if nothing else happens.
fn seconds_to_wait(pace: &mut RateLimiter, from: f64) -> f64 {
    let mut now = from;
    while let Err(wait) = pace.reserve(at(now)) {
        now += wait.as_secs_f64();
    }
    now - from
}

#[test]
fn a_used_up_budget_delays_all_callers_until_the_window_ends() {
    let mut pace = RateLimiter::default();

    report(&mut pace, 0.0, 300, 42);

    assert_eq!(pace.min_wait(at(0.0)), Duration::from_secs(43));
    assert_eq!(pace.reserve(at(40.0)).unwrap_err(), Duration::from_secs(3));
    assert!(pace.reserve(at(43.0)).is_ok());
}

#[test]
fn each_remaining_place_is_reserved_only_once() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 297, 30);

    let tickets: Vec<_> = (0..200)
        .filter_map(|second| pace.reserve(at(f64::from(second) / 7.0)).ok())
        .collect();

    assert_eq!(tickets.len(), 3);
}

#[test]
fn the_first_quarter_is_unpaced_and_the_rest_is_spread_out() {
    let mut fresh = RateLimiter::default();
    report(&mut fresh, 0.0, 1, 60);
    let mut used = RateLimiter::default();
    report(&mut used, 0.0, 100, 41);

    let at_once = (0..50).filter(|_| fresh.reserve(at(0.0)).is_ok()).count();
    let _first = used.reserve(at(0.0)).unwrap();

    assert_eq!(at_once, 50);
    // 199 places left, over the forty seconds that certainly remain.
    assert!((seconds_to_wait(&mut used, 0.0) - 40.0 / 199.0).abs() < 0.001);
}

#[test]
fn requests_of_other_clients_slow_down_ours() {
    let mut alone = RateLimiter::default();
    let mut shared = RateLimiter::default();
    for second in 0..20_u32 {
        report(&mut alone, second.into(), 100 + second, 50 - second);
        report(&mut shared, second.into(), 100 + 4 * second, 50 - second);
    }
    let _one = alone.reserve(at(20.0)).unwrap();
    let _other = shared.reserve(at(20.0)).unwrap();

    let (alone, shared) = (
        seconds_to_wait(&mut alone, 20.0),
        seconds_to_wait(&mut shared, 20.0),
    );

    // 180 places in 29 seconds, compared with 123, of which another client is likely to take three a second, less
    // what the average does not include yet.
    assert!(alone < 0.17 && shared > 0.29, "{alone} {shared}");
}

#[test]
fn a_late_response_does_not_free_places() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 2.0, 299, 28);
    let _last = pace.reserve(at(10.0)).unwrap();

    pace.in_flight += 1;
    let late = Ticket { sent: at(2.0) };
    pace.record_response(&late, &headers("292", "300", "28"), at(10.5));

    assert!(pace.reserve(at(11.0)).is_err());
}

#[test]
fn a_response_of_the_previous_window_does_not_use_up_the_new_one() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 298, 2);
    report(&mut pace, 3.5, 1, 59);

    let ticket = Ticket { sent: at(1.0) };
    pace.record_response(&ticket, &headers("300", "300", "1"), at(4.0));

    assert_eq!(pace.min_wait(at(4.0)), Duration::ZERO);
    assert!(pace.reserve(at(4.0)).is_ok());
}

#[test]
fn two_limits_are_counted_and_obeyed_separately() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 299, 50);
    let respond = |pace: &mut RateLimiter, second: f64, count: &str| {
        let ticket = pace.reserve(at(second)).unwrap();
        pace.record_response(&ticket, &headers(count, "60", "50"), at(second));
    };

    respond(&mut pace, 1.0, "5");
    let in_both = pace.expected_wait(at(7.0));
    report(&mut pace, 7.0, 300, 43);
    let token_is_used_up = pace.min_wait(at(8.0));
    report(&mut pace, 90.0, 1, 60);
    respond(&mut pace, 91.0, "60");

    assert_eq!(
        (in_both, token_is_used_up),
        (Duration::ZERO, Duration::from_secs(43))
    );
    assert_eq!(pace.min_wait(at(91.0)), Duration::from_secs(51));
    assert_eq!(pace.allowed(), Some(60));
}

#[test]
fn a_limit_that_is_no_longer_reported_is_forgotten() {
    let mut pace = RateLimiter::default();
    let ticket = pace.reserve(at(0.0)).unwrap();
    pace.record_response(&ticket, &headers("55", "60", "50"), at(0.0));

    report(&mut pace, 70.0, 1, 50);

    assert_eq!(
        (0..50).filter(|_| pace.reserve(at(70.0)).is_ok()).count(),
        50
    );
}

#[test]
fn a_window_without_a_response_yet_is_not_filled_in_a_burst() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 250, 2);

    let sent = (0..100)
        .filter(|step| pace.reserve(at(4.0 + f64::from(*step) / 100.0)).is_ok())
        .count();

    assert_eq!(sent, 5);
}

#[test]
fn a_429_delays_all_callers_and_a_shorter_one_does_not_end_it() {
    let mut pace = RateLimiter::default();

    pace.hold(Duration::from_secs(30), at(0.0));
    pace.hold(Duration::from_secs(10), at(0.0));

    assert_eq!(pace.reserve(at(0.0)).unwrap_err(), Duration::from_secs(30));
    assert!(pace.reserve(at(30.0)).is_ok());
}

#[test]
fn a_clock_set_back_by_an_hour_does_not_lengthen_the_wait() {
    for set_back in [-3600.0, -40.0] {
        let mut pace = RateLimiter::default();
        report(&mut pace, 0.0, 300, 20);
        pace.hold(Duration::from_secs(30), at(0.0));

        let wait = pace.min_wait(at(set_back));
        let in_flight_ticket = Ticket { sent: at(0.0) };
        pace.record_response(
            &in_flight_ticket,
            &headers("300", "300", "18"),
            at(set_back),
        );
        let after = pace.min_wait(at(set_back + 30.0));
        report(&mut pace, set_back + 30.0, 1, 48);

        assert_eq!((wait, after), (Duration::from_secs(30), Duration::ZERO));
        assert_eq!(pace.expected_wait(at(set_back + 30.0)), Duration::ZERO);
    }
}

#[test]
fn a_clock_set_ahead_by_an_hour_delays_no_request() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 300, 42);
    let in_flight_ticket = Ticket { sent: at(0.0) };
    pace.in_flight += 1;

    pace.record_response(&in_flight_ticket, &headers("300", "300", "42"), at(3600.0));
    report(&mut pace, 3601.0, 1, 59);

    assert_eq!(pace.expected_wait(at(3601.0)), Duration::ZERO);
    assert_eq!(pace.allowed(), Some(300));
}

#[test]
fn one_excessive_reset_is_replaced_by_the_next_response() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 200, 500);

    report(&mut pace, 6.0, 10, 50);

    assert_eq!(pace.expected_wait(at(6.0)), Duration::ZERO);
}

#[test]
fn a_request_without_a_response_counts_against_the_budget() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 299, 30);

    let ticket = pace.reserve(at(1.0)).unwrap();
    pace.record_lost(&ticket);

    assert_eq!(pace.min_wait(at(1.0)), Duration::from_secs(30));
}

#[test]
fn missing_and_malformed_headers_change_nothing() {
    let mut pace = RateLimiter::default();
    report(&mut pace, 0.0, 300, 42);

    for odd in [
        HeaderMap::new(),
        headers("1", "many", "60"),
        headers("1", "0", "60"),
        headers("1", "300", "86400"),
        headers("-1", "300", "60"),
    ] {
        pace.record_response(&Ticket { sent: at(1.0) }, &odd, at(1.0));
    }

    assert_eq!(pace.min_wait(at(1.0)), Duration::from_secs(42));
}

#[test]
fn without_headers_no_caller_waits() {
    let mut pace = RateLimiter::default();

    let sent = (0..1000).filter(|_| {
        pace.reserve(at(0.0)).is_ok_and(|ticket| {
            pace.record_response(&ticket, &HeaderMap::new(), at(0.0));
            true
        })
    });

    assert_eq!(sent.count(), 1000);
}
