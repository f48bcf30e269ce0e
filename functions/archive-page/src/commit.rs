//! Commits a page: first the rejected records, attachments, page object and index, then the create-only record that
//! names them.

use conversation_archive::archive::ArchiveError;
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::hash::Sha256;
use conversation_archive::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::effort::Effort;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::page_record::{
    NextStep, PageContent, PageObjects, PageRecord, RejectedRecord, StoredObject,
};
use conversation_archive::export::request::OnBadRecord;
use conversation_archive::pipeline::metrics;
use conversation_archive::records::page::{AttachedFile, PageBody, Reject};
use conversation_archive::records::transcript::Status;
use conversation_archive::source::SourcePage;
use conversation_archive::storage::store::Stored;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::not_archived::NotArchived;
use crate::{ArchivePage, Task};

/// Parallel writes of attachments: a page may have many, and the invocation's time is limited.
const WRITES_AT_ONCE: usize = 8;

impl ArchivePage {
    pub(crate) async fn commit(
        &self,
        task: &Task<'_>,
        checkpoint: Checkpoint,
        page: SourcePage,
    ) -> Result<PageRecord, NotArchived> {
        check_rejects(task, &page.body)?;
        check_next(page.next.as_ref())?;
        let rejects = self.keep_rejects(task, &page.body.rejects).await?;
        let files = self.put_files(task, page.body.files).await?;
        let (counts, record_bytes) = (page.body.counts, page.body.ndjson_bytes);
        let (redactions, statuses) = (page.body.redactions, page.body.statuses);
        let objects = self
            .put_objects(task, page.body.object, page.body.index)
            .await?;
        let next = page
            .next
            .map_or(NextStep::EndRun, |checkpoint| NextStep::Continue {
                checkpoint,
            });
        let warnings = page.warnings;
        let content = PageContent {
            checkpoint,
            next,
            objects,
            counts,
            record_bytes,
            redactions,
            statuses,
            files,
            rejects,
            warnings,
        };
        let event = self.event(task, &content, page.requested, page.effort);
        let record = PageRecord {
            format_version: FormatVersion,
            id: task.message.id.clone(),
            totals: task.message.totals.plus(content.totals()),
            content,
            committed_at: self.pipeline.clock.now(),
            watermark: page.watermark,
            correlation_id: page.correlation_id,
            effort: page.effort,
            event,
        };
        let (record, stored) = self
            .archive()
            .create_or_read(ObjectKey::Record(&task.message.id), record)
            .await?;
        tracing::info!(
            records = record.content.counts.archived,
            size_bytes = record.content.totals().stored_bytes,
            stored = ?stored,
            "page archived"
        );
        if stored == Stored::Created {
            measure(&record);
        }
        Ok(record)
    }

    async fn put_objects(
        &self,
        task: &Task<'_>,
        page: Option<Vec<u8>>,
        index: Option<Vec<u8>>,
    ) -> Result<Option<PageObjects>, ArchiveError> {
        let (Some(page), Some(index)) = (page, index) else {
            return Ok(None);
        };
        let sha256 = Sha256::of(&page);
        let id = &task.message.id;
        let objects = PageObjects {
            page: stored(ObjectKey::Page(id, sha256), &page, sha256),
            index: stored(ObjectKey::Index(id, sha256), &index, Sha256::of(&index)),
        };
        tokio::try_join!(
            self.archive().put(ObjectKey::Page(id, sha256), page),
            self.archive().put(ObjectKey::Index(id, sha256), index),
        )?;
        Ok(Some(objects))
    }

    async fn put_files(
        &self,
        task: &Task<'_>,
        files: Vec<AttachedFile>,
    ) -> Result<Vec<StoredObject>, ArchiveError> {
        let put = async |AttachedFile { sha256, bytes }: AttachedFile| {
            let name = ObjectKey::File(&task.message.id, sha256);
            let file = stored(name, &bytes, sha256);
            self.archive().put(name, bytes).await?;
            Ok(file)
        };
        let files: Vec<_> = files.into_iter().map(put).collect();
        stream::iter(files)
            .buffered(WRITES_AT_ONCE)
            .try_collect()
            .await
    }

