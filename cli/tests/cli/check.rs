//! `check`: one line per check, with its fix.

use std::sync::Arc;

use genesys_simulator::{Settings, wall_clock};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::{CommandOutput, World, fast_settings, files};

mod access;
mod gateways;
mod trial_job;

const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The marks of all checks with this name, in order.
fn marks(output: &CommandOutput, check: &str) -> Vec<String> {
    let all = findings(output, check);
    all.iter()
        .map(|it| it["mark"].as_str().unwrap().to_owned())
        .collect()
}

fn findings(output: &CommandOutput, check: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(&output.out)
        .unwrap_or_else(|_| panic!("{}{}", output.out, output.err));
    let all = report["checks"].as_array().unwrap().clone();
    all.into_iter().filter(|it| it["check"] == check).collect()
}

/// The text of all checks with this name, including the fixes.
fn finding_text(output: &CommandOutput, check: &str) -> String {
    let lines = findings(output, check);
    let lines = lines
        .iter()
        .map(|it| format!("{} {}", it["what"], it["fix"]));
    lines.collect::<Vec<_>>().join("\n")
}

impl World {
    /// An organisation whose conversations are recent by the real clock, as in production.
    async fn of_today(adjust: impl FnOnce(&mut Settings)) -> Self {
        let now = wall_clock()();
        let mut settings = Settings {
            conversations: 200,
            interval: (now - SignedDuration::from_hours(72), now),
            ..fast_settings()
        };
        adjust(&mut settings);
        Self::with(settings).await
    }

    async fn check(&self, more: &[&str]) -> CommandOutput {
        self.run(&[&["check", "--json"], more].concat()).await
    }

    /// A world in which `respond` replaces the simulator for every request.
    async fn with_responses(
        respond: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let mut world = Self::new().await;
        let url = serve(respond).await;
        world.set("GENESYS_API_URL", &url);
        world.set("GENESYS_LOGIN_URL", &url);
        world
    }
}

/// A server that responds by the request's method and path.
async fn serve(respond: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let respond = Arc::new(respond);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let respond = Arc::clone(&respond);
            tokio::spawn(async move {
                let mut request = vec![0; 16 * 1024];
                let read = stream.read(&mut request).await.unwrap();
                let head = String::from_utf8_lossy(&request[..read]).into_owned();
                let route: Vec<_> = head.split([' ', '?']).take(2).collect();
                let (status, body) = respond(&route.join(" "));
                let body = body.to_string();
                let response = format!(
                    "HTTP/1.1 {status} Scripted\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(response.as_bytes()).await.unwrap();
            });
        }
    });
    url
}

const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";

