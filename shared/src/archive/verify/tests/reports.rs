//! Reports about exports without damage.

use super::examples::{eventful, gateway, interrupted};
use super::*;
use crate::export::objects::ObjectKey;

#[tokio::test]
async fn an_eventful_export_is_intact_and_its_orphans_are_listed() {
    let objects = eventful().await.objects();

    let report = verified(objects, "daily").await.unwrap();

    let listed = |keys: &[String]| keys.join("\n");
    insta::assert_snapshot!(listed(&report.orphans), @r"
    exports/daily/failures/0001-r01-000003-2-19581e27.json
    exports/daily/slices/0001/r01/page-000003-a036482e.index.gz
    exports/daily/slices/0001/r01/page-000003-a036482e.ndjson.gz
    ");
    insta::assert_snapshot!(listed(&report.superseded), @r"
    exports/daily/slices/0001/r01/page-000003.record.json
    exports/daily/slices/0002/r01/page-000001.record.json
    exports/daily/slices/0002/r01/page-000002.record.json
    ");
    let rest = Report {
        orphans: Vec::new(),
        superseded: Vec::new(),
        ..report
    };
    insta::assert_snapshot!(serde_json::to_string_pretty(&rest).unwrap(), @r#"
    {
      "exportId": "daily",
      "status": "completed_with_gaps",
      "attempt": 2,
      "pages": 6,
      "records": 8,
      "recordBytes": 578,
      "storedBytes": 413,
      "rejects": 2,
      "events": 20,
      "orphans": [],
      "superseded": [],
      "signatures": {
        "valid": 0,
        "unsigned": 5
      },
      "redaction": {
        "profile": "standard",
        "mode": "label",
        "kinds": [
          "email",
          "phone",
          "card",
          "iban",
          "ssn",
          "passport",
          "taxId",
          "ip",
          "url",
          "birthDate"
        ]
      },
      "warnings": [
        "slice 1 page 1: page 1 was slow",
        "slice 1 page 2: page 2 was slow",
        "slice 1 page 3: page 3 was slow",
        "slice 2 page 1: page 1 was slow",
        "slice 2 page 2: page 2 was slow",
        "slice 2 page 3: page 3 was slow"
      ]
    }
    "#);
}

#[tokio::test]
async fn a_gateway_export_that_lost_its_query_is_intact() {
    let objects = gateway().await.objects();

    let report = verified(objects, "chats").await.unwrap();

    assert_eq!((report.records, report.pages, report.attempt), (8, 4, 2));
    assert_eq!(report.superseded.len(), 3);
    assert!(report.orphans.is_empty());
}

#[tokio::test]
async fn progress_counts_every_page() {
    let export = eventful().await;
    let mut seen = Vec::new();

    verify(
        export.archive(),
        export.id(),
        &Anchors::default(),
        &mut |progress| {
            seen.push((progress.pages, progress.total_pages));
        },
    )
    .await
    .unwrap();

    assert_eq!(seen, (1..=6).map(|page| (page, 6)).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_export_without_a_manifest_is_reported_by_its_state() {
    let open = interrupted().await;
    let failed = interrupted().await;
    failed.conclude().await;
    let cancelling = interrupted().await;
    let request =
        serde_json::json!({"formatVersion": 1, "exportId": "daily", "askedAt": cancelling.tick()});
    cancelling
        .archive()
        .create_or_read(ObjectKey::Cancel(cancelling.id()), request.clone())
        .await
        .unwrap();
    let cancelled = interrupted().await;
    cancelled
        .archive()
        .create_or_read(ObjectKey::Cancel(cancelled.id()), request)
        .await
        .unwrap();
    cancelled.conclude().await;
    let mut lost = eventful().await.objects();
    lost.remove("exports/daily/manifest.json");
    let mut unplanned = open.objects();
    unplanned.remove("exports/daily/request.json");

    let mut messages = Vec::new();
    for objects in [
        Objects::new(),
        open.objects(),
        failed.objects(),
        cancelling.objects(),
        cancelled.objects(),
        lost,
        unplanned,
    ] {
        messages.push(verified(objects, "daily").await.unwrap_err().to_string());
    }

    insta::assert_snapshot!(messages.join("\n"), @r"
    exports/daily/manifest.json: missing: there is no export with this id
    exports/daily/manifest.json: missing: the export is not complete; it is still open; continue it with resume
    exports/daily/manifest.json: missing: the export is not complete; it failed: still throttled (failed-01.json)
    exports/daily/manifest.json: missing: the export is not complete; it is being cancelled
    exports/daily/manifest.json: missing: the export is not complete; it was cancelled
    exports/daily/manifest.json: missing: the export is not complete; it is neither open nor ended: its outcome or its marker under open/ was lost
    exports/daily/request.json: missing, though other objects of the export exist
    ");
}

#[tokio::test]
async fn a_missing_audit_copy_is_a_warning_while_the_export_is_open() {
    let export = eventful().await;
    let mut objects = export.objects();
    let marker = crate::export::marker::OpenMarker::new(export.id().clone(), export.tick());
    let copy = "audit/dt=2026-03-05/daily/attempt-02-slice-0002.ndjson";
    objects.remove(copy).unwrap();
    let mut owed = objects.clone();
    owed.insert(
        "open/daily".to_owned(),
        crate::base::seal::seal(&marker).unwrap().into(),
    );

    let report = verified(owed, "daily").await.unwrap();
    let damage = damage(verified(objects, "daily").await);

    assert!(
        report
            .warnings
            .contains(&format!("{copy} is not written yet")),
        "{:?}",
        report.warnings
    );
    assert_eq!(
        damage.to_string(),
        format!("{copy}: missing, though the outcome was announced")
    );
}

#[tokio::test]
async fn a_cancellation_that_came_too_late_is_a_warning() {
    let export = eventful().await;
    let request =
        serde_json::json!({"formatVersion": 1, "exportId": "daily", "askedAt": export.tick()});
    export
        .archive()
        .create_or_read(ObjectKey::Cancel(export.id()), request)
        .await
        .unwrap();

    let report = verified(export.objects(), "daily").await.unwrap();

    let warning = "exports/daily/cancel.json came too late: the export is complete";
    assert!(
        report.warnings.iter().any(|text| text == warning),
        "{:?}",
        report.warnings
    );
}

#[tokio::test]
async fn unknown_keys_are_orphans() {
    let mut objects = eventful().await.objects();
    let unknown = [
        "exports/daily/slices/0001/notes.txt",
        "audit/dt=2026-03-05/daily/attempt-01-slice-0009.ndjson",
    ];
    for key in unknown {
        objects.insert(key.to_owned(), "?".into());
    }

    let report = verified(objects, "daily").await.unwrap();

    assert!(
        unknown
            .iter()
            .all(|key| report.orphans.iter().any(|orphan| orphan == key))
    );
}

#[test]
fn the_future_of_verify_is_send() {
    fn is_send<T: Send>(_: T) {}
    let archive = Archive::new(Arc::new(MemoryStore::default()));
    let id = "x".parse().unwrap();

    is_send(verify(&archive, &id, &Anchors::default(), &mut |_| {}));
}
