//! The calls of the gateways.

use conversation_archive::base::failure::FailureKind as Kind;
use conversation_archive::export::request::HistoryForm as Form;
use genesys_simulator::{HistoryForm, Route, ServedRequest};
use serde_json::json;

use super::odd::{answer, bytes, disguised, edit, first_again, status, typed, with, without};
use super::rows::*;
use super::{Call, Outcome, Row, hold};

fn gateway(name: &'static str, is_replaced: fn(&ServedRequest<'_>) -> bool) -> Call {
    Call {
        name,
        source: "export-gateway",
        more: r#","slices":1,"pageSize":10"#.to_owned(),
        form: None,
        is_replaced,
    }
}

#[tokio::test]
async fn responses_to_a_gateway_query_are_handled_as_documented() {
    let call = gateway("Query of an export gateway", |request| {
        request.route == Route::ExportQuery
    });
    let rows = vec![
        row("200 or 202 in place of 201", edit_status(202), TAKEN),
        row("`{}`", answer(200, "{}"), BROKEN),
        row("`queryId` is absent", without("queryId"), BROKEN),
        row("`queryId` is empty", with("queryId", json!("")), BROKEN),
        row("`totalRecords` is absent", without("totalRecords"), BROKEN),
        row(
            "`totalRecords` is null",
            with("totalRecords", json!(null)),
            BROKEN,
        ),
        row(
            "`totalRecords` is negative",
            with("totalRecords", json!(-1)),
            BROKEN,
        ),
        row(
            "`totalRecords` is a string",
            edit(|fields| {
                let total = fields["totalRecords"].to_string();
                fields.insert("totalRecords".to_owned(), json!(total));
            }),
            TAKEN,
        ),
        row(
            "`totalRecords` is too small",
            with("totalRecords", json!(3)),
            WARNED,
        ),
        row(
            "`totalRecords` is too large",
            with("totalRecords", json!(1_000)),
            Outcome::Fails(Kind::RecordsMissing),
        ),
    ];
    hold(call, with_statuses(REFUSALS, rows)).await;
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
    let mut rows = not_ready();
    rows.extend(damage("id"));
    rows.extend([
        row("`{}`", answer(200, "{}"), BROKEN),
        row(
            "`[]` before `totalRecords`",
            answer(200, "[]"),
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
            answer(200, r#"{"records":[]}"#),
            BROKEN,
        ),
    ]);
    hold(call, with_statuses(refusals, rows)).await;
}

#[tokio::test]
async fn a_repeated_gateway_page_is_handled_as_documented() {
    let call = gateway("Results of an export gateway at any offset", |request| {
        request.route == Route::ExportResults
    });
    let rows = vec![row("the same page each time", first_again(), BROKEN)];
    hold(call, rows).await;
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
        row("`[]`", answer(200, "[]"), TAKEN),
        row("400", status(400), WARNED),
        row("401, with each new token", status(401), REFUSED),
        row("403", status(403), REFUSED),
        row("404", status(404), WARNED),
        row("410, 416, 422 or another 4xx", status(416), WARNED),
        row("429", status(429), THROTTLED),
        row("5xx, while other offsets succeed", status(503), WARNED),
        row(
            "error body with status 404 at 200",
            disguised(404, "not.found"),
            WARNED,
        ),
        row("204 without a body", answer(204, ""), WARNED),
        row("`null` at 200", answer(200, "null"), WARNED),
        row("`{}` at 200", answer(200, "{}"), WARNED),
        row(
            "web page at 200, while other offsets succeed",
            typed(200, "text/html", "<html>"),
            WARNED,
        ),
    ];
    hold(call, rows).await;
}

fn history(
    name: &'static str,
    form: (HistoryForm, Form),
    token: fn(&ServedRequest<'_>) -> bool,
) -> Call {
    Call {
        name,
        source: "history-gateway",
        more: r#","pageSize":10"#.to_owned(),
        form: Some(form),
        is_replaced: token,
    }
}

fn history_rows(token: &'static str) -> Vec<Row> {
    let refusals = Refusals {
        bad_request: LOST,
        unknown: LOST,
    };
    let mut rows = not_ready();
    rows.push(row("`{}`", answer(200, "{}"), BROKEN));
    rows.extend(lists("entities", token));
    rows.extend(cursors(token, "entities"));
    rows.extend(damage("id"));
    with_statuses(refusals, rows)
}

#[tokio::test]
async fn history_pages_by_page_token_are_handled_as_documented() {
    let form = (HistoryForm::PageToken, Form::PageToken);
    let call = history("History gateway, `page-token`", form, |request| {
        has(request, "nextPageToken")
    });
    hold(call, history_rows("nextPageToken")).await;
}

#[tokio::test]
async fn history_pages_by_continuation_token_are_handled_as_documented() {
    let form = (HistoryForm::Continuation, Form::Continuation);
    let call = history("History gateway, `continuation`", form, |request| {
        let body = String::from_utf8_lossy(request.body);
        request.route == Route::DetailsQuery && body.contains("continuationToken")
    });
    hold(call, history_rows("continuationToken")).await;
}
