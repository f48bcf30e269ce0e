use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::storage::aws::fake::{FakeAws, Reply, Request, sdk_config};

const ARN: &str = "arn:aws:sns:eu-central-1:123456789012:transcripts";

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn topic(fake: &FakeAws) -> SnsTopic {
    SnsTopic::new(
        Client::new(&sdk_config(fake)),
        ARN.parse().unwrap(),
        Clock::manual(now()),
    )
}

fn notifications(count: usize) -> Vec<Notification> {
    let notice = |number| Notification {
        id: format!("evt_{number}"),
        body: format!(r#"{{"number":{number}}}"#),
        attributes: vec![("event", "transcript.archived".to_owned())],
    };
    (0..count).map(notice).collect()
}

/// The form parameters of a request.
fn form(request: &Request) -> BTreeMap<String, String> {
    let pairs = url::form_urlencoded::parse(&request.body);
    pairs.into_owned().collect()
}

/// The ids of a request's entries, in order.
fn ids(request: &Request) -> Vec<String> {
    let form = form(request);
    let ids = (1..).map_while(|number| {
        form.get(&format!("PublishBatchRequestEntries.member.{number}.Id"))
            .cloned()
    });
    ids.collect()
}

/// A response that accepts all entries except those with these ids.
fn taking_all_but(ids: &[&str], is_sender_fault: &str) -> Reply {
    let failed: Vec<String> = ids
        .iter()
        .map(|id| {
            format!("<member><Id>{id}</Id><Code>InternalError</Code><Message>as scripted</Message><SenderFault>{is_sender_fault}</SenderFault></member>")
        })
        .collect();
    let failed = failed.concat();
    Reply::ok(format!(
        "<PublishBatchResponse><PublishBatchResult><Successful/><Failed>{failed}</Failed></PublishBatchResult></PublishBatchResponse>"
    ))
}

fn all_accepted() -> Reply {
    taking_all_but(&[], "false")
}

async fn error(fake: &FakeAws, deadline: Deadline) -> String {
    let published = topic(fake).publish(&notifications(3), deadline).await;
    format!("{:#}", anyhow::Error::from(published.unwrap_err()))
}

#[tokio::test]
async fn a_notice_is_published_with_body_and_filter_attributes() {
    let fake = FakeAws::start(|_| all_accepted()).await;

    topic(&fake)
        .publish(&notifications(1), Deadline::NONE)
        .await
        .unwrap();

    let form = form(&fake.requests()[0]);
    let parameters: Vec<_> = form
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    insta::assert_snapshot!(parameters.join("\n"), @r#"
    Action=PublishBatch
    PublishBatchRequestEntries.member.1.Id=evt_0
    PublishBatchRequestEntries.member.1.Message={"number":0}
    PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Name=event
    PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.DataType=String
    PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.StringValue=transcript.archived
    TopicArn=arn:aws:sns:eu-central-1:123456789012:transcripts
    Version=2010-03-31
    "#);
}

#[tokio::test]
async fn notices_are_published_in_batches_of_ten() {
    let fake = FakeAws::start(|_| all_accepted()).await;

    topic(&fake)
        .publish(&notifications(23), Deadline::NONE)
        .await
        .unwrap();

    let requests: Vec<Vec<String>> = fake.requests().iter().map(ids).collect();
    let sizes: Vec<usize> = requests.iter().map(Vec::len).collect();
    let expected: Vec<String> = notifications(23)
        .into_iter()
        .map(|notice| notice.id)
        .collect();
    assert_eq!(sizes, [10, 10, 3]);
    assert_eq!(requests.concat(), expected);
}

#[test]
fn batches_are_split_at_the_size_limit_of_sns() {
    let mut large = notifications(5);
    for notice in &mut large[1..4] {
        notice.body = "x".repeat(MAX_BYTES / 2);
    }
    large[4].body = "x".repeat(2 * MAX_BYTES);

    let sizes: Vec<usize> = batches(&large)
        .into_iter()
        .map(<[Notification]>::len)
        .collect();

    assert_eq!(sizes, [2, 1, 1, 1]);
    assert!(batches(&[]).is_empty());
}

#[tokio::test]
async fn only_failed_entries_are_published_again() {
    let fake = FakeAws::with_replies([
        (|| taking_all_but(&["evt_1", "evt_2"], "false")) as fn() -> Reply,
        || taking_all_but(&["evt_2"], "false"),
        all_accepted,
    ])
    .await;

    topic(&fake)
        .publish(&notifications(3), Deadline::NONE)
        .await
        .unwrap();

    let requests: Vec<Vec<String>> = fake.requests().iter().map(ids).collect();
    let expected = [
        vec!["evt_0", "evt_1", "evt_2"],
        vec!["evt_1", "evt_2"],
        vec!["evt_2"],
    ];
    assert_eq!(requests, expected);
}

#[tokio::test]
async fn an_entry_that_always_fails_is_an_error_after_a_few_tries() {
    let fake = FakeAws::start(|_| taking_all_but(&["evt_1"], "false")).await;

    let error = error(&fake, Deadline::NONE).await;

    assert_eq!(fake.hits(), MAX_TRIES as usize);
    insta::assert_snapshot!(error, @"cannot publish to the topic arn:aws:sns:eu-central-1:123456789012:transcripts: SNS rejected 1 entries of a request: InternalError as scripted");
}

#[tokio::test]
async fn sender_faults_and_expired_deadlines_are_not_retried() {
    let refusing = FakeAws::start(|_| taking_all_but(&["evt_1"], "true")).await;
    let failing = FakeAws::start(|_| taking_all_but(&["evt_1"], "false")).await;

    error(&refusing, Deadline::NONE).await;
    error(&failing, Deadline::at(now())).await;

    assert_eq!((refusing.hits(), failing.hits()), (1, 1));
}

#[tokio::test]
async fn a_lost_response_is_retried_and_a_refused_request_is_an_error() {
    let disconnecting =
        FakeAws::with_replies([(|| Reply::HangUp) as fn() -> Reply, all_accepted]).await;
    let refusing = FakeAws::start(|_| {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>";
        Reply::Response {
            status: 403,
            headers: Vec::new(),
            body: body.into(),
        }
    })
    .await;

    let published = topic(&disconnecting)
        .publish(&notifications(3), Deadline::NONE)
        .await;
    let error = error(&refusing, Deadline::NONE).await;

    assert!(published.is_ok(), "{published:?}");
    assert_eq!((disconnecting.hits(), refusing.hits()), (2, 1));
    assert!(error.contains("AuthorizationError"), "{error}");
}
