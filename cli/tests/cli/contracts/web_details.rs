//! The contract of web details, and transcripts from them.
//!
//! `GET /api/v2/conversations/web/details/{id}` returns `{id, type, startTimestamp, endTimestamp, messages:
//! [{sequenceId, from, to, text, timestamp, metadata}]}`. Fields that the contract does not name are kept.

use serde_json::{Value, json};

use super::checking::assert_keeps_to_the_contract;
use super::client::Client;
use super::json::Checked;
use super::killing::{kill_and_resume, repeated};
use super::login::Login;
use super::request::{Request, decoded};
use super::server::{Answer, Contract, Exchange, Strict};

const DETAILS: &str = "/api/v2/conversations/web/details/";
const PAGE_SIZE: usize = 2;

/// Serves conversations by their ids.
pub(crate) struct WebDetails {
    conversations: Vec<Value>,
}

impl WebDetails {
    fn new() -> Self {
        Self {
            conversations: conversations(),
        }
    }
}

impl Contract for WebDetails {
    fn serves(&self, path: &str) -> bool {
        serves(path)
    }

    fn answer(&mut self, request: &Request) -> Checked<Answer> {
        details(request, &self.conversations)
    }
}

/// Whether the path is that of a conversation.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(DETAILS)
}

/// The answer to the request for one conversation.
pub(crate) fn details(request: &Request, conversations: &[Value]) -> Checked<Answer> {
    let id = request.path.strip_prefix(DETAILS).unwrap_or_default();
    request.must_be("GET")?;
    request.must_have_no_query()?;
    request.must_have_no_body()?;
    let id = decoded(id);
    let found = conversations.iter().find(|it| it["id"] == id.as_str());
    Ok(match found {
        Some(conversation) => Answer::ok(conversation.clone()),
        None => Answer::error(404, "not.found"),
    })
}

/// Five conversations, whose messages are not in the order of their `sequenceId`.
pub(crate) fn conversations() -> Vec<Value> {
    (1..=5).map(conversation).collect()
}

fn conversation(number: usize) -> Value {
    let message = |sequence: usize| {
        let (from, to) = if sequence.is_multiple_of(2) {
            ("agent", "customer")
        } else {
            ("customer", "agent")
        };
        json!({
            "sequenceId": sequence,
            "from": from,
            "to": format!("{to}-{number}-{sequence}"),
            "text": format!("sentence {sequence} of conversation {number}"),
            "timestamp": format!("2026-03-01T0{number}:00:{sequence:02}Z"),
            "metadata": {"device": format!("device-{number}-{sequence}")},
            "mood": format!("mood-{number}-{sequence}"),
        })
    };
    json!({
        "id": format!("c0a80101-0000-4000-8000-{number:012}"),
        "type": "webchat",
        "startTimestamp": format!("2026-03-01T0{number}:00:00Z"),
        "endTimestamp": format!("2026-03-01T0{number}:30:00Z"),
        "messages": [message(2), message(1), message(4), message(3)],
        "campaign": format!("campaign-{number}"),
    })
}

