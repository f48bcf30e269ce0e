use super::*;

#[tokio::test]
async fn every_transient_status_is_retried() {
    for status in [
        202, 408, 409, 421, 423, 425, 429, 500, 501, 502, 503, 504, 507, 520, 524, 529, 599,
    ] {
        let setup = Setup::new([Scripted::new(status, ""), ok()]).await;

        let reply = setup.get().await.unwrap();

        assert_eq!((reply.tries, setup.hits()), (2, 2), "{status}");
        assert_eq!(setup.client.stats().retries, 1, "{status}");
    }
}

#[tokio::test]
async fn every_other_status_is_permanent() {
    for status in [302, 308, 400, 402, 403, 404, 406, 410, 413, 415, 422, 451] {
        let setup = Setup::new([Scripted::new(status, "").header("Location", JOBS), ok()]).await;

        let error = setup.get().await.unwrap_err();

        assert_eq!(
            (error.status(), error.is_transient(), setup.hits()),
            (Some(status), false, 1),
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_unexpected_2xx_is_retried_and_then_a_permanent_error() {
    for status in [201, 203, 204, 205, 206, 226] {
        let healed = Setup::new([Scripted::new(status, ""), ok()]).await;
        let broken = Setup::new([Scripted::new(status, r#"{"jobId":"j1"}"#)]).await;

        assert_eq!(healed.get().await.unwrap().tries, 2, "{status}");
        let error = broken.get().await.unwrap_err();
        assert!(
            matches!(error, ApiError::Broken { tries: 6, .. }),
            "{status}: {error}"
        );
    }
}

#[tokio::test]
async fn a_lasting_202_is_a_transient_error() {
    let setup = Setup::new([Scripted::new(202, r#"{"state":"PENDING"}"#)]).await;

    let error = setup.get().await.unwrap_err();

    assert!(error.is_transient());
    assert_snapshot!(error, @"/api/v2/jobs returned 202: the requested resource is not ready yet");
}

#[tokio::test]
async fn an_error_body_overrides_a_successful_status() {
    let body = |code, status| json!({"message": "m", "code": code, "status": status}).to_string();
    for (code, status, is_transient) in [
        ("not.found", 404, false),
        ("missing.permissions", 403, false),
        ("bad.request", 400, false),
        ("too.many.requests", 429, true),
        ("service.unavailable", 503, true),
        ("internal.server.error", 500, true),
    ] {
        for success_status in [200, 202, 206] {
            let setup = Setup::new([Scripted::new(success_status, body(code, status))]).await;
            let error = setup.decoding_jobs().await.unwrap_err();
            assert_eq!(
                (error.status(), error.is_transient()),
                (Some(status), is_transient),
                "{success_status} {code}"
            );
        }
    }
}

#[tokio::test]
async fn unexpected_json_is_permanent_only_after_the_last_try() {
    let scripted = || [Scripted::new(200, "{}")];
    let setup = Setup::new(scripted()).await;
    let with_deadline = Setup::new(scripted()).await;

    let error = setup.decoding_jobs().await.unwrap_err();
    let deadline = Deadline::at(start() + Duration::from_millis(1));
    let early = with_deadline.decoding_jobs_before(deadline).await;

    assert!(!error.is_transient());
    assert_eq!(setup.hits(), 6);
    assert_snapshot!(error, @"/api/v2/jobs returned 200 with an undocumented response: `jobId` is missing, in each of 6 tries");
    assert!(early.unwrap_err().is_transient());
}

#[tokio::test]
async fn one_unexpected_response_after_an_outage_stays_transient() {
    let outage = || Scripted::new(503, "{}");
    let starting = Scripted::new(200, r#"{"status":"starting"}"#);
    let setup = Setup::new([outage(), outage(), outage(), outage(), outage(), starting]).await;

    let error = setup.decoding_jobs().await.unwrap_err();

    assert_eq!(setup.hits(), 6);
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_byte_order_mark_in_front_of_a_body_is_skipped() {
    let setup = Setup::new([Scripted::new(200, "\u{feff}{\"jobId\":\"j1\"}")]).await;

    assert_eq!(setup.get().await.unwrap().tries, 1);
}

#[tokio::test]
async fn a_deletion_succeeds_with_any_2xx_but_an_error_body() {
    for (status, body, is_done) in [
        (200, "", true),
        (202, "{}", true),
        (204, "", true),
        (
            200,
            r#"{"message":"m","code":"bad.request","status":400}"#,
            false,
        ),
    ] {
        let setup = Setup::new([Scripted::new(status, body)]).await;
        let call = Call::delete(JOBS);

        let deleted = setup
            .client
            .call(&call, Deadline::NONE, decode::ignore)
            .await;

        assert_eq!(deleted.is_ok(), is_done, "{status} {body}");
    }
}

#[tokio::test]
async fn retry_after_in_seconds_is_obeyed() {
    let setup = Setup::new([Scripted::new(429, "{}").header("Retry-After", "7"), ok()]).await;

    let reply = setup.get().await.unwrap();

    assert!((7000..=7500).contains(&setup.waited().as_millis()));
    assert_eq!(reply.throttled, setup.waited());
    assert_eq!(
        (
            setup.client.stats().throttled,
            setup.client.stats().throttled_time.as_secs()
        ),
        (1, 7)
    );
}

#[tokio::test]
async fn retry_after_as_a_date_is_obeyed() {
    let setup = Setup::new([
        Scripted::new(503, "").header("Retry-After", "Mon, 02 Mar 2026 10:00:30 GMT"),
        ok(),
    ])
    .await;

    let reply = setup.get().await.unwrap();

    assert!((30_000..=30_500).contains(&setup.waited().as_millis()));
    assert_eq!(reply.throttled, Duration::ZERO);
}

#[tokio::test]
async fn an_invalid_retry_after_leaves_the_usual_back_off() {
    let setup = Setup::new([
        Scripted::new(429, "").header("Retry-After", "tomorrow"),
        ok(),
    ])
    .await;

    setup.get().await.unwrap();

    assert!(setup.waited() <= Duration::from_millis(500));
}

#[tokio::test]
async fn without_retry_after_a_429_waits_for_the_budget_reset() {
    let throttled = Scripted::new(429, "")
        .header("inin-ratelimit-count", "301")
        .header("inin-ratelimit-allowed", "300")
        .header("inin-ratelimit-reset", "20");
    let setup = Setup::new([throttled, ok()]).await;

    let reply = setup.get().await.unwrap();

    assert!((21_000..=21_500).contains(&reply.throttled.as_millis()));
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let setup = Setup::new([Scripted::new(429, "{}").header("Retry-After", "60"), ok()]).await;

    let error = setup.get_before(in_seconds(50)).await.unwrap_err();

    assert!(error.is_transient());
    assert_eq!(error.wait(), Some(Duration::from_mins(1)));
    assert_eq!((setup.hits(), setup.waited()), (1, Duration::ZERO));
}

#[tokio::test]
async fn a_wait_of_many_minutes_is_left_to_the_caller() {
    let setup = Setup::new([Scripted::new(503, "").header("Retry-After", "3600"), ok()]).await;

    let error = setup.get().await.unwrap_err();

    assert_eq!(
        (error.wait(), setup.hits()),
        (Some(Duration::from_hours(1)), 1)
    );
}

#[tokio::test]
async fn after_the_deadline_nothing_is_sent() {
    let setup = Setup::new([ok()]).await;

    let error = setup.get_before(in_seconds(0)).await.unwrap_err();

    assert!(error.is_transient());
    assert_eq!((setup.hits(), setup.server.hits(LOGIN)), (0, 0));
    assert_snapshot!(error, @"/api/v2/jobs was not called: the deadline expired");
}

#[tokio::test]
async fn a_try_ends_at_the_deadline() {
    let never = Arc::new(Barrier::new(2));
    let logins = [Scripted::token("t", 600)];
    let setup = Setup::with(
        |settings| settings.max_tries = 1,
        logins,
        [ok().wait_for(&never)],
    )
    .await;
    let deadline = Deadline::at(start() + Duration::from_millis(40));

    let error = setup.get_before(deadline).await.unwrap_err();

    assert!(error.is_transient());
    assert_snapshot!(error, @"/api/v2/jobs did not respond in time");
}

#[tokio::test]
async fn a_504_is_retried_after_ten_seconds() {
    let setup = Setup::new([Scripted::new(504, ""), ok()]).await;

    setup.get().await.unwrap();

    assert!((10_000..=10_500).contains(&setup.waited().as_millis()));
}

#[tokio::test]
async fn a_call_is_tried_at_most_six_times() {
    let setup = Setup::new([Scripted::new(503, "")]).await;

    let error = setup.get().await.unwrap_err();

    assert_eq!((setup.hits(), error.status()), (6, Some(503)));
    assert_eq!(setup.client.stats().retries, 5);
}

#[tokio::test]
async fn a_truncated_body_is_requested_again() {
    let setup = Setup::new([ok().cut_off(), ok()]).await;

    let reply = setup.get().await.unwrap();

    assert_eq!((reply.tries, reply.bytes_in), (2, 14));
    assert_eq!(setup.client.stats().bytes_in, 14);
}

#[tokio::test]
async fn invalid_json_is_retried() {
    let setup = Setup::new([
        Scripted::new(200, "<html>"),
        Scripted::new(200, r#"{"jobId":"#),
        ok(),
    ])
    .await;

    let reply = setup.get().await.unwrap();

    assert_eq!(reply.tries, 3);
}

#[tokio::test]
async fn an_unreachable_host_is_retried() {
    let closed_url = "http://127.0.0.1:1";
    let endpoints = |setup: &Setup| {
        Endpoints::new(None, Some(closed_url), Some(setup.server.url.as_str())).unwrap()
    };
    let reachable = Setup::new([ok()]).await;
    let mut settings = ClientSettings::new(endpoints(&reachable));
    settings.max_tries = 3;
    let credentials = Credentials {
        id: "c1".to_owned(),
        secret: "s3cret".into(),
    };
    let client =
        GenesysClient::new(settings, Arc::new(credentials), reachable.clock.clone()).unwrap();

    let error = client
        .call(&Call::get(JOBS), Deadline::NONE, |_| Ok(()))
        .await
        .unwrap_err();

    assert!(error.is_transient());
    assert_eq!((client.stats().requests, client.stats().logins), (3, 1));
    assert_snapshot!(error, @"/api/v2/jobs could not be reached");
}
