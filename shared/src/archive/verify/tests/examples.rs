//! The exports that the tests damage.

use std::collections::BTreeMap;

use serde_json::json;

use super::export::{TestExport, failed};
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::export::objects::ObjectKey;
use crate::export::plan::{ExportPlan, GatewayQuery};
use crate::export::run::End;
use crate::export::waiting::{WaitReason, Waiting};

const REQUEST: &str = r#"{"exportId":"daily","interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z","webhookUrl":"https://example.com/hook"}"#;
const GATEWAY: &str = r#"{"exportId":"chats","source":"export-gateway","interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z","slices":2,"pageSize":2}"#;

pub(super) fn records(day: u32, ids: &[&str]) -> String {
    let record = |id| json!({"conversationId": id, "conversationStart": format!("2026-03-{day:02}T10:00:00Z"), "n": 1});
    json!(ids.iter().map(record).collect::<Vec<_>>()).to_string()
}

/// Two slices of three pages that contain all features: a failed attempt, a continued run and a replaced one, rejected
/// records, left-out records, a page committed too late, objects without a record, a wait, a dead letter.
pub(super) async fn eventful() -> TestExport {
    let mut export = interrupted().await;
    let failure = export.conclude().await;
    export.deliver(&failure, 2).await;
    let late = export.message(1).await;
    export.resume().await;
    export
        .commit(&late, &records(1, &["a4", "late"]), Some("c3"))
        .await;

    export.open(1, None).await;
    export.page(1, &records(1, &["a4", "a5"]), None).await;
    export.end(1, End::Complete).await;
    let letter =
        json!({"formatVersion": 1, "from": "pages", "keptAt": export.tick(), "body": "{}"});
    let name = ObjectKey::DeadLetter(export.id(), Sha256::of("{}"));
    export.archive().create_or_read(name, letter).await.unwrap();
    let outcome = export.conclude().await;
    export.deliver(&outcome, 2).await;
    export
}

/// The same export before its first attempt is concluded as failed.
pub(super) async fn interrupted() -> TestExport {
    let export = TestExport::start(REQUEST, None).await;
    export.open(1, Some("job-1")).await;
    export.page(1, &records(1, &["a1", "a2"]), Some("c1")).await;
    let rejects = r#"[{"conversationId":"a3","conversationStart":"2026-03-01T11:00:00Z"},{"conversationStart":"?"},
        {"conversationId":"next day","conversationStart":"2026-03-02T00:00:00Z"},7]"#;
    export.page(1, rejects, Some("c2")).await;
    leave_orphans(&export).await;
    wait(&export).await;
    export.end(1, failed("still throttled")).await;

    export.open(2, Some("job-2")).await;
    export
        .page(
            2,
            &records(2, &["b1", "lost"]).replace(']', ",8]"),
            Some("d1"),
        )
        .await;
    export.page(2, &records(2, &["lost too"]), Some("d2")).await;
    export
        .end(
            2,
            End::Replaced {
                successor: 2,
                reason: "job expired".to_owned(),
            },
        )
        .await;
    export.open(2, Some("job-3")).await;
    export.page(2, &records(2, &["b1", "b2"]), Some("e1")).await;
    export
        .page(2, &records(1, &["the day before"]), Some("e2"))
        .await;
    export.page(2, &records(2, &["b3"]), None).await;
    export.end(2, End::Complete).await;
    export
}

/// Leaves the objects of a crash before the record of page 3.
async fn leave_orphans(export: &TestExport) {
    let message = export.message(1).await;
    let body = records(1, &["a4", "orphan"]).replace(']', ",9]");
    let next = crate::export::page_record::NextStep::EndRun;
    export
        .put(&message, &body, message.checkpoint.clone(), next)
        .await;
}

async fn wait(export: &TestExport) {
    let now = export.tick();
    let waiting = Waiting {
        format_version: FormatVersion,
        id: export.message(1).await.id,
        reason: WaitReason::Throttled,
        detail: "429".to_owned(),
        times_parked: 1,
        since: BTreeMap::from([(WaitReason::Throttled, now)]),
        not_before: now,
        deadline: now,
    };
    export
        .archive()
        .replace(ObjectKey::Waiting(&waiting.id.run), &waiting)
        .await
        .unwrap();
}

/// An export whose pages were made under another plan than the stored one.
pub(super) async fn archived_with_other_plan(
    change_plan: impl FnOnce(&mut ExportPlan),
) -> TestExport {
    let mut export = TestExport::start(REQUEST, None).await;
    change_plan(&mut export.plan);
    for slice in [1, 2] {
        export.open(slice, Some("job")).await;
        let id = format!("c{slice}");
        export.page(slice, &records(1, &[&id]), None).await;
        export.end(slice, End::Complete).await;
    }
    export.conclude().await;
    export
}

/// An export whose source repeated records: `a1` byte-identical on two pages; `b1` in two versions on one page, the
/// second of them again on another page.
pub(super) async fn repeated() -> TestExport {
    let export = pages_that_repeat().await;
    export.conclude().await;
    export
}

/// The same export before it is concluded.
pub(super) async fn pages_that_repeat() -> TestExport {
    let export = TestExport::start(REQUEST, None).await;
    for slice in [1, 2] {
        export.open(slice, Some("job")).await;
    }
    export.page(1, &records(1, &["a1", "a2"]), Some("c1")).await;
    export.page(1, &records(1, &["a3", "a1"]), None).await;
    let versions = records(2, &["b1", "b1"]).replacen("\"n\":1", "\"n\":2", 1);
    export.page(2, &versions, Some("d1")).await;
    export.page(2, &records(2, &["b1"]), None).await;
    export.end(1, End::Complete).await;
    export.end(2, End::Complete).await;
    export
}

/// A gateway export that has one record in both of its slices.
pub(super) async fn repeated_across_slices() -> TestExport {
    let query = GatewayQuery {
        query_id: "q1".to_owned(),
        total_records: 4,
    };
    let export = TestExport::start(GATEWAY, Some(query)).await;
    for (slice, ids) in [(1, [1, 2]), (2, [3, 1])] {
        export.open(slice, None).await;
        export.page(slice, &chats(&ids), None).await;
        export.end(slice, End::Complete).await;
    }
    export.conclude().await;
    export
}

fn chats(ids: &[u32]) -> String {
    let record = |id: &u32| json!({"id": id, "startTime": "2026-03-01T10:00:00Z"});
    json!(ids.iter().map(record).collect::<Vec<_>>()).to_string()
}

/// A gateway export whose query was lost when one slice was done and the other had one page.
pub(super) async fn gateway() -> TestExport {
    let query = |id: &str, total_records| GatewayQuery {
        query_id: id.to_owned(),
        total_records,
    };
    let mut export = TestExport::start(GATEWAY, Some(query("q1", 8))).await;
    export.open(1, None).await;
    export.page(1, &chats(&[1, 2]), Some("2")).await;
    export.page(1, &chats(&[3, 4]), None).await;
    export.end(1, End::Complete).await;
    export.open(2, None).await;
    export.page(2, &chats(&[5, 6]), Some("6")).await;
    // The other run is not ended as replaced.
    export.lose_query(query("q2", 7)).await;
    for (slice, pages) in [(1, [[1, 2], [3, 4]]), (2, [[5, 6], [7, 8]])] {
        export.open(slice, None).await;
        let offset = (slice - 1) * 4 + 2;
        export
            .page(slice, &chats(&pages[0]), Some(&offset.to_string()))
            .await;
        export.page(slice, &chats(&pages[1]), None).await;
        export.end(slice, End::Complete).await;
    }
    export.conclude().await;
    export
}
