//! Repeated records: an export with repeated records is intact, and its manifest has the exact counts.

use serde_json::{Value, json};

use super::edits::{Concealment, with_edit};
use super::examples::{eventful, pages_that_repeat, repeated, repeated_across_slices};
use super::*;
use crate::base::failure::FailureKind;
use crate::export::outcome::{ExportStatus, Manifest};

const MANIFEST: &str = "exports/daily/manifest.json";

fn manifest(objects: &Objects, key: &str) -> Manifest {
    crate::base::seal::open(&objects[key]).unwrap()
}

#[tokio::test]
async fn an_export_with_repeated_records_is_intact_and_counts_them() {
    let objects = repeated().await.objects();

    let report = verified(objects.clone(), "daily").await.unwrap();

    let manifest = manifest(&objects, MANIFEST);
    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    let repeated = serde_json::to_string(&manifest.content.repeated).unwrap();
    insta::assert_snapshot!(repeated, @r#"{"identicalLines":2,"distinctIds":4,"idsWithVersions":1,"versions":[{"id":"b1","versions":2}]}"#);
    assert_eq!(manifest.content.counts.archived, 7);
    let metrics = manifest.outcome.metrics.unwrap();
    let of_metrics = (
        metrics.records,
        metrics.identical_lines,
        metrics.ids_with_versions,
    );
    assert_eq!(of_metrics, (5, 2, 1));
    let of_report = (
        report.records,
        report.identical_lines,
        report.ids_with_versions,
    );
    assert_eq!(of_report, of_metrics);
}

#[tokio::test]
async fn a_record_in_two_slices_is_counted_and_lowers_the_completeness() {
    let objects = repeated_across_slices().await.objects();

    let report = verified(objects.clone(), "chats").await.unwrap();

    assert_eq!((report.records, report.identical_lines), (3, 1));
    let manifest = manifest(&objects, "exports/chats/manifest.json");
    assert_eq!(manifest.outcome.metrics.unwrap().completeness, Some(0.75));
    let warning =
        "the source announced 4 records and gave 3 different ones; the others repeat an id";
    assert_eq!(report.warnings.last().unwrap(), warning);
}

#[tokio::test]
async fn pages_of_a_replaced_run_are_not_counted_as_repeats() {
    let objects = eventful().await.objects();

    assert_eq!(manifest(&objects, MANIFEST).content.repeated, None);
    let text = String::from_utf8(objects[MANIFEST].to_vec()).unwrap();
    for field in ["repeated", "identicalLines", "idsWithVersions"] {
        assert!(
            !text.contains(field),
            "{field} in a manifest without repeats"
        );
    }
}

/// The damage found after an edit of the manifest, with its metrics adjusted to match.
async fn damage_after_edit(objects: &Objects, edit: impl FnOnce(&mut Value)) -> Damage {
    let copy = with_edit(objects, MANIFEST, Concealment::Reseal, |document| {
        edit(document);
        let repeated = document["content"]["repeated"].clone();
        let metrics = document["metrics"].as_object_mut().unwrap();
        for field in ["identicalLines", "idsWithVersions"] {
            metrics.remove(field);
            if let Some(count) = repeated[field].as_u64().filter(|count| *count > 0) {
                metrics.insert(field.to_owned(), json!(count));
            }
        }
        let identical = repeated["identicalLines"].as_u64().unwrap_or(0);
        let archived = document["content"]["counts"]["archived"].as_u64().unwrap();
        document["metrics"]["records"] = json!(archived - identical);
    });
    damage(verified(copy, "daily").await)
}

#[tokio::test]
async fn repeats_missing_from_the_manifest_are_damage() {
    let objects = repeated().await.objects();

    let mut messages = Vec::new();
    for field in ["identicalLines", "idsWithVersions", "distinctIds"] {
        let damage = damage_after_edit(&objects, |document| {
            document["content"]["repeated"][field] = json!(0);
        });
        messages.push(damage.await);
    }
    let damage = damage_after_edit(&objects, |document| {
        document["content"]
            .as_object_mut()
            .unwrap()
            .remove("repeated");
    });
    messages.push(damage.await);

    assert!(messages.iter().all(|damage| damage.key == MANIFEST));
    let messages: Vec<_> = messages.into_iter().map(|damage| damage.what).collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    its `content.repeated` is (identical lines: 0, ids with several versions: 1, distinct ids: 4), but the page indexes contain (identical lines: 2, ids with several versions: 1, distinct ids: 4)
    its `content.repeated` is (identical lines: 2, ids with several versions: 0, distinct ids: 4), but the page indexes contain (identical lines: 2, ids with several versions: 1, distinct ids: 4)
    its `content.repeated` is (identical lines: 2, ids with several versions: 1, distinct ids: 0), but the page indexes contain (identical lines: 2, ids with several versions: 1, distinct ids: 4)
    its `content.repeated` is absent, but the page indexes contain (identical lines: 2, ids with several versions: 1, distinct ids: 4)
    ");
}

#[tokio::test]
async fn repeats_claimed_by_the_manifest_but_in_no_page_are_damage() {
    let once = eventful().await.objects();
    let objects = repeated().await.objects();

    let invented = damage_after_edit(&once, |document| {
        document["content"]["repeated"] = json!({
            "identicalLines": 1, "distinctIds": 7, "idsWithVersions": 0,
        });
    });
    let empty = damage_after_edit(&once, |document| {
        document["content"]["repeated"] = json!({
            "identicalLines": 0, "distinctIds": 8, "idsWithVersions": 0,
        });
    });
    let renamed = damage_after_edit(&objects, |document| {
        document["content"]["repeated"]["versions"][0]["id"] = json!("b2");
    });
    let more = damage_after_edit(&objects, |document| {
        document["content"]["repeated"]["versions"][0]["versions"] = json!(3);
    });

    for damage in [invented.await, empty.await, renamed.await, more.await] {
        assert_eq!(damage.key, MANIFEST);
        let rule = "its `content.repeated` is (identical lines: ";
        assert!(damage.what.starts_with(rule), "{damage}");
    }
}

#[tokio::test]
async fn a_manifest_without_repeat_counts_is_checked_for_repeats() {
    let without_metrics = |objects: &Objects| {
        with_edit(objects, MANIFEST, Concealment::Reseal, |document| {
            document.as_object_mut().unwrap().remove("metrics");
            document["content"]
                .as_object_mut()
                .unwrap()
                .remove("repeated");
        })
    };
    let (once, twice) = (eventful().await.objects(), repeated().await.objects());

    verified(without_metrics(&once), "daily").await.unwrap();
    let damage = damage(verified(without_metrics(&twice), "daily").await);

    assert!(
        damage
            .what
            .starts_with("its `content.repeated` is absent, "),
        "{damage}"
    );
}

#[tokio::test]
async fn an_export_failed_by_a_repeat_completes_from_its_stored_pages() {
    let mut export = pages_that_repeat().await;
    let failed = export.fail_for_repeats().await;
    export.announce(&failed).await;

    export.resume_after(Some(FailureKind::RepeatedRecord)).await;
    let outcome = export.conclude().await;

    assert_eq!(outcome.status, ExportStatus::Completed);
    let report = verified(export.objects(), "daily").await.unwrap();
    assert_eq!((report.attempt, report.records), (2, 5));
    assert!(report.superseded.is_empty(), "{:?}", report.superseded);
}
