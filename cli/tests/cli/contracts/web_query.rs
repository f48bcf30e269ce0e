//! The contract of the query of web details, which leads from guests' session ids to conversations.
//!
//! `POST /api/v2/analytics/conversations/web/details/query` with `dateRange{from,to}`, `entities.conversations[{id}]`
//! of at most 100 ids, `interval: "PT1H"`, `redactPii`, `groupBy: ["conversationId","sequenceId"]` and `pageSize` of
//! at most 500. The text does not define the response: the server returns the details of each conversation, as the `GET`
//! request does, with its id under both names, and with the session or without.

use serde_json::{Value, json};

use super::client::Client;
use super::json::{Checked, boolean, integer, moment, object, text, texts};
use super::killing::kill_and_resume;
use super::request::Request;
use super::server::{Answer, Contract, Exchange, Strict};
use super::strictness::{assert_strict, post};
use super::web_details::{self, assert_whole, conversations, details, ids, world};

const QUERY: &str = "/api/v2/analytics/conversations/web/details/query";

const START: &str = "2026-03-01T00:00:00Z";
const END: &str = "2026-03-02T00:00:00Z";

/// Knows the conversation of each session, and serves its details.
struct WebQuery {
    conversations: Vec<Value>,
    names_sessions: bool,
}

impl Contract for WebQuery {
    fn serves(&self, path: &str) -> bool {
        path == QUERY || web_details::serves(path)
    }

    fn answer(&mut self, request: &Request) -> Checked<Answer> {
        if request.path != QUERY {
            return details(request, &self.conversations);
        }
        let sessions = sessions_of(request)?;
        let found = self.conversations.iter();
        let found = found.filter(|it| sessions.contains(&session_of(it)));
        Ok(Answer::ok(response(found, self.names_sessions)))
    }
}

/// The session ids of a query, after a check of every field.
fn sessions_of(request: &Request) -> Checked<Vec<String>> {
    request.must_have_no_query()?;
    let body = request.json()?;
    let names = [
        "dateRange",
        "entities",
        "interval",
        "redactPii",
        "groupBy",
        "pageSize",
    ];
    let fields = object(&body, "the body", &names, &[])?;
    let dates = object(&fields["dateRange"], "dateRange", &["from", "to"], &[])?;
    let from = moment(&dates["from"], "dateRange.from")?;
    let to = moment(&dates["to"], "dateRange.to")?;
    if (from.to_string().as_str(), to.to_string().as_str()) != (START, END) {
        return Err(format!("the date range is not that of the request: {body}"));
    }
    if fields["interval"] != "PT1H" {
        return Err(format!("interval is {}", fields["interval"]));
    }
    boolean(&fields["redactPii"], "redactPii")?;
    if fields["groupBy"] != json!(["conversationId", "sequenceId"]) {
        return Err(format!("groupBy is {}", fields["groupBy"]));
    }
    integer(&fields["pageSize"], "pageSize", 1..=500)?;
    let entities = object(&fields["entities"], "entities", &["conversations"], &[])?;
    session_ids(&entities["conversations"])
}

/// The ids of a list `[{id}]` of 1 to 100 elements.
fn session_ids(list: &Value) -> Checked<Vec<String>> {
    let place = "entities.conversations";
    let elements = list
        .as_array()
        .filter(|list| (1..=100).contains(&list.len()))
        .ok_or_else(|| format!("{place} is not a list of 1 to 100: {list}"))?;
    let ids = elements.iter().map(|element| {
        let fields = object(element, place, &["id"], &[])?;
        text(&fields["id"], place).map(Value::from)
    });
    texts(&ids.collect::<Checked<Value>>()?, place)
}

/// The session in which a guest wrote the conversation.
fn session_of(conversation: &Value) -> String {
    let id = conversation["id"].as_str().unwrap();
    id.replace("c0a80101", "5e551011")
}

fn response<'a>(found: impl Iterator<Item = &'a Value>, names_sessions: bool) -> Value {
    let row = |conversation: &Value| {
        let mut row = conversation.clone();
        row["conversationId"] = conversation["id"].clone();
        if names_sessions {
            row["sessionId"] = session_of(conversation).into();
        }
        row
    };
    json!({"conversations": found.map(row).collect::<Value>()})
}

