//! Rate limits and error bodies.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Faults, RetryAfter};

#[tokio::test]
async fn every_api_response_reports_the_used_rate_limit() {
    let world = World::new(Settings {
        rate_per_minute: 7,
        ..small_settings()
    })
    .await;

    let first = world.get(&format!("{JOBS}/availability")).await;
    let second = world.get(&format!("{JOBS}/nothing")).await;

    assert_eq!(
        (
            first.header("inin-ratelimit-count"),
            second.header("inin-ratelimit-count")
        ),
        ("1", "2")
    );
    assert_eq!(second.header("inin-ratelimit-allowed"), "7");
    assert_eq!(second.header("inin-ratelimit-reset"), "60");
}

#[tokio::test]
async fn a_request_beyond_the_limit_gets_429_until_the_window_ends() {
    let world = World::new(Settings {
        rate_per_minute: 2,
        ..small_settings()
    })
    .await;
    let path = format!("{JOBS}/availability");
    world.advance_clock(Duration::from_secs(15));
    world.get(&path).await;
    world.get(&path).await;

    let third = world.get(&path).await;
    world.advance_clock(Duration::from_secs(45));
    let next_window = world.get(&path).await;

    assert_eq!((third.status, third.header("Retry-After")), (429, "45"));
    let body = third.json();
    assert_eq!(body["code"], "too.many.requests.retry.after");
    assert_eq!(
        body["message"],
        "Rate limit exceeded the maximum. Retry the request in [45] seconds"
    );
    assert_eq!(
        body["messageWithParams"],
        "Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds"
    );
    assert_eq!(body["messageParams"], json!({ "seconds": "45" }));
    assert_eq!(
        body["limit"],
        json!({ "key": "client.credentials.token.rate.per.minute", "namespace": "platform.api", "value": 2 })
    );
    assert_eq!(next_window.status, 200);
    assert_eq!(world.simulator.stats().throttled, 1);
}

#[tokio::test]
async fn each_token_has_its_own_limit() {
    let mut world = World::new(Settings {
        rate_per_minute: 1,
        ..small_settings()
    })
    .await;
    let path = format!("{JOBS}/availability");
    world.get(&path).await;
    world.login().await;

    let other_token = world.get(&path).await;

    assert_eq!(other_token.status, 200);
}

#[tokio::test]
async fn all_tokens_of_a_client_share_a_client_limit() {
    let mut world = World::new(Settings {
        rate_per_minute: 3,
        client_rate_per_minute: 4,
        ..small_settings()
    })
    .await;
    let path = format!("{JOBS}/availability");
    for _ in 0..3 {
        world.get(&path).await;
    }
    world.login().await;

    let first = world.get(&path).await;
    let second = world.get(&path).await;

    assert_eq!((first.status, second.status), (200, 429));
    assert_eq!(second.header("inin-ratelimit-count"), "2");
    assert_eq!(
        second.json()["limit"]["key"],
        "org.app.user.rate.per.minute"
    );
}

#[tokio::test]
async fn without_a_token_limit_there_is_no_client_limit() {
    let world = World::new(Settings {
        rate_per_minute: 0,
        client_rate_per_minute: 1,
        ..small_settings()
    })
    .await;
    let path = format!("{JOBS}/availability");

    for _ in 0..3 {
        assert_eq!(world.get(&path).await.status, 200);
    }
}

#[tokio::test]
async fn retry_after_leads_into_the_next_window_of_a_shorter_length() {
    let world = World::new(Settings {
        rate_per_minute: 1,
        rate_window: Duration::from_secs(4),
        ..small_settings()
    })
    .await;
    let path = format!("{JOBS}/availability");
    world.advance_clock(Duration::from_millis(1300));
    world.get(&path).await;

    let refused = world.get(&path).await;
    world.advance_clock(Duration::from_secs(3));
    let waited = world.get(&path).await;

    assert_eq!((refused.status, refused.header("Retry-After")), (429, "3"));
    assert_eq!(
        (waited.status, waited.header("inin-ratelimit-reset")),
        (200, "4")
    );
}

#[tokio::test]
async fn a_429_without_retry_after_has_the_older_body() {
    let world = World::new(small_settings()).await;
    world.simulator.set_faults(Faults {
        throttle: 1.0,
        retry_after: RetryAfter::Absent,
        ..Faults::default()
    });

    let response = world.get(&format!("{JOBS}/availability")).await;

    assert_eq!(response.status, 429);
    assert!(response.headers.get("Retry-After").is_none());
    assert_eq!(response.json()["code"], "too.many.requests");
}

#[tokio::test]
async fn the_context_id_of_an_error_is_the_correlation_id() {
    let world = World::new(small_settings()).await;

    let response = world.get("api/v2/nothing/here").await;

    assert_eq!(response.status, 404);
    let correlation = response.header("ININ-Correlation-Id").to_owned();
    let body = response.json();
    assert_eq!(body["contextId"], correlation.as_str());
    assert_eq!(
        (&body["code"], &body["status"]),
        (&json!("not.found"), &json!(404))
    );
    assert_eq!(
        (&body["details"], &body["errors"]),
        (&json!([]), &json!([]))
    );
}

#[tokio::test]
async fn another_method_on_a_path_that_exists_is_a_405() {
    let world = World::new(small_settings()).await;

    let response = world.get(JOBS).await;

    assert_eq!(response.status, 405);
    assert_eq!(
        response.json()["contextId"],
        response.header("ININ-Correlation-Id")
    );
}

#[tokio::test]
async fn an_oversized_request_body_is_answered_with_413() {
    let world = World::new(small_settings()).await;

    for length in [600_000, 8_000_000] {
        let body = json!({ "interval": INTERVAL, "padding": "x".repeat(length) });
        let response = world.post(JOBS, &body).await;

        assert_eq!(response.status, 413);
        assert_eq!(response.json()["code"], "request.entity.too.large");
    }
}

#[tokio::test]
async fn a_malformed_request_body_is_not_reported_as_too_large() {
    let world = World::new(small_settings()).await;
    let (host, port) = ("127.0.0.1", world.simulator.url().port().unwrap());
    let mut stream = TcpStream::connect((host, port)).await.unwrap();

    // A chunk without a length.
    let request = format!(
        "POST /{JOBS} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n",
        world.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();

    let response = String::from_utf8(response).unwrap();
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    assert!(response.contains("could not be read"), "{response}");
}
