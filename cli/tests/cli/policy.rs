//! The owner's policy: requests, resumes and receivers below it are refused with exit code 2.

use crate::world::{CommandOutput, DAYS, World};

const SECRET: &str = "whsec_c2ltdWxhdGVkLXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVz";

fn assert_refused(output: &CommandOutput, reason: &str) {
    assert_eq!(output.code, 2, "{}{}", output.out, output.err);
    assert!(output.error().contains(reason), "{}", output.err);
}

fn unredacted() -> String {
    format!(r#"{{"exportId":"march",{DAYS},"pageSize":4,"redaction":{{"enabled":false}}}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_below_the_required_redaction_is_refused() {
    let mut world = World::new().await;
    world.set("REDACTION_REQUIRED", "strict");

    let off = world.export(&unredacted()).await;
    let standard = world.export(&format!("{{{DAYS}}}")).await;

    assert_refused(&off, "`redaction.enabled` is false: REDACTION_REQUIRED");
    assert_refused(&standard, "`redaction.profile` is standard");
    assert!(!world.out().join("exports").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_export_below_the_required_redaction_is_not_resumed() {
    let mut world = World::new().await;
    let (request, out) = (
        world.request(&unredacted()),
        world.out().display().to_string(),
    );
    let export = ["export", "--request", &request, "--out", &out];
    let mut export = world.command(&export).spawn().unwrap();
    world.wait_for_page_records(2).await;
    export.kill().unwrap();
    export.wait().unwrap();
    world.set("REDACTION_REQUIRED", "standard");

    let resumed = world.run_on_march("resume", &[]).await;

    assert_refused(&resumed, "export march was planned with redaction off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_outside_the_list_are_refused_from_every_source() {
    let mut world = World::new().await;
    world.set("WEBHOOK_SIGNING_SECRET", SECRET);
    world.set("WEBHOOK_RECEIVERS", "lake.example");
    let hook = r#""webhookUrl":"https://collector.example/hook?key=s3cret""#;

    let requested = world.export(&format!("{{{DAYS},{hook}}}")).await;
    world
        .export(&format!(r#"{{"exportId":"march",{DAYS}}}"#))
        .await;
    let option = ["--webhook-url", "https://collector.example/hook"];
    let resumed = world.run_on_march("resume", &option).await;
    world.set("DATA_LAKE_WEBHOOK_URL", "https://collector.example/hook");
    let by_default = world.export(&format!("{{{DAYS}}}")).await;

    for refused in [&requested, &resumed, &by_default] {
        assert_refused(
            refused,
            "`collector.example`, which is not in WEBHOOK_RECEIVERS",
        );
        assert!(!refused.err.contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_regions_does_not_exempt_a_folder_or_custom_hosts() {
    let mut world = World::new().await;
    let request = format!(r#"{{"exportId":"march",{DAYS}}}"#);
    world.set("ALLOWED_REGIONS", "eu-central-1");

    let refused = world.export(&request).await;
    world.set("ALLOWED_REGIONS", "eu-central-1,unknown");
    let permitted = world.export(&request).await;

    assert_refused(&refused, "add `unknown` to the list to permit it");
    assert_eq!(permitted.code, 0, "{}", permitted.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn summary_and_verify_state_what_texts_were_redacted_with() {
    let world = World::new().await;

    let export = world.export(&unredacted()).await;
    let verified = world.run_on_march("verify", &[]).await;

    assert!(
        export
            .out
            .contains("redacted   off: texts are stored as they were typed"),
        "{}",
        export.out
    );
    assert!(verified.out.contains("redaction: off"), "{}", verified.out);
}
