//! Scenarios of a deployed stack, in sequence in one deployment. At the end, the calls of its functions are compared
//! with the permissions of their roles.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use aws_sdk_sqs::types::QueueAttributeName::{QueueArn, RedrivePolicy, VisibilityTimeout};
use conversation_archive::storage::aws::AwsClients;
use serde_json::{Value, json};

use crate::deployment::{Deployment, wait_until};
use crate::{live, permissions};

const CONVERSATIONS: u64 = 150;
const CONVERSATIONS_TEXT: &str = "150";

/// Makes the functions log their AWS calls.
const LOG_AWS_CALLS: &str = "LogFilter=info,conversation_archive::aws=debug";

/// A port without a listener.
const UNREACHABLE_RECEIVER: &str = "http://127.0.0.1:1/";

/// Longer than a page handler polls before it parks the page.
const LONG_JOB: &str = "33";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployed_stack_passes_every_story_with_its_roles_alone() {
    let mut deployment = Deployment::up(&organisation("1")).await;
    let since = Instant::now();
    let print_step = |step: &str| println!("{step}: after {:.1} s", since.elapsed().as_secs_f64());

    let topic_queue = deployment.aws(&["topic"]).await;
    check_scheduled_export(&mut deployment, &topic_queue).await;
    print_step("scheduled");
    check_dead_letter(&deployment).await;
    print_step("poisoned");
    check_cancellation(&deployment).await;
    print_step("cancelled");
    check_sweep(&deployment).await;
    print_step("swept");
    check_hashed_redaction(&deployment, &topic_queue).await;
    print_step("hashed");
    check_status(&deployment).await;
    print_step("looked at");
    check_backfill(&deployment).await;
    print_step("backfilled");
    check_redeployment(&mut deployment).await;
    print_step("taken down and up");
    check_parked_page(&mut deployment).await;
    print_step("parked");
    live::check(&mut deployment, &[LOG_AWS_CALLS]).await;
    print_step("live");
    permissions::check(&deployment).await;
    print_step("rights");
}

fn organisation(job_seconds: &str) -> Vec<&str> {
    let words = [
        "--conversations",
        CONVERSATIONS_TEXT,
        "--rate-per-minute",
        "0",
        "--job-seconds",
    ];
    [&words[..], &[job_seconds]].concat()
}

