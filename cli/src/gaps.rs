//! Exports with gaps: how a command reports them, and with which exit code it ends.

use clap::Args;
use conversation_archive::export::outcome::{Basis, ExportStatus, Gaps, Outcome};

use crate::figures::count;
use crate::problem::Exit;
use crate::screen::Screen;

/// How an export with gaps ends the command.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct GapArguments {
    /// Exit as without gaps, although more is missing than the request's maxGapPercent allows
    #[arg(long)]
    pub allow_gaps: bool,
}

impl GapArguments {
    /// Reports the gaps of an export with the status `completed_with_gaps`, and returns the exit code of the command,
    /// which is `otherwise` without gaps.
    pub(crate) fn conclude(self, outcome: &Outcome, screen: &Screen, otherwise: Exit) -> Exit {
        if outcome.status != ExportStatus::CompletedWithGaps {
            return otherwise;
        }
        let id = &outcome.export_id;
        let gaps = outcome.gaps.map(text).unwrap_or_default();
        let hint = if self.allow_gaps {
            ""
        } else {
            "\nhint: maxGapPercent in the request sets the share that may be missing; --allow-gaps exits with 0"
        };
        screen.print_line(&format!("export {id} is complete with gaps: {gaps}{hint}"));
        if self.allow_gaps {
            otherwise
        } else {
            Exit::Failed
        }
    }
}

/// `9 of 10 requested conversations are missing or have no text`.
pub(crate) fn text(gaps: Gaps) -> String {
    let Gaps {
        expected,
        missing,
        basis,
    } = gaps;
    let (missing, expected) = (count(missing), count(expected));
    match basis {
        Basis::Requested => {
            format!("{missing} of {expected} requested conversations are missing or have no text")
        }
        Basis::Announced => {
            format!("{missing} of {expected} announced records are missing or were rejected")
        }
        Basis::Received => format!("{missing} of {expected} received records were rejected"),
    }
}
