//! Receivers that do not accept a webhook: the outcome of the export stays, and the command ends and reports what is
//! owed.

use genesys_simulator::{Faults, Route};
use serde_json::Value;

use crate::scripted::{ScriptedReceiver, ScriptedResponse};
use crate::world::{CommandOutput, DAYS, World, fast_settings, interrupt_at_line};

const SECRET: &str = "whsec_c2ltdWxhdGVkLXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVz";
const MOVED: ScriptedResponse =
    ScriptedResponse::Redirect(308, "https://new.example/hook?key=s3cret");

/// Part of the line about a delivery that was not accepted, printed while the delivery is pending.
const NOT_ACCEPTED: &str = "its webhook was not accepted";

const OWED: &str = "webhook owed: 308, redirects are not followed; set the final URL (the redirect points to https://new.example)";

async fn world() -> World {
    let mut world = World::with(genesys_simulator::Settings {
        conversations: 20,
        ..fast_settings()
    })
    .await;
    world.set("WEBHOOK_SIGNING_SECRET", SECRET);
    world
}

impl World {
    /// Exports, and sends Ctrl-C as soon as a delivery is not accepted.
    async fn export_to(&self, receiver: &ScriptedReceiver, more: &[&str]) -> CommandOutput {
        let url = receiver.url();
        let request = format!(r#"{{"exportId":"march",{DAYS},"webhookUrl":"{url}"}}"#);
        let (request, out) = (self.request(&request), self.out().display().to_string());
        let arguments = ["export", "--request", &request, "--out", &out];
        let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
        let export = self.command(&arguments).spawn().unwrap();
        interrupt_at_line(export, NOT_ACCEPTED).await
    }
}

fn assert_keeps_secrets(output: &CommandOutput) {
    let all = format!("{}{}", output.out, output.err);
    assert!(!all.contains("s3cret"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_during_a_refused_webhook_reports_complete_and_owed() {
    let world = world().await;
    let receiver = ScriptedReceiver::start(&[MOVED]).await;

    let export = world.export_to(&receiver, &[]).await;
    receiver.respond_with(ScriptedResponse::Status(204));
    let resumed = world.run_on_march("resume", &[]).await;

    assert_eq!(export.code, 3, "{}{}", export.out, export.err);
    let expected = format!("export march is complete, {OWED}\n");
    assert!(export.err.contains(&expected), "{}", export.err);
    assert!(export.out.contains("march is complete"), "{}", export.out);
    assert!(
        export.out.contains("owed: 308, redirects"),
        "{}",
        export.out
    );
    assert!(export.out.contains("genesys-archive resume --out"));
    assert!(!export.err.contains("stop"), "{}", export.err);
    let decided = "export march is complete, and its webhook was not accepted: 308, redirects";
    assert!(export.err.contains(decided), "{}", export.err);
    assert_keeps_secrets(&export);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert!(resumed.out.contains("delivered, signed"), "{}", resumed.out);
    let ids = receiver.ids();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_refusal_is_reported_with_its_fix() {
    for (response, expected) in [
        (
            ScriptedResponse::Status(400),
            "webhook owed: 400, the receiver refuses the request; check",
        ),
        (
            ScriptedResponse::Status(401),
            "webhook owed: 401, the receiver does not accept the signature; verify",
        ),
        (
            ScriptedResponse::Status(404),
            "webhook owed: 404, nothing receives webhooks at this path; correct",
        ),
        (
            ScriptedResponse::Status(500),
            "webhook owed: 500, the receiver failed; repair or start",
        ),
        (
            ScriptedResponse::CloseConnection,
            "webhook owed: no response (connection closed before message completed); check",
        ),
    ] {
        let world = world().await;
        let receiver = ScriptedReceiver::start(&[response]).await;

        let export = world.export_to(&receiver, &[]).await;

        assert_eq!(export.code, 3, "{}", export.err);
        assert!(export.err.contains(expected), "{}", export.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_output_reports_an_owed_webhook() {
    let world = world().await;
    let receiver = ScriptedReceiver::start(&[MOVED]).await;

    let export = world.export_to(&receiver, &["--json"]).await;

    assert_eq!(export.code, 3, "{}", export.err);
    let result: Value = serde_json::from_str(&export.out).unwrap();
    assert_eq!(result["status"], "completed");
    assert_eq!(result["webhook"], "owed");
    assert!(OWED.ends_with(result["webhookOwed"].as_str().unwrap()));
    let resume = result["howToGoOn"].as_str().unwrap();
    assert!(resume.ends_with("march --webhook-url URL"), "{resume}");
    assert_keeps_secrets(&export);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_export_reports_its_failure_before_the_owed_webhook() {
    let world = world().await;
    world
        .simulator
        .set_faults(Faults::refusing(Route::JobResults, 0));
    let receiver = ScriptedReceiver::start(&[MOVED]).await;

    let export = world.export_to(&receiver, &[]).await;

    assert_eq!(export.code, 1, "{}", export.err);
    assert!(
        export.error().starts_with("export march failed in slice"),
        "{}",
        export.err
    );
    assert!(export.error().ends_with(OWED), "{}", export.err);
    let decided = "export march failed in attempt 1, and its webhook was not accepted: 308";
    assert!(export.err.contains(decided), "{}", export.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_webhook_is_owed_to_a_receiver_that_answered_410() {
    let world = world().await;
    let receiver = ScriptedReceiver::start(&[ScriptedResponse::Status(410)]).await;
    let url = receiver.url();

    let export = world
        .export(&format!(
            r#"{{"exportId":"march",{DAYS},"webhookUrl":"{url}"}}"#
        ))
        .await;
    let resumed = world.run_on_march("resume", &[]).await;

    assert_eq!(
        (export.code, resumed.code),
        (0, 0),
        "{}{}",
        export.err,
        resumed.err
    );
    for output in [export, resumed] {
        assert!(
            output.out.contains("the receiver returned 410"),
            "{}",
            output.out
        );
    }
    assert_eq!(receiver.ids().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_needs_the_signing_secret_only_for_an_owed_webhook() {
    let mut world = world().await;
    let receiver = ScriptedReceiver::start(&[MOVED]).await;
    world.export_to(&receiver, &[]).await;
    receiver.respond_with(ScriptedResponse::Status(200));

    world
        .settings
        .retain(|(name, _)| *name != "WEBHOOK_SIGNING_SECRET");
    let owed = world.run_on_march("resume", &[]).await;
    world.set("WEBHOOK_SIGNING_SECRET", SECRET);
    let sent = world.run_on_march("resume", &[]).await;
    world
        .settings
        .retain(|(name, _)| *name != "WEBHOOK_SIGNING_SECRET");
    let delivered = world.run_on_march("resume", &[]).await;

    assert_eq!(
        (owed.code, sent.code, delivered.code),
        (2, 0, 0),
        "{}{}",
        sent.err,
        delivered.err
    );
    assert!(
        owed.error()
            .starts_with("WEBHOOK_SIGNING_SECRET is not set")
    );
    assert!(
        delivered.out.contains("delivered before"),
        "{}",
        delivered.out
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_can_send_an_owed_webhook_to_another_receiver() {
    let world = world().await;
    let (planned, other) = (
        ScriptedReceiver::start(&[MOVED]).await,
        ScriptedReceiver::start(&[ScriptedResponse::Status(200)]).await,
    );
    world.export_to(&planned, &[]).await;

    let refused = world
        .run_on_march("resume", &["--webhook-url", "http://new.example/"])
        .await;
    let resumed = world
        .run_on_march("resume", &["--webhook-url", other.url()])
        .await;

    assert_eq!(refused.code, 2, "{}", refused.err);
    assert_eq!(
        refused.error(),
        "--webhook-url: webhookUrl must be https: `new.example`"
    );
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(other.ids(), planned.ids()[..1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_export_reports_its_cancellation_and_owed_webhook() {
    let mut world = World::new().await;
    world.set("WEBHOOK_SIGNING_SECRET", SECRET);
    let receiver = ScriptedReceiver::start(&[MOVED]).await;
    let url = receiver.url();
    let request = format!(r#"{{"exportId":"march",{DAYS},"pageSize":4,"webhookUrl":"{url}"}}"#);
    let (request, out) = (world.request(&request), world.out().display().to_string());
    let mut export = world
        .command(&["export", "--request", &request, "--out", &out])
        .spawn()
        .unwrap();
    world.wait_for_page_records(1).await;
    export.kill().unwrap();
    export.wait().unwrap();

    let cancel = world
        .command(&["cancel", "--out", &out, "march"])
        .spawn()
        .unwrap();
    let cancelled = interrupt_at_line(cancel, NOT_ACCEPTED).await;

    assert_eq!(cancelled.code, 3, "{}{}", cancelled.out, cancelled.err);
    assert!(
        cancelled.out.starts_with("export march is cancelled"),
        "{}",
        cancelled.out
    );
    assert!(cancelled.out.contains(OWED), "{}", cancelled.out);
}
