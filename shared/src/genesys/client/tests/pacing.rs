use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use reqwest::header::HeaderMap;

use super::*;
use crate::genesys::RateShare;
use crate::genesys::client::permit::RateLimitPermit;

impl Setup {
    async fn permit(&self) -> RateLimitPermit<'_> {
        let call = Call::get(JOBS);
        let mut progress = Progress::default();
        let inner = &self.client.inner;
        let permit = inner
            .acquire_permit(&call, Deadline::NONE, &mut progress)
            .await;
        permit.unwrap()
    }

    /// Reports a budget to the pace, as a response to another caller would.
    fn report_budget(&self, count: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("inin-ratelimit-count", count.parse().unwrap());
        headers.insert("inin-ratelimit-allowed", "300".parse().unwrap());
        headers.insert("inin-ratelimit-reset", "40".parse().unwrap());
        let (mut pace, now) = (self.client.inner.pace(), self.client.inner.clock.now());
        let ticket = pace.reserve(now).unwrap();
        pace.record_response(&ticket, &headers, now);
    }

    fn is_used_up(&self) -> bool {
        let now = self.client.inner.clock.now();
        !self.client.inner.pace().min_wait(now).is_zero()
    }
}

/// A future that records whether it was woken.
struct Watched<F> {
    future: Pin<Box<F>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl<F: Future> Watched<F> {
    fn new(future: Pin<Box<F>>) -> Self {
        let woken = Arc::default();
        Self { future, woken }
    }

    /// Polls the future once; it must be pending.
    fn poll(&mut self) {
        self.woken.0.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.woken));
        let polled = self.future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Acquire)
    }
}

fn with_budget(response: Scripted, count: &str) -> Scripted {
    response
        .header("inin-ratelimit-count", count)
        .header("inin-ratelimit-allowed", "300")
        .header("inin-ratelimit-reset", "40")
}

#[tokio::test]
async fn a_429_of_one_caller_delays_all_callers() {
    let setup = Setup::new([Scripted::new(429, "{}").header("Retry-After", "60"), ok()]).await;
    setup.get_before(in_seconds(30)).await.unwrap_err();

    let early_error = setup.get_before(in_seconds(30)).await.unwrap_err();
    let reply = setup.get().await.unwrap();

    assert_eq!(early_error.wait(), Some(Duration::from_mins(1)));
    assert_eq!((reply.tries, reply.throttled), (1, Duration::from_mins(1)));
    assert_eq!(setup.hits(), 2);
}

#[tokio::test]
async fn a_client_with_a_share_spaces_its_requests_and_retries() {
    let responses = [ok(), Scripted::new(503, "{}"), ok(), ok()];
    let setup = Setup::new(responses).await;
    let limited = setup.client.limited_to(RateShare::new(10, 1));
    let get = async |deadline| {
        let call = Call::get(JOBS);
        limited.call(&call, deadline, decode::ignore).await
    };

    get(Deadline::NONE).await.unwrap();
    let reply = get(Deadline::NONE).await.unwrap();
    let late = get(in_seconds(5)).await.unwrap_err();
    setup.get_before(in_seconds(5)).await.unwrap();

    // Thirty requests a minute: one every two seconds.
    assert_eq!((reply.tries, reply.throttled), (2, Duration::ZERO));
    assert_eq!(setup.waited(), Duration::from_secs(4));
    assert_eq!(late.wait(), Some(Duration::from_secs(2)));
    assert_eq!(setup.hits(), 4);
}

#[tokio::test]
async fn callers_beyond_the_first_quarter_are_spread_over_the_window() {
    let setup = Setup::new([with_budget(ok(), "144")]).await;
    setup.get().await.unwrap();

    let replies = join_all((0..4).map(|_| setup.get())).await;

    let throttled: Duration = replies
        .iter()
        .map(|reply| reply.as_ref().unwrap().throttled)
        .sum();
    // 156 places over the 39 seconds that certainly remain: one every quarter of a second.
    assert!(
        (1000..=1200).contains(&setup.waited().as_millis()),
        "{:?}",
        setup.waited()
    );
    assert_eq!(setup.client.stats().throttled_time, throttled);
}

#[tokio::test]
async fn a_response_frees_a_place_for_the_next_caller() {
    let setup = Setup::new([with_budget(ok(), "299")]).await;
    setup.get().await.unwrap();
    let permit = setup.permit().await;

    let blocked = setup.client.inner.pace().expected_wait(setup.clock.now());
    permit.record_response(&HeaderMap::new());
    let reply = setup.get().await;

    // The permit took five seconds, the longest pause.
    assert_eq!(blocked, Duration::from_secs(36));
    assert!(reply.is_ok());
}

