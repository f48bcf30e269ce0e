//! Rows that several calls share.

use std::sync::Arc;

use conversation_archive::base::failure::FailureKind as Kind;
use genesys_simulator::ServedRequest;
use serde_json::{Value, json};

use super::alterations::{
    Alter, bytes, error_at_200, response, sequence, status, with_content_type, with_field,
    without_field,
};
use super::{Outcome, Row};

pub(super) const ACCEPTED: Outcome = Outcome::Accepted;
pub(super) const WARNED: Outcome = Outcome::Warned;
pub(super) const BROKEN: Outcome = Outcome::Fails(Kind::SourceBroken);
pub(super) const LOST: Outcome = Outcome::Fails(Kind::SourceLost);
pub(super) const REFUSED: Outcome = Outcome::Fails(Kind::Refused);
pub(super) const UNAVAILABLE: Outcome = Outcome::Fails(Kind::UnavailableDeadline);
pub(super) const THROTTLED: Outcome = Outcome::Fails(Kind::ThrottledDeadline);

pub(super) fn row(response: &'static str, alter: Alter, outcome: Outcome) -> Row {
    Row {
        response,
        alter,
        outcome,
    }
}

/// The results of a 400, and of a 404 or 410.
#[derive(Clone, Copy)]
pub(super) struct Refusals {
    pub(super) bad_request: Outcome,
    pub(super) unknown: Outcome,
}

pub(super) const REFUSALS: Refusals = Refusals {
    bad_request: REFUSED,
    unknown: REFUSED,
};

