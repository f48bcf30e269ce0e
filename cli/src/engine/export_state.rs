//! The state of an export, read from the archive: the starting point of the progress display.

use std::sync::Arc;

use conversation_archive::archive::{Archive, slice_status};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::run::End;
use conversation_archive::export::totals::Totals;
use conversation_archive::export::waiting::Waiting;

/// The plan and the state of each slice.
#[derive(Clone, Debug)]
pub struct ExportState {
    pub plan: Arc<ExportPlan>,
    pub attempt: u32,
    pub slices: Vec<SliceProgress>,
}

/// The state of one slice.
#[derive(Clone, Debug)]
pub struct SliceProgress {
    pub slice: u32,
    pub totals: Totals,
    pub complete: bool,
    /// Why and until when its next page was last parked.
    pub waiting: Option<Waiting>,
}

impl ExportState {
    pub async fn read(archive: &Archive, id: &ExportId) -> anyhow::Result<Self> {
        let plan = archive.existing_plan(id).await?;
        let Some(attempt) = archive.newest_attempt(id).await? else {
            return Ok(Self {
                plan,
                attempt: 1,
                slices: Vec::new(),
            });
        };
        let mut slices = Vec::new();
        for view in slice_status::all(archive, &plan, &attempt).await? {
            let complete = view
                .end
                .as_ref()
                .is_some_and(|end| end.end == End::Complete);
            let (totals, waiting) = if let Some(end) = &view.end {
                (end.totals, None)
            } else {
                let next = slice_status::next_message(archive, &view, &plan).await?;
                (next.totals, archive.waiting(&next).await?)
            };
            slices.push(SliceProgress {
                slice: view.slice.number,
                totals,
                complete,
                waiting,
            });
        }
        Ok(Self {
            plan,
            attempt: attempt.attempt,
            slices,
        })
    }
}
