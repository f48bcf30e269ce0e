//! Outcomes of an export of two slices, from the ends of its runs. The archive is a folder, the queues are in memory,
//! and the pages hold no records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::archive::{Archive, PortionLimits, slice_status};
use crate::base::deadline::Deadline;
use crate::base::failure::FailureKind;
use crate::base::format::FormatVersion;
use crate::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use crate::export::effort::Effort;
use crate::export::marker::OpenMarker;
use crate::export::page_record::{NextStep, PageContent, PageRecord};
use crate::export::plan::{Draft, ExportIdentity, PlanLimits, Residency};
use crate::export::request::ExportRequest;
use crate::export::run::End;
use crate::net::clock::Clock;
use crate::pipeline::run_ends;
use crate::records::page::Counts;
use crate::records::redaction::Tally;
use crate::storage::queue::MemoryQueues;
use crate::storage::store::FolderStore;

const REQUEST: &str = r#"{"exportId":"daily","interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z","slices":2,"webhookUrl":"https://example.com/hook"}"#;

#[tokio::test]
async fn a_failed_slice_fails_the_export_with_its_run_and_page() {
    let export = TestExport::start().await;
    export.commit_page(1, Counts::default()).await;
    export.end(1, failed()).await;
    export.end(2, End::Complete).await;

    let outcome = export.conclude().await.unwrap();

    assert_eq!(outcome.status, ExportStatus::Failed);
    assert_eq!(
        outcome.failures,
        [SliceFailure {
            slice: Some(1),
            run: Some(1),
            after_page: Some(1),
            failure: failure(),
        }]
    );
    let stored = export.stored(ObjectKey::Failed(export.id(), 1)).await;
    assert_eq!(stored, Some(outcome));
    assert_eq!(export.stored(ObjectKey::Manifest(export.id())).await, None);
}

#[tokio::test]
async fn a_cancelled_export_ends_as_cancelled_even_if_a_slice_failed() {
    let export = TestExport::start().await;
    export.end(1, failed()).await;
    export.end(2, End::Cancelled).await;
    let now = export.pipeline.clock.now();
    cancellation::request(export.archive(), export.id(), now)
        .await
        .unwrap();

    let outcome = export.conclude().await.unwrap();

    assert_eq!(outcome.status, ExportStatus::Cancelled);
    assert!(outcome.failures.is_empty());
    let stored = export.stored(ObjectKey::Cancelled(export.id())).await;
    assert_eq!(stored, Some(outcome));
    assert_eq!(export.stored(ObjectKey::Failed(export.id(), 1)).await, None);
}

#[tokio::test]
async fn an_attempt_is_not_concluded_after_a_later_one_has_begun() {
    for end in [End::Complete, failed()] {
        let export = TestExport::start().await;
        export.end(1, end).await;
        export.end(2, End::Complete).await;
        export.begin_later_attempt().await;

        let concluded = export.conclude().await;

        assert!(
            matches!(
                concluded,
                Err(PipelineError::Superseded {
                    attempt: 1,
                    newest: 2
                })
            ),
            "{concluded:?}"
        );
        let id = export.id();
        for name in [ObjectKey::Manifest(id), ObjectKey::Failed(id, 1)] {
            assert_eq!(export.stored(name).await, None);
        }
    }
}

#[tokio::test]
async fn announcing_an_outcome_twice_writes_the_same_objects() {
    for end in [End::Complete, failed()] {
        let export = TestExport::start().await;
        export.commit_page(1, Counts::default()).await;
        export.end(1, end.clone()).await;
        export.end(2, End::Complete).await;
        let outcome = export.conclude().await.unwrap();

        export.announce(&outcome).await;
        let first = export.objects().await;
        export.pipeline.clock.advance(Duration::from_mins(1));
        export.announce(&outcome).await;
        let second = export.objects().await;

        assert!(first.keys().eq(second.keys()), "{end:?}");
        // Only the webhook's marker changes: it holds the time of the newest message.
        let is_changed = |key: &&String| first[*key] != second[*key];
        let changed: Vec<_> = first.keys().filter(is_changed).collect();
        assert_eq!(changed, [&ObjectKey::Owed(export.id(), 1).key()]);
        assert!(!second.contains_key(&ObjectKey::Open(export.id()).key()));
        let resume = ObjectKey::Resume(export.id(), 1).key();
        assert_eq!(second.contains_key(&resume), end == failed());
    }
}

