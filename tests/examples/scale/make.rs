//! Creates an export whose slices have all ended, written as archive-page writes it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use conversation_archive::archive::{Archive, SliceStatus, slice_status};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::{ExportId, RunId};
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use conversation_archive::export::checkpoint::Checkpoint;
use conversation_archive::export::effort::Effort;
use conversation_archive::export::marker::OpenMarker;
use conversation_archive::export::message::PageMessage;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::page_record::{
    NextStep, PageContent, PageObjects, PageRecord, StoredObject,
};
use conversation_archive::export::plan::{
    Draft, ExportIdentity, ExportPlan, PlanLimits, Residency, SliceRange,
};
use conversation_archive::export::request::ExportRequest;
use conversation_archive::export::run::{End, Origin, RunEnd, RunRecord};
use conversation_archive::net::clock::Clock;
use conversation_archive::records::page::{PageBody, encode, gateway_records};
use jiff::Timestamp;
use serde_json::json;

use crate::steps::{ID, archive};

/// Records per page, as for jobs.
const LINES: u64 = 1_000;

const SLICES: u64 = 10;

/// Every nth page begins with another version of the last conversation of the previous page.
const REPEATS_EVERY: u64 = 10;

pub(crate) async fn create_export(folder: &Path, records: u64) -> anyhow::Result<()> {
    let _ = std::fs::remove_dir_all(folder);
    let archive = archive(folder)?;
    let (plan, attempt) = create_plan(&archive).await?;
    let pages = records / LINES / SLICES;
    let mut slices = Vec::new();
    for view in slice_status::all(&archive, &plan, &attempt).await? {
        let (archive, plan) = (archive.clone(), plan.clone());
        slices.push(tokio::spawn(async move {
            write_slice(&archive, &plan, &view, pages).await
        }));
    }
    for slice in slices {
        slice.await??;
    }
    Ok(())
}

async fn create_plan(archive: &Archive) -> anyhow::Result<(ExportPlan, Attempt)> {
    let now = Clock::System.now();
    let request = format!(
        r#"{{"source":"analytics-job","exportId":"{ID}","interval":"2026-03-01T00:00:00Z/2026-03-11T00:00:00Z","slices":{SLICES},"records":"full"}}"#
    );
    let (request, limits) = (ExportRequest::parse(&request)?, PlanLimits::default());
    let identity = ExportIdentity::of(&request, now)?;
    let draft = Draft::check(request, identity, now, &limits)?;
    let plan = draft.plan(
        None,
        Residency::decide(None, None, &[])?,
        &limits,
        now,
        "start",
    )?;
    let (id, attempt) = (plan.export_id.clone(), Attempt::first(&plan));
    let marker = OpenMarker::new(id.clone(), now);
    archive.replace(ObjectKey::Open(&id), &marker).await?;
    archive
        .create_or_read(ObjectKey::Request(&id), plan.clone())
        .await?;
    archive
        .create_or_read(ObjectKey::Attempt(&id, 1), attempt.clone())
        .await?;
    Ok((plan, attempt))
}

async fn write_slice(
    archive: &Archive,
    plan: &ExportPlan,
    view: &SliceStatus,
    pages: u64,
) -> anyhow::Result<()> {
    let run = &view.run;
    let run_record = RunRecord {
        format_version: FormatVersion,
        id: run.clone(),
        origin: Origin::First,
        job: Some("job".to_owned()),
        query_id: None,
        watermark: None,
        created_at: plan.planned_at,
    };
    archive
        .create_or_read(ObjectKey::Run(run), run_record)
        .await?;
    let mut message = slice_status::next_message(archive, view, plan).await?;
    message.checkpoint = checkpoint_after(0);
    loop {
        let page = u64::from(message.id.page);
        let next = if page < pages {
            let checkpoint = checkpoint_after(page);
            NextStep::Continue { checkpoint }
        } else {
            NextStep::EndRun
        };
        let body = page_body(plan, view, page);
        let record = commit(archive, plan, &message, body, next).await?;
        message = match &record.content.next {
            NextStep::Continue { checkpoint } => {
                PageMessage::for_next_page(&record, run, 1, Origin::First, checkpoint.clone())
            }
            NextStep::EndRun => return end_run(archive, plan, run, &record).await,
        };
    }
}

/// The checkpoint of a page after this number of pages.
fn checkpoint_after(pages: u64) -> Checkpoint {
    Checkpoint::Cursor {
        job: Some("job".to_owned()),
        cursor: (pages > 0).then(|| pages.to_string()),
        trail: None,
        ids_before: 0,
    }
}

