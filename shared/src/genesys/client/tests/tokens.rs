use super::*;

#[tokio::test]
async fn a_token_refused_in_mid_run_is_renewed_once() {
    let setup = Setup::new([ok(), Scripted::new(401, "{}"), ok()]).await;

    setup.get().await.unwrap();
    let reply = setup.get().await.unwrap();

    assert_eq!(reply.tries, 2);
    assert_eq!(setup.waited(), Duration::ZERO);
    assert_eq!(setup.client.stats().logins, 2);
    assert_eq!(
        setup.server.seen(JOBS)[2].headers["authorization"],
        "Bearer t0ken-2"
    );
}

#[tokio::test]
async fn callers_with_the_same_refused_token_share_one_login() {
    let together = Arc::new(Barrier::new(2));
    let refused = || Scripted::new(401, "{}").wait_for(&together);
    let setup = Setup::new([refused(), refused(), ok()]).await;

    let replies = join_all([setup.get(), setup.get()]).await;

    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(setup.client.stats().logins, 2);
    assert_eq!(setup.hits(), 4);
}

#[tokio::test]
async fn a_refused_new_token_is_renewed_again_after_a_pause() {
    let refused = || Scripted::new(401, "{}");
    let setup = Setup::new([refused(), refused(), ok()]).await;

    let reply = setup.get().await.unwrap();

    assert_eq!((reply.tries, setup.waited()), (3, Duration::from_secs(5)));
    assert_eq!(setup.client.stats().logins, 3);
}

#[tokio::test]
async fn a_refused_new_token_near_the_deadline_is_a_transient_error() {
    let setup = Setup::new([Scripted::new(401, "{}")]).await;

    let error = setup.get_before(in_seconds(4)).await.unwrap_err();

    assert!(error.is_transient());
    assert_eq!((error.status(), setup.hits()), (Some(401), 2));
}

#[tokio::test]
async fn a_401_in_the_body_of_a_success_renews_the_token() {
    let refused = r#"{"message":"m","code":"bad.credentials","status":401}"#;
    let setup = Setup::new([Scripted::new(200, refused), ok()]).await;

    let reply = setup.decoding_jobs().await.unwrap();

    assert_eq!((reply.tries, setup.client.stats().logins), (2, 2));
}

#[tokio::test]
async fn a_login_error_with_status_200_is_permanent() {
    let invalid_client = Scripted::new(
        200,
        r#"{"error":"invalid_client","description":"client not found"}"#,
    );
    let setup = Setup::with(|_| {}, [invalid_client], [ok()]).await;

    let error = setup.get().await.unwrap_err();

    assert!(!error.is_transient());
    assert!(error.to_string().contains("client not found"), "{error}");
}

#[tokio::test]
async fn a_login_response_without_a_token_is_retried() {
    for response in [
        Scripted::new(200, "<html>").header("Content-Type", "text/html"),
        Scripted::new(200, "{}"),
        Scripted::new(200, r#"{"access_token":null}"#),
        Scripted::new(200, r#"{"access_token":"a\u0000b"}"#),
        Scripted::new(200, r#"{"access_token":""}"#),
        Scripted::new(
            201,
            r#"{"message":"m","code":"too.many.requests","status":429}"#,
        ),
        Scripted::new(226, "<html>"),
        Scripted::new(409, ""),
        Scripted::new(524, ""),
    ] {
        let logins = [response, Scripted::token("t", 600)];
        let setup = Setup::with(|_| {}, logins, [ok()]).await;

        assert_eq!(setup.get().await.unwrap().tries, 2);
    }
}

#[tokio::test]
async fn a_third_401_is_permanent() {
    let body =
        r#"{"code":"bad.credentials","message":"Invalid login credentials.","contextId":"c-1"}"#;
    let setup = Setup::new([Scripted::new(401, body)]).await;

    let error = setup.get().await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!((error.status(), setup.hits()), (Some(401), 3));
    assert_snapshot!(error, @"/api/v2/jobs returned 401 bad.credentials: Invalid login credentials. (contextId c-1)");
}

#[tokio::test]
async fn an_unavailable_login_is_retried_within_the_call() {
    let logins = [
        Scripted::new(503, ""),
        Scripted::new(429, "").header("Retry-After", "5"),
        Scripted::token("t", 600),
    ];
    let setup = Setup::with(|_| {}, logins, [ok()]).await;

    let reply = setup.get().await.unwrap();

    assert_eq!(reply.tries, 3);
    assert!(reply.throttled >= Duration::from_secs(5));
    assert_eq!((setup.client.stats().logins, setup.hits()), (3, 1));
}

#[tokio::test]
async fn a_permanent_login_failure_is_not_retried() {
    let invalid_client = Scripted::new(
        400,
        r#"{"error":"invalid_client","description":"client not found"}"#,
    );
    let setup = Setup::with(|_| {}, [invalid_client], [ok()]).await;

    let error = setup.get().await.unwrap_err();

    assert!(!error.is_transient());
    assert!(error.to_string().contains("client not found"));
    assert_eq!((setup.client.stats().logins, setup.hits()), (1, 0));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_in_mid_run() {
    let logins = [Scripted::token("t1", 600), Scripted::token("t2", 600)];
    let setup = Setup::with(|_| {}, logins, [ok()]).await;

    setup.get().await.unwrap();
    setup.clock.advance(Duration::from_secs(541));
    setup.get().await.unwrap();

    assert_eq!(
        setup.server.seen(JOBS)[1].headers["authorization"],
        "Bearer t2"
    );
}
