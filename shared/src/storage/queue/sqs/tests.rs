use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::net::clock::Clock;
use crate::storage::aws::fake::{FakeAws, Reply, Request, sdk_config};
use crate::storage::queue::conformance::{Consumer as _, QUEUE_PROMISES, SqsConsumer, Subject};
use crate::storage::queue::{Delivery, MemoryQueues};

const BASE: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/";

fn urls(folder: &str) -> QueueUrls {
    let url = |queue: Queue| Some(format!("{BASE}{folder}{}", queue.name()));
    QueueUrls {
        pages: url(Queue::Pages),
        waiting: url(Queue::Waiting),
        completion: url(Queue::Completion),
        webhooks: url(Queue::Webhooks),
        ended: url(Queue::Ended),
    }
}

fn client(fake: &FakeAws) -> Client {
    Client::new(&sdk_config(fake))
}

fn page() -> OutgoingMessage {
    let fifo = Fifo {
        group: "e-0001".into(),
        deduplication_id: "e-0001-01-000001-0".into(),
    };
    OutgoingMessage {
        queue: Queue::Pages,
        body: "{}".into(),
        fifo: Some(fifo),
        delay: Duration::ZERO,
    }
}

fn waiting(delay: Duration) -> OutgoingMessage {
    OutgoingMessage {
        queue: Queue::Waiting,
        body: "{}".into(),
        fifo: None,
        delay,
    }
}

fn sent() -> Reply {
    Reply::json(
        200,
        &json!({"MessageId": "m", "MD5OfMessageBody": "99914b932bd37a50b983c5e7c90ae93b"}),
    )
}

/// Serves SQS's protocol from the in-process queues.
async fn fake_sqs(queues: MemoryQueues, clock: Clock) -> FakeAws {
    let both = Arc::new((queues, clock));
    FakeAws::start_async(move |request| {
        let both = Arc::clone(&both);
        Box::pin(async move {
            match respond(&both, &request).await {
                Some(reply) => Reply::json(200, &reply),
                None => Reply::json(
                    400,
                    &json!({"__type": "com.amazonaws.sqs#InvalidParameterValue"}),
                ),
            }
        })
    })
    .await
}

async fn respond(both: &(MemoryQueues, Clock), request: &Request) -> Option<Value> {
    let (queues, _) = both;
    let parameters = request.json();
    let text = |name: &str| parameters[name].as_str().map(str::to_owned);
    let url = text("QueueUrl")?;
    let queue = Queue::ALL
        .into_iter()
        .find(|queue| url.ends_with(queue.name()))?;
    let seconds = |name: &str| Duration::from_secs(parameters[name].as_u64().unwrap_or(0));
    match request.header("x-amz-target")?.strip_prefix("AmazonSQS.")? {
        "SendMessage" => {
            let group = text("MessageGroupId").zip(text("MessageDeduplicationId"));
            let fifo = group.map(|(group, deduplication_id)| Fifo {
                group,
                deduplication_id,
            });
            let body = text("MessageBody")?;
            queues
                .send(OutgoingMessage {
                    queue,
                    body,
                    fifo,
                    delay: seconds("DelaySeconds"),
                })
                .await
                .ok()?;
            Some(json!({"MessageId": "m"}))
        }
        "ReceiveMessage" if url.contains("/dead/") => {
            let letter = queues.take_dead_letter(queue)?;
            Some(json!({"Messages": [{"Body": letter.body}]}))
        }
        "ReceiveMessage" => {
            // The clock stands still while a request waits, and advances by the waiting time at its end.
            let delivery = both.wait(queue, seconds("WaitTimeSeconds")).await.ok()?;
            let messages: Vec<Value> = delivery.map(received).into_iter().collect();
            Some(json!({"Messages": messages}))
        }
        "DeleteMessage" => queues
            .delete(queue, &text("ReceiptHandle")?)
            .then(|| json!({})),
        "ChangeMessageVisibility" => {
            let delay = seconds("VisibilityTimeout");
            queues
                .postpone(queue, &text("ReceiptHandle")?, delay)
                .await
                .ok()
                .map(|()| json!({}))
        }
        "GetQueueAttributes" => {
            let in_flight = queues.in_flight(queue) as u64;
            let visible = queues.depth(queue).await.ok()? - in_flight;
            Some(json!({"Attributes": {
                "ApproximateNumberOfMessages": visible.to_string(),
                "ApproximateNumberOfMessagesNotVisible": in_flight.to_string(),
                "ApproximateNumberOfMessagesDelayed": "0",
            }}))
        }
        _ => None,
    }
}

fn received(delivery: Delivery) -> Value {
    let mut attributes = json!({"ApproximateReceiveCount": delivery.receive_count.to_string()});
    if let Some(group) = delivery.group {
        attributes["MessageGroupId"] = group.into();
    }
    json!({"Body": delivery.body, "ReceiptHandle": delivery.receipt, "Attributes": attributes})
}