#[tokio::test]
async fn the_share_of_rejected_records_decides_the_status() {
    for (rejected, status) in [
        (0, ExportStatus::Completed),
        (1, ExportStatus::CompletedWithRejects),
        (2, ExportStatus::CompletedWithGaps),
    ] {
        let export = TestExport::start().await;
        let counts = Counts {
            received: 13,
            left_out: 3,
            unchanged: 10 - rejected,
            rejected,
            ..Counts::default()
        };
        export.commit_page(1, counts).await;
        export.end(1, End::Complete).await;
        export.end(2, End::Complete).await;

        let outcome = export.conclude().await.unwrap();

        assert_eq!(outcome.status, status);
        let name = ObjectKey::Manifest(export.id());
        let manifest = export.archive().read::<Manifest>(name).await.unwrap();
        assert_eq!(manifest.unwrap().content.counts, counts);
    }
}

#[tokio::test]
async fn giving_up_records_the_cause_before_the_failed_slices() {
    let export = TestExport::start().await;
    export.end(1, failed()).await;
    let slice_statuses = export.slice_statuses().await;
    let cause = Failure::new(FailureKind::Stalled, "no progress");

    let outcome = give_up(&export.pipeline, export.input(&slice_statuses), cause)
        .await
        .unwrap();

    let failures = outcome.failures.iter();
    let failures: Vec<_> = failures.map(|it| (it.slice, it.failure.kind)).collect();
    assert_eq!(
        failures,
        [
            (None, FailureKind::Stalled),
            (Some(1), FailureKind::DeadLetter)
        ]
    );
}

fn failure() -> Failure {
    Failure::new(FailureKind::DeadLetter, "received too often")
}

fn failed() -> End {
    End::Failed { failure: failure() }
}

/// An export in its first attempt.
struct TestExport {
    /// Deleted with the export.
    _folder: TempDir,
    pipeline: Pipeline,
    plan: ExportPlan,
    attempt: Attempt,
    invocation: Invocation,
}

impl TestExport {
    async fn start() -> Self {
        let now = "2026-03-05T04:00:00Z".parse().unwrap();
        let clock = Clock::manual(now);
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();
        let pipeline = Pipeline {
            archive: Archive::new(Arc::new(store)),
            queue: Arc::new(MemoryQueues::new(clock.clone())),
            clock,
            max_open_slices: 2,
            portions: PortionLimits::default(),
            failed_exports: FailedExports::Swept,
        };
        let plan = plan_at(now);
        let export = Self {
            _folder: folder,
            pipeline,
            attempt: Attempt::first(&plan),
            plan,
            invocation: Invocation {
                request_id: "call".to_owned(),
                deadline: Deadline::NONE,
            },
        };
        let marker = OpenMarker::new(export.id().clone(), now);
        let name = ObjectKey::Open(export.id());
        export.archive().replace(name, &marker).await.unwrap();
        export.create_attempt(&export.attempt).await;
        export
    }

    fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }

    fn id(&self) -> &ExportId {
        &self.plan.export_id
    }

    async fn create_attempt(&self, attempt: &Attempt) {
        let name = ObjectKey::Attempt(self.id(), attempt.attempt);
        let created = self.archive().create_or_read(name, attempt.clone()).await;
        created.unwrap();
    }

    async fn begin_later_attempt(&self) {
        let later = Attempt {
            attempt: self.attempt.attempt + 1,
            ..self.attempt.clone()
        };
        self.create_attempt(&later).await;
    }

    async fn slice_status(&self, slice: u32) -> SliceStatus {
        let status = slice_status::of_slice(self.archive(), &self.plan, &self.attempt, slice);
        status.await.unwrap().unwrap()
    }

    async fn slice_statuses(&self) -> Vec<SliceStatus> {
        slice_status::all(self.archive(), &self.plan, &self.attempt)
            .await
            .unwrap()
    }

    /// Commits the next page of the slice, which is not its last one.
    async fn commit_page(&self, slice: u32, counts: Counts) {
        let slice_status = self.slice_status(slice).await;
        let message = slice_status::next_message(self.archive(), &slice_status, &self.plan)
            .await
            .unwrap();
        let content = PageContent {
            checkpoint: message.checkpoint.clone(),
            next: NextStep::Continue {
                checkpoint: message.checkpoint.clone(),
            },
            objects: None,
            counts,
            record_bytes: 0,
            redactions: Tally::default(),
            statuses: Tally::default(),
            files: Vec::new(),
            rejects: Vec::new(),
            warnings: Vec::new(),
        };
        let now = self.pipeline.clock.now();
        let event = AuditEvent::new(NewAuditEvent {
            export_id: self.id(),
            query_hash: self.plan.query_hash,
            request_id: "call",
            timestamp: now,
            action: Action::ArchivePage,
            event_type: EventType::Page,
            subject: format!("s{slice} p{}", message.id.page),
            details: json!({}),
        });
        let record = PageRecord {
            format_version: FormatVersion,
            id: message.id.clone(),
            totals: message.totals.plus(content.totals(Effort::default())),
            content,
            committed_at: now,
            watermark: None,
            correlation_id: None,
            effort: Effort::default(),
            event: event.chained_after(Some(message.audit_head)),
        };
        self.archive()
            .create_or_read(ObjectKey::Record(&message.id), record)
            .await
            .unwrap();
    }

    /// Ends the slice's run after its newest page.
    async fn end(&self, slice: u32, end: End) {
        let slice_status = self.slice_status(slice).await;
        let (pipeline, plan) = (&self.pipeline, &self.plan);
        run_ends::end_slice(pipeline, plan, &slice_status, end, &self.invocation)
            .await
            .unwrap();
    }

    fn input<'a>(&'a self, slice_statuses: &'a [SliceStatus]) -> ConclusionInput<'a> {
        ConclusionInput {
            plan: &self.plan,
            attempt: &self.attempt,
            slice_statuses,
            invocation: &self.invocation,
        }
    }

    async fn conclude(&self) -> Result<Outcome, PipelineError> {
        let slice_statuses = self.slice_statuses().await;
        match conclude(&self.pipeline, self.input(&slice_statuses)).await? {
            Progress::Decided(outcome) => Ok(*outcome),
            Progress::Unfinished => panic!("there is no deadline"),
        }
    }

    async fn announce(&self, outcome: &Outcome) {
        let slice_statuses = self.slice_statuses().await;
        announce(&self.pipeline, self.input(&slice_statuses), outcome)
            .await
            .unwrap();
    }

    async fn stored(&self, name: ObjectKey<'_>) -> Option<Outcome> {
        self.archive().read(name).await.unwrap()
    }

    async fn objects(&self) -> BTreeMap<String, Bytes> {
        let mut objects = BTreeMap::new();
        for listed in self.archive().list_all("").await.unwrap() {
            let body = self.archive().store().get(&listed.key).await.unwrap();
            objects.insert(listed.key, body.unwrap());
        }
        objects
    }
}

fn plan_at(now: Timestamp) -> ExportPlan {
    let request = ExportRequest::parse(REQUEST).unwrap();
    let limits = PlanLimits::default();
    let identity = ExportIdentity::of(&request, now).unwrap();
    let draft = Draft::check(request, identity, now, &limits).unwrap();
    let residency = Residency::decide(None, None, &[]).unwrap();
    draft.plan(None, residency, &limits, now, "start").unwrap()
}