/// The response of an organisation for which every check passes.
fn healthy_response(route: &str) -> (u16, Value) {
    let path = route.split(' ').nth(1).unwrap();
    match route.split(' ').next().unwrap() {
        "DELETE" => (200, json!({})),
        "POST" if path == "/oauth/token" => (
            200,
            json!({"access_token": "t0ken", "token_type": "bearer", "expires_in": 3600}),
        ),
        "POST" if path == JOBS => (202, json!({"jobId": "j1"})),
        "POST" => (200, json!({"totalHits": 4711})),
        _ if path.ends_with("/availability") => {
            (200, json!({"dataAvailabilityDate": "2026-03-10T00:00:00Z"}))
        }
        _ if path.ends_with("/j1") => (
            200,
            json!({
                "state": "FULFILLED",
                "submissionDate": "2026-03-10T01:00:00Z",
                "expirationDate": "2026-03-11T01:00:00Z",
            }),
        ),
        _ if path.ends_with("/results") => (200, json!({"conversations": []})),
        _ if path.ends_with("/settings") => (200, json!({"retentionDays": 365})),
        _ => (
            200,
            json!({"values": {"client.credentials.token.rate.per.minute": 300, "other": 1}}),
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checks_pass_on_the_simulator_and_leave_no_object_or_job() {
    let world = World::of_today(|_| {}).await;
    let out = world.out().display().to_string();

    let output = world.check(&["--out", &out]).await;

    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    for check in [
        "settings",
        "region",
        "login",
        "token",
        "jobs",
        "permission",
        "queries",
        "watermark",
        "retention",
        "rate limit",
        "archive",
    ] {
        assert_eq!(marks(&output, check), ["ok"], "{check}: {}", output.out);
    }
    assert!(
        finding_text(&output, "trial job").contains("results expire 24 h"),
        "{}",
        output.out
    );
    assert!(
        finding_text(&output, "trial job").contains("deleting it returns 20"),
        "{}",
        output.out
    );
    assert_eq!(marks(&output, "divisions"), ["found"]);
    assert_eq!(marks(&output, "webhook"), ["skipped"]);
    assert_eq!(files(&world.out()), [""; 0].map(std::path::PathBuf::from));
    let stats = world.simulator.stats();
    assert_eq!((stats.jobs_submitted, stats.jobs_deleted), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undocumented_behaviour_is_reported_as_observed() {
    let world = World::with_responses(|route| match route.split_once(' ').unwrap() {
        ("POST", "/api/v2/analytics/conversations/details/query") => {
            (200, json!({"totalHits": 4711}))
        }
        ("DELETE", _) => (202, json!({})),
        _ => healthy_response(route),
    })
    .await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    assert_eq!(marks(&output, "permission"), ["ok"]);
    assert!(
        finding_text(&output, "divisions").contains("4,711"),
        "{}",
        output.out
    );
    assert!(finding_text(&output, "divisions").contains("not checked: the API does not report"));
    assert!(finding_text(&output, "divisions").contains("silently absent"));
    assert!(
        finding_text(&output, "limits").contains("client.credentials.token.rate.per.minute = 300")
    );
    assert!(finding_text(&output, "limits").contains("a results page of 10000 is accepted"));
    assert!(finding_text(&output, "limits").contains("a query over 31 days is accepted"));
    assert!(finding_text(&output, "trial job").contains("deleting it returns 202"));
    assert_eq!(
        marks(&output, "rate limit"),
        ["warning"],
        "there are no headers"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_and_a_wrong_region_are_distinguished() {
    let mut world = World::new().await;
    world.set("GENESYS_CLIENT_SECRET", "wr0ng");
    let secret = world.check(&[]).await;
    world.set("GENESYS_CLIENT_ID", "nobody");
    let client = world.check(&[]).await;

    assert_eq!((secret.code, client.code), (1, 1));
    assert!(
        finding_text(&secret, "login").contains("its secret is wrong"),
        "{}",
        secret.out
    );
    assert!(
        finding_text(&client, "login").contains("check GENESYS_REGION first"),
        "{}",
        client.out
    );
    assert_eq!(marks(&client, "organisation"), ["skipped"]);
    assert!(!format!("{}{}", secret.out, secret.err).contains("wr0ng"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_limits_are_reported_and_do_not_fail_the_check() {
    let world = World::with_responses(|route| match route.split_once(' ').unwrap() {
        (_, path) if path.contains("/limits/") => (403, json!({"message": "no", "status": 403})),
        ("GET", path) if path.ends_with("/results") => {
            (400, json!({"code": "bad.request", "message": "too many"}))
        }
        _ => healthy_response(route),
    })
    .await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 0, "{}", output.out);
    assert!(
        finding_text(&output, "limits").contains("a results page of 10000 is not accepted: "),
        "{}",
        output.out
    );
    assert!(
        finding_text(&output, "limits").contains("platform.api may not be read"),
        "{}",
        output.out
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_is_pinged_and_its_refusal_fails_the_check() {
    let mut world = World::new().await;
    let receiver = serve(|route| match route {
        "POST /taken" => (202, json!({})),
        _ => (401, json!({})),
    })
    .await;
    world.set("WEBHOOK_SIGNING_SECRET", SIGNING_SECRET);
    world.set("DATA_LAKE_WEBHOOK_URL", &format!("{receiver}/taken"));
    let accepted = world.check(&[]).await;
    world.set(
        "DATA_LAKE_WEBHOOK_URL",
        &format!("{receiver}/refused?key=s3cret"),
    );
    let refused = world.check(&[]).await;

    assert_eq!(
        (accepted.code, marks(&accepted, "webhook")),
        (0, vec!["ok".to_owned()]),
        "{}",
        accepted.out
    );
    assert_eq!(
        (refused.code, marks(&refused, "webhook")),
        (1, vec!["failed".to_owned()])
    );
    assert!(
        finding_text(&refused, "webhook").contains("the same WEBHOOK_SIGNING_SECRET"),
        "{}",
        refused.out
    );
    assert!(!format!("{}{}", refused.out, refused.err).contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unwritable_place_fails_the_check() {
    let world = World::new().await;
    let file = world.request("{}");

    let output = world.check(&["--out", &file]).await;

    assert_eq!(
        (output.code, marks(&output, "archive")),
        (1, vec!["failed".to_owned()]),
        "{}",
        output.out
    );
    assert!(finding_text(&output, "archive").contains("set --out to a writable folder"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_cannot_be_opened_leaves_residency_undecided() {
    let world = World::new().await;

    let output = world.check(&["--out", "s3://bucket/a"]).await;

    assert_eq!(output.code, 1, "{}", output.out);
    assert_eq!(marks(&output, "region"), ["warning"]);
    assert!(
        finding_text(&output, "region").contains("is undecided"),
        "{}",
        output.out
    );
    assert_eq!(marks(&output, "archive"), ["failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_settings_end_the_check_before_any_request() {
    let mut world = World::new().await;
    world.settings.clear();

    let output = world.run(&["check"]).await;

    assert_eq!(output.code, 2);
    assert_eq!(
        output.error(),
        "GENESYS_REGION, GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET are not set"
    );
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_output_lists_the_checks_and_ends_with_a_summary() {
    let world = World::of_today(|_| {}).await;

    let output = world.run(&["check"]).await;

    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    assert!(
        output
            .out
            .starts_with("✓ settings     all required settings are set"),
        "{}",
        output.out
    );
    assert!(
        output
            .out
            .trim_end()
            .ends_with("0 checks failed, 0 warnings"),
        "{}",
        output.out
    );
}
