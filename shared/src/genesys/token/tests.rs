use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use futures::future::join_all;
use insta::assert_snapshot;
use secrecy::ExposeSecret;
use tokio::sync::Barrier;

use super::*;
use crate::genesys::client::ClientSettings;
use crate::genesys::endpoints::Endpoints;
use crate::genesys::stats::ClientStats;
use crate::net::loopback::{Loopback, Scripted};
use crate::net::transport;
use crate::records::foreign::Secrets;

const LOGIN_PATH: &str = "/oauth/token";

const INVALID_CLIENT: &str = r#"{"error":"invalid_client","description":"client not found","error_description":"client not found"}"#;

/// A source whose secret changes with each read; the last one repeats.
#[derive(Debug)]
struct RotatingSecret {
    secrets: StdMutex<Vec<&'static str>>,
    reads: AtomicU64,
}

impl RotatingSecret {
    fn new(secrets: &[&'static str]) -> Arc<Self> {
        let secrets = secrets.iter().rev().copied().collect();
        Arc::new(Self {
            secrets: StdMutex::new(secrets),
            reads: AtomicU64::new(0),
        })
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl CredentialsSource for RotatingSecret {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut secrets = self.secrets.lock().unwrap();
        let secret = if secrets.len() > 1 {
            secrets.pop().unwrap()
        } else {
            secrets[0]
        };
        Ok(Credentials {
            id: "c1".to_owned(),
            secret: secret.into(),
        })
    }
}

fn tokens(server: &Loopback, source: Arc<dyn CredentialsSource>) -> TokenSource {
    let url = Some(server.url.as_str());
    let settings = ClientSettings::new(Endpoints::new(None, url, url).unwrap());
    tokens_of(&settings, source)
}

fn tokens_of(settings: &ClientSettings, source: Arc<dyn CredentialsSource>) -> TokenSource {
    let http = transport::builder_for(settings.endpoints.login())
        .build()
        .unwrap();
    TokenSource::new(
        Login::new(
            settings.endpoints.login(),
            settings.login.clone(),
            settings.try_timeout(),
            http,
            Arc::new(ClientStats::default()),
            Secrets::default(),
        ),
        source,
    )
}

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn concurrent_callers_share_one_login() {
    let server = Loopback::start().await;
    server.script(LOGIN_PATH, [Scripted::token("t1", 86_399)]);
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));

    let bearers = join_all((0..20).map(|_| tokens.bearer(now()))).await;

    assert!(
        bearers
            .into_iter()
            .all(|bearer| bearer.unwrap().value.expose_secret() == "t1")
    );
    let seen = server.seen(LOGIN_PATH);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].method, "POST");
    assert_eq!(seen[0].body, "grant_type=client_credentials");
    assert_eq!(seen[0].headers["authorization"], "Basic YzE6czNjcmV0");
    assert_eq!(
        seen[0].headers["content-type"],
        "application/x-www-form-urlencoded"
    );
}

#[tokio::test]
async fn concurrent_callers_share_a_failed_login_and_the_next_one_tries_again() {
    let server = Loopback::start().await;
    server.script(
        LOGIN_PATH,
        [Scripted::new(503, ""), Scripted::token("t1", 600)],
    );
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));

    let failures = join_all((0..20).map(|_| tokens.bearer(now()))).await;

    assert!(
        failures
            .into_iter()
            .all(|outcome| outcome.unwrap_err().is_transient())
    );
    assert_eq!(server.hits(LOGIN_PATH), 1);
    assert!(tokens.bearer(now()).await.is_ok());
}

#[tokio::test]
async fn a_token_is_renewed_a_minute_before_it_expires() {
    let server = Loopback::start().await;
    server.script(
        LOGIN_PATH,
        [Scripted::token("t1", 3600), Scripted::token("t2", 3600)],
    );
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));
    let later = |seconds| now() + Duration::from_secs(seconds);

    tokens.bearer(now()).await.unwrap();
    let at_3539 = tokens.bearer(later(3539)).await.unwrap();
    let at_3540 = tokens.bearer(later(3540)).await.unwrap();

    assert_eq!(
        (at_3539.value.expose_secret(), at_3540.value.expose_secret()),
        ("t1", "t2")
    );
}

