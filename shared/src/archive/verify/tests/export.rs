//! Small exports, built step by step with the types and functions of the handlers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::store::{MemoryStore, Objects};
use crate::archive::{Archive, PortionLimits, SliceStatus, slice_status};
use crate::base::deadline::Deadline;
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::ExportId;
use crate::export::attempt::Attempt;
use crate::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use crate::export::checkpoint::Checkpoint;
use crate::export::effort::Effort;
use crate::export::marker::OpenMarker;
use crate::export::message::PageMessage;
use crate::export::objects::ObjectKey;
use crate::export::page_record::{
    NextStep, PageContent, PageObjects, PageRecord, RejectedRecord, StoredObject,
};
use crate::export::plan::{Draft, ExportIdentity, ExportPlan, GatewayQuery, PlanLimits, Residency};
use crate::export::request::ExportRequest;
use crate::export::run::RunRecord;
use crate::export::totals::Totals;
use crate::net::clock::Clock;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::{FailedExports, Pipeline};
use crate::records::page::{encode, gateway_records};
use crate::storage::queue::MemoryQueues;
use crate::storage::store::ArchiveStore;

mod ends;

pub(super) use ends::failed;

/// An export in progress, and its archive.
pub(super) struct TestExport {
    pub(super) store: Arc<MemoryStore>,
    pub(super) pipeline: Pipeline,
    pub(super) plan: ExportPlan,
    pub(super) attempt: Attempt,
    invocation: Invocation,
}

impl TestExport {
    pub(super) async fn start(request: &str, query: Option<GatewayQuery>) -> Self {
        Self::start_in(Archive::new, request, query).await
    }

    /// The same in an archive that is made over the store, such as one that signs.
    pub(super) async fn start_in(
        archive: impl FnOnce(Arc<dyn ArchiveStore>) -> Archive,
        request: &str,
        query: Option<GatewayQuery>,
    ) -> Self {
        let now = "2026-03-05T04:00:00Z".parse().unwrap();
        let clock = Clock::manual(now);
        let store = Arc::new(MemoryStore::default());
        let archive = archive(Arc::clone(&store) as Arc<_>);
        let queue = Arc::new(MemoryQueues::new(clock.clone()));
        let (request, limits) = (
            ExportRequest::parse(request).unwrap(),
            PlanLimits::default(),
        );
        let identity = ExportIdentity::of(&request, now).unwrap();
        let draft = Draft::check(request, identity, now, &limits).unwrap();
        let residency = Residency::decide(None, None, &[]).unwrap();
        let plan = draft.plan(query, residency, &limits, now, "start").unwrap();
        let (id, attempt) = (plan.export_id.clone(), Attempt::first(&plan));
        archive
            .replace(ObjectKey::Open(&id), &OpenMarker::new(id.clone(), now))
            .await
            .unwrap();
        archive
            .create_or_read(ObjectKey::Request(&id), plan.clone())
            .await
            .unwrap();
        archive
            .create_or_read(ObjectKey::Attempt(&id, 1), attempt.clone())
            .await
            .unwrap();
        let invocation = Invocation {
            request_id: "call".to_owned(),
            deadline: Deadline::NONE,
        };
        let pipeline = Pipeline {
            archive,
            queue,
            clock,
            max_open_slices: 2,
            portions: PortionLimits::default(),
            failed_exports: FailedExports::Swept,
        };
        Self {
            store,
            pipeline,
            plan,
            attempt,
            invocation,
        }
    }

    pub(super) fn objects(&self) -> Objects {
        self.store.objects()
    }

