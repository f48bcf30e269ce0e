//! Receivers that do not accept a webhook: the outcome of the export stays, and the command ends and reports what is
//! owed.

use genesys_simulator::{Faults, Permanent, Route};
use serde_json::Value;

use crate::scripted::{Answer, Scripted};
use crate::world::{DAYS, Told, World, fast, interrupted_at};

const SECRET: &str = "whsec_c2ltdWxhdGVkLXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVz";
const MOVED: Answer = Answer::Redirect(308, "https://new.example/hook?key=s3cret");

/// Part of the line about a delivery that was not accepted, printed while the delivery is pending.
const NOT_TAKEN: &str = "its webhook was not accepted";

const OWED: &str = "webhook owed: 308, redirects are not followed; set the final URL (the redirect points to https://new.example)";

async fn world() -> World {
    let mut world = World::with(genesys_simulator::Settings {
        conversations: 20,
        ..fast()
    })
    .await;
    world.set("WEBHOOK_SIGNING_SECRET", SECRET);
    world
}

impl World {
    /// Exports, and sends Ctrl-C as soon as a delivery is not accepted.
    async fn export_to(&self, receiver: &Scripted, more: &[&str]) -> Told {
        let url = receiver.url();
        let request = format!(r#"{{"exportId":"march",{DAYS},"webhookUrl":"{url}"}}"#);
        let (request, out) = (self.request(&request), self.out().display().to_string());
        let arguments = ["export", "--request", &request, "--out", &out];
        let arguments: Vec<&str> = arguments.into_iter().chain(more.iter().copied()).collect();
        let export = self.command(&arguments).spawn().unwrap();
        interrupted_at(export, NOT_TAKEN).await
    }
}

fn assert_keeps_secrets(told: &Told) {
    let all = format!("{}{}", told.out, told.err);
    assert!(!all.contains("s3cret"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_during_a_refused_webhook_reports_complete_and_owed() {
    let world = world().await;
    let receiver = Scripted::start(&[MOVED]).await;

    let export = world.export_to(&receiver, &[]).await;
    receiver.answer(Answer::Status(204));
    let resumed = world.march("resume", &[]).await;

    assert_eq!(export.code, 3, "{}{}", export.out, export.err);
    let said = format!("export march is complete, {OWED}\n");
    assert!(export.err.contains(&said), "{}", export.err);
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
    for (answer, said) in [
        (
            Answer::Status(400),
            "webhook owed: 400, the receiver refuses the request; check",
        ),
        (
            Answer::Status(401),
            "webhook owed: 401, the receiver does not accept the signature; verify",
        ),
        (
            Answer::Status(404),
            "webhook owed: 404, nothing receives webhooks at this path; correct",
        ),
        (
            Answer::Status(500),
            "webhook owed: 500, the receiver failed; repair or start",
        ),
        (
            Answer::HangUp,
            "webhook owed: no response (connection closed before message completed); check",
        ),
    ] {
        let world = world().await;
        let receiver = Scripted::start(&[answer]).await;

        let export = world.export_to(&receiver, &[]).await;

        assert_eq!(export.code, 3, "{}", export.err);
        assert!(export.err.contains(said), "{}", export.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_output_reports_an_owed_webhook() {
    let world = world().await;
    let receiver = Scripted::start(&[MOVED]).await;

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
    let permanent = Permanent {
        route: Route::JobResults,
        after: 0,
        status: 403,
        code: "missing.permissions".to_owned(),
        message: "a permission is missing".to_owned(),
    };
    let world = world().await;
    world.simulator.set_faults(Faults {
        permanent: Some(permanent),
        ..Faults::default()
    });
    let receiver = Scripted::start(&[MOVED]).await;

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
    let receiver = Scripted::start(&[Answer::Status(410)]).await;
    let url = receiver.url();

    let export = world
        .export(&format!(
            r#"{{"exportId":"march",{DAYS},"webhookUrl":"{url}"}}"#
        ))
        .await;
    let resumed = world.march("resume", &[]).await;

    assert_eq!(
        (export.code, resumed.code),
        (0, 0),
        "{}{}",
        export.err,
        resumed.err
    );
    for told in [export, resumed] {
        assert!(
            told.out.contains("the receiver returned 410"),
            "{}",
            told.out
        );
    }
    assert_eq!(receiver.ids().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_needs_the_signing_secret_only_for_an_owed_webhook() {
    let mut world = world().await;
    let receiver = Scripted::start(&[MOVED]).await;
    world.export_to(&receiver, &[]).await;
    receiver.answer(Answer::Status(200));

    world
        .settings
        .retain(|(name, _)| *name != "WEBHOOK_SIGNING_SECRET");
    let owed = world.march("resume", &[]).await;
    world.set("WEBHOOK_SIGNING_SECRET", SECRET);
    let sent = world.march("resume", &[]).await;
    world
        .settings
        .retain(|(name, _)| *name != "WEBHOOK_SIGNING_SECRET");
    let delivered = world.march("resume", &[]).await;

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
        Scripted::start(&[MOVED]).await,
        Scripted::start(&[Answer::Status(200)]).await,
    );
    world.export_to(&planned, &[]).await;

    let refused = world
        .march("resume", &["--webhook-url", "http://new.example/"])
        .await;
    let resumed = world.march("resume", &["--webhook-url", other.url()]).await;

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
    let receiver = Scripted::start(&[MOVED]).await;
    let url = receiver.url();
    let request = format!(r#"{{"exportId":"march",{DAYS},"pageSize":4,"webhookUrl":"{url}"}}"#);
    let (request, out) = (world.request(&request), world.out().display().to_string());
    let mut export = world
        .command(&["export", "--request", &request, "--out", &out])
        .spawn()
        .unwrap();
    world.until_page_records(1).await;
    export.kill().unwrap();
    export.wait().unwrap();

    let cancel = world
        .command(&["cancel", "--out", &out, "march"])
        .spawn()
        .unwrap();
    let cancelled = interrupted_at(cancel, NOT_TAKEN).await;

    assert_eq!(cancelled.code, 3, "{}{}", cancelled.out, cancelled.err);
    assert!(
        cancelled.out.starts_with("export march is cancelled"),
        "{}",
        cancelled.out
    );
    assert!(cancelled.out.contains(OWED), "{}", cancelled.out);
}
