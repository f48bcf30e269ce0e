//! The same promise for live objects: whatever the damage, verify reports the damaged object first; for intact ones it
//! reports what they contain.

use super::*;

mod chains;
mod damage;
mod edits;
mod frames;
mod matrix;
mod scope;
mod seals;
mod world;

use world::{LiveWorld, eventful};

async fn verified_live(objects: Objects) -> Result<LiveReport, VerifyError> {
    verified_in(objects, &LiveScope::default()).await
}

async fn verified_in(objects: Objects, scope: &LiveScope) -> Result<LiveReport, VerifyError> {
    let archive = Archive::new(Arc::new(MemoryStore::of(objects)));
    verify_live(&archive, scope, &Anchors::default(), &mut |_| {}).await
}

fn live_damage(result: Result<LiveReport, VerifyError>) -> Damage {
    match result {
        Err(VerifyError::Damage(damage)) => damage,
        other => panic!("expected damage, got {other:?}"),
    }
}

#[tokio::test]
async fn intact_live_objects_are_reported_with_open_gaps_and_orphans() {
    let report = verified_live(eventful().await).await.unwrap();

    let streams = serde_json::to_string_pretty(&report.streams).unwrap();
    insta::assert_snapshot!(streams, @r#"
    [
      {
        "stream": "events",
        "firstDay": "2026-03-02",
        "lastDay": "2026-03-04",
        "days": 3,
        "records": 8,
        "frames": 10,
        "distinctFrames": 8,
        "quarantined": 3,
        "storedBytes": 3538,
        "writers": 2,
        "epochs": 2,
        "sealedDays": 2,
        "unsealedDays": [
          "2026-03-04"
        ],
        "openGaps": [
          {
            "from": "2026-03-03T14:00:00Z",
            "until": "2026-03-03T14:01:00Z",
            "reason": "silence",
            "recordedAt": "2026-03-04T12:00:00Z"
          },
          {
            "from": "2026-03-03T15:00:00Z",
            "until": "2026-03-03T15:01:00Z",
            "reason": "silence",
            "recordedAt": "2026-03-05T05:00:00Z"
          },
          {
            "from": "2026-03-04T16:00:00Z",
            "until": "2026-03-04T16:02:00Z",
            "reason": "silence",
            "recordedAt": "2026-03-04T16:02:00Z"
          }
        ],
        "closedGaps": [
          {
            "from": "2026-03-03T10:00:00Z",
            "until": "2026-03-03T10:05:00Z",
            "exportId": "gap-7259481fb2d54a3f",
            "status": "completed",
            "conversations": 4,
            "unheard": 2
          }
        ],
        "orphans": [
          "live/events/epoch-3.json",
          "live/events/days/yesterday.json",
          "live/events/gaps/now-later.json",
          "live/events/other/notes.txt",
          "live/events/quarantine/notes.txt",
          "live/events/dt=2026-03-04/notes.txt",
          "live/events/dt=2026-03-04/hour=15/c63ae124054fa9b4-97e6f066b01e244a.index.gz",
          "live/events/dt=2026-03-04/hour=15/c63ae124054fa9b4-97e6f066b01e244a.ndjson.gz",
          "live/events/quarantine/dt=2026-03-04/67b52eb9bfecc002.json"
        ]
      },
      {
        "stream": "queues",
        "firstDay": "2026-03-04",
        "lastDay": "2026-03-04",
        "days": 1,
        "records": 1,
        "frames": 1,
        "distinctFrames": 1,
        "quarantined": 0,
        "storedBytes": 456,
        "writers": 1,
        "epochs": 0,
        "sealedDays": 0,
        "unsealedDays": [
          "2026-03-04"
        ],
        "openGaps": [],
        "closedGaps": [],
        "orphans": []
      }
    ]
    "#);
    assert_eq!(report.signatures.unsigned, 6);
}

#[tokio::test]
async fn an_archive_without_live_objects_has_no_stream() {
    let report = verified_live(Objects::new()).await.unwrap();

    assert!(report.streams.is_empty());
}

#[tokio::test]
async fn progress_counts_the_days_of_each_stream() {
    let archive = Archive::new(Arc::new(MemoryStore::of(eventful().await)));
    let mut seen = Vec::new();

    let scope = LiveScope::default();
    let mut show = |progress: LiveProgress| seen.push(progress);
    verify_live(&archive, &scope, &Anchors::default(), &mut show)
        .await
        .unwrap();

    let seen: Vec<_> = seen
        .iter()
        .map(|it| format!("{} {}/{}", it.stream, it.days, it.total_days))
        .collect();
    assert_eq!(
        seen,
        ["events 1/3", "events 2/3", "events 3/3", "queues 1/1"]
    );
}
