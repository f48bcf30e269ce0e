//! The documents of a run: `run.json`, `end.json` and `waiting.json`.

use super::history::History;
use super::subject::{Subject, VerifyError};
use crate::base::hash::Sha256;
use crate::base::ids::RunId;
use crate::export::audit::Action;
use crate::export::objects::ObjectKey;
use crate::export::page_record::PageRecord;
use crate::export::run::{End, Origin, RunEnd, RunRecord};
use crate::export::totals::Totals;
use crate::export::waiting::Waiting;

impl History<'_> {
    /// Checks `run.json`; a run that ended before its source was opened has none.
    pub(super) async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, VerifyError> {
        let name = ObjectKey::Run(run);
        let Some(record) = self.archive.run(run).await? else {
            return Ok(None);
        };
        let subject = Subject::of(name);
        subject.same_id(&record.id, run)?;
        let fits = match record.origin {
            Origin::First => run.run == 1,
            Origin::Continues { run: before, .. } | Origin::Replaces { run: before } => {
                before < run.run
            }
        };
        subject.require(fits, "its origin is not an earlier run")?;
        let planned = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.run_of(run.slice));
        let fits = planned
            .filter(|(start, _)| start == run)
            .all(|(_, origin)| origin == record.origin);
        subject.require(fits, "its origin differs from the one in its attempt")?;
        Ok(Some(record))
    }

    pub(super) async fn run_end(&self, run: &RunId) -> Result<Option<RunEnd>, VerifyError> {
        let Some(end) = self.archive.end(run).await? else {
            return Ok(None);
        };
        let subject = Subject::of(ObjectKey::End(run));
        subject.same_id(&end.id, run)?;
        subject.event(&end.event, &self.plan, Action::EndRun)?;
        subject.details(&end.event, "slice", run.slice)?;
        subject.details(&end.event, "run", run.run)?;
        subject.details(&end.event, "lastPage", end.last_page)?;
        subject.details(&end.event, "end", &end.end)?;
        if let End::Replaced { successor, .. } = &end.end {
            let next = u64::from(run.run) + 1;
            subject.same("its successor", u64::from(*successor), next)?;
        }
        let run_record = self.run_record(run).await?;
        let same = match (&end.job, run_record.and_then(|record| record.job)) {
            (Some(known), Some(job)) => *known == job,
            // The end was written before the job was known.
            _ => true,
        };
        subject.require(same, "its job differs from that of its run")?;
        if !matches!(end.end, End::Complete) {
            self.check_end_position(&subject, &end).await?;
        }
        Ok(Some(end))
    }

    /// Checks that the end of an incomplete run follows one of its pages and takes over that page's totals. Superseded
    /// pages may have been removed.
    async fn check_end_position(&self, subject: &Subject, end: &RunEnd) -> Result<(), VerifyError> {
        let last = match end.last_page {
            // Only the end itself records the quota used by replaced runs.
            0 => Some((self.plan.start_event.hash, end.totals.superseded())),
            page => self
                .page_as_of(&end.id, page)
                .await?
                .as_ref()
                .map(head_and_totals),
        };
        // A page committed after the last one does not count if the run was ended from outside, but its event may be
        // the one followed.
        let late = match end.last_page.checked_add(1) {
            Some(page) => self.intact_record(&end.id.page(page)).await?,
            None => None,
        };
        let late = late.as_ref().map(head_and_totals);
        let follows = |(hash, _): &(Sha256, Totals)| end.event.previous_hash == Some(*hash);
        if let Some((_, totals)) = last.into_iter().chain(late).find(follows) {
            return subject.require(
                end.totals == totals,
                "its totals differ from those of its last page",
            );
        }
        let rule = "the audit chain is broken: its event does not follow a page of its run";
        subject.require(last.is_none(), rule)
    }

    /// The page from the newest run up to this one that has it.
    async fn page_as_of(&self, run: &RunId, page: u32) -> Result<Option<PageRecord>, VerifyError> {
        for number in (1..=run.run).rev() {
            let record = self.intact_record(&run.with_run(number).page(page)).await?;
            if record.is_some() {
                return Ok(record);
            }
        }
        Ok(None)
    }

    pub(super) async fn check_waiting(&self, run: &RunId) -> Result<(), VerifyError> {
        let name = ObjectKey::Waiting(run);
        match self.archive.read::<Waiting>(name).await? {
            Some(waiting) => Subject::of(name).same_id(&waiting.id.run, run),
            None => Ok(()),
        }
    }
}

fn head_and_totals(record: &PageRecord) -> (Sha256, Totals) {
    (record.event.hash, record.totals)
}