    async fn keep_rejects(
        &self,
        task: &Task<'_>,
        rejects: &[Reject],
    ) -> Result<Vec<RejectedRecord>, ArchiveError> {
        let mut kept = Vec::with_capacity(rejects.len());
        for reject in rejects {
            let raw = &*reject.raw;
            let sha256 = Sha256::of(raw);
            let name = ObjectKey::Reject(&task.message.id, reject.position, sha256);
            self.archive().put(name, raw.to_vec()).await?;
            let object = stored(name, raw, sha256);
            kept.push(RejectedRecord {
                position: reject.position,
                reason: reject.reason,
                object,
            });
        }
        Ok(kept)
    }

    fn event(
        &self,
        task: &Task<'_>,
        content: &PageContent,
        requested: u64,
        effort: Effort,
    ) -> AuditEvent {
        let id = &task.message.id;
        let mut event = AuditEvent::new(NewAuditEvent {
            export_id: &task.run.plan.export_id,
            query_hash: task.run.plan.query_hash,
            request_id: &task.invocation.request_id,
            timestamp: self.pipeline.clock.now(),
            action: Action::ArchivePage,
            event_type: EventType::Page,
            subject: format!("s{} r{} p{}", id.run.slice, id.run.run, id.page),
            details: json!({
                "slice": id.run.slice, "run": id.run.run, "page": id.page, "contentSha256": content.digest(),
            }),
        });
        if !content.redactions.is_empty() {
            event.details["redactions"] = json!(content.redactions);
        }
        event.records_requested = Some(requested);
        event.records_retrieved = Some(content.counts.received);
        event.latency_ms = Some(effort.latency_ms);
        event.chained_after(Some(task.message.audit_head))
    }
}

/// Records the metrics of a committed page.
fn measure(record: &PageRecord) {
    let (counts, totals) = (&record.content.counts, record.content.totals());
    metrics::record(&[
        (metrics::PAGES, 1),
        (metrics::RECORDS, counts.archived),
        (metrics::REJECTED_RECORDS, counts.rejected),
        (metrics::REDACTIONS, record.content.redactions.total()),
        (
            metrics::TRUNCATED_TRANSCRIPTS,
            record.content.statuses.of(Status::Truncated.as_str()),
        ),
        (metrics::RECORD_BYTES, totals.record_bytes),
        (metrics::STORED_BYTES, totals.stored_bytes),
        (metrics::API_LATENCY, record.effort.latency_ms),
        (metrics::CACHED_PAGES, record.effort.cached),
    ]);
}

/// Fails at the first bad record with `onBadRecord: fail`, which ends the run.
fn check_rejects(task: &Task<'_>, body: &PageBody) -> Result<(), Failure> {
    let Some(first) = body.rejects.first() else {
        return Ok(());
    };
    if task.attempt.on_bad_record(task.run.plan) == OnBadRecord::Quarantine {
        return Ok(());
    }
    let message = format!(
        "record {} of {} is not a valid record: {}",
        first.position, task.message.id, first.reason
    );
    Err(Failure::new(FailureKind::BadRecord, message))
}

/// Fails if the next checkpoint does not fit into a message.
fn check_next(next: Option<&Checkpoint>) -> Result<(), Failure> {
    let checked = next.map_or(Ok(()), Checkpoint::check);
    checked.map_err(|too_long| Failure::new(FailureKind::SourceBroken, too_long.to_string()))
}

fn stored(name: ObjectKey<'_>, bytes: &[u8], sha256: Sha256) -> StoredObject {
    StoredObject {
        key: name.key(),
        size_bytes: bytes.len() as u64,
        sha256,
    }
}
