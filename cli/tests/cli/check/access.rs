//! The evidence for each line about access.

use serde_json::{Value, json};

use super::{finding_text, healthy_response, marks};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_with_how_to_grant_it() {
    let world = World::of_today(|settings| settings.permissions.clear()).await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 1);
    assert_eq!(marks(&output, "jobs"), ["skipped"]);
    assert_eq!(marks(&output, "permission"), ["failed"]);
    assert!(
        finding_text(&output, "permission")
            .contains("analytics:conversationDetail:view is missing"),
        "{}",
        output.out
    );
    assert_eq!(marks(&output, "retention"), ["warning"]);
    assert!(
        finding_text(&output, "retention")
            .contains("grant analytics:dataRetention:view, or set ARCHIVE_RETENTION_DAYS")
    );
    assert_eq!(marks(&output, "trial job"), ["skipped"]);
}

/// The 403 response of the API.
fn forbidden() -> (u16, Value) {
    (
        403,
        json!({"code": "missing.any.permissions", "message": "no", "status": 403}),
    )
}

fn is_query(route: &str) -> bool {
    route == "POST /api/v2/analytics/conversations/details/query"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permission_for_queries_alone_fails_the_permission_check() {
    let world = World::with_responses(|route| {
        if route.contains("/details/jobs") {
            forbidden()
        } else {
            healthy_response(route)
        }
    })
    .await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 1, "{}", output.out);
    assert_eq!(marks(&output, "permission"), ["failed"]);
    assert_eq!(marks(&output, "queries"), ["ok"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_queries_are_a_warning_where_jobs_work() {
    let world = World::with_responses(|route| {
        if is_query(route) {
            forbidden()
        } else {
            healthy_response(route)
        }
    })
    .await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 0, "{}", output.out);
    assert_eq!(marks(&output, "permission"), ["ok"]);
    assert_eq!(marks(&output, "queries"), ["warning"]);
    assert!(
        finding_text(&output, "queries").contains("queries are refused: "),
        "{}",
        output.out
    );
    assert_eq!(marks(&output, "divisions"), ["warning"]);
}

/// An export gateway that serves nothing else.
fn gateway_only(route: &str) -> (u16, Value) {
    match route.split_once(' ').unwrap() {
        ("POST", "/oauth/token") => healthy_response(route),
        ("POST", "/api/v2/export/query") => (
            200,
            json!({"queryId": "q1", "totalRecords": 12, "pageSize": 1}),
        ),
        _ => (404, json!({"message": "no such page"})),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_alone_passes_and_a_gateway_answering_404_fails() {
    let serving = World::with_responses(gateway_only).await;
    let silent = World::with_responses(|route| match route {
        "POST /api/v2/export/query" => (404, json!({})),
        _ => gateway_only(route),
    })
    .await;

    let passed = serving.check(&[]).await;
    let failed = silent.check(&[]).await;

    assert_eq!(passed.code, 0, "{}", passed.out);
    for check in [
        "jobs",
        "permission",
        "history gateway",
        "queries",
        "trial job",
    ] {
        assert_eq!(marks(&passed, check), ["skipped"], "{check}");
    }
    assert!(finding_text(&passed, "jobs").contains("only gateways can be used"));
    assert!(finding_text(&passed, "gateway").contains("12 records"));
    assert_eq!(failed.code, 1, "{}", failed.out);
    assert_eq!(marks(&failed, "gateway"), ["failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn divisions_without_visible_conversations_are_a_warning() {
    let world = World::of_today(|settings| settings.conversations = 0).await;

    let output = world.check(&[]).await;

    assert_eq!(output.code, 0);
    assert_eq!(marks(&output, "divisions"), ["warning"]);
    assert!(finding_text(&output, "divisions").contains("silently absent"));
}
