//! Closes live gaps: starts an export of the time of each gap, and records the complete export.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures::TryStreamExt as _;
use jiff::civil::Date;

use crate::archive::{
    Archive, ArchiveError, Stage, live_gaps, live_streams, open_marker, page_objects,
};
use crate::base::failure::error_chain;
use crate::base::format::FormatVersion;
use crate::base::ids::{ConversationId, StreamName};
use crate::export::live_coverage::{ClosedGap, LiveGap, LiveGapSpan};
use crate::export::objects::{LiveKey, ObjectKey, audit_day};
use crate::export::outcome::Manifest;
use crate::export::request::RequestedRedaction;
use crate::pipeline::{Pipeline, PipelineError, scheduling};
use crate::records::page::for_each_indexed_id;

/// Closes the gaps of streams.
#[derive(Clone, Debug)]
pub struct GapClosing {
    pub pipeline: Pipeline,
    /// How long after a gap its export starts.
    pub delay: Duration,
    /// Redaction of the exports; `None` for the default.
    pub redaction: Option<RequestedRedaction>,
}

/// The gaps of one call by what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosingCounts {
    pub closed: u64,
    /// An export was started.
    pub started: u64,
    /// Still open: not due, or the export is in progress or has failed.
    pub open: u64,
}

/// What was done about a gap.
enum GapStep {
    Closed,
    Started,
    Open,
}

/// The conversations that frames of a stream name, by the day of their arrival.
type HeardByDay = HashMap<Date, BTreeSet<ConversationId>>;

impl GapClosing {
    /// Moves every open gap of the stream one step forward. A damaged document stops its own gap only, which stays open.
    pub async fn advance(&self, stream: &StreamName) -> Result<ClosingCounts, PipelineError> {
        let mut counts = ClosingCounts::default();
        let mut heard = HeardByDay::new();
        for span in live_gaps::all(self.archive(), stream).await?.open {
            match self.advance_gap(stream, span, &mut heard).await {
                Ok(GapStep::Closed) => counts.closed += 1,
                Ok(GapStep::Started) => counts.started += 1,
                Ok(GapStep::Open) => counts.open += 1,
                Err(error) if error.is_damage() => {
                    tracing::error!(%stream, gap = %span, error = error_chain(&error), "live gap cannot be closed");
                    counts.open += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(counts)
    }

    async fn advance_gap(
        &self,
        stream: &StreamName,
        span: LiveGapSpan,
        heard: &mut HeardByDay,
    ) -> Result<GapStep, PipelineError> {
        let gap = live_gaps::read(self.archive(), stream, span).await?;
        let is_due = |gap: &LiveGap| gap.due_at(self.delay) <= self.pipeline.clock.now();
        let Some(gap) = gap.filter(is_due) else {
            return Ok(GapStep::Open);
        };
        match self.archive().stage(&gap.export_id()).await? {
            Stage::Complete(manifest) => {
                self.close(&gap, &manifest, heard).await?;
                Ok(GapStep::Closed)
            }
            Stage::Ended if self.is_unknown(&gap).await? => {
                self.start(&gap).await?;
                Ok(GapStep::Started)
            }
            Stage::Open | Stage::Ended => Ok(GapStep::Open),
        }
    }

    /// Whether the export of the gap was never started. A failed export is left to its resumes.
    async fn is_unknown(&self, gap: &LiveGap) -> Result<bool, ArchiveError> {
        let plan = self.archive().plan(&gap.export_id()).await?;
        Ok(plan.is_none())
    }

    async fn start(&self, gap: &LiveGap) -> Result<(), PipelineError> {
        let (id, now) = (gap.export_id(), self.pipeline.clock.now());
        let request = gap.request(self.redaction.clone());
        open_marker::accept_request(self.archive(), &id, &request, now).await?;
        scheduling::send_start(&self.pipeline, &id).await?;
        tracing::info!(export.id = %id, stream = %gap.stream, "export of a live gap accepted");
        Ok(())
    }

    async fn close(
        &self,
        gap: &LiveGap,
        manifest: &Manifest,
        heard: &mut HeardByDay,
    ) -> Result<(), PipelineError> {
        let exported = exported_conversations(self.archive(), manifest).await?;
        for day in days(gap.span) {
            if let Entry::Vacant(entry) = heard.entry(day) {
                let records = live_streams::records(self.archive(), &gap.stream, day).await?;
                entry.insert(live_streams::conversations(self.archive(), &records).await?);
            }
        }
        let is_heard = |id: &&ConversationId| days(gap.span).any(|day| heard[&day].contains(id));
        let closed = ClosedGap {
            format_version: FormatVersion,
            stream: gap.stream.clone(),
            span: gap.span,
            export_id: gap.export_id(),
            conversations: exported.len() as u64,
            unheard: exported.iter().filter(|id| !is_heard(id)).count() as u64,
            closed_at: self.pipeline.clock.now(),
        };
        let name = ObjectKey::Live(LiveKey::ClosedGap(&gap.stream, gap.span));
        let (closed, _) = self.archive().create_or_read(name, closed).await?;
        tracing::info!(
            export.id = %closed.export_id,
            stream = %closed.stream,
            conversations = closed.conversations,
            unheard = closed.unheard,
            "live gap closed"
        );
        Ok(())
    }

    fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }
}

/// The distinct conversations of a complete export.
pub(super) async fn exported_conversations(
    archive: &Archive,
    manifest: &Manifest,
) -> Result<BTreeSet<ConversationId>, PipelineError> {
    let mut ids = BTreeSet::new();
    let mut indexes = page_objects::indexes(archive, &manifest.content);
    while let Some((key, index)) = indexes.try_next().await? {
        for_each_indexed_id(&index, |id| ids.extend(id.parse::<ConversationId>()))
            .map_err(|source| PipelineError::Index { key, source })?;
    }
    Ok(ids)
}

/// The UTC days that the gap touches.
fn days(span: LiveGapSpan) -> impl Iterator<Item = Date> {
    let last = audit_day(span.until);
    let next = move |day: &Date| day.tomorrow().ok().filter(|day| *day <= last);
    std::iter::successors(Some(audit_day(span.from)), next)
}
