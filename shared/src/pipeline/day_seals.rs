//! Seals the days of a stream: lists its frame records with their digests, and what is known to be missing.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::live_gaps::exported_conversations;
use crate::archive::live_streams::{self, StoredRecord};
use crate::archive::{Archive, ArchiveError, claims, exports, live_gaps};
use crate::base::format::FormatVersion;
use crate::base::ids::{ConversationId, ExportId, StreamName};
use crate::base::time::{interval_of_day, later};
use crate::export::live_coverage::{DayFigures, DaySeal, ListedGap, NotEnded};
use crate::export::objects::{LiveKey, ObjectKey, audit_day};
use crate::export::outcome::Manifest;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::{Pipeline, PipelineError, metrics};

/// How long after the end of a day it is sealed: the conversations of its last hours have ended by then, and the scheduled
/// export of the day is complete.
const SEALING_DELAY: Duration = Duration::from_hours(26);

/// Time budget for one day.
const DAY_TIME: Duration = Duration::from_mins(1);

/// Seals the days of a stream.
#[derive(Clone, Debug)]
pub struct DaySealing {
    pub pipeline: Pipeline,
}

/// The comparison of a day with the export that covers it.
struct Comparison {
    export_id: ExportId,
    unheard: u64,
}

impl DaySealing {
    /// Seals the days that are due, in order, as far as there is time. Returns their number.
    pub async fn seal_due(
        &self,
        stream: &StreamName,
        invocation: &Invocation,
    ) -> Result<u64, PipelineError> {
        let mut sealed = 0;
        let mut next = self.first_unsealed(stream).await?;
        while let Some(day) = next.filter(|day| is_due(*day, self.pipeline.clock.now())) {
            let now = self.pipeline.clock.now();
            if sealed > 0 && !invocation.deadline.allows(now, DAY_TIME) {
                break;
            }
            self.seal(stream, day).await?;
            sealed += 1;
            next = day.tomorrow().ok();
        }
        Ok(sealed)
    }

    async fn first_unsealed(&self, stream: &StreamName) -> Result<Option<Date>, ArchiveError> {
        match live_streams::last_sealed_day(self.archive(), stream).await? {
            Some(day) => Ok(day.tomorrow().ok()),
            None => live_streams::first_day(self.archive(), stream).await,
        }
    }

    async fn seal(&self, stream: &StreamName, day: Date) -> Result<(), PipelineError> {
        let records = live_streams::records(self.archive(), stream, day).await?;
        let heard = live_streams::conversations(self.archive(), &records).await?;
        let comparison = self.compare(stream, day, &heard).await?;
        let seal = DaySeal {
            format_version: FormatVersion,
            stream: stream.clone(),
            day,
            figures: figures(&records),
            unreadable: records.iter().filter(|it| it.record.is_none()).count() as u64,
            records: records.into_iter().map(|stored| stored.sealed).collect(),
            gaps: self.gaps(stream, day).await?,
            conversations_heard: heard.len() as u64,
            not_ended: self.not_ended(&heard).await?,
            unheard: comparison.as_ref().map(|it| it.unheard),
            compared_with: comparison.map(|it| it.export_id),
            sealed_at: self.pipeline.clock.now(),
        };
        let name = ObjectKey::Live(LiveKey::Day(stream, day));
        let (seal, _) = self.archive().create_or_read(name, seal).await?;
        if let Some(unheard) = seal.unheard {
            metrics::record(&[(metrics::CONVERSATIONS_UNHEARD, unheard)]);
        }
        tracing::info!(
            %stream,
            %day,
            records = seal.records.len(),
            conversations = seal.conversations_heard,
            not_ended = seal.not_ended.count,
            unheard = seal.unheard,
            "day of live events sealed"
        );
        Ok(())
    }

    async fn gaps(&self, stream: &StreamName, day: Date) -> Result<Vec<ListedGap>, ArchiveError> {
        let gaps = live_gaps::all(self.archive(), stream).await?;
        let mut spans = [gaps.open, gaps.closed].concat();
        spans.retain(|span| audit_day(span.from) == day);
        spans.sort_unstable();
        let mut listed = Vec::with_capacity(spans.len());
        for span in spans {
            let export_id = live_gaps::closing_export(self.archive(), stream, span).await?;
            listed.push(ListedGap { span, export_id });
        }
        Ok(listed)
    }

    async fn not_ended(&self, heard: &BTreeSet<ConversationId>) -> Result<NotEnded, ArchiveError> {
        let ended = claims::batched(self.archive(), |id| heard.contains(id)).await?;
        let not_ended = heard.iter().filter(|id| !ended.contains_key(*id));
        Ok(NotEnded::of(&not_ended.cloned().collect()))
    }

    /// Compares with the first export that covers the day. The first hour of the next day counts as heard too.
    async fn compare(
        &self,
        stream: &StreamName,
        day: Date,
        heard: &BTreeSet<ConversationId>,
    ) -> Result<Option<Comparison>, PipelineError> {
        let Some((export_id, manifest)) = self.covering_export(day).await? else {
            return Ok(None);
        };
        let exported = exported_conversations(self.archive(), &manifest).await?;
        let mut unheard = &exported - heard;
        if let Ok(next) = day.tomorrow()
            && !unheard.is_empty()
        {
            let after = live_streams::conversations_of_first_hour(self.archive(), stream, next);
            unheard = &unheard - &after.await?;
        }
        Ok(Some(Comparison {
            export_id,
            unheard: unheard.len() as u64,
        }))
    }

    /// A complete export of all conversations that started in the day, if it became complete before the day is sealed.
    async fn covering_export(
        &self,
        day: Date,
    ) -> Result<Option<(ExportId, Manifest)>, ArchiveError> {
        let Some(interval) = interval_of_day(day) else {
            return Ok(None);
        };
        for later_days in 1..=2 {
            let Ok(outcome_day) = day.checked_add(later_days.days()) else {
                break;
            };
            for id in exports::concluded_on(self.archive(), outcome_day).await? {
                let plan = match self.archive().plan(&id).await {
                    Ok(plan) => plan.filter(|plan| plan.covers_starts(interval)),
                    Err(error) if error.is_damage() || error.is_untrusted() => None,
                    Err(error) => return Err(error),
                };
                if plan.is_none() {
                    continue;
                }
                if let Some(manifest) = self.archive().read(ObjectKey::Manifest(&id)).await? {
                    return Ok(Some((id, manifest)));
                }
            }
        }
        Ok(None)
    }

    fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }
}

/// Whether the day ended long enough ago.
fn is_due(day: Date, now: Timestamp) -> bool {
    interval_of_day(day).is_some_and(|day| later(day.end(), SEALING_DELAY) <= now)
}

fn figures(records: &[StoredRecord]) -> DayFigures {
    let mut figures = DayFigures::default();
    for record in records.iter().filter_map(|stored| stored.record.as_ref()) {
        figures.counts += record.counts;
        figures.topics.add(&record.topics);
        figures.redactions.add(&record.redactions);
    }
    figures
}
