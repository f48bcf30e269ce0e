//! The default webhook URL: an unusable one stops only the requests that need it, and loses none that is stored.

use std::sync::Arc;

use async_trait::async_trait;
use conversation_archive::archive::open_marker;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::request::InvalidRequest;
use conversation_archive::pipeline::{ConfiguredWebhook, DefaultWebhook, DefaultWebhookError};
use end_to_end::process::invocation;
use end_to_end::world::{World, organisation};
use start_export::{Command, RestartOutcome, Resume, State};

const UNUSABLE: &str = "`DATA_LAKE_WEBHOOK_URL_SECRET_ARN` is arn: it cannot be read";

const WITHOUT_WEBHOOK_URL: &str = r#"{"source":"export-gateway","interval":{"last":"P1D"},"scheduledTime":"2026-03-03T00:00:00Z","slices":1}"#;

/// A secret that cannot be read until a setting changes.
#[derive(Debug)]
struct Unreadable;

#[async_trait]
impl DefaultWebhook for Unreadable {
    async fn url(&self) -> Result<Option<String>, DefaultWebhookError> {
        let refusal = InvalidRequest::new(
            "DATA_LAKE_WEBHOOK_URL_SECRET_ARN",
            "arn",
            "it cannot be read",
        );
        Err(DefaultWebhookError::Unusable(refusal))
    }
}

async fn world() -> World {
    let mut world = World::new(organisation(182, 40)).await;
    world.process.start.default_webhook = Arc::new(Unreadable);
    world
}

fn parse(request: &str) -> Command {
    Command::parse(request).expect("a request")
}

#[tokio::test]
async fn an_unusable_default_does_not_stop_a_resume_or_a_cancellation() {
    let mut world = world().await;
    let request = world.request("analytics-job", r#","slices":1"#);
    let id = world.start(&request).await;
    let resume = Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    });

    let repeated = world.invoke(parse(&request)).await.expect("not killed");
    let resumed = world.invoke(resume).await.expect("not killed");
    let cancelled = world.invoke(Command::Cancel(id)).await.expect("not killed");

    assert_eq!(repeated.expect("resumed").state, State::Resumed);
    assert_eq!(resumed.expect("resumed").state, State::Resumed);
    assert_eq!(cancelled.expect("cancelled").state, State::Cancelling);
}

#[tokio::test]
async fn a_request_that_needs_an_unusable_default_is_refused() {
    let mut world = world().await;
    let before = world.store.snapshot();

    let result = world.invoke(parse(WITHOUT_WEBHOOK_URL)).await;

    let refusal = result.expect("not killed").expect_err("refused");
    let refusal = refusal.into_refusal().expect("a refusal");
    assert!(refusal.to_string().starts_with(UNUSABLE), "{refusal}");
    assert_eq!(world.store.snapshot(), before, "nothing is written");
}

#[tokio::test]
async fn an_accepted_request_is_kept_until_the_default_is_usable() {
    let mut world = world().await;
    let Command::Start(request) = parse(WITHOUT_WEBHOOK_URL) else {
        panic!("a start")
    };
    let id: ExportId = "nightly".parse().expect("an id");
    let mut accepted = request.as_ref().clone();
    accepted.export_id = Some(id.to_string());
    let now = world.clock.now();
    open_marker::accept_request(&world.archive(), &id, &accepted, now)
        .await
        .expect("stored");
    let invocation = invocation(900, &world.clock);

    let refused = world.process.start.restart(&id, &invocation).await;
    world.process.start.default_webhook = Arc::new(ConfiguredWebhook::default());
    let started = world.process.start.restart(&id, &invocation).await;

    assert_eq!(
        refused.expect("no transient error"),
        RestartOutcome::Refused(UNUSABLE.to_owned())
    );
    assert_eq!(started.expect("started"), RestartOutcome::Started);
}
