//! The live gaps that a day seal lists, compared with the stored ones.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;

use super::super::subject::{Subject, VerifyError};
use super::gaps::CheckedGap;
use super::stream::StreamCheck;
use crate::archive::live_gaps;
use crate::base::time::later;
use crate::export::live_coverage::{DaySeal, ListedGap, LiveGapSpan};
use crate::export::objects::{LiveKey, ObjectKey, audit_day};

/// The clocks of the process that records a gap and of the one that seals the day may differ.
const CLOCK_TOLERANCE: Duration = Duration::from_hours(1);

impl StreamCheck<'_, '_> {
    pub(super) async fn check_sealed_gaps(
        &self,
        subject: &Subject,
        seal: &DaySeal,
    ) -> Result<(), VerifyError> {
        let spans = seal.gaps.iter().map(|gap| gap.span);
        let is_sorted = spans.is_sorted_by(|one, next| one < next);
        subject.require(is_sorted, "its gaps are not in order")?;
        for listed in &seal.gaps {
            subject.require(
                audit_day(listed.span.from) == seal.day,
                "it lists a gap of another day",
            )?;
            self.check_listed(listed, seal.day).await?;
        }
        let listed: BTreeSet<_> = seal.gaps.iter().map(|gap| gap.span).collect();
        for (span, gap) in &self.gaps {
            let is_due = audit_day(span.from) == seal.day
                && later(gap.recorded_at, CLOCK_TOLERANCE) <= seal.sealed_at;
            let rule = "the seal of its day does not list it, though it was recorded before";
            self.gap(*span)
                .require(!is_due || listed.contains(span), rule)?;
        }
        Ok(())
    }

    async fn check_listed(&self, listed: &ListedGap, day: Date) -> Result<(), VerifyError> {
        let Some(gap) = self.known_gap(listed.span).await? else {
            let rule = "missing, though the seal of its day names it";
            return Err(self.gap(listed.span).damaged(rule));
        };
        let Some(export_id) = &listed.export_id else {
            return Ok(());
        };
        let name = ObjectKey::Live(LiveKey::ClosedGap(self.stream, listed.span));
        let rule = format_args!("missing, though the seal of {day} names the export in it");
        Subject::of(name).require(gap.closed_by.is_some(), rule)?;
        let rule = format_args!("its export is not the one that the seal of {day} names");
        Subject::of(name).require(gap.closed_by.as_ref() == Some(export_id), rule)
    }

    /// The gap; read again if it was recorded or closed during this check.
    async fn known_gap(&self, span: LiveGapSpan) -> Result<Option<CheckedGap>, VerifyError> {
        match self.gaps.get(&span) {
            Some(gap) if gap.closed_by.is_some() => Ok(Some(gap.clone())),
            _ => {
                let (archive, stream) = (self.documents.archive, self.stream);
                let Some(gap) = live_gaps::read(archive, stream, span).await? else {
                    return Ok(None);
                };
                let closed_by = live_gaps::closing_export(archive, stream, span).await?;
                Ok(Some(CheckedGap {
                    recorded_at: gap.recorded_at,
                    closed_by,
                }))
            }
        }
    }

    fn gap(&self, span: LiveGapSpan) -> Subject {
        Subject::of(ObjectKey::Live(LiveKey::Gap(self.stream, span)))
    }
}
