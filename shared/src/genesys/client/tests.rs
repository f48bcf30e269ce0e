use futures::future::join_all;
use insta::assert_snapshot;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::*;
use crate::base::decode;
use crate::genesys::credentials::Credentials;
use crate::genesys::wire::AsyncQueryResponse;
use crate::net::loopback::{Loopback, Scripted};

mod compression;
mod errors;
mod files;
mod pacing;
mod retries;
mod tokens;

const LOGIN: &str = "/oauth/token";
const JOBS: &str = "/api/v2/jobs";

/// A server, a client of it, and a clock that only waits advance.
struct Setup {
    server: Loopback,
    client: GenesysClient,
    clock: Clock,
}

impl Setup {
    async fn new(responses: impl IntoIterator<Item = Scripted>) -> Self {
        Self::with(
            |_| {},
            [
                Scripted::token("t0ken-1", 86_399),
                Scripted::token("t0ken-2", 86_399),
            ],
            responses,
        )
        .await
    }

    async fn with(
        adjust: impl FnOnce(&mut ClientSettings),
        logins: impl IntoIterator<Item = Scripted>,
        responses: impl IntoIterator<Item = Scripted>,
    ) -> Self {
        Self::at(Clock::manual(start()), adjust, logins, responses).await
    }

    /// With this clock, and a server that expects no requests.
    async fn on(clock: Clock) -> Self {
        Self::at(clock, |_| {}, [], []).await
    }

    async fn at(
        clock: Clock,
        adjust: impl FnOnce(&mut ClientSettings),
        logins: impl IntoIterator<Item = Scripted>,
        responses: impl IntoIterator<Item = Scripted>,
    ) -> Self {
        let server = Loopback::start().await;
        server.script(LOGIN, logins);
        server.script(JOBS, responses);
        let endpoints =
            Endpoints::new(None, Some(server.url.as_str()), Some(server.url.as_str())).unwrap();
        let mut settings = ClientSettings::new(endpoints);
        adjust(&mut settings);
        let credentials = Credentials {
            id: "c1".to_owned(),
            secret: "s3cret".into(),
        };
        let client = GenesysClient::new(settings, Arc::new(credentials), clock.clone()).unwrap();
        Self {
            server,
            client,
            clock,
        }
    }

    async fn get(&self) -> Result<Reply<Value>, ApiError> {
        self.get_before(Deadline::NONE).await
    }

    async fn get_before(&self, deadline: Deadline) -> Result<Reply<Value>, ApiError> {
        self.client
            .call(&Call::get(JOBS), deadline, decode::json)
            .await
    }

    /// Calls with a decoder that requires a job's id.
    async fn decoding_jobs(&self) -> Result<Reply<AsyncQueryResponse>, ApiError> {
        self.decoding_jobs_before(Deadline::NONE).await
    }

    async fn decoding_jobs_before(
        &self,
        deadline: Deadline,
    ) -> Result<Reply<AsyncQueryResponse>, ApiError> {
        self.client
            .call(&Call::get(JOBS), deadline, decode::json)
            .await
    }

    fn hits(&self) -> usize {
        self.server.hits(JOBS)
    }

    /// The time by which waits have advanced the clock.
    fn waited(&self) -> Duration {
        Duration::try_from(self.clock.now().duration_since(start())).unwrap()
    }
}

fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn in_seconds(seconds: u64) -> Deadline {
    Deadline::at(start() + Duration::from_secs(seconds))
}