#[tokio::test]
async fn a_caller_that_gives_up_before_it_sends_takes_no_place() {
    let setup = Setup::new([with_budget(ok(), "299")]).await;
    setup.get().await.unwrap();

    drop(setup.permit().await);

    assert!(!setup.is_used_up());
}

#[tokio::test]
async fn a_caller_that_gives_up_after_it_has_sent_takes_a_place() {
    let setup = Setup::new([with_budget(ok(), "299")]).await;
    setup.get().await.unwrap();

    let mut permit = setup.permit().await;
    permit.mark_sent();
    drop(permit);

    assert!(setup.is_used_up());
}

#[tokio::test]
async fn a_login_that_fails_is_not_charged_to_the_budget() {
    let logins = [
        Scripted::token("t0ken-1", 86_399),
        Scripted::new(400, r#"{"error":"unsupported_grant_type"}"#),
    ];
    let setup = Setup::with(|_| {}, logins, [with_budget(ok(), "299")]).await;
    setup.get().await.unwrap();
    setup.clock.advance(Duration::from_hours(24));
    // A day later: the token is due for renewal, and another client has used all but one place of the budget.
    setup.report_budget("299");

    let error = setup.get().await.unwrap_err();

    assert!(matches!(error, ApiError::Login { .. }), "{error}");
    assert!(!setup.is_used_up());
}

#[tokio::test]
async fn a_connection_that_is_refused_is_not_charged_to_the_budget() {
    let closed_listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_url = format!("http://{}", closed_listener.local_addr().unwrap());
    drop(closed_listener);
    let with_closed_url = |settings: &mut ClientSettings| {
        let login = settings.endpoints.login().to_string();
        settings.endpoints = Endpoints::new(None, Some(&closed_url), Some(&login)).unwrap();
        settings.max_tries = 1;
    };
    let setup = Setup::with(with_closed_url, [Scripted::token("t0ken-1", 86_399)], []).await;
    setup.report_budget("299");

    let error = setup.get().await.unwrap_err();

    assert_snapshot!(error, @"/api/v2/jobs could not be reached");
    assert!(!setup.is_used_up());
}

#[tokio::test]
async fn a_caller_queued_until_its_deadline_is_reported_as_throttled() {
    let setup = Setup::new([]).await;
    let inner = &setup.client.inner;
    inner.hold(Duration::from_millis(2));
    let _first = inner.queue.lock().await;

    let soon = Deadline::at(start() + Duration::from_millis(5));
    let error = setup.get_before(soon).await.unwrap_err();

    assert!(matches!(error, ApiError::Throttled { .. }), "{error}");
    assert_eq!(error.wait(), Some(Duration::from_millis(2)));
}

#[tokio::test]
async fn a_response_or_a_departing_caller_wakes_the_next_in_line() {
    let setup = Setup::on(Clock::System).await;
    let inner = &setup.client.inner;
    let last_place = setup.permit().await;
    setup.report_budget("299");
    let call = Call::get(JOBS);
    let mut progress = [(); 2].map(|()| Progress::default());
    let [first, second] = progress
        .each_mut()
        .map(|progress| Box::pin(inner.acquire_permit(&call, Deadline::NONE, progress)));
    let (mut first, mut second) = (Watched::new(first), Watched::new(second));

    first.poll();
    second.poll();
    let asleep = [first.is_woken(), second.is_woken()];
    drop(first);
    let moves_up = second.is_woken();
    second.poll();
    let woken_in_front = second.is_woken();
    last_place.record_response(&HeaderMap::new());

    assert_eq!(
        (asleep, moves_up, woken_in_front),
        ([false; 2], true, false)
    );
    assert!(second.is_woken());
}

#[tokio::test]
async fn rate_limit_headers_of_a_401_are_ignored() {
    let unauthorized = Scripted::new(401, "{}")
        .header("inin-ratelimit-count", "0")
        .header("inin-ratelimit-allowed", "300")
        .header("inin-ratelimit-reset", "60");
    let setup = Setup::new([with_budget(ok(), "299"), unauthorized, ok()]).await;
    setup.get().await.unwrap();

    let reply = setup.get().await.unwrap();

    // One place is left: two requests, each after the longest pause.
    assert_eq!(reply.throttled, Duration::from_secs(10));
}
