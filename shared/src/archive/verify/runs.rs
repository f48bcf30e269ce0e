//! The runs of a slice: from the one that the attempt names to the one that completed, and all earlier ones.

use std::collections::BTreeMap;

use super::history::History;
use super::subject::{Subject, VerifyError};
use crate::archive::{ArchiveError, SliceStatus};
use crate::base::ids::RunId;
use crate::export::attempt::Cause;
use crate::export::objects::ObjectKey;
use crate::export::plan::Slice;
use crate::export::run::{End, Origin, RunEnd, RunRecord};

/// A slice with the documents of its runs, excluding pages.
#[derive(Debug)]
pub(super) struct SliceRuns {
    pub(super) slice_status: SliceStatus,
    pub(super) end: RunEnd,
    /// The run records of the runs whose pages count.
    pub(super) records: BTreeMap<u32, RunRecord>,
    earlier_ends: Vec<RunEnd>,
}

impl SliceRuns {
    pub(super) fn into_ends(self) -> impl Iterator<Item = RunEnd> {
        self.earlier_ends.into_iter().chain([self.end])
    }
}

impl History<'_> {
    pub(super) async fn runs(&self, slice: &Slice) -> Result<SliceRuns, VerifyError> {
        let (run, origin, end) = self.completed_run(slice).await?;
        let mut earlier_ends = Vec::new();
        for number in 1..run.run {
            earlier_ends.extend(self.earlier_end(&run.with_run(number)).await?);
        }
        let records = self.chain_runs(&run).await?;
        let attempt = self.manifest.outcome.attempt;
        let fits = records
            .get(&run.run)
            .is_some_and(|record| record.origin == origin);
        Subject::of(ObjectKey::Run(&run)).require(
            fits,
            "its origin differs from that in its attempt or predecessor",
        )?;
        let slice_status = SliceStatus {
            slice: *slice,
            attempt,
            run,
            origin,
            end: Some(end.clone()),
        };
        Ok(SliceRuns {
            slice_status,
            end,
            records,
            earlier_ends,
        })
    }

    async fn completed_run(&self, slice: &Slice) -> Result<(RunId, Origin, RunEnd), VerifyError> {
        let attempt = self.attempt()?;
        let attempt_subject = || Subject::of(ObjectKey::Attempt(self.id(), attempt.attempt));
        let (mut run, mut origin) = attempt.run_of(slice.number).ok_or_else(|| {
            attempt_subject().damaged(format!("it does not name a run for slice {}", slice.number))
        })?;
        loop {
            let name = ObjectKey::End(&run);
            let end = self.run_end(&run).await?;
            let end = end.ok_or_else(|| ArchiveError::Missing(name.key()))?;
            match &end.end {
                End::Complete => return Ok((run, origin, end)),
                // The successor has a higher number than this run, so the loop ends.
                End::Replaced { successor, .. } => {
                    origin = Origin::Replaces { run: run.run };
                    run = run.with_run(*successor);
                }
                End::Failed { .. } | End::Cancelled => {
                    let rule = "the run did not complete, though the manifest says that the export is complete";
                    return Err(Subject::of(name).damaged(rule));
                }
            }
        }
    }

    /// The end of an earlier run, which must exist. Exception: a lost query replaces the runs of all slices, some
    /// perhaps without an end.
    async fn earlier_end(&self, run: &RunId) -> Result<Option<RunEnd>, VerifyError> {
        let end = self.run_end(run).await?;
        let next = run.with_run(run.run + 1);
        let replaced_all = self.attempts.iter().any(|attempt| {
            let starts = attempt
                .run_of(run.slice)
                .is_some_and(|(start, _)| start == next);
            attempt.cause == Cause::QueryLost && starts
        });
        let known = end.is_some() || replaced_all;
        Subject::of(ObjectKey::End(run))
            .require(known, format_args!("missing, though {next} followed it"))?;
        Ok(end)
    }

    /// The records of the run and of the runs that it continues, by number.
    async fn chain_runs(&self, last: &RunId) -> Result<BTreeMap<u32, RunRecord>, VerifyError> {
        let mut records = BTreeMap::new();
        let mut run = last.clone();
        loop {
            let name = ObjectKey::Run(&run);
            let record = self.run_record(&run).await?;
            let record = record.ok_or_else(|| ArchiveError::Missing(name.key()))?;
            let query_id = self.manifest.outcome.query_id.as_ref();
            let same = record.query_id.as_ref() == query_id;
            Subject::of(name).require(same, "its query differs from that of the manifest")?;
            let origin = record.origin;
            records.insert(run.run, record);
            match origin {
                Origin::Continues {
                    run: before,
                    after_page,
                } if after_page > 0 => run = run.with_run(before),
                _ => return Ok(records),
            }
        }
    }
}
