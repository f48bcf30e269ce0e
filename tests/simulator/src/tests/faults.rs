//! Faults of a single request.

use super::*;
use crate::{Faults, RetryAfter};

pub(super) const AVAILABILITY: &str = "api/v2/analytics/conversations/details/jobs/availability";

fn always(faults: Faults) -> Faults {
    Faults {
        max_in_a_row: u32::MAX,
        ..faults
    }
}

pub(super) async fn world_with(faults: Faults) -> World {
    let world = World::new(small_settings()).await;
    world.simulator.set_faults(always(faults));
    world
}

#[tokio::test]
async fn a_throttled_response_has_a_retry_after() {
    let world = world_with(Faults {
        throttle: 1.0,
        retry_after: RetryAfter::Seconds(37),
        ..Faults::default()
    })
    .await;

    let response = world.get(AVAILABILITY).await;

    assert_eq!(
        (response.status, response.header("Retry-After")),
        (429, "37")
    );
    assert_eq!(
        response.json()["message"],
        "Rate limit exceeded the maximum. Retry the request in [37] seconds"
    );
    assert_eq!(world.simulator.stats().throttled, 1);
    assert_eq!(world.simulator.stats().faults_of("throttle"), 1);
}

#[tokio::test]
async fn retry_after_can_be_absent_or_not_a_number() {
    let world = world_with(Faults {
        throttle: 1.0,
        retry_after: RetryAfter::Absent,
        ..Faults::default()
    })
    .await;

    let absent = world.get(AVAILABILITY).await;
    world.simulator.set_faults(always(Faults {
        throttle: 1.0,
        retry_after: RetryAfter::NotANumber,
        ..Faults::default()
    }));
    let no_number = world.get(AVAILABILITY).await;

    assert!(absent.headers.get("Retry-After").is_none());
    assert!(no_number.header("Retry-After").parse::<u64>().is_err());
}

#[tokio::test]
async fn server_errors_have_error_bodies_or_proxy_pages() {
    let world = world_with(Faults {
        server_error: 1.0,
        ..Faults::default()
    })
    .await;
    let (mut statuses, mut types) = (Vec::new(), Vec::new());

    for _ in 0..60 {
        let response = world.get(AVAILABILITY).await;
        types.push(response.header("content-type").to_owned());
        statuses.push(response.status);
    }

    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [500, 502, 503, 504]);
    assert!(
        types.contains(&"text/html".to_owned()) && types.contains(&"application/json".to_owned())
    );
}

#[tokio::test]
async fn a_timeout_is_a_408() {
    let world = world_with(Faults {
        timeout_408: 1.0,
        ..Faults::default()
    })
    .await;

    let response = world.get(AVAILABILITY).await;

    assert_eq!(
        (response.status, &response.json()["code"]),
        (408, &json!("client.timeout"))
    );
}

#[tokio::test]
async fn a_truncated_body_is_an_error_to_its_reader() {
    let world = world_with(Faults {
        cut_off: 1.0,
        ..Faults::default()
    })
    .await;

    let response = world.try_get(AVAILABILITY).await;

    assert!(response.is_err());
    assert_eq!(world.simulator.stats().faults_of("cut_off"), 1);
}

#[tokio::test]
async fn a_truncated_body_announces_its_full_length() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = world_with(Faults {
        cut_off: 1.0,
        ..Faults::default()
    })
    .await;
    let mut stream =
        tokio::net::TcpStream::connect(("127.0.0.1", world.simulator.url().port().unwrap()))
            .await
            .unwrap();
    let request = format!(
        "GET /{AVAILABILITY} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        world.token
    );

    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).await.ok();

    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.contains("content-length: 47"),
        "{head}"
    );
    assert!(!body.is_empty() && body.len() < 47, "{body}");
}

#[tokio::test]
async fn a_lost_reply_may_have_had_its_effect() {
    let world = world_with(Faults {
        reset: 1.0,
        ..Faults::default()
    })
    .await;
    let mut lost = 0;

    while world.simulator.stats().jobs_submitted == 0 {
        assert!(
            world
                .try_post(JOBS, &json!({ "interval": INTERVAL }))
                .await
                .is_err()
        );
        lost += 1;
        assert!(lost < 50);
    }

    let stats = world.simulator.stats();
    assert_eq!(
        stats.faults_of("reset") + stats.faults_of("reset_after_effect"),
        lost
    );
    assert_eq!(stats.live_jobs.len(), 1);
}

#[tokio::test]
async fn a_slow_body_arrives_complete() {
    let world = world_with(Faults::default()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;
    let whole = world.get(&format!("{JOBS}/{id}/results")).await;
    world.simulator.set_faults(always(Faults {
        slow: 1.0,
        ..Faults::default()
    }));

    let slow = world.get(&format!("{JOBS}/{id}/results")).await;

    assert_eq!(slow.text(), whole.text());
    assert_eq!(world.simulator.stats().faults_of("slow"), 1);
}

#[tokio::test]
async fn a_stalled_body_never_ends() {
    let world = world_with(Faults {
        stall: 1.0,
        ..Faults::default()
    })
    .await;

    let response =
        tokio::time::timeout(Duration::from_millis(300), world.try_get(AVAILABILITY)).await;

    assert!(response.is_err());
}

#[tokio::test]
async fn garbage_is_a_200_that_is_not_json() {
    let world = world_with(Faults {
        garbage: 1.0,
        ..Faults::default()
    })
    .await;

    let response = world.get(AVAILABILITY).await;

    assert_eq!(response.status, 200);
    assert!(serde_json::from_slice::<Value>(&response.body).is_err());
}

#[tokio::test]
async fn a_client_that_tries_four_times_gets_through_the_transient_mix() {
    let world = World::new(small_settings()).await;
    world.simulator.set_faults(Faults::transient(3));

    for _ in 0..80 {
        let mut usable = false;
        for _ in 0..4 {
            let response = world.try_get(AVAILABILITY).await;
            usable |= response.is_ok_and(|it| {
                it.status == 200 && serde_json::from_slice::<Value>(&it.body).is_ok()
            });
        }
        assert!(usable);
    }
    assert!(world.simulator.stats().faults.len() >= 7);
}

#[tokio::test]
async fn a_dropped_simulator_refuses_connections() {
    let world = world_with(Faults::default()).await;
    let url = world.simulator.url();
    drop(world);

    let mut refused = false;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        refused |= Call::new(Method::GET, url.clone()).send().await.is_err();
    }

    assert!(refused);
}
