use super::*;

fn with_budget(answer: Scripted, count: &str) -> Scripted {
    answer
        .header("inin-ratelimit-count", count)
        .header("inin-ratelimit-allowed", "300")
        .header("inin-ratelimit-reset", "40")
}

#[tokio::test]
async fn a_429_of_one_caller_holds_all_of_them() {
    let setup = Setup::new([Scripted::new(429, "{}").header("Retry-After", "60"), ok()]).await;
    setup.get_before(in_seconds(30)).await.unwrap_err();

    let hasty = setup.get_before(in_seconds(30)).await.unwrap_err();
    let patient = setup.get().await.unwrap();

    assert_eq!(hasty.wait(), Some(Duration::from_mins(1)));
    assert_eq!(
        (patient.attempts, patient.throttled),
        (1, Duration::from_mins(1))
    );
    assert_eq!(setup.hits(), 2);
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
    // 156 places in the 39 seconds that are certain: one every quarter of a second.
    assert!(
        (1000..=1200).contains(&setup.waited().as_millis()),
        "{:?}",
        setup.waited()
    );
    assert_eq!(setup.client.stats().throttled_time, throttled);
}

#[tokio::test]
async fn a_caller_that_gives_up_makes_room_for_the_next_one() {
    let setup = Setup::new([with_budget(ok(), "299")]).await;
    setup.get().await.unwrap();
    let inner = &setup.client.inner;
    let call = Call::get(JOBS);
    let mut progress = Progress::default();
    let turn = inner.await_turn(&call, Deadline::NONE, &mut progress).await;

    let blocked = inner.pace().reserve(setup.clock.now()).is_err();
    turn.unwrap().answered(&reqwest::header::HeaderMap::new());
    let reply = setup.get().await;

    assert!(blocked && reply.is_ok());
}

#[tokio::test]
async fn the_headers_of_a_401_say_nothing_of_the_budget() {
    let anew = Scripted::new(401, "{}")
        .header("inin-ratelimit-count", "0")
        .header("inin-ratelimit-allowed", "300")
        .header("inin-ratelimit-reset", "60");
    let setup = Setup::new([with_budget(ok(), "299"), anew, ok()]).await;
    setup.get().await.unwrap();

    let reply = setup.get().await.unwrap();

    // One place is left: two requests, each after the longest pause.
    assert_eq!(reply.throttled, Duration::from_secs(10));
}
