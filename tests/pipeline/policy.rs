//! The owner's policy: requests, stored plans and webhooks below it are refused, whoever wrote them.

use std::sync::Arc;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::plan::{ExportPlan, RequiredRedaction};
use conversation_archive::net::Receivers;
use conversation_archive::pipeline::ConfiguredWebhook;
use end_to_end::world::{World, organisation};
use serde_json::json;
use start_export::{Command, Resume, State};

const UNREDACTED: &str = r#","slices":1,"pageSize":10,"redaction":{"enabled":false}"#;

fn require(world: &mut World, required: RequiredRedaction) {
    world.process.start.limits.required_redaction = required;
    world.process.page.settings.required_redaction = required;
}

fn resume(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}

/// Starts an export and does not run it.
async fn started(more_fields: &str) -> (World, ExportId) {
    let mut world = World::new(organisation(181, 40)).await;
    let request = world.request("analytics-job", more_fields);
    let id = world.start(&request).await;
    (world, id)
}

/// Returns the text of a refusal that wrote nothing.
async fn refusal(world: &mut World, command: Command) -> String {
    let before = world.store.snapshot();
    let refusal = world.refusal(command).await;
    assert_eq!(world.store.snapshot(), before, "nothing is written");
    refusal
}

#[tokio::test]
async fn a_request_below_the_required_redaction_is_refused() {
    let mut world = World::new(organisation(181, 40)).await;
    require(&mut world, RequiredRedaction::Strict);
    let requests = [
        r#","redaction":{"enabled":false}"#,
        "",
        r#","redaction":{"profile":"strict","kinds":["card"]}"#,
        r#","scheduledTime":"2026-03-09T00:00:00Z""#,
    ];

    for more_fields in requests {
        let request = world.request("analytics-job", more_fields);
        let command = Command::parse(&request).expect("a request");
        let refused = refusal(&mut world, command).await;

        assert!(refused.contains("REDACTION_REQUIRED demands"), "{refused}");
    }
    let strict = world.request("analytics-job", r#","redaction":{"profile":"strict"}"#);
    world.start(&strict).await;
}

#[tokio::test]
async fn a_plan_below_the_required_redaction_is_not_resumed() {
    let (mut world, id) = started(UNREDACTED).await;
    require(&mut world, RequiredRedaction::Standard);
    let request = world.request("analytics-job", UNREDACTED);

    let resumed = refusal(&mut world, resume(&id)).await;
    let repeated = world
        .refusal(Command::parse(&request).expect("a request"))
        .await;

    assert_eq!(
        resumed,
        format!(
            "export {id} was planned with redaction off, but REDACTION_REQUIRED demands the profile `standard` with all kinds; start a new export of its interval, or change the setting"
        )
    );
    assert_eq!(repeated, resumed);
}

#[tokio::test]
async fn a_plan_below_the_required_redaction_fetches_no_page() {
    let (mut world, id) = started(UNREDACTED).await;
    require(&mut world, RequiredRedaction::Standard);

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    let failure = &failed.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::RedactionBelowPolicy);
    let pages = world.store.snapshot().into_keys();
    assert_eq!(pages.filter(|key| key.contains("/page-")).count(), 0);
}

#[tokio::test]
async fn a_finished_unredacted_export_still_returns_its_state() {
    let (mut world, id) = started(UNREDACTED).await;
    world.run().await;
    require(&mut world, RequiredRedaction::Strict);

    assert_eq!(world.resume(&id).await.state, State::Completed);
}

#[tokio::test]
async fn a_revisit_takes_over_no_redaction_below_the_policy() {
    let schedule = |day: u8| {
        format!(
            r#"{{"interval":{{"last":"P1D"}},"scheduledTime":"2026-03-{day:02}T04:00:00Z","revisit":["P1D"]}}"#
        )
    };
    let mut world = World::new(organisation(182, 40)).await;
    let first = world.start(&schedule(2)).await;
    world.run().await;
    plant(&world, &first, |plan| plan.redaction = None).await;
    world.restart();
    require(&mut world, RequiredRedaction::Standard);

    let command = Command::parse(&schedule(3)).expect("a request");
    let error = world.invoke(command).await.expect("not killed");

    let text = format!("{:?}", error.expect_err("refused"));
    assert!(text.contains("was planned with redaction off"), "{text}");
}

#[tokio::test]
async fn a_webhook_to_an_unlisted_host_is_refused_from_every_source() {
    let (mut world, id) = started(r#","slices":1"#).await;
    let request = world.request("analytics-job", r#","exportId":"other""#);
    world.process.start.address_rules.receivers = only("lake.example");

    let requested = refusal(&mut world, Command::parse(&request).expect("a request")).await;
    let resumed = refusal(&mut world, resume(&id)).await;
    let unlisted = Some("https://collector.example/hook".to_owned());
    world.process.start.default_webhook = Arc::new(ConfiguredWebhook::new(unlisted));
    let by_default = r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"}"#;
    let by_default = refusal(&mut world, Command::parse(by_default).expect("a request")).await;

    assert!(
        requested.starts_with(
            "webhookUrl must not point to `127.0.0.1`, which is not in WEBHOOK_RECEIVERS"
        ),
        "{requested}"
    );
    assert!(
        resumed.starts_with(&format!(
            "export {id} cannot continue with the webhook of its plan: "
        )),
        "{resumed}"
    );
    assert!(by_default.contains("collector.example"), "{by_default}");
}

#[tokio::test]
async fn send_webhook_posts_nothing_to_an_unlisted_host() {
    let (mut world, id) = started(r#","slices":1"#).await;
    let planted = format!("{}?planted", world.receiver.url());
    plant(&world, &id, |plan| plan.webhook_url = Some(planted)).await;
    world.restart();
    world.process.webhook.address_rules.receivers = only("lake.example");

    world.run().await;

    assert!(world.receiver.deliveries().is_empty());
    assert_eq!(world.receiver.refused_ids().len(), 0);
    world.manifest(&id).await;
}

#[tokio::test]
async fn manifest_webhook_and_start_event_state_the_redaction() {
    let cases = [
        (
            r#","redaction":{"enabled":false}"#,
            json!({"profile": "off"}),
        ),
        (
            r#","redaction":{"profile":"strict","mode":"mask","kinds":["card","iban"]}"#,
            json!({"profile": "strict", "mode": "mask", "kinds": ["card", "iban"]}),
        ),
    ];
    for (more_fields, expected) in cases {
        let (mut world, id) = started(more_fields).await;
        world.run().await;

        let manifest = json!(world.manifest(&id).await);
        let plan = world.archive().existing_plan(&id).await.expect("a plan");
        let webhook = world.receiver.deliveries().remove(0).body;

        assert_eq!(manifest["redaction"], expected);
        assert_eq!(webhook["data"]["redaction"], expected);
        assert_eq!(plan.start_event.details["redaction"], expected);
        assert_eq!(json!(world.verify(&id).await.redaction), expected);
    }
}

/// Replaces a plan by a changed one, as a stranger with access to the bucket could.
async fn plant(world: &World, id: &ExportId, change: impl FnOnce(&mut ExportPlan)) {
    let archive = world.archive();
    let plan = archive.existing_plan(id).await.expect("a plan");
    let mut planted = plan.as_ref().clone();
    change(&mut planted);
    let name = ObjectKey::Request(id);
    archive.replace(name, &planted).await.expect("replaced");
}

fn only(host: &str) -> Receivers {
    Receivers::Only(vec![host.to_owned()])
}
