//! The form `page-token`: `POST …?nextPageToken=T` with `{"filter":{"interactionId":[…] | "participantId":… |
//! "channelType":…},"timeRange":{"startTime","endTime"},"size":N}`, N ≤ 2000. `timeRange` is optional when ids are
//! given; at least one filter. The response is `{"entities":[…],"nextPageToken"?}`.

mod filters;

use serde_json::{Map, Value, json};

use super::super::json::{Checked, integer, moment, object, text, texts, word};
use super::super::request::Request;
use super::super::server::Contract as _;
use super::super::strictness::{assert_strict, post};
use super::exports::{
    a_whole_export, checked, forbidden, killed_at_each_request, large_pages, pages,
    printed_by_history,
};
use super::{END, Form, Gateway, PAGE_SIZE, PATH, Query, START, Selection, entities, records};

const CHANNELS: [&str; 7] = [
    "voice", "chat", "email", "sms", "callback", "social", "webchat",
];

static PAGE_TOKEN: Form = Form {
    name: "page-token",
    token_field: "nextPageToken",
    read,
    filters: || json!({"mediaTypes": ["voice"]}),
    body: |size| {
        json!({
            "filter": {"channelType": "voice"},
            "timeRange": {"startTime": START, "endTime": END},
            "size": size,
        })
    },
};

fn read(request: &Request) -> Checked<Query> {
    let body = request.json()?;
    let fields = object(&body, "the body", &["filter", "size"], &["timeRange"])?;
    let size = integer(&fields["size"], "size", 1..=2_000)?;
    let mut selection = filter(&fields["filter"])?;
    selection.times = fields.get("timeRange").map(time_range).transpose()?;
    if selection.times.is_none() && selection.interaction_ids.is_none() {
        return Err("timeRange is only optional when ids are given".to_owned());
    }
    Ok(Query {
        token: token(request)?,
        size: usize::try_from(size).unwrap(),
        selection,
        body,
    })
}

/// At least one filter. The text does not say whether several may be combined, so that is accepted.
fn filter(value: &Value) -> Checked<Selection> {
    let names = ["interactionId", "participantId", "channelType"];
    let fields = object(value, "filter", &[], &names)?;
    if fields.is_empty() {
        return Err("filter is empty".to_owned());
    }
    let interaction_ids = fields.get(names[0]).map(|it| texts(it, names[0]));
    let channels = one_or_more(fields, names[2])?;
    for channel in channels.iter().flatten() {
        word(&json!(channel), names[2], &CHANNELS)?;
    }
    Ok(Selection {
        interaction_ids: interaction_ids.transpose()?,
        participants: one_or_more(fields, names[1])?,
        channels,
        ..Selection::default()
    })
}

/// A text or a list of texts: the contract does not say which of them `participantId` and `channelType` are.
fn one_or_more(fields: &Map<String, Value>, name: &str) -> Checked<Option<Vec<String>>> {
    let read = |value: &Value| {
        if value.is_array() {
            texts(value, name)
        } else {
            text(value, name).map(|text| vec![text.to_owned()])
        }
    };
    fields.get(name).map(read).transpose()
}

fn time_range(value: &Value) -> Checked<(jiff::Timestamp, jiff::Timestamp)> {
    let fields = object(value, "timeRange", &["startTime", "endTime"], &[])?;
    let start = moment(&fields["startTime"], "startTime")?;
    let end = moment(&fields["endTime"], "endTime")?;
    if start >= end {
        return Err(format!("the time range is empty: {value}"));
    }
    Ok((start, end))
}

/// The token in the query string; the first page has no query string.
fn token(request: &Request) -> Checked<Option<String>> {
    match request.query.as_slice() {
        [] => Ok(None),
        [(name, token)] if name == "nextPageToken" && !token.is_empty() => Ok(Some(token.clone())),
        other => Err(format!("the query string is {other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_page_tokens_is_archived_over_an_empty_page() {
    a_whole_export(&PAGE_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_by_page_tokens_killed_at_any_request_is_resumed() {
    killed_at_each_request(&PAGE_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_page_tokens_that_forbids_ends_it_unwritten() {
    forbidden(&PAGE_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_prints_records_of_a_gateway_with_page_tokens() {
    printed_by_history(&PAGE_TOKEN, &[]).await;
}

#[test]
fn a_gateway_with_page_tokens_serves_each_record_once() {
    let mut gateway = Gateway::new(&PAGE_TOKEN, records());
    let body = (PAGE_TOKEN.body)(PAGE_SIZE);

    let pages = pages(&mut gateway, |token| {
        let mut request = post(PATH, &body);
        let token = token.map(|token| ("nextPageToken".to_owned(), token));
        request.query.extend(token);
        request
    });

    assert_eq!(pages.concat(), entities(&records()));
    assert!(pages[1].is_empty());
}

#[test]
fn a_gateway_with_page_tokens_refuses_every_other_body() {
    let mut gateway = Gateway::new(&PAGE_TOKEN, records());

    assert_strict(&mut gateway, PATH, &(PAGE_TOKEN.body)(2_000));

    for filter in [
        json!({}),
        json!({"interactionId": "a"}),
        json!({"channelType": "fax"}),
    ] {
        let mut body = (PAGE_TOKEN.body)(2_000);
        body["filter"] = filter;
        assert!(gateway.answer(&post(PATH, &body)).is_err(), "{body}");
    }
    let too_many = (PAGE_TOKEN.body)(2_001);
    assert!(gateway.answer(&post(PATH, &too_many)).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_sends_a_gateway_with_page_tokens_bodies_of_an_export() {
    checked(&PAGE_TOKEN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_of_a_gateway_with_page_tokens_is_larger_than_permitted() {
    large_pages(&PAGE_TOKEN).await;
}