fn ok() -> Scripted {
    Scripted::new(200, r#"{"jobId":"j1"}"#)
}

#[tokio::test]
async fn a_reply_reports_attempts_latency_and_bytes() {
    let setup =
        Setup::new([Scripted::new(200, r#"{"jobId":"j1"}"#).header("ININ-Correlation-Id", "c-7")])
            .await;

    let reply = setup.get().await.unwrap();

    assert_eq!(
        reply,
        Reply {
            value: json!({"jobId": "j1"}),
            status: 200,
            latency: Duration::ZERO,
            correlation_id: Some("c-7".to_owned()),
            tries: 1,
            throttled: Duration::ZERO,
            content_type: None,
            bytes_in: 14,
        }
    );
    assert_eq!(
        setup.client.stats(),
        StatsSnapshot {
            requests: 1,
            logins: 1,
            bytes_in: 14,
            ..StatsSnapshot::default()
        }
    );
}

#[tokio::test]
async fn a_request_carries_token_query_and_body() {
    let setup = Setup::new([ok()]).await;
    let call = Call::post(JOBS)
        .query("cursor", "a+b/c==")
        .query("name", "ü &=?#%")
        .json(&json!({"interval": "x/y"}));

    setup
        .client
        .call(&call, Deadline::NONE, |_| Ok(()))
        .await
        .unwrap();

    let seen = &setup.server.seen(JOBS)[0];
    assert_eq!(seen.method, "POST");
    assert_eq!(
        seen.target,
        "/api/v2/jobs?cursor=a%2Bb%2Fc%3D%3D&name=%C3%BC+%26%3D%3F%23%25"
    );
    assert_eq!(seen.body, r#"{"interval":"x/y"}"#);
    assert_eq!(seen.headers["authorization"], "Bearer t0ken-1");
    assert_eq!(seen.headers["content-type"], "application/json");
    assert!(seen.headers["user-agent"].starts_with("genesys-conversation-archive/"));
}

#[tokio::test]
async fn a_response_without_a_body_is_decoded_from_no_bytes() {
    let setup = Setup::new([Scripted::new(204, "")]).await;

    let reply = setup
        .client
        .call(&Call::delete(JOBS), Deadline::NONE, |body| Ok(body.len()))
        .await
        .unwrap();

    assert_eq!((reply.value, reply.status), (0, 204));
}

#[test]
fn a_client_of_a_region_can_be_built() {
    let endpoints = Endpoints::new(Some("euc1".parse().unwrap()), None, None).unwrap();
    let credentials = Credentials {
        id: "c1".to_owned(),
        secret: "s3cret".into(),
    };

    let client = GenesysClient::new(
        ClientSettings::new(endpoints),
        Arc::new(credentials),
        Clock::System,
    );

    assert!(client.is_ok());
}

#[tokio::test]
async fn a_call_can_be_made_from_a_spawned_task() {
    let setup = Setup::new([ok()]).await;
    let client = setup.client.clone();

    let call = async move {
        client
            .call(&Call::get(JOBS), Deadline::NONE, decode::json::<Value>)
            .await
    };

    assert!(tokio::spawn(call).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_waits_until_a_used_up_budget_is_reset() {
    let used_up = ok()
        .header("inin-ratelimit-count", "300")
        .header("inin-ratelimit-allowed", "300")
        .header("inin-ratelimit-reset", "42");
    let setup = Setup::new([used_up, ok()]).await;
    // The reset may be rounded down to whole seconds, so the wait is one second longer.
    setup.get().await.unwrap();

    let refused = setup.get_before(in_seconds(30)).await.unwrap_err();
    let reply = setup.get().await.unwrap();

    assert_eq!(refused.wait(), Some(Duration::from_secs(43)));
    assert_eq!(reply.throttled, Duration::from_secs(43));
    assert_eq!(setup.client.stats().throttled_time, Duration::from_secs(43));
    assert_eq!(setup.hits(), 2);
}

#[tokio::test]
async fn logs_and_debug_output_contain_no_token_secret_or_query() {
    let logs = Logs::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(logs.clone())
        .finish();
    // With only one subscriber, a log line first reached on another test's thread would be disabled for this test
    // too.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let guard = tracing::subscriber::set_default(subscriber);
    let setup = Setup::new([
        Scripted::new(503, "b0dy"),
        Scripted::new(200, "b0dy"),
        Scripted::new(401, "{}"),
        Scripted::new(400, r#"{"message":"no"}"#),
    ])
    .await;
    let call = Call::get(JOBS).query("cursor", "curs0r");

    let error = setup
        .client
        .call(&call, Deadline::NONE, decode::json::<Value>)
        .await
        .unwrap_err();
    drop(guard);

    let shown = format!(
        "{:?} {error} {error:?} {call:?} {}",
        setup.client,
        logs.text()
    );
    assert!(
        logs.text()
            .contains("http.route=\"/api/v2/jobs\" http.status=503 attempt=1"),
        "{}",
        logs.text()
    );
    for secret in ["t0ken", "s3cret", "curs0r", "b0dy", "YzE6"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn text(&self) -> String {
        // The formatter styles field names with ANSI codes.
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        ["\u{1b}[0m", "\u{1b}[2m", "\u{1b}[3m"]
            .iter()
            .fold(text, |text, colour| text.replace(colour, ""))
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl std::io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
