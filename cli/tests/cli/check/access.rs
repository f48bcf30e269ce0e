//! The evidence for each line about access.

use serde_json::{Value, json};

use super::{in_order, marks, said};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_with_how_to_grant_it() {
    let world = World::of_today(|settings| settings.permissions.clear()).await;

    let told = world.check(&[]).await;

    assert_eq!(told.code, 1);
    assert_eq!(marks(&told, "jobs"), ["skipped"]);
    assert_eq!(marks(&told, "permission"), ["failed"]);
    assert!(
        said(&told, "permission").contains("analytics:conversationDetail:view is missing"),
        "{}",
        told.out
    );
    assert_eq!(marks(&told, "retention"), ["warning"]);
    assert!(
        said(&told, "retention")
            .contains("grant analytics:dataRetention:view, or set ARCHIVE_RETENTION_DAYS")
    );
    assert_eq!(marks(&told, "trial job"), ["skipped"]);
}

/// The 403 response of the API.
fn forbidden() -> (u16, Value) {
    (
        403,
        json!({"code": "missing.any.permissions", "message": "no", "status": 403}),
    )
}

fn is_query(asked: &str) -> bool {
    asked == "POST /api/v2/analytics/conversations/details/query"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permission_for_queries_alone_fails_the_permission_check() {
    let world = World::scripted(|asked| {
        if asked.contains("/details/jobs") {
            forbidden()
        } else {
            in_order(asked)
        }
    })
    .await;

    let told = world.check(&[]).await;

    assert_eq!(told.code, 1, "{}", told.out);
    assert_eq!(marks(&told, "permission"), ["failed"]);
    assert_eq!(marks(&told, "queries"), ["ok"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_queries_are_a_warning_where_jobs_work() {
    let world = World::scripted(|asked| {
        if is_query(asked) {
            forbidden()
        } else {
            in_order(asked)
        }
    })
    .await;

    let told = world.check(&[]).await;

    assert_eq!(told.code, 0, "{}", told.out);
    assert_eq!(marks(&told, "permission"), ["ok"]);
    assert_eq!(marks(&told, "queries"), ["warning"]);
    assert!(
        said(&told, "queries").contains("queries are refused: "),
        "{}",
        told.out
    );
    assert_eq!(marks(&told, "divisions"), ["warning"]);
}

/// An export gateway that serves nothing else.
fn gateway_only(asked: &str) -> (u16, Value) {
    match asked.split_once(' ').unwrap() {
        ("POST", "/oauth/token") => in_order(asked),
        ("POST", "/api/v2/export/query") => (
            200,
            json!({"queryId": "q1", "totalRecords": 12, "pageSize": 1}),
        ),
        _ => (404, json!({"message": "no such page"})),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_alone_passes_and_a_gateway_answering_404_fails() {
    let serving = World::scripted(gateway_only).await;
    let silent = World::scripted(|asked| match asked {
        "POST /api/v2/export/query" => (404, json!({})),
        _ => gateway_only(asked),
    })
    .await;

    let passed = serving.check(&[]).await;
    let failed = silent.check(&[]).await;

    assert_eq!(passed.code, 0, "{}", passed.out);
    for check in ["jobs", "permission", "queries", "trial job"] {
        assert_eq!(marks(&passed, check), ["skipped"], "{check}");
    }
    assert!(said(&passed, "jobs").contains("only `export-gateway` can be used"));
    assert!(said(&passed, "gateway").contains("12 records"));
    assert_eq!(failed.code, 1, "{}", failed.out);
    assert_eq!(marks(&failed, "gateway"), ["failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn divisions_without_visible_conversations_are_a_warning() {
    let world = World::of_today(|settings| settings.conversations = 0).await;

    let told = world.check(&[]).await;

    assert_eq!(told.code, 0);
    assert_eq!(marks(&told, "divisions"), ["warning"]);
    assert!(said(&told, "divisions").contains("silently absent"));
}