/// A schedule starts an export; its pages chain beyond Lambda's limit of sixteen, and end in a manifest, a webhook, and
/// an event for each page record.
async fn check_scheduled_export(deployment: &mut Deployment, topic_queue: &Value) {
    let topic = topic_queue["topic"].as_str().expect("a topic");
    let topic = format!("TranscriptTopicArn={topic}");
    let queue = deployment.aws(&["rule", deployment.bucket()]).await;
    let queue = queue.as_str().expect("a queue").to_owned();
    let request = json!({
        "exportId": "scheduled", "interval": deployment.interval(), "slices": 3, "pageSize": 2,
    });
    let request = format!("ScheduleRequest={request}");
    let every_minute = [
        "ScheduleState=ENABLED",
        "ScheduleExpression=rate(1 minute)",
        &request,
    ];

    deployment
        .redeploy(&[&every_minute[..], &[LOG_AWS_CALLS, &topic]].concat())
        .await;
    wait_until("the scheduled export", async || {
        let status = deployment.run(&["status", "scheduled", "--json"]).await;
        status.out.contains(r#""status": "completed""#)
    })
    .await;
    deployment
        .redeploy(&["ScheduleState=DISABLED", LOG_AWS_CALLS, &topic])
        .await;

    let status = deployment.run_json(&["status", "scheduled"]).await;
    let outcome = &status["outcome"];
    assert_eq!(outcome["counts"]["archived"], CONVERSATIONS);
    let slices = status["slices"].as_array().expect("slices");
    let longest = slices
        .iter()
        .filter_map(|slice| slice["pages"].as_u64())
        .max();
    assert!(longest > Some(16), "a chain of {longest:?} pages");
    assert_eq!(
        delivered_events(deployment, "scheduled").await,
        ["export.completed"]
    );
    let pages = outcome["pages"].as_u64().expect("pages");
    let events = receive_events(&deployment.clients().await, &queue, pages).await;
    assert_eq!(events.len() as u64, pages, "an event for each page record");
    let keys = events.iter().map(|event| &event["detail"]["object"]["key"]);
    let mut keys = keys.map(|key| key.as_str().expect("a key"));
    assert!(keys.all(|key| key.starts_with("exports/scheduled/slices/")));
    let verified = deployment.run(&["verify", "scheduled"]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

/// A message that no attempt of the export sent fails until it becomes a dead letter. The failure is recorded, the
/// export fails, its webhook reports the failure, and a resume completes the export.
async fn check_dead_letter(deployment: &Deployment) {
    let clients = deployment.clients().await;
    let queue = shorten_redelivery(&clients).await;
    let request = deployment.request(&json!({
        "exportId": "poisoned", "interval": deployment.interval(), "slices": 1, "pageSize": 1,
    }));

    let export = deployment.start(&["start", "--request", &request]);
    wait_until("the export", async || {
        let status = deployment.run(&["status", "poisoned"]).await;
        status.code == Some(0)
    })
    .await;
    let send = clients
        .sqs()
        .send_message()
        .queue_url(queue)
        .message_body(poison_message());
    let send = send
        .message_group_id("poisoned-s1")
        .message_deduplication_id("poison");
    send.send().await.expect("sent");
    let failed = export.wait().await;
    let resumed = deployment.run_json(&["resume", "poisoned"]).await;

    assert_eq!(failed.code, Some(1), "{}{}", failed.out, failed.err);
    let message = "ended in the dead-letter queue of the pages queue";
    assert!(failed.err.contains(message), "{}", failed.err);
    assert!(
        failed.err.contains("genesys-archive resume --local="),
        "{}",
        failed.err
    );
    assert_eq!(resumed["status"], "completed");
    assert_eq!(resumed["attempt"], 2);
    assert_eq!(resumed["counts"]["archived"], CONVERSATIONS);
    assert_eq!(
        delivered_events(deployment, "poisoned").await,
        ["export.failed", "export.completed"]
    );
    let letters = list_keys(deployment, "exports/poisoned/failures/dead-letter-").await;
    assert_eq!(letters.len(), 1, "{letters:?}");
}

/// The sample page message, changed to name an attempt that does not exist.
fn poison_message() -> String {
    let sample = include_str!("../../functions/archive-page/events/first-page.json");
    let sample: Value = serde_json::from_str(sample).expect("JSON");
    let body = sample["Records"][0]["body"].as_str().expect("a body");
    let mut body: Value = serde_json::from_str(body).expect("JSON");
    body["exportId"] = json!("poisoned");
    body["attempt"] = json!(99);
    // A page that is never committed: a dead letter of a committed page has no effect.
    body["page"] = json!(500);
    body.to_string()
}

async fn check_cancellation(deployment: &Deployment) {
    let request = deployment.request(&json!({
        "exportId": "cancelled", "interval": deployment.interval(), "slices": 2, "pageSize": 1,
    }));
    deployment
        .run_json(&["start", "--detach", "--request", &request])
        .await;

    let cancelled = deployment.run_json(&["cancel", "cancelled"]).await;
    let webhook_events = delivered_events(deployment, "cancelled").await;
    let again = deployment.run(&["start", "--request", &request]).await;

    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(webhook_events, ["export.cancelled"]);
    assert_eq!(again.code, Some(1), "{}", again.err);
    assert!(
        again.err.contains("was cancelled permanently"),
        "{}",
        again.err
    );
}

/// The hourly sweep skips an export that makes progress.
async fn check_sweep(deployment: &Deployment) {
    let request = deployment.request(&json!({
        "exportId": "swept", "interval": deployment.interval(), "slices": 1, "pageSize": 10,
    }));
    deployment
        .run_json(&["start", "--detach", "--request", &request])
        .await;
    let name = Deployment::name("sweep-exports");
    let event = include_str!("../../functions/sweep-exports/events/hourly.json");

    let swept = deployment.aws(&["invoke", &name, event]).await;

    let ended = deployment.run_json(&["start", "--request", &request]).await;
    assert_eq!(swept["error"], Value::Null, "{swept}");
    assert_eq!(
        (&ended["status"], &ended["attempt"]),
        (&json!("completed"), &json!(1))
    );
}

/// An export with its transcripts: values are hashed with the stack's own key, and both plans name its version. A
/// subscriber of the topic receives an event for each transcript.
async fn check_hashed_redaction(deployment: &Deployment, topic_queue: &Value) {
    let request = deployment.request(&json!({
        "exportId": "hashed", "interval": deployment.interval(), "slices": 1,
        "include": ["transcripts"], "redaction": {"mode": "hash"},
    }));

    let base = deployment.run_json(&["start", "--request", &request]).await;
    wait_until("the transcripts", async || {
        let status = deployment
            .run(&["status", "hashed-transcripts", "--json"])
            .await;
        status.out.contains(r#""status": "completed""#)
    })
    .await;

    assert_eq!(base["status"], "completed");
    let manifest = read_object(deployment, "exports/hashed-transcripts/manifest.json").await;
    let transcripts = manifest["content"]["statuses"]["complete"].as_u64();
    assert!(transcripts > Some(0), "{manifest}");
    let emails = manifest["content"]["redactions"]["EMAIL"].as_u64();
    assert!(emails > Some(0), "{manifest}");
    let version = async |export: &str| {
        let plan = read_object(deployment, &format!("exports/{export}/request.json")).await;
        plan["redaction"]["keyVersion"].clone()
    };
    let pinned = version("hashed").await;
    assert!(pinned.is_string(), "{pinned}");
    assert_eq!(version("hashed-transcripts").await, pinned);
    let archived = manifest["content"]["counts"]["archived"].as_u64();
    let archived = archived.expect("a count");
    let queue = topic_queue["queue"].as_str().expect("a queue");
    let clients = deployment.clients().await;
    let mut events_by_id = BTreeMap::new();
    // Repeated events count once.
    while (events_by_id.len() as u64) < archived {
        let events = receive_events(&clients, queue, 1).await.into_iter();
        events_by_id.extend(events.map(|event| (event["eventId"].to_string(), event)));
    }
    let conversations: BTreeSet<String> = events_by_id
        .values()
        .map(|event| event["conversationId"].to_string())
        .collect();
    assert_eq!(
        events_by_id.len() as u64,
        archived,
        "an event for each transcript"
    );
    assert_eq!(conversations.len(), events_by_id.len());
    let mut events_by_id = events_by_id.into_values();
    assert!(events_by_id.all(|event| event["event"] == "transcript.archived"));
}

async fn check_status(deployment: &Deployment) {
    let status = deployment.run_json(&["status"]).await;
    let covered = deployment.run_json(&["status", "--coverage"]).await;
    let missing = ["status", "--json", "--coverage", "--since", "2020-01-01"];
    let missing = deployment.run(&missing).await;
    let unknown = deployment.run(&["status", "nobody"]).await;

    let functions = status["functions"].as_array().expect("functions");
    assert_eq!(functions.len(), 7);
    assert!(
        functions
            .iter()
            .all(|function| function["state"] == "Active")
    );
    let exports = status["exports"].as_array().expect("exports");
    let exports: Vec<_> = exports
        .iter()
        .map(|export| (export["exportId"].as_str(), export["status"].as_str()))
        .collect();
    let expected = [
        (Some("hashed-transcripts"), Some("completed")),
        (Some("hashed"), Some("completed")),
        (Some("swept"), Some("completed")),
        (Some("cancelled"), Some("cancelled")),
        (Some("poisoned"), Some("completed")),
        (Some("scheduled"), Some("completed")),
    ];
    assert_eq!(exports, expected);
    assert_eq!(covered["missing"], 0, "{covered}");
    assert_eq!(missing.code, Some(1), "{}", missing.out);
    assert!(
        missing.out.contains("2020-01-01T00:00:00.000Z/"),
        "{}",
        missing.out
    );
    assert_eq!(unknown.code, Some(2));
}

/// Backfills two months, one export each; repeating the command finds both.
async fn check_backfill(deployment: &Deployment) {
    let (start, end) = deployment.interval().split_once('/').expect("an interval");
    let end: jiff::Timestamp = end.parse().expect("a moment");
    let before: jiff::Timestamp = start.parse().expect("a moment");
    let before = before - jiff::SignedDuration::from_hours(24 * 31);
    let history = format!("{before}/{end}");
    let request = deployment.request(&json!({"exportId": "history", "slices": 1}));
    let backfill = ["start", "--backfill", &history, "--request", &request];

    let first = deployment.run(&backfill).await;
    let again = deployment.run(&backfill).await;

    assert_eq!(first.code, Some(0), "{}{}", first.out, first.err);
    assert_eq!(again.code, Some(0), "{}{}", again.out, again.err);
    assert!(again.err.contains("is already complete"), "{}", again.err);
}

/// Everything that was archived is still in the bucket afterwards.
async fn check_redeployment(deployment: &mut Deployment) {
    let before = deployment.run_json(&["status"]).await;

    let folder = deployment.folder().display().to_string();
    let down = Deployment::run_without_stack(&["local", "down", "--folder", &folder]).await;
    let local = Deployment::run_without_stack(&["local", "status", "--folder", &folder]).await;
    deployment.redeploy(&[LOG_AWS_CALLS]).await;
    let after = deployment.run_json(&["status"]).await;

    assert_eq!(down.code, Some(0), "{}", down.err);
    assert_eq!(local.code, Some(1), "{}", local.out);
    assert_eq!(before["exports"], after["exports"]);
}

/// A job takes longer than its page handler polls: the page is parked, returns and continues. No receiver accepts the
/// webhook.
async fn check_parked_page(deployment: &mut Deployment) {
    deployment.set_options(&organisation(LONG_JOB));
    deployment.redeploy(&[LOG_AWS_CALLS]).await;
    let request = deployment.request(&json!({
        "exportId": "parked", "interval": deployment.interval(), "slices": 1, "webhookUrl": UNREACHABLE_RECEIVER,
    }));

    let ended = deployment.run_json(&["start", "--request", &request]).await;

    assert_eq!(ended["status"], "completed");
    // The status includes the reason once a delivery was attempted.
    let webhook = ended["webhook"].as_str().expect("a text");
    assert!(webhook.starts_with("not accepted yet"), "{webhook}");
    assert!(webhook.ends_with("it is retried for a day"), "{webhook}");
    let logs = deployment
        .aws(&["logs", &Deployment::name("archive-page")])
        .await;
    let mut lines = logs.as_array().expect("lines").iter();
    let parks = |line: &Value| line["message"] == "page parked" && line["reason"] == "Job";
    assert!(lines.any(parks), "no page was parked");
}

/// Makes a failed page message visible again after two seconds, and dead after the second receive. Returns the queue's
/// URL.
async fn shorten_redelivery(clients: &AwsClients) -> String {
    let sqs = clients.sqs();
    let (queue, dead) = tokio::join!(
        queue_url(&sqs, Deployment::name("pages.fifo")),
        queue_url(&sqs, Deployment::name("pages-dead-letters.fifo")),
    );
    let request = sqs.get_queue_attributes().queue_url(dead);
    let response = request
        .attribute_names(QueueArn)
        .send()
        .await
        .expect("attributes");
    let arn = response.attributes.expect("attributes")[&QueueArn].clone();
    let redrive = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 2}).to_string();
    let set = sqs
        .set_queue_attributes()
        .queue_url(&queue)
        .attributes(VisibilityTimeout, "2")
        .attributes(RedrivePolicy, redrive);
    set.send().await.expect("set");
    queue
}

async fn queue_url(sqs: &aws_sdk_sqs::Client, name: String) -> String {
    let response = sqs.get_queue_url().queue_name(name).send().await;
    response.expect("a queue").queue_url.expect("a URL")
}

/// Waits for the delivery of an export's outcome, which arrives shortly after the outcome, and returns the events that
/// the receiver got.
async fn delivered_events(deployment: &Deployment, export: &str) -> Vec<String> {
    let status = deployment.run_json(&["status", export]).await;
    let wanted = status["outcome"]["status"].as_str().expect("a status");
    let wanted = format!("export.{wanted}");
    wait_until(&wanted, async || {
        let deliveries = deployment.deliveries(export);
        deliveries.iter().any(|(event, _)| *event == wanted)
    })
    .await;
    let deliveries = deployment.deliveries(export);
    assert!(
        deliveries.iter().all(|(_, signed)| *signed),
        "{deliveries:?}"
    );
    deliveries.into_iter().map(|(event, _)| event).collect()
}

async fn list_keys(deployment: &Deployment, prefix: &str) -> Vec<String> {
    let s3 = deployment.clients().await.s3();
    let listed = s3
        .list_objects_v2()
        .bucket(deployment.bucket())
        .prefix(prefix);
    let listed = listed.send().await.expect("a listing");
    let objects = listed.contents.unwrap_or_default();
    objects
        .into_iter()
        .filter_map(|object| object.key)
        .collect()
}

async fn read_object(deployment: &Deployment, key: &str) -> Value {
    let s3 = deployment.clients().await.s3();
    let get = s3.get_object().bucket(deployment.bucket()).key(key);
    let object = get.send().await.expect("an object");
    let bytes = object.body.collect().await.expect("a body").into_bytes();
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Receives events from the queue until there are at least this number.
async fn receive_events(clients: &AwsClients, queue: &str, wanted: u64) -> Vec<Value> {
    let sqs = clients.sqs();
    let mut events = Vec::new();
    while (events.len() as u64) < wanted {
        let receive = sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .wait_time_seconds(10);
        let received = receive.send().await.expect("messages").messages;
        let messages = received.unwrap_or_default();
        assert!(
            !messages.is_empty(),
            "{} of {wanted} events came",
            events.len()
        );
        for message in messages {
            let body = message.body.expect("a body");
            events.push(serde_json::from_str(&body).expect("JSON"));
            let receipt = message.receipt_handle.expect("a receipt");
            let delete = sqs
                .delete_message()
                .queue_url(queue)
                .receipt_handle(receipt);
            delete.send().await.expect("deleted");
        }
    }
    events
}