#[tokio::test]
async fn a_short_lived_token_is_used_for_nine_tenths_of_its_life() {
    let server = Loopback::start().await;
    server.script(
        LOGIN_PATH,
        [Scripted::token("t1", 300), Scripted::token("t2", 300)],
    );
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));
    let later = |seconds| now() + Duration::from_secs(seconds);

    tokens.bearer(now()).await.unwrap();
    let at_269 = tokens.bearer(later(269)).await.unwrap();
    let at_270 = tokens.bearer(later(270)).await.unwrap();

    assert_eq!(
        (at_269.value.expose_secret(), at_270.value.expose_secret()),
        ("t1", "t2")
    );
}

#[tokio::test]
async fn a_token_refused_to_many_callers_is_renewed_once() {
    let server = Loopback::start().await;
    server.script(
        LOGIN_PATH,
        [
            Scripted::token("t1", 600),
            Scripted::token("t2", 600),
            Scripted::token("t3", 600),
        ],
    );
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));
    let used = tokens.bearer(now()).await.unwrap();

    let renewed = join_all((0..5).map(|_| async {
        tokens.discard(&used).await;
        tokens.bearer(now()).await.unwrap()
    }))
    .await;

    assert!(
        renewed
            .iter()
            .all(|bearer| bearer.value.expose_secret() == "t2")
    );
    assert_eq!(server.hits(LOGIN_PATH), 2);
}

#[tokio::test]
async fn a_rotated_secret_is_read_again_once() {
    for status in [400, 401] {
        let server = Loopback::start().await;
        server.script(
            LOGIN_PATH,
            [
                Scripted::new(status, INVALID_CLIENT),
                Scripted::token("t1", 600),
            ],
        );
        let source = RotatingSecret::new(&["old", "new"]);
        let tokens = tokens(&server, source.clone());

        let bearer = tokens.bearer(now()).await.unwrap();

        assert_eq!(bearer.value.expose_secret(), "t1");
        assert_eq!(source.reads(), 2);
        assert_eq!(
            server.seen(LOGIN_PATH)[1].headers["authorization"],
            "Basic YzE6bmV3"
        );
    }
}

#[tokio::test]
async fn a_secret_refused_after_rereading_is_a_permanent_error() {
    let server = Loopback::start().await;
    server.script(LOGIN_PATH, [Scripted::new(400, INVALID_CLIENT)]);
    let source = RotatingSecret::new(&["old", "new"]);
    let tokens = tokens(&server, source.clone());

    let error = tokens.bearer(now()).await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!((source.reads(), server.hits(LOGIN_PATH)), (2, 2));
    assert_snapshot!(error, @"login at 127.0.0.1 failed: the client id or secret is wrong, or the client belongs to another region (client not found); check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_LOGIN_URL");
}

#[tokio::test]
async fn the_same_secret_is_not_tried_twice() {
    let server = Loopback::start().await;
    server.script(LOGIN_PATH, [Scripted::new(400, INVALID_CLIENT)]);
    let source = RotatingSecret::new(&["s3cret"]);
    let tokens = tokens(&server, source.clone());

    let error = tokens.bearer(now()).await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!((source.reads(), server.hits(LOGIN_PATH)), (2, 1));
}

#[tokio::test]
async fn a_throttled_login_reports_its_retry_after() {
    let server = Loopback::start().await;
    server.script(
        LOGIN_PATH,
        [Scripted::new(429, "").header("Retry-After", "12")],
    );
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));

    let error = tokens.bearer(now()).await.unwrap_err();

    assert!(error.is_transient());
    assert_eq!(error.wait(), Some(Duration::from_secs(12)));
}

#[tokio::test]
async fn a_cancelled_login_does_not_block_the_next_caller() {
    let server = Loopback::start().await;
    let login_requested = Arc::new(Barrier::new(2));
    server.script(
        LOGIN_PATH,
        [
            Scripted::token("t1", 600).wait_for(&login_requested),
            Scripted::token("t2", 600),
        ],
    );
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));

    tokio::select! {
        _ = tokens.bearer(now()) => panic!("the login is still under way"),
        _ = login_requested.wait() => {}
    }
    let bearer = tokens.bearer(now()).await.unwrap();

    assert_eq!(bearer.value.expose_secret(), "t2");
}

#[tokio::test]
async fn debug_output_contains_neither_token_nor_secret() {
    let server = Loopback::start().await;
    server.script(LOGIN_PATH, [Scripted::token("t0ken", 600)]);
    let tokens = tokens(&server, RotatingSecret::new(&["s3cret"]));
    tokens.bearer(now()).await.unwrap();

    let state = format!("{:?}", *tokens.state.lock().await);

    assert!(state.contains("c1"));
    assert!(
        !state.contains("t0ken") && !state.contains("s3cret"),
        "{state}"
    );
}