#[tokio::test]
async fn sqs_keeps_every_promise_of_a_queue() {
    for promise in QUEUE_PROMISES {
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        let fake = fake_sqs(MemoryQueues::new(clock.clone()), clock).await;
        let consumer = SqsConsumer {
            client: client(&fake),
            urls: urls(""),
            dead_letter_urls: urls("dead/"),
            waiting_visibility: None,
        };
        let subject = Subject {
            queues: Arc::new(SqsQueues::new(client(&fake), urls(""))),
            consumer: Arc::new(consumer),
        };

        let result = promise.run(&subject).await;

        assert!(result.is_ok(), "{result:?}");
    }
}

#[tokio::test]
async fn a_page_message_carries_group_and_deduplication_id_and_no_delay() {
    let fake = FakeAws::start(|_| sent()).await;

    SqsQueues::new(client(&fake), urls(""))
        .send(page())
        .await
        .unwrap();

    let request = &fake.requests()[0];
    assert_eq!(
        request.header("x-amz-target"),
        Some("AmazonSQS.SendMessage")
    );
    let expected = json!({
        "QueueUrl": format!("{BASE}pages"),
        "MessageBody": "{}",
        "MessageGroupId": "e-0001",
        "MessageDeduplicationId": "e-0001-01-000001-0",
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn a_delay_is_rounded_up_to_whole_seconds() {
    let fake = FakeAws::start(|_| sent()).await;

    SqsQueues::new(client(&fake), urls(""))
        .send(waiting(Duration::from_millis(1_001)))
        .await
        .unwrap();

    assert_eq!(fake.requests()[0].json()["DelaySeconds"], 2);
}

#[tokio::test]
async fn a_message_that_sqs_would_refuse_is_not_sent() {
    let fake = FakeAws::start(|_| sent()).await;

    let refused = SqsQueues::new(client(&fake), urls(""))
        .send(waiting(Duration::from_secs(901)))
        .await
        .unwrap_err();

    assert_eq!(fake.hits(), 0);
    let message = format!("{:#}", anyhow::Error::from(refused));
    insta::assert_snapshot!(message, @"cannot send a message on the Waiting queue: a delay of 901 s is longer than 900 s");
}

#[tokio::test]
async fn a_queue_without_a_url_names_its_variable() {
    let fake = FakeAws::start(|_| sent()).await;
    let queues = SqsQueues::new(client(&fake), QueueUrls::default());

    let mut variables = Vec::new();
    for queue in Queue::ALL {
        let missing = queues.depth(queue).await.unwrap_err();
        variables.push(missing.source.to_string());
    }

    assert_eq!(
        variables,
        [
            "PAGE_QUEUE_URL is not set",
            "WAITING_QUEUE_URL is not set",
            "COMPLETION_QUEUE_URL is not set",
            "WEBHOOK_QUEUE_URL is not set",
            "ENDED_QUEUE_URL is not set",
        ]
    );
    assert_eq!(fake.hits(), 0);
}

#[tokio::test]
async fn the_depth_adds_up_visible_in_flight_and_delayed_messages() {
    let reply = json!({"Attributes": {
        "ApproximateNumberOfMessages": "3",
        "ApproximateNumberOfMessagesNotVisible": "20",
        "ApproximateNumberOfMessagesDelayed": "100",
    }});
    let fake = FakeAws::start(move |_| Reply::json(200, &reply)).await;

    let depth = SqsQueues::new(client(&fake), urls(""))
        .depth(Queue::Waiting)
        .await
        .unwrap();

    assert_eq!(depth, 123);
}

#[tokio::test]
async fn a_missing_depth_is_an_error_and_not_zero() {
    let fake = FakeAws::start(|_| Reply::json(200, &json!({"Attributes": {}}))).await;

    let error = SqsQueues::new(client(&fake), urls(""))
        .depth(Queue::Waiting)
        .await
        .unwrap_err();

    assert_eq!(
        error.source.to_string(),
        "SQS returned no numeric ApproximateNumberOfMessages"
    );
}

#[tokio::test]
async fn postponing_changes_the_visibility_by_whole_seconds() {
    let fake = FakeAws::start(|_| Reply::json(200, &json!({}))).await;

    SqsQueues::new(client(&fake), urls(""))
        .postpone(Queue::Webhooks, "receipt", Duration::from_millis(2_500))
        .await
        .unwrap();

    let expected = json!({"QueueUrl": format!("{BASE}webhooks"), "ReceiptHandle": "receipt", "VisibilityTimeout": 3});
    assert_eq!(fake.requests()[0].json(), expected);
}

#[tokio::test]
async fn a_send_whose_response_is_lost_is_retried() {
    let fake = FakeAws::with_replies([(|| Reply::HangUp) as fn() -> Reply, sent]).await;

    SqsQueues::new(client(&fake), urls(""))
        .send(page())
        .await
        .unwrap();

    assert_eq!(fake.hits(), 2);
}
