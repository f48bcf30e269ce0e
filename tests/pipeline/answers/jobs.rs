//! The calls of the asynchronous job, and those of every export.

use conversation_archive::base::failure::FailureKind as Kind;
use genesys_simulator::{Route, ServedRequest};
use serde_json::json;

use super::alterations::{
    edit, error_at_200, response, status, with_content_type, with_field, without_field,
};
use super::check::assert_rows;
use super::rows::*;
use super::{Call, Outcome};

fn job(name: &'static str, is_replaced: fn(&ServedRequest<'_>) -> bool) -> Call {
    Call {
        name,
        source: "analytics-job",
        more_fields: r#","slices":1,"pageSize":10"#.to_owned(),
        history: None,
        is_replaced,
    }
}

#[tokio::test]
async fn login_responses_are_handled_as_documented() {
    let call = job("Login", |request| request.route == Route::Login);
    let rows = vec![
        row(
            "`invalid_client` at 400",
            response(400, r#"{"error":"invalid_client"}"#),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row(
            "`invalid_client` at 200",
            response(200, r#"{"error":"invalid_client"}"#),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row(
            "401",
            response(401, "{}"),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row(
            "403 with a web page",
            with_content_type(403, "text/html", "<html>"),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row("302", status(302), Outcome::Fails(Kind::LoginRefused)),
        row("408, 409, 421, 423 or 425", status(409), UNAVAILABLE),
        row("429", status(429), THROTTLED),
        row("5xx", status(503), UNAVAILABLE),
        row(
            "web page at 200",
            with_content_type(200, "text/html", "<html>"),
            UNAVAILABLE,
        ),
        row("another 2xx", response(201, "{}"), BROKEN),
        row(
            "error body with status 429 at a 2xx",
            response(
                201,
                r#"{"message":"m","code":"too.many.requests","status":429}"#,
            ),
            THROTTLED,
        ),
        row("`{}` at 200", response(200, "{}"), BROKEN),
        row(
            "`access_token` is null",
            with_field("access_token", json!(null)),
            BROKEN,
        ),
        row(
            "`expires_in` is a string",
            with_field("expires_in", json!("86399")),
            ACCEPTED,
        ),
        row(
            "`expires_in` is absent",
            without_field("expires_in"),
            ACCEPTED,
        ),
    ];
    assert_rows(call, rows).await;
}

#[tokio::test]
async fn job_watermarks_are_handled_as_documented() {
    let call = job("Watermark of jobs", |request| {
        request.route == Route::Availability
    });
    let mut rows = not_ready_rows();
    rows.extend([
        row(
            "`dataAvailabilityDate` is absent",
            response(200, "{}"),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` is null",
            with_field("dataAvailabilityDate", json!(null)),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` is empty",
            with_field("dataAvailabilityDate", json!("")),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` is a number",
            with_field("dataAvailabilityDate", json!(1_772_409_600_000_u64)),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` before the slice's end",
            with_field("dataAvailabilityDate", json!("2026-03-01T00:00:00Z")),
            Outcome::Fails(Kind::WatermarkDeadline),
        ),
    ]);
    assert_rows(call, with_statuses(REFUSALS, rows)).await;
}

#[tokio::test]
async fn responses_to_a_job_submission_are_handled_as_documented() {
    let call = job("Submission of a job", |request| {
        request.route == Route::JobSubmit
    });
    let rows = vec![
        row("200 or 201 in place of 202", edit_status(201), ACCEPTED),
        row("`jobId` is absent", response(202, "{}"), BROKEN),
        row("`jobId` is empty", response(200, r#"{"jobId":""}"#), BROKEN),
        row(
            "`jobId` is not a string",
            response(200, r#"{"jobId":{}}"#),
            BROKEN,
        ),
    ];
    assert_rows(call, with_statuses(REFUSALS, rows)).await;
}

#[tokio::test]
async fn job_states_are_handled_as_documented() {
    let call = job("State of a job", |request| {
        request.route == Route::JobStatus
    });
    let state = |state| with_field("state", json!(state));
    let rows = vec![
        row("202 in place of 200", edit_status(202), ACCEPTED),
        row("`state` is absent at 200", response(200, "{}"), BROKEN),
        row("`state` is null", with_field("state", json!(null)), BROKEN),
        row("`state` is a number", with_field("state", json!(3)), BROKEN),
        row(
            "`state` in lower case",
            edit(|fields| {
                let state = fields["state"].to_string().to_lowercase();
                fields.insert(
                    "state".to_owned(),
                    serde_json::from_str(&state).expect("JSON"),
                );
            }),
            ACCEPTED,
        ),
        row(
            "`state` that is not documented",
            state("REHEATING"),
            Outcome::Fails(Kind::JobDeadline),
        ),
        row(
            "`QUEUED` or `PENDING`",
            state("QUEUED"),
            Outcome::Fails(Kind::JobDeadline),
        ),
        row(
            "`FAILED` or `CANCELLED`",
            state("FAILED"),
            Outcome::Fails(Kind::JobFailed),
        ),
        row("`EXPIRED`", state("EXPIRED"), LOST),
        row(
            "invalid dates",
            with_field("submissionDate", json!({})),
            ACCEPTED,
        ),
    ];
    let refusals = Refusals {
        unknown: LOST,
        ..REFUSALS
    };
    assert_rows(call, with_statuses(refusals, rows)).await;
}

#[tokio::test]
async fn job_results_are_handled_as_documented() {
    let call = job("Results of a job", |request| {
        request.route == Route::JobResults && has_parameter(request, "cursor")
    });
    let refusals = Refusals {
        bad_request: LOST,
        unknown: LOST,
    };
    let mut rows = not_ready_rows();
    rows.extend(list_rows("conversations", "cursor"));
    rows.extend(cursor_rows("cursor", "conversations"));
    rows.extend(damaged_record_rows("conversationId"));
    rows.extend([
        row("`{}`", response(200, "{}"), BROKEN),
        row(
            "only `dataAvailabilityDate`, each time",
            response(200, r#"{"dataAvailabilityDate":"2026-03-09T00:00:00Z"}"#),
            Outcome::WarnedEnd,
        ),
        row(
            "`dataAvailabilityDate` before the slice's end",
            with_field("dataAvailabilityDate", json!("2026-03-01T00:00:00Z")),
            LOST,
        ),
        row(
            "`dataAvailabilityDate` is not a date",
            with_field("dataAvailabilityDate", json!("")),
            ACCEPTED,
        ),
    ]);
    assert_rows(call, with_statuses(refusals, rows)).await;
}

#[tokio::test]
async fn responses_to_a_job_deletion_are_handled_as_documented() {
    let call = job("Deletion of a job", |request| {
        request.route == Route::JobDelete
    });
    let rows = vec![
        row("any 2xx", response(200, "{}"), ACCEPTED),
        row("404 or 410", status(404), ACCEPTED),
        row("400 or 409", status(409), ACCEPTED),
        row("5xx", status(503), ACCEPTED),
        row(
            "error body at 200",
            error_at_200(500, "internal.server.error"),
            ACCEPTED,
        ),
    ];
    assert_rows(call, rows).await;
}

#[tokio::test]
async fn retention_settings_are_handled_as_documented() {
    let call = job("Retention", |request| request.route == Route::Retention);
    let rows = vec![
        row("`retentionDays` is absent", response(200, "{}"), ACCEPTED),
        row(
            "`retentionDays` is null",
            with_field("retentionDays", json!(null)),
            ACCEPTED,
        ),
        row(
            "`retentionDays` is 0",
            with_field("retentionDays", json!(0)),
            ACCEPTED,
        ),
        row(
            "`retentionDays` is not a number",
            with_field("retentionDays", json!("x")),
            ACCEPTED,
        ),
        row(
            "`retentionDays` is a string",
            with_field("retentionDays", json!("730")),
            ACCEPTED,
        ),
        row("403 or 404", status(403), ACCEPTED),
        row("5xx", status(503), ACCEPTED),
        row("429", status(429), ACCEPTED),
        row(
            "web page at 200",
            with_content_type(200, "text/html", "<html>"),
            ACCEPTED,
        ),
        row(
            "error body at 200",
            error_at_200(500, "internal.server.error"),
            ACCEPTED,
        ),
    ];
    assert_rows(call, rows).await;
}

#[tokio::test]
async fn lists_of_queues_and_codes_are_handled_as_documented() {
    let call = Call {
        more_fields: r#","slices":1,"pageSize":10,"records":"normalized","lookupNames":true"#
            .to_owned(),
        ..job("Names of queues and wrap-up codes", |request| {
            matches!(request.route, Route::Queues | Route::WrapUpCodes)
        })
    };
    let rows = vec![
        row(
            "403 because the permission is missing",
            error_at_200(403, "missing.permissions"),
            REFUSED,
        ),
        row("404", status(404), WARNED),
        row("500", status(500), WARNED),
        row("`{}`", response(200, "{}"), WARNED),
        row(
            "`entities` is null",
            with_field("entities", json!(null)),
            WARNED,
        ),
        row(
            "`entities` is not a list",
            with_field("entities", json!("m")),
            WARNED,
        ),
        row(
            "an entity that cannot be read",
            with_field("entities", json!([null, {"id": []}])),
            WARNED,
        ),
        row(
            "fewer entities than `total`",
            with_field("total", json!(5_000)),
            WARNED,
        ),
        row("`total` is absent", without_field("total"), ACCEPTED),
        row(
            "`pageCount` is absent",
            without_field("pageCount"),
            ACCEPTED,
        ),
        row(
            "`pageCount` is a string",
            with_field("pageCount", json!("1")),
            ACCEPTED,
        ),
    ];
    assert_rows(call, rows).await;
}
