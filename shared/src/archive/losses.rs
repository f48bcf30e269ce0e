//! Jobs and queries of an export that the source lost and that were replaced.

use std::collections::BTreeMap;

use super::{Archive, ArchiveError};
use crate::base::ids::{ExportId, RunId};
use crate::export::attempt::{Attempt, Cause};
use crate::export::objects::ObjectKey;
use crate::export::plan::ExportPlan;
use crate::export::request::SourceKind;
use crate::export::run::End;

/// Losses in all attempts at an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Number of lost jobs or queries. A gateway's query serves all slices, so its loss counts once.
    pub number: u64,
    /// The replaced runs, ordered by slice and run.
    pub runs: Vec<ReplacedRun>,
}

/// A run whose job or query was lost. Its pages are superseded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedRun {
    pub slice: u32,
    pub run: u32,
    /// The source's error.
    pub reason: String,
}

/// The losses of the export. Costs one read per run.
pub async fn of_export(archive: &Archive, plan: &ExportPlan) -> Result<Losses, ArchiveError> {
    let id = &plan.export_id;
    let newest = archive.newest_attempt(id).await?.map_or(0, |it| it.attempt);
    let (mut queries, mut reasons) = (0, BTreeMap::new());
    for number in 1..=newest {
        let attempt = archive.attempt(id, number).await?;
        queries += u64::from(attempt.cause == Cause::QueryLost);
        follow_replaced(archive, id, &attempt, &mut reasons).await?;
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

/// Collects the runs that the attempt leads to, each with the reason for its replacement, if it was replaced.
async fn follow_replaced(
    archive: &Archive,
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
            let end = archive.end(&run).await?.map(|end| end.end);
            let Some(End::Replaced { successor, reason }) = end else {
                reasons.insert((run.slice, run.run), None);
                break;
            };
            if successor <= run.run {
                return Err(ArchiveError::Lineage(ObjectKey::End(&run).key()));
            }
            reasons.insert((run.slice, run.run), Some(reason));
            run = run.with_run(successor);
        }
    }
    Ok(())
}
