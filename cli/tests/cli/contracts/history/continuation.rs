//! The form `continuation`: the same URL without a query string, with `{"dateFrom","dateTo",
//! "view":"conversation|wrapup|disposition|routing","filter":[{"type":"conversation","path":"id","op":"in",
//! "value":[ids]}],"size":N,"continuationToken":null|T}`, N ≤ 1000, ids not empty. The response is
//! `{"entities":[…],"continuationToken"?}`.

use serde_json::{Value, json};

use super::super::json::{Checked, integer, moment, object, text, texts, word};
use super::super::request::Request;
use super::super::server::Contract as _;
use super::super::strictness::{assert_strict, post};
use super::exports::{
    a_whole_export, body, checked, forbidden, killed_at_each_request, large_pages, pages,
    printed_by_history, request, world,
};
use super::{END, Form, Gateway, PAGE_SIZE, PATH, Query, START, Selection, entities, ids, records};

static CONTINUATION: Form = Form {
    name: "continuation",
    token_field: "continuationToken",
    read,
    filters: || json!({"conversationIds": ids(), "category": "conversation"}),
    body: |size| {
        json!({
            "dateFrom": START,
            "dateTo": END,
            "view": "conversation",
            "filter": [{"type": "conversation", "path": "id", "op": "in", "value": ids()}],
            "size": size,
        })
    },
};

fn read(request: &Request) -> Checked<Query> {
    request.must_have_no_query()?;
    let mut body = request.json()?;
    let names = [
        "dateFrom",
        "dateTo",
        "view",
        "filter",
        "size",
        "continuationToken",
    ];
    let fields = object(&body, "the body", &names, &[])?;
    let views = ["conversation", "wrapup", "disposition", "routing"];
    word(&fields["view"], "view", &views)?;
    let from = moment(&fields["dateFrom"], "dateFrom")?;
    let to = moment(&fields["dateTo"], "dateTo")?;
    if from >= to {
        return Err(format!("the dates select nothing: {body}"));
    }
    let token = match &fields["continuationToken"] {
        Value::Null => None,
        token => Some(text(token, "continuationToken")?.to_owned()),
    };
    let query = Query {
        token,
        size: usize::try_from(integer(&fields["size"], "size", 1..=1_000)?).unwrap(),
        selection: Selection {
            ids: Some(ids_of(&fields["filter"])?),
            times: Some((from, to)),
            ..Selection::default()
        },
        body: Value::Null,
    };
    body["continuationToken"] = Value::Null;
    Ok(Query { body, ..query })
}

/// The ids of a list of exactly one filter.
fn ids_of(filter: &Value) -> Checked<Vec<String>> {
    let Some([only]) = filter.as_array().map(Vec::as_slice) else {
        return Err(format!("filter is not a list of one filter: {filter}"));
    };
    let fields = object(only, "filter[0]", &["type", "path", "op", "value"], &[])?;
    word(&fields["type"], "filter[0].type", &["conversation"])?;
    word(&fields["path"], "filter[0].path", &["id"])?;
    word(&fields["op"], "filter[0].op", &["in"])?;
    texts(&fields["value"], "filter[0].value")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_continuations_is_archived_over_an_empty_page() {
    a_whole_export(&CONTINUATION).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_by_continuations_killed_at_any_request_is_resumed() {
    killed_at_each_request(&CONTINUATION).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_continuations_that_forbids_ends_it_unwritten() {
    forbidden(&CONTINUATION).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_category_is_the_view_of_a_gateway_with_continuations() {
    for view in ["wrapup", "disposition", "routing"] {
        let (server, client) = world(&CONTINUATION, records()).await;
        let filters = json!({"conversationIds": ids(), "category": view});

        let export = client.export(&request(&filters)).await;

        assert_eq!(server.violations(), [""; 0], "{}", export.err);
        assert_eq!(export.code, 0, "{}", export.err);
        assert_eq!(client.archive().records(), entities(&records()));
        let mut bodies = server.exchanges().into_iter().map(|it| body(&it));
        assert!(bodies.all(|it| it["view"] == view));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_continuations_needs_ids_and_receives_no_body_without() {
    for filters in [json!({}), json!({"category": "conversation"})] {
        let (server, client) = world(&CONTINUATION, records()).await;

        let export = client.export(&request(&filters)).await;

        assert_eq!(server.violations(), [""; 0], "{}", export.err);
        assert_eq!(export.code, 2, "{}", export.err);
        assert_eq!(client.archive_files(), [""; 0]);
        assert!(server.exchanges().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_prints_records_of_a_gateway_with_continuations() {
    // The form has no request without dates.
    let interval = format!("{START}/{END}");
    printed_by_history(&CONTINUATION, &["--interval", &interval]).await;
}

#[test]
fn a_gateway_with_continuations_serves_each_record_once() {
    let mut gateway = Gateway::new(&CONTINUATION, records());
    let mut body = (CONTINUATION.body)(PAGE_SIZE);

    let pages = pages(&mut gateway, |token| {
        body["continuationToken"] = token.into();
        post(PATH, &body)
    });

    assert_eq!(pages.concat(), entities(&records()));
    assert!(pages[1].is_empty());
}

#[test]
fn a_gateway_with_continuations_refuses_every_other_body() {
    let mut gateway = Gateway::new(&CONTINUATION, records());
    let body = |size| {
        let mut body = (CONTINUATION.body)(size);
        body["continuationToken"] = Value::Null;
        body
    };

    assert_strict(&mut gateway, PATH, &body(1_000));

    assert!(gateway.answer(&post(PATH, &body(1_001))).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_sends_a_gateway_with_continuations_bodies_of_an_export() {
    checked(&CONTINUATION).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_of_a_gateway_with_continuations_is_larger_than_permitted() {
    large_pages(&CONTINUATION).await;
}
