//! The live gaps of a stream, and the exports that closed them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::subject::{Subject, VerifyError};
use super::exports::CompleteExport;
use super::folder::StreamFolder;
use super::report::{ClosedLiveGap, OpenLiveGap};
use super::stream::StreamCheck;
use crate::archive::ArchiveError;
use crate::base::ids::ExportId;
use crate::export::live_coverage::{ClosedGap, LiveGap, LiveGapSpan};
use crate::export::objects::{LiveKey, ObjectKey, audit_day};

/// The gaps that begin in the days in scope.
pub(super) type Gaps = BTreeMap<LiveGapSpan, CheckedGap>;

/// The part of a gap that a day seal repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CheckedGap {
    pub(super) recorded_at: Timestamp,
    /// The export that closed it; `None` while it is open.
    pub(super) closed_by: Option<ExportId>,
}

impl StreamCheck<'_, '_> {
    pub(super) async fn check_gaps(&mut self, folder: &StreamFolder) -> Result<(), VerifyError> {
        for span in folder.gaps.union(&folder.closed_gaps) {
            if self.days.contains(audit_day(span.from)) {
                let is_closed = folder.closed_gaps.contains(span);
                self.check_gap(*span, is_closed).await?;
            }
        }
        Ok(())
    }

    async fn check_gap(&mut self, span: LiveGapSpan, is_closed: bool) -> Result<(), VerifyError> {
        let name = ObjectKey::Live(LiveKey::Gap(self.stream, span));
        let subject = Subject::of(name);
        let gap: Option<LiveGap> = self.documents.read(name).await?;
        let gap = gap.ok_or_else(|| {
            let closed = ObjectKey::Live(LiveKey::ClosedGap(self.stream, span)).key();
            subject.damaged(format!("missing, though {closed} says that it is closed"))
        })?;
        subject.belongs_at(LiveKey::Gap(&gap.stream, gap.span))?;
        let rule = "it does not end after its start and within 24 hours";
        subject.require(span.interval().is_some(), rule)?;
        let closed_by = if is_closed {
            let closed = self.check_closed(&gap).await?;
            let export_id = closed.export_id.clone();
            self.report.closed_gaps.push(closed);
            Some(export_id)
        } else {
            self.report.open_gaps.push(OpenLiveGap {
                span,
                reason: gap.reason,
                code: gap.code,
                recorded_at: gap.recorded_at,
            });
            None
        };
        let recorded_at = gap.recorded_at;
        let checked = CheckedGap {
            recorded_at,
            closed_by,
        };
        self.gaps.insert(span, checked);
        Ok(())
    }

    async fn check_closed(&mut self, gap: &LiveGap) -> Result<ClosedLiveGap, VerifyError> {
        let name = ObjectKey::Live(LiveKey::ClosedGap(self.stream, gap.span));
        let subject = Subject::of(name);
        let closed: Option<ClosedGap> = self.documents.read(name).await?;
        let closed = closed.ok_or_else(|| ArchiveError::Missing(name.key()))?;
        subject.belongs_at(LiveKey::ClosedGap(&closed.stream, closed.span))?;
        let id = gap.export_id();
        subject.same("its export", &closed.export_id, &id)?;
        let named = format!("{} says that it closed the gap", subject.key);
        let export = CompleteExport::read(self.documents, &id, &named).await?;
        subject.require(
            gap.span
                .interval()
                .is_some_and(|time| export.plan.covers_activity(time)),
            "its export is not one of all conversations that were active in the time of the gap",
        )?;
        let exported = export.conversations(self.documents).await?;
        subject.same(
            "the number of conversations of its export",
            exported.len(),
            closed.conversations,
        )?;
        subject.require(
            closed.unheard <= closed.conversations,
            "it counts more unheard conversations than its export has",
        )?;
        Ok(ClosedLiveGap {
            span: gap.span,
            export_id: id,
            status: export.status(),
            conversations: closed.conversations,
            unheard: closed.unheard,
        })
    }
}