fn page_body(plan: &ExportPlan, view: &SliceStatus, page: u64) -> PageBody {
    let SliceRange::Interval(interval) = view.slice.range else {
        unreachable!("a job reads intervals");
    };
    let first = (u64::from(view.slice.number) << 32) + page * LINES;
    let mut text = String::from("[");
    for line in 0..LINES {
        let is_repeated = line == 0 && page > 1 && page.is_multiple_of(REPEATS_EVERY);
        let number = if is_repeated {
            first - LINES
        } else {
            first + line
        };
        let id = id(number);
        let start = interval.start() + Duration::from_millis(line);
        let separator = if line > 0 { "," } else { "" };
        let _ = write!(
            text,
            r#"{separator}{{"conversationId":"{id}","conversationStart":"{start}","page":{page}}}"#
        );
    }
    text.push(']');
    match gateway_records(text.as_bytes()) {
        Ok(records) => encode(&records, &plan.page_rules(&view.slice)),
        Err(error) => unreachable!("these are records: {error}"),
    }
}

/// A UUID derived from this number.
fn id(number: u64) -> String {
    let bits = fastrand::Rng::with_seed(number).u128(..);
    let digits = format!("{bits:032x}");
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

async fn commit(
    archive: &Archive,
    plan: &ExportPlan,
    message: &PageMessage,
    body: PageBody,
    next: NextStep,
) -> anyhow::Result<PageRecord> {
    let id = &message.id;
    let (page, index) = (body.object.context("lines")?, body.index.context("lines")?);
    let sha256 = Sha256::of(&page);
    let objects = PageObjects {
        page: store_object(archive, ObjectKey::Page(id, sha256), page).await?,
        index: store_object(archive, ObjectKey::Index(id, sha256), index).await?,
    };
    let content = PageContent {
        checkpoint: message.checkpoint.clone(),
        next,
        objects: Some(objects),
        counts: body.counts,
        record_bytes: body.ndjson_bytes,
        redactions: body.redactions,
        statuses: body.statuses,
        files: Vec::new(),
        rejects: Vec::new(),
        warnings: Vec::new(),
    };
    let mut event = AuditEvent::new(NewAuditEvent {
        subject: format!("s{} r1 p{}", id.run.slice, id.page),
        details: json!({"slice": id.run.slice, "run": 1, "page": id.page, "contentSha256": content.digest()}),
        ..new_event(plan, &plan.export_id, Action::ArchivePage, EventType::Page)
    });
    event.records_retrieved = Some(content.counts.received);
    let record = PageRecord {
        format_version: FormatVersion,
        id: id.clone(),
        totals: message.totals.plus(content.totals(Effort::default())),
        content,
        committed_at: plan.planned_at,
        watermark: None,
        correlation_id: None,
        effort: Effort::default(),
        event: event.chained_after(Some(message.audit_head)),
    };
    Ok(archive
        .create_or_read(ObjectKey::Record(id), record)
        .await?
        .0)
}

async fn store_object(
    archive: &Archive,
    name: ObjectKey<'_>,
    bytes: Vec<u8>,
) -> anyhow::Result<StoredObject> {
    let (size_bytes, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
    archive.put(name, bytes).await?;
    Ok(StoredObject {
        key: name.key(),
        size_bytes,
        sha256,
    })
}

async fn end_run(
    archive: &Archive,
    plan: &ExportPlan,
    run: &RunId,
    last: &PageRecord,
) -> anyhow::Result<()> {
    let event = AuditEvent::new(NewAuditEvent {
        subject: format!("s{} r1", run.slice),
        details: json!({"slice": run.slice, "run": 1, "lastPage": last.id.page, "end": End::Complete}),
        ..new_event(plan, &plan.export_id, Action::EndRun, EventType::Run)
    });
    let end = RunEnd {
        format_version: FormatVersion,
        id: run.clone(),
        end: End::Complete,
        last_page: last.id.page,
        totals: last.totals,
        job: Some("job".to_owned()),
        event: event.chained_after(Some(last.event.hash)),
    };
    archive.create_or_read(ObjectKey::End(run), end).await?;
    Ok(())
}

fn new_event<'a>(
    plan: &'a ExportPlan,
    export_id: &'a ExportId,
    action: Action,
    event_type: EventType,
) -> NewAuditEvent<'a> {
    let timestamp: Timestamp = plan.planned_at;
    NewAuditEvent {
        export_id,
        query_hash: plan.query_hash,
        request_id: "scale",
        timestamp,
        action,
        event_type,
        subject: String::new(),
        details: json!({}),
    }
}
