//! Exports from the export gateway.

use serde_json::{Value, json};

use super::super::client::Client;
use super::super::json::with_equal_moments;
use super::super::killing::{kill_and_resume, repeated};
use super::super::login::Login;
use super::super::server::{Contract as _, Exchange, Strict};
use super::super::strictness::{assert_strict, post};
use super::{
    END, ExportGateway, PAGE_SIZE, QUERY, RECORDS, START, ids, range, received, records, request,
};

/// The bodies of the queries, without counts.
fn queries(exchanges: &[Exchange]) -> Vec<Value> {
    let queries = exchanges.iter().filter(|it| it.request.path == QUERY);
    queries
        .map(|it| serde_json::from_slice::<Value>(&it.request.body).unwrap())
        .filter(|body| body["query"]["pageSize"] != 1)
        .map(|body| with_equal_moments(&body))
        .collect()
}

/// Offset and limit of each page that was requested.
fn pages(exchanges: &[Exchange]) -> Vec<(usize, usize)> {
    let pages = exchanges.iter().filter(|it| it.request.path != QUERY);
    pages.map(|it| range(&it.request).unwrap()).collect()
}

fn query_body(filter_of_ids: Option<Value>) -> Value {
    let mut filter = json!({"type": "webchat", "dateRange": {"start": START, "end": END}});
    if let Some(id) = filter_of_ids {
        filter["id"] = id;
    }
    with_equal_moments(&json!({
        "query": {"filter": filter, "pageSize": PAGE_SIZE}, "includeMedia": false,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_gateway_is_archived_from_the_first_to_the_empty_page() {
    let server = Strict::start(Login::basic(), ExportGateway::new()).await;
    let client = Client::of(&server);

    let export = client.export(&request()).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archive().records(), records());
    assert_eq!(client.archive().manifest()["status"], "completed");
    assert_eq!(queries(&server.exchanges()), [query_body(None)]);
    let offsets: Vec<usize> = pages(&server.exchanges()).iter().map(|it| it.0).collect();
    assert_eq!(offsets, [0, 3, 7, 10], "offset plus records received");
    assert_eq!(server.logins().len(), 1);
    client.assert_verifies().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_of_ids_is_sent_as_the_export_gateway_defines_it() {
    let server = Strict::start(Login::basic(), ExportGateway::new()).await;
    let client = Client::of(&server);
    let mut request = request();
    request["filters"] = json!({"conversationIdRange": {"min": "c-0003", "max": "c-0008"}});

    let export = client.export(&request).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archived_ids(), ids()[2..8]);
    let range = json!({"range": {"min": "c-0003", "max": "c-0008"}});
    assert_eq!(queries(&server.exchanges()), [query_body(Some(range))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slices_of_an_export_gateway_request_each_offset_once() {
    let server = Strict::start(Login::basic(), ExportGateway::new()).await;
    let client = Client::of(&server);
    let mut request = request();
    request["slices"] = 3.into();
    request["includeMedia"] = true.into();

    let export = client.export(&request).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archived_ids(), ids());
    let mut body = query_body(None);
    body["includeMedia"] = true.into();
    assert_eq!(queries(&server.exchanges()), [body]);
    let mut requested: Vec<usize> = pages(&server.exchanges()).iter().map(|it| it.0).collect();
    requested.sort_unstable();
    assert_eq!(requested, expected_offsets(&client.archive().plan()));
}

/// The offsets of all slices of the plan, sorted: each slice from its start to its end, the last one to the empty page.
fn expected_offsets(plan: &Value) -> Vec<usize> {
    let mut offsets = Vec::new();
    for slice in plan["slices"].as_array().unwrap() {
        let number = |name: &str| slice["offsets"][name].as_u64();
        let end = number("end").map(|end| usize::try_from(end).unwrap());
        let mut offset = usize::try_from(number("start").unwrap()).unwrap();
        while end.is_none_or(|end| offset < end) {
            offsets.push(offset);
            if offset >= RECORDS {
                break;
            }
            let limit = end.map_or(PAGE_SIZE, |end| PAGE_SIZE.min(end - offset));
            offset += received(offset, limit).min(RECORDS - offset);
        }
    }
    offsets.sort_unstable();
    offsets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_gateway_export_killed_at_any_request_is_resumed() {
    // The login, the query, and four pages.
    for number in 1..=6 {
        let server = Strict::start(Login::basic(), ExportGateway::new()).await;
        let client = Client::of(&server);

        let killed = kill_and_resume(&server, &client, &request(), number).await;

        let context = format!("killed at request {number}: {}", killed.resumed.err);
        assert_eq!(server.violations(), [""; 0], "{context}");
        assert_eq!(killed.resumed.code, 0, "{context}");
        client.assert_verifies().await;
        assert_eq!(client.archive().records(), records(), "{context}");
        let is_page = |it: &Exchange| it.request.path != QUERY;
        let repeats = repeated(&server.exchanges(), is_page);
        assert!(repeats <= killed.uncommitted(is_page), "{context}");
        let planned_before = number > 2;
        let expected = if planned_before { 1 } else { number };
        assert_eq!(queries(&server.exchanges()).len(), expected, "{context}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_gateway_that_forbids_the_query_ends_the_export_unwritten() {
    let server = Strict::start(Login::basic(), ExportGateway::new()).await;
    server.forbid();
    let client = Client::of(&server);

    let export = client.export(&request()).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    // A missing permission is a failure: neither the request nor a setting must change (docs/command-line.md).
    assert_eq!(export.code, 1, "{}", export.err);
    assert_eq!(client.archive_files(), [""; 0]);
    assert_eq!(server.exchanges().len(), 1, "it is not repeated");
}

#[test]
fn the_export_gateway_refuses_every_other_body() {
    let range = json!({"range": {"min": "c-0003", "max": "c-0008"}});
    let mut gateway = ExportGateway::new();

    assert_strict(&mut gateway, QUERY, &query_body(None));

    let with_range = query_body(Some(range));
    assert!(gateway.answer(&post(QUERY, &with_range)).is_ok());
    let without_end = query_body(Some(json!({"range": {"min": "c-0003"}})));
    assert!(gateway.answer(&post(QUERY, &without_end)).is_err());
}