/// The conversations' ids, in their order.
pub(crate) fn ids(conversations: &[Value]) -> Vec<String> {
    let ids = conversations.iter().map(|it| it["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// A request for transcripts, whose texts are stored as they are.
pub(crate) fn request(filters: &Value) -> Value {
    json!({
        "source": "transcripts", "filters": filters, "pageSize": PAGE_SIZE,
        "redaction": {"enabled": false},
    })
}

fn request_of_all() -> Value {
    request(&json!({"conversationIds": ids(&conversations())}))
}

pub(crate) async fn world(contract: impl Contract) -> (Strict, Client) {
    let server = Strict::start(Login::basic(), contract).await;
    let mut client = Client::of(&server);
    client.set("GENESYS_TRANSCRIPT_ROUTE", "web-details");
    (server, client)
}

/// Asserts that the record is the whole transcript of the conversation.
pub(crate) fn assert_whole(record: &Value, conversation: &Value) {
    assert_eq!(record["conversationId"], conversation["id"]);
    assert_eq!(record["status"], "complete", "{record}");
    assert_eq!(record["via"], "webDetails");
    assert_eq!(record["missing"], 0);
    let mut sent = conversation["messages"].as_array().unwrap().clone();
    sent.sort_by_key(|message| message["sequenceId"].as_u64());
    let stored = record["messages"].as_array().unwrap();
    assert_eq!(stored.len(), sent.len());
    for (stored, sent) in stored.iter().zip(&sent) {
        assert_eq!(stored["sequenceId"], sent["sequenceId"]);
        assert_eq!(stored["text"], sent["text"]);
        assert_eq!(stored["time"], sent["timestamp"]);
    }
}

/// Asserts that each value of the response is somewhere in the record. The contract says that they are kept, not where.
fn assert_keeps_everything(record: &Value, conversation: &Value) {
    for name in ["type", "startTimestamp", "endTimestamp", "campaign"] {
        assert!(holds(record, &conversation[name]), "{name}: {record}");
    }
    for message in conversation["messages"].as_array().unwrap() {
        for name in ["to", "metadata", "mood"] {
            assert!(holds(record, &message[name]), "{name}: {record}");
        }
    }
}

fn holds(document: &Value, value: &Value) -> bool {
    document == value
        || match document {
            Value::Array(list) => list.iter().any(|it| holds(it, value)),
            Value::Object(fields) => fields.values().any(|it| holds(it, value)),
            _ => false,
        }
}

fn is_any(_: &Exchange) -> bool {
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_of_web_details_are_archived_whole() {
    let (server, client) = world(WebDetails::new()).await;

    let export = client.export(&request_of_all()).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    let records = client.archive().records();
    assert_eq!(records.len(), 5);
    for (record, conversation) in records.iter().zip(&conversations()) {
        assert_whole(record, conversation);
    }
    assert_eq!(server.exchanges().len(), 5, "one request each");
    assert_eq!(repeated(&server.exchanges(), is_any), 0);
    assert_eq!(server.logins().len(), 1);
    client.assert_verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_details_lose_no_field_in_the_archive() {
    let (_server, client) = world(WebDetails::new()).await;

    client.export(&request_of_all()).await;

    for (record, conversation) in client.archive().records().iter().zip(&conversations()) {
        assert_keeps_everything(record, conversation);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_web_details_killed_at_any_request_is_resumed() {
    // The login and five conversations.
    for number in 1..=6 {
        let (server, client) = world(WebDetails::new()).await;

        let killed = kill_and_resume(&server, &client, &request_of_all(), number).await;

        let context = format!("killed at request {number}: {}", killed.resumed.err);
        assert_eq!(server.violations(), [""; 0], "{context}");
        assert_eq!(killed.resumed.code, 0, "{context}");
        client.assert_verifies().await;
        let records = client.archive().records();
        assert_eq!(records.len(), 5, "{context}");
        for (record, conversation) in records.iter().zip(&conversations()) {
            assert_whole(record, conversation);
        }
        // Only the conversations of the page that was not committed are requested again.
        let repeats = repeated(&server.exchanges(), is_any);
        assert!(repeats < PAGE_SIZE, "{context}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_unknown_conversation_of_web_details_leaves_the_others_whole() {
    let (server, client) = world(WebDetails {
        conversations: conversations().split_off(1),
    })
    .await;

    let export = client.export(&request_of_all()).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    let records = client.archive().records();
    assert_eq!(records[0]["status"], "gone");
    for (record, conversation) in records.iter().zip(&conversations()).skip(1) {
        assert_whole(record, conversation);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_details_that_are_all_forbidden_are_not_a_success() {
    let (server, client) = world(WebDetails::new()).await;
    server.forbid();

    let export = client.export(&request_of_all()).await;

    // The contract has no dry run, so a refusal shows at the first conversation.
    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 1, "{}", export.err);
    let status = |it: &Value| it["status"].as_str().unwrap().to_owned();
    if client.archive().is_complete() {
        assert_eq!(status(&client.archive().manifest()), "completed_with_gaps");
        let mut statuses = client.archive().records().into_iter().map(|it| status(&it));
        assert!(statuses.all(|it| it == "forbidden"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_requests_web_details_as_an_export_does() {
    let (server, client) = world(WebDetails::new()).await;

    assert_keeps_to_the_contract(&server, &client).await;
}