/// Rows for the statuses, equal for all calls except for these two.
pub(super) fn status_rows(refusals: Refusals) -> Vec<Row> {
    let Refusals {
        bad_request,
        unknown,
    } = refusals;
    vec![
        row("204 without a body", response(204, ""), BROKEN),
        row("206 with a body", response(206, "[]"), BROKEN),
        row("302", status(302), REFUSED),
        row("400", status(400), bad_request),
        row("401, with each new token", status(401), REFUSED),
        row("403", status(403), REFUSED),
        row("404", status(404), unknown),
        row("409", status(409), UNAVAILABLE),
        row("410", status(410), unknown),
        row("418, as any other 4xx", status(418), REFUSED),
        row("421, 423 or 425", status(423), UNAVAILABLE),
        row("429", status(429), THROTTLED),
        row("500", status(500), UNAVAILABLE),
        row("501", status(501), UNAVAILABLE),
        row("503", status(503), UNAVAILABLE),
        row("520 to 599", status(599), UNAVAILABLE),
        row(
            "error body with status 404 at 200",
            error_at_200(404, "not.found"),
            unknown,
        ),
        row(
            "error body with status 400 at 200",
            error_at_200(400, "bad.request"),
            bad_request,
        ),
        row(
            "error body with status 429 at 200",
            error_at_200(429, "too.many.requests"),
            THROTTLED,
        ),
        row(
            "error body with status 503 at 200",
            error_at_200(503, "service.unavailable"),
            UNAVAILABLE,
        ),
        row(
            "web page at 200",
            with_content_type(200, "text/html", "<html></html>"),
            UNAVAILABLE,
        ),
        row("no body at 200", response(200, ""), UNAVAILABLE),
        row(
            "body that is cut off at 200",
            bytes(|body| body[..body.len() / 2].to_vec()),
            UNAVAILABLE,
        ),
        row("`null` at 200", response(200, "null"), BROKEN),
        row("a string at 200", response(200, r#""m""#), BROKEN),
    ]
}

pub(super) fn with_statuses(refusals: Refusals, rows: Vec<Row>) -> Vec<Row> {
    let mut all = status_rows(refusals);
    all.extend(rows);
    all
}

/// Row for calls that do not accept a 202.
pub(super) fn not_ready_rows() -> Vec<Row> {
    vec![row(
        "202",
        response(202, r#"{"state":"PENDING"}"#),
        UNAVAILABLE,
    )]
}

#[test]
fn the_rows_common_to_all_calls_are_documented() {
    let rows = with_statuses(REFUSALS, not_ready_rows());

    let difference =
        super::documented::common_difference(&rows.iter().map(Row::documented_text).collect());

    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
}

pub(super) fn has_parameter(request: &ServedRequest<'_>, name: &str) -> bool {
    request.query.iter().any(|(it, _)| it == name)
}

/// Rows for the list on a middle page and on the last page, for calls without a total.
pub(super) fn list_rows(list: &'static str, next: &'static str) -> Vec<Row> {
    let (middle, end) = (json!({next: "c"}), json!({}));
    let listed = |page: &Value, value: Value| {
        let mut page = page.clone();
        page[list] = value;
        response(200, &page.to_string())
    };
    vec![
        row(
            "the list is absent, and another page is named",
            response(200, &middle.to_string()),
            BROKEN,
        ),
        row(
            "the list is null, and another page is named",
            listed(&middle, json!(null)),
            BROKEN,
        ),
        row(
            "the list is null, and there is nothing else",
            listed(&end, json!(null)),
            BROKEN,
        ),
        row(
            "the list is empty, and no other page is named",
            listed(&end, json!([])),
            Outcome::AcceptedAsIs("accepted as the end"),
        ),
        row("the list is an object", listed(&end, json!({})), BROKEN),
        row("the list is a string", listed(&middle, json!("m")), BROKEN),
        row(
            "the list occurs twice, with different values",
            with_duplicate_list(list),
            BROKEN,
        ),
    ]
}

pub(super) fn with_duplicate_list(list: &'static str) -> Alter {
    bytes(move |body| {
        let mut body = String::from_utf8_lossy(body).into_owned();
        if let Some(end) = body.rfind('}') {
            body.insert_str(end, &format!(r#","{list}":[]"#));
        }
        body.into_bytes()
    })
}

pub(super) fn cursor_rows(cursor: &'static str, list: &'static str) -> Vec<Row> {
    let page = move |next: String| json!({list: [], cursor: next}).to_string();
    vec![
        row(
            "the cursor is absent",
            without_field(cursor),
            Outcome::AcceptedAsIs("accepted as the end"),
        ),
        row(
            "the cursor is null",
            with_field(cursor, json!(null)),
            Outcome::AcceptedAsIs("accepted as the end"),
        ),
        row(
            "the cursor is empty",
            with_field(cursor, json!("")),
            Outcome::AcceptedAsIs("accepted as the end"),
        ),
        row(
            "the cursor has a byte that is not UTF-8",
            with_invalid_utf8(cursor),
            UNAVAILABLE,
        ),
        row(
            "the cursor is a number",
            with_field(cursor, json!(7)),
            BROKEN,
        ),
        row(
            "the cursor is that of the page itself",
            sequence(move |_| page("a".to_owned())),
            BROKEN,
        ),
        row(
            "the cursor is one of an earlier page",
            sequence(move |number| page((number % 3).to_string())),
            BROKEN,
        ),
        row(
            "100 empty pages in a row, each with a new cursor",
            sequence(move |number| page(format!("n{number}"))),
            BROKEN,
        ),
    ]
}

/// Inserts a byte that is not UTF-8 into the cursor.
fn with_invalid_utf8(cursor: &'static str) -> Alter {
    insert_bytes(cursor, b"\xE9")
}

/// Inserts these bytes at the start of the first string member with this name.
fn insert_bytes(name: &'static str, inserted: &'static [u8]) -> Alter {
    bytes(move |body| {
        let name = format!(r#""{name}":""#).into_bytes();
        let place = body.windows(name.len()).position(|part| part == name);
        match place.map(|place| place + name.len()) {
            Some(place) => [&body[..place], inserted, &body[place..]].concat(),
            None => body.to_vec(),
        }
    })
}

/// Rows for damaged records.
pub(super) fn damaged_record_rows(id: &'static str) -> Vec<Row> {
    vec![
        row(
            "byte order mark at the start",
            bytes(|body| [b"\xEF\xBB\xBF", body].concat()),
            ACCEPTED,
        ),
        row(
            "a record with a byte that is not UTF-8",
            insert_bytes(id, b"\xE9"),
            Outcome::Quarantined,
        ),
        row(
            "a record with a raw line break in a string",
            insert_bytes(id, b"\n"),
            Outcome::Quarantined,
        ),
        row(
            "a record with an unescaped quote in a string",
            insert_bytes(id, b"5\" screen "),
            Outcome::Quarantined,
        ),
    ]
}

/// The genuine response with another status.
pub(super) fn edit_status(status: u16) -> Alter {
    Arc::new(move |mut response, _| {
        response.status = status;
        response
    })
}
