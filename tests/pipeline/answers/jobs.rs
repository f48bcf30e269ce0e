//! The calls of the asynchronous job, and those of every export.

use conversation_archive::base::failure::FailureKind as Kind;
use genesys_simulator::{Route, ServedRequest};
use serde_json::json;

use super::odd::{answer, disguised, edit, status, typed, with, without};
use super::rows::*;
use super::{Call, Outcome, hold};

fn job(name: &'static str, is_replaced: fn(&ServedRequest<'_>) -> bool) -> Call {
    Call {
        name,
        source: "analytics-job",
        more: r#","slices":1,"pageSize":10"#.to_owned(),
        form: None,
        is_replaced,
    }
}

#[tokio::test]
async fn login_responses_are_handled_as_documented() {
    let call = job("Login", |request| request.route == Route::Login);
    let rows = vec![
        row(
            "`invalid_client` at 400",
            answer(400, r#"{"error":"invalid_client"}"#),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row(
            "`invalid_client` at 200",
            answer(200, r#"{"error":"invalid_client"}"#),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row("401", answer(401, "{}"), Outcome::Fails(Kind::LoginRefused)),
        row(
            "403 with a web page",
            typed(403, "text/html", "<html>"),
            Outcome::Fails(Kind::LoginRefused),
        ),
        row("302", status(302), Outcome::Fails(Kind::LoginRefused)),
        row("408, 409, 421, 423 or 425", status(409), UNAVAILABLE),
        row("429", status(429), THROTTLED),
        row("5xx", status(503), UNAVAILABLE),
        row(
            "web page at 200",
            typed(200, "text/html", "<html>"),
            UNAVAILABLE,
        ),
        row("another 2xx", answer(201, "{}"), BROKEN),
        row(
            "error body with status 429 at a 2xx",
            answer(
                201,
                r#"{"message":"m","code":"too.many.requests","status":429}"#,
            ),
            THROTTLED,
        ),
        row("`{}` at 200", answer(200, "{}"), BROKEN),
        row(
            "`access_token` is null",
            with("access_token", json!(null)),
            BROKEN,
        ),
        row(
            "`expires_in` is a string",
            with("expires_in", json!("86399")),
            TAKEN,
        ),
        row("`expires_in` is absent", without("expires_in"), TAKEN),
    ];
    hold(call, rows).await;
}

#[tokio::test]
async fn job_watermarks_are_handled_as_documented() {
    let call = job("Watermark of jobs", |request| {
        request.route == Route::Availability
    });
    let mut rows = not_ready();
    rows.extend([
        row(
            "`dataAvailabilityDate` is absent",
            answer(200, "{}"),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` is null",
            with("dataAvailabilityDate", json!(null)),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` is empty",
            with("dataAvailabilityDate", json!("")),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` is a number",
            with("dataAvailabilityDate", json!(1_772_409_600_000_u64)),
            BROKEN,
        ),
        row(
            "`dataAvailabilityDate` before the slice's end",
            with("dataAvailabilityDate", json!("2026-03-01T00:00:00Z")),
            Outcome::Fails(Kind::WatermarkDeadline),
        ),
    ]);
    hold(call, with_statuses(REFUSALS, rows)).await;
}

#[tokio::test]
async fn responses_to_a_job_submission_are_handled_as_documented() {
    let call = job("Submission of a job", |request| {
        request.route == Route::JobSubmit
    });
    let rows = vec![
        row("200 or 201 in place of 202", edit_status(201), TAKEN),
        row("`jobId` is absent", answer(202, "{}"), BROKEN),
        row("`jobId` is empty", answer(200, r#"{"jobId":""}"#), BROKEN),
        row(
            "`jobId` is not a string",
            answer(200, r#"{"jobId":{}}"#),
            BROKEN,
        ),
    ];
    hold(call, with_statuses(REFUSALS, rows)).await;
}

#[tokio::test]
async fn job_states_are_handled_as_documented() {
    let call = job("State of a job", |request| {
        request.route == Route::JobStatus
    });
    let state = |state| with("state", json!(state));
    let rows = vec![
        row("202 in place of 200", edit_status(202), TAKEN),
        row("`state` is absent at 200", answer(200, "{}"), BROKEN),
        row("`state` is null", with("state", json!(null)), BROKEN),
        row("`state` is a number", with("state", json!(3)), BROKEN),
        row(
            "`state` in lower case",
            edit(|fields| {
                let state = fields["state"].to_string().to_lowercase();
                fields.insert(
                    "state".to_owned(),
                    serde_json::from_str(&state).expect("JSON"),
                );
            }),
            TAKEN,
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
        row("invalid dates", with("submissionDate", json!({})), TAKEN),
    ];
    let refusals = Refusals {
        unknown: LOST,
        ..REFUSALS
    };
    hold(call, with_statuses(refusals, rows)).await;
}

#[tokio::test]
async fn job_results_are_handled_as_documented() {
    let call = job("Results of a job", |request| {
        request.route == Route::JobResults && has(request, "cursor")
    });
    let refusals = Refusals {
        bad_request: LOST,
        unknown: LOST,
    };
    let mut rows = not_ready();
    rows.extend(lists("conversations", "cursor"));
    rows.extend(cursors("cursor", "conversations"));
    rows.extend(damage("conversationId"));
    rows.extend([
        row("`{}`", answer(200, "{}"), BROKEN),
        row(
            "only `dataAvailabilityDate`, each time",
            answer(200, r#"{"dataAvailabilityDate":"2026-03-09T00:00:00Z"}"#),
            Outcome::WarnedEnd,
        ),
        row(
            "`dataAvailabilityDate` before the slice's end",
            with("dataAvailabilityDate", json!("2026-03-01T00:00:00Z")),
            LOST,
        ),
        row(
            "`dataAvailabilityDate` is not a date",
            with("dataAvailabilityDate", json!("")),
            TAKEN,
        ),
    ]);
    hold(call, with_statuses(refusals, rows)).await;
}

#[tokio::test]
async fn responses_to_a_job_deletion_are_handled_as_documented() {
    let call = job("Deletion of a job", |request| {
        request.route == Route::JobDelete
    });
    let rows = vec![
        row("any 2xx", answer(200, "{}"), TAKEN),
        row("404 or 410", status(404), TAKEN),
        row("400 or 409", status(409), TAKEN),
        row("5xx", status(503), TAKEN),
        row(
            "error body at 200",
            disguised(500, "internal.server.error"),
            TAKEN,
        ),
    ];
    hold(call, rows).await;
}

#[tokio::test]
async fn retention_settings_are_handled_as_documented() {
    let call = job("Retention", |request| request.route == Route::Retention);
    let rows = vec![
        row("`retentionDays` is absent", answer(200, "{}"), TAKEN),
        row(
            "`retentionDays` is null",
            with("retentionDays", json!(null)),
            TAKEN,
        ),
        row(
            "`retentionDays` is 0",
            with("retentionDays", json!(0)),
            TAKEN,
        ),
        row(
            "`retentionDays` is not a number",
            with("retentionDays", json!("x")),
            TAKEN,
        ),
        row(
            "`retentionDays` is a string",
            with("retentionDays", json!("730")),
            TAKEN,
        ),
        row("403 or 404", status(403), TAKEN),
        row("5xx", status(503), TAKEN),
        row("429", status(429), TAKEN),
        row("web page at 200", typed(200, "text/html", "<html>"), TAKEN),
        row(
            "error body at 200",
            disguised(500, "internal.server.error"),
            TAKEN,
        ),
    ];
    hold(call, rows).await;
}

#[tokio::test]
async fn lists_of_queues_and_codes_are_handled_as_documented() {
    let call = Call {
        more: r#","slices":1,"pageSize":10,"records":"normalized","lookupNames":true"#.to_owned(),
        ..job("Names of queues and wrap-up codes", |request| {
            matches!(request.route, Route::Queues | Route::WrapUpCodes)
        })
    };
    let rows = vec![
        row(
            "403 because the permission is missing",
            disguised(403, "missing.permissions"),
            REFUSED,
        ),
        row("404", status(404), WARNED),
        row("500", status(500), WARNED),
        row("`{}`", answer(200, "{}"), WARNED),
        row("`entities` is null", with("entities", json!(null)), WARNED),
        row(
            "`entities` is not a list",
            with("entities", json!("m")),
            WARNED,
        ),
        row(
            "an entity that cannot be read",
            with("entities", json!([null, {"id": []}])),
            WARNED,
        ),
        row(
            "fewer entities than `total`",
            with("total", json!(5_000)),
            WARNED,
        ),
        row("`total` is absent", without("total"), TAKEN),
        row("`pageCount` is absent", without("pageCount"), TAKEN),
        row(
            "`pageCount` is a string",
            with("pageCount", json!("1")),
            TAKEN,
        ),
    ];
    hold(call, rows).await;
}
