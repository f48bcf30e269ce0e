//! Jobs and queries of an export that the source lost, and that others replaced.

use std::collections::BTreeMap;

use super::{Archive, ArchiveError};
use crate::attempt::{Attempt, Cause};
use crate::ids::{ExportId, RunId};
use crate::objects::Name;
use crate::plan::ExportPlan;
use crate::request::SourceKind;
use crate::run::End;

/// What was lost and replaced in all attempts at an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// How many jobs or queries. A gateway's query serves all slices and is lost for all of them at once.
    pub number: u64,
    /// The runs that were replaced, by slice and run.
    pub runs: Vec<ReplacedRun>,
}

/// A run whose job or query was lost. Its pages count for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedRun {
    pub slice: u32,
    pub run: u32,
    /// What the source said.
    pub reason: String,
}

impl Archive {
    /// One read for each run of the export.
    pub async fn losses(&self, plan: &ExportPlan) -> Result<Losses, ArchiveError> {
        let id = &plan.export_id;
        let newest = self.newest_attempt(id).await?.map_or(0, |it| it.attempt);
        let (mut queries, mut reasons) = (0, BTreeMap::new());
        for number in 1..=newest {
            let attempt = self.attempt(id, number).await?;
            queries += u64::from(attempt.cause == Cause::QueryLost);
            self.follow_replaced(id, &attempt, &mut reasons).await?;
        }
        let replaced = |((slice, run), reason): ((u32, u32), Option<String>)| {
            reason.map(|reason| ReplacedRun { slice, run, reason })
        };
        let runs: Vec<_> = reasons.into_iter().filter_map(replaced).collect();
        let number = match plan.source {
            SourceKind::ExportGateway => queries,
            _ => runs.len() as u64,
        };
        Ok(Losses { number, runs })
    }

    /// Notes each run that the attempt leads to, with the reason why it was replaced, if it was.
    async fn follow_replaced(
        &self,
        export_id: &ExportId,
        attempt: &Attempt,
        reasons: &mut BTreeMap<(u32, u32), Option<String>>,
    ) -> Result<(), ArchiveError> {
        for entry in &attempt.slices {
            let mut run = RunId {
                export_id: export_id.clone(),
                slice: entry.slice,
                run: entry.run,
            };
            while !reasons.contains_key(&(run.slice, run.run)) {
                let end = self.end(&run).await?.map(|end| end.end);
                let Some(End::Replaced { successor, reason }) = end else {
                    reasons.insert((run.slice, run.run), None);
                    break;
                };
                if successor <= run.run {
                    return Err(ArchiveError::Lineage(Name::End(&run).key()));
                }
                reasons.insert((run.slice, run.run), Some(reason));
                run = run.with_run(successor);
            }
        }
        Ok(())
    }
}