fn sessions() -> Vec<String> {
    conversations().iter().map(session_of).collect()
}

async fn query_world() -> (Strict, Client) {
    world(WebQuery {
        conversations: conversations(),
        names_sessions: true,
    })
    .await
}

fn request(sessions: &[String]) -> Value {
    let mut request = web_details::request(&json!({"sessionIds": sessions}));
    request["interval"] = format!("{START}/{END}").into();
    request
}

fn queries(exchanges: &[Exchange]) -> Vec<Vec<String>> {
    let queries = exchanges.iter().filter(|it| it.request.path == QUERY);
    queries
        .map(|it| sessions_of(&it.request).unwrap())
        .collect()
}

fn assert_all_whole(client: &Client) {
    let mut records = client.archive().records();
    records.sort_by_key(|it| it["conversationId"].to_string());
    assert_eq!(records.len(), 5);
    for (record, conversation) in records.iter().zip(&conversations()) {
        assert_whole(record, conversation);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guest_sessions_lead_to_transcripts_of_their_conversations() {
    let (server, client) = query_world().await;

    let export = client.export(&request(&sessions())).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_all_whole(&client);
    assert_eq!(
        client.archive().ids("conversationId"),
        ids(&conversations())
    );
    assert_eq!(queries(&server.exchanges()), [sessions()]);
    client.assert_verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guest_sessions_are_queried_in_batches_of_at_most_100() {
    let (server, client) = query_world().await;
    let unknown = |number: usize| format!("5e551011-0000-4000-9000-{number:012}");
    let mut wanted = sessions();
    wanted.extend((1..=225).map(unknown));

    let export = client.export(&request(&wanted)).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    let queries = queries(&server.exchanges());
    let sizes: Vec<usize> = queries.iter().map(Vec::len).collect();
    assert_eq!(sizes, [100, 100, 30]);
    let mut sent = queries.concat();
    sent.sort();
    wanted.sort();
    assert_eq!(sent, wanted, "each session once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_without_sessions_lead_to_every_conversation_with_one_query() {
    let (server, client) = world(WebQuery {
        conversations: conversations(),
        names_sessions: false,
    })
    .await;

    let export = client.export(&request(&sessions())).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_all_whole(&client);
    assert_eq!(queries(&server.exchanges()), [sessions()]);
    client.assert_verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_of_guest_sessions_killed_at_any_request_is_resumed() {
    // The login, the query, and five conversations.
    for number in 1..=7 {
        let (server, client) = query_world().await;

        let killed = kill_and_resume(&server, &client, &request(&sessions()), number).await;

        let context = format!("killed at request {number}: {}", killed.resumed.err);
        assert_eq!(server.violations(), [""; 0], "{context}");
        assert_eq!(killed.resumed.code, 0, "{context}");
        client.assert_verifies().await;
        assert_all_whole(&client);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_query_of_sessions_ends_the_export_unwritten() {
    let (server, client) = query_world().await;
    server.forbid();

    let export = client.export(&request(&sessions())).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 1, "{}", export.err);
    assert_eq!(client.archive_files(), [""; 0]);
    assert_eq!(queries(&server.exchanges()).len(), 1, "it is not repeated");
}

#[test]
fn the_query_of_web_details_refuses_every_other_body() {
    let mut query = WebQuery {
        conversations: conversations(),
        names_sessions: true,
    };
    let body = |sessions: Vec<Value>, page_size: u64| {
        json!({
            "dateRange": {"from": START, "to": END},
            "entities": {"conversations": sessions},
            "interval": "PT1H",
            "redactPii": false,
            "groupBy": ["conversationId", "sequenceId"],
            "pageSize": page_size,
        })
    };
    let some = |number: usize| {
        (0..number)
            .map(|it| json!({"id": it.to_string()}))
            .collect()
    };

    assert_strict(&mut query, QUERY, &body(some(100), 500));

    assert!(query.answer(&post(QUERY, &body(some(101), 500))).is_err());
    assert!(query.answer(&post(QUERY, &body(some(100), 501))).is_err());
}
