//! The calls of the gateways.

use conversation_archive::base::failure::FailureKind as Kind;
use end_to_end::history::filters_of_all;
use genesys_simulator::{HistoryForm, Route, ServedRequest, Truth};
use serde_json::{Value, json};

use super::alterations::{
    Alter, bytes, edit, error_at_200, repeat_first, response, status, with_content_type,
    with_field, without_field,
};
use super::check::assert_rows;
use super::rows::*;
use super::{Call, Outcome, Row, settings};

fn gateway(name: &'static str, is_replaced: fn(&ServedRequest<'_>) -> bool) -> Call {
    Call {
        name,
        source: "export-gateway",
        more_fields: r#","slices":1,"pageSize":10"#.to_owned(),
        history: None,
        is_replaced,
    }
}

#[tokio::test]
async fn responses_to_a_gateway_query_are_handled_as_documented() {
    let call = gateway("Query of an export gateway", |request| {
        request.route == Route::ExportQuery
    });
    let rows = vec![
        row("200 or 202 in place of 201", edit_status(202), ACCEPTED),
        row("`{}`", response(200, "{}"), BROKEN),
        row("`queryId` is absent", without_field("queryId"), BROKEN),
        row(
            "`queryId` is empty",
            with_field("queryId", json!("")),
            BROKEN,
        ),
        row(
            "`totalRecords` is absent",
            without_field("totalRecords"),
            BROKEN,
        ),
        row(
            "`totalRecords` is null",
            with_field("totalRecords", json!(null)),
            BROKEN,
        ),
        row(
            "`totalRecords` is negative",
            with_field("totalRecords", json!(-1)),
            BROKEN,
        ),
        row(
            "`totalRecords` is a string",
            edit(|fields| {
                let total = fields["totalRecords"].to_string();
                fields.insert("totalRecords".to_owned(), json!(total));
            }),
            ACCEPTED,
        ),
        row(
            "`totalRecords` is too small",
            with_field("totalRecords", json!(3)),
            WARNED,
        ),
        row(
            "`totalRecords` is too large",
            with_field("totalRecords", json!(1_000)),
            Outcome::Fails(Kind::RecordsMissing),
        ),
    ];
    assert_rows(call, with_statuses(REFUSALS, rows)).await;
}

#[tokio::test]
async fn gateway_results_are_handled_as_documented() {
    let call = gateway("Results of an export gateway", |request| {
        let offset = request.query.iter().find(|(name, _)| name == "offset");
        request.route == Route::ExportResults && offset.is_some_and(|(_, offset)| offset == "10")
    });
    let refusals = Refusals {
        unknown: LOST,
        ..REFUSALS
    };
    let mut rows = not_ready_rows();
    rows.extend(damaged_record_rows("id"));
    rows.extend([
        row("`{}`", response(200, "{}"), BROKEN),
        row(
            "`[]` before `totalRecords`",
            response(200, "[]"),
            Outcome::Fails(Kind::RecordsMissing),
        ),
        row(
            "more records than `limit`",
            bytes(|body| {
                let end = body.len() - 1;
                [&body[..end], br#",{"id":"more"}]"#].concat()
            }),
            WARNED,
        ),
        row(
            "an object with the records in it",
            response(200, r#"{"records":[]}"#),
            BROKEN,
        ),
    ]);
    assert_rows(call, with_statuses(refusals, rows)).await;
}

#[tokio::test]
async fn a_repeated_gateway_page_is_handled_as_documented() {
    let call = gateway("Results of an export gateway at any offset", |request| {
        request.route == Route::ExportResults
    });
    let rows = vec![row("the same page each time", repeat_first(), BROKEN)];
    assert_rows(call, rows).await;
}

#[tokio::test]
async fn gateway_results_past_the_total_are_handled_as_documented() {
    let call = gateway(
        "Results of an export gateway at or past `totalRecords`",
        |request| {
            let offset = request.query.iter().find(|(name, _)| name == "offset");
            request.route == Route::ExportResults
                && offset.is_some_and(|(_, offset)| offset == "40")
        },
    );
    let rows = vec![
        row("`[]`", response(200, "[]"), ACCEPTED),
        row("400", status(400), WARNED),
        row("401, with each new token", status(401), REFUSED),
        row("403", status(403), REFUSED),
        row("404", status(404), WARNED),
        row("410, 416, 422 or another 4xx", status(416), WARNED),
        row("429", status(429), THROTTLED),
        row("5xx, while other offsets succeed", status(503), WARNED),
        row(
            "error body with status 404 at 200",
            error_at_200(404, "not.found"),
            WARNED,
        ),
        row("204 without a body", response(204, ""), WARNED),
        row("`null` at 200", response(200, "null"), WARNED),
        row("`{}` at 200", response(200, "{}"), WARNED),
        row(
            "web page at 200, while other offsets succeed",
            with_content_type(200, "text/html", "<html>"),
            WARNED,
        ),
    ];
    assert_rows(call, rows).await;
}

fn history(name: &'static str, form: HistoryForm, token: fn(&ServedRequest<'_>) -> bool) -> Call {
    let filters = filters_of_all(form, &Truth::of(&settings(Some(form), None)).gateway);
    Call {
        name,
        source: "history-gateway",
        more_fields: format!(r#"{filters},"pageSize":10"#),
        history: Some(form),
        is_replaced: token,
    }
}

/// Appends a copy of the first entity, of another interval, to a page of ten.
fn append_entity() -> Alter {
    edit(|fields| {
        let Some(Value::Array(entities)) = fields.get_mut("entities") else {
            panic!("a page");
        };
        let foreign = json!({
            "id": "foreign",
            "interactionId": "foreign",
            "startTimestamp": "2026-02-01T00:00:00Z",
        });
        entities.push(foreign);
    })
}

fn history_rows(token: &'static str, id: &'static str) -> Vec<Row> {
    let refusals = Refusals {
        bad_request: LOST,
        unknown: LOST,
    };
    let mut rows = not_ready_rows();
    rows.push(row("`{}`", response(200, "{}"), BROKEN));
    rows.extend(list_rows("entities", token));
    rows.extend(cursor_rows(token, "entities"));
    rows.extend(damaged_record_rows(id));
    rows.push(row("more entities than `size`", append_entity(), WARNED));
    with_statuses(refusals, rows)
}

#[tokio::test]
async fn history_pages_by_page_token_are_handled_as_documented() {
    let call = history(
        "History gateway, `page-token`",
        HistoryForm::PageToken,
        |request| has_parameter(request, "nextPageToken"),
    );
    assert_rows(call, history_rows("nextPageToken", "interactionId")).await;
}

#[tokio::test]
async fn history_pages_by_continuation_token_are_handled_as_documented() {
    let call = history(
        "History gateway, `continuation`",
        HistoryForm::Continuation,
        |request| {
            let body = String::from_utf8_lossy(request.body);
            request.route == Route::DetailsQuery && body.contains(r#""continuationToken":""#)
        },
    );
    assert_rows(call, history_rows("continuationToken", "id")).await;
}