    pub(super) fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }

    pub(super) fn id(&self) -> &ExportId {
        &self.plan.export_id
    }

    pub(super) async fn slice_status(&self, slice: u32) -> SliceStatus {
        slice_status::of_slice(self.archive(), &self.plan, &self.attempt, slice)
            .await
            .unwrap()
            .unwrap()
    }

    pub(super) async fn message(&self, slice: u32) -> PageMessage {
        let slice_status = self.slice_status(slice).await;
        slice_status::next_message(self.archive(), &slice_status, &self.plan)
            .await
            .unwrap()
    }

    /// Writes `run.json`, with the job of the continued run if there is one.
    pub(super) async fn open(&self, slice: u32, job: Option<&str>) {
        let message = self.message(slice).await;
        let record = RunRecord {
            format_version: FormatVersion,
            id: message.id.run.clone(),
            origin: message.origin,
            job: message.checkpoint.job().or(job).map(ToOwned::to_owned),
            query_id: self
                .attempt
                .query(&self.plan)
                .map(|query| query.query_id.clone()),
            watermark: None,
            created_at: self.pipeline.clock.now(),
        };
        self.archive()
            .create_or_read(ObjectKey::Run(&message.id.run), record)
            .await
            .unwrap();
    }

    /// Commits the next page of the slice; without `next`, the last one.
    pub(super) async fn page(&self, slice: u32, records: &str, next: Option<&str>) -> PageRecord {
        self.commit(&self.message(slice).await, records, next).await
    }

    /// Commits objects and record as archive-page does.
    pub(super) async fn commit(
        &self,
        message: &PageMessage,
        records: &str,
        next: Option<&str>,
    ) -> PageRecord {
        let run = self.archive().run(&message.id.run).await.unwrap().unwrap();
        let checkpoint = at(&message.checkpoint, run.job, None);
        let next = next.map_or(NextStep::EndRun, |next| NextStep::Continue {
            checkpoint: at(
                &checkpoint,
                checkpoint.job().map(ToOwned::to_owned),
                Some(next),
            ),
        });
        let content = self.put(message, records, checkpoint, next).await;
        let event = self.page_event(message, &content);
        let stored_bytes = content
            .objects
            .as_ref()
            .map_or(0, |objects| objects.page.size_bytes);
        let own = Totals {
            pages: 1,
            counts: content.counts,
            stored_bytes,
            record_bytes: content.record_bytes,
            quota_bytes: stored_bytes,
            effort: Effort::default(),
        };
        let record = PageRecord {
            format_version: FormatVersion,
            id: message.id.clone(),
            totals: message.totals.plus(own),
            content,
            committed_at: self.tick(),
            watermark: None,
            correlation_id: Some("c-1".to_owned()),
            effort: Effort::default(),
            event,
        };
        self.archive()
            .create_or_read(ObjectKey::Record(&message.id), record)
            .await
            .unwrap()
            .0
    }

    /// Writes the objects of a page without its record, as a crash leaves them.
    pub(super) async fn put(
        &self,
        message: &PageMessage,
        records: &str,
        checkpoint: Checkpoint,
        next: NextStep,
    ) -> PageContent {
        let slice = self
            .attempt
            .slice(&self.plan, message.id.run.slice)
            .unwrap();
        let records = gateway_records(records.as_bytes()).unwrap();
        let page = encode(&records, &self.plan.page_rules(&slice));
        let mut rejects = Vec::new();
        for reject in &page.rejects {
            let raw = &*reject.raw;
            let name = ObjectKey::Reject(&message.id, reject.position, Sha256::of(raw));
            let object = self.store_object(name, raw).await;
            rejects.push(RejectedRecord {
                position: reject.position,
                reason: reject.reason,
                object,
            });
        }
        let objects = match (page.object, page.index) {
            (Some(object), Some(index)) => {
                let sha256 = Sha256::of(&object);
                let page = self
                    .store_object(ObjectKey::Page(&message.id, sha256), &object)
                    .await;
                let index = self
                    .store_object(ObjectKey::Index(&message.id, sha256), &index)
                    .await;
                Some(PageObjects { page, index })
            }
            _ => None,
        };
        let (counts, record_bytes) = (page.counts, page.ndjson_bytes);
        let warnings = vec![format!("page {} was slow", message.id.page)];
        PageContent {
            checkpoint,
            next,
            objects,
            counts,
            record_bytes,
            redactions: page.redactions,
            statuses: page.statuses,
            files: Vec::new(),
            rejects,
            warnings,
        }
    }

    async fn store_object(&self, name: ObjectKey<'_>, bytes: &[u8]) -> StoredObject {
        self.archive().put(name, bytes.to_vec()).await.unwrap();
        StoredObject {
            key: name.key(),
            size_bytes: bytes.len() as u64,
            sha256: Sha256::of(bytes),
        }
    }

    fn page_event(&self, message: &PageMessage, content: &PageContent) -> AuditEvent {
        let id = &message.id;
        let mut event = AuditEvent::new(NewAuditEvent {
            export_id: self.id(),
            query_hash: self.plan.query_hash,
            request_id: "call",
            timestamp: self.tick(),
            action: Action::ArchivePage,
            event_type: EventType::Page,
            subject: format!("s{} r{} p{}", id.run.slice, id.run.run, id.page),
            details: json!({
                "slice": id.run.slice, "run": id.run.run, "page": id.page, "contentSha256": content.digest(),
            }),
        });
        event.records_requested = Some(100);
        event.records_retrieved = Some(content.counts.received);
        event.latency_ms = Some(12);
        event.chained_after(Some(message.audit_head))
    }

    /// Advances the clock by one second, and returns the time.
    pub(super) fn tick(&self) -> jiff::Timestamp {
        self.pipeline.clock.advance(Duration::from_secs(1));
        self.pipeline.clock.now()
    }
}

fn at(checkpoint: &Checkpoint, job: Option<String>, next: Option<&str>) -> Checkpoint {
    let next = next.map(ToOwned::to_owned);
    match checkpoint {
        Checkpoint::Cursor { cursor, .. } => Checkpoint::Cursor {
            job,
            cursor: next.or_else(|| cursor.clone()),
            trail: None,
            ids_before: 0,
        },
        Checkpoint::Offset { offset, .. } => {
            let offset = next.map_or(*offset, |next| next.parse().unwrap());
            Checkpoint::offset(offset)
        }
        Checkpoint::Windows { next: window } => {
            let next = next.map_or(*window, |next| next.parse().unwrap());
            Checkpoint::Windows { next }
        }
        Checkpoint::Conversations { .. } => unreachable!("no export here is of transcripts"),
    }
}
