//! Arguments of the commands for a deployed stack.

use std::path::PathBuf;

use clap::{Args, value_parser};
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::time::Interval;

use crate::gaps::GapArguments;

/// The stack
#[derive(Clone, Debug, Args)]
pub(crate) struct StackArguments {
    /// A stack in AWS by its name [default: genesys-archive]
    #[arg(long, value_name = "NAME", conflicts_with = "local")]
    pub stack: Option<String>,
    /// The stack on this machine that `local up` deployed
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    #[expect(
        clippy::option_option,
        reason = "not given, given, given with a folder"
    )]
    pub local: Option<Option<PathBuf>>,
}

/// Start an export in a deployed stack, and follow it to its end
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Invokes the stack's start-export with the request and follows the export. Ctrl-C stops following, not the export.
  genesys-archive start --request day.json
  genesys-archive start --stack archive-emea --request day.json --detach
  genesys-archive start --local --request day.json

Running the same request again follows the export, resumes it after a failure, or reports that it is complete.

Backfill history month by month: each month is a separate export, started when the previous one is complete. If the
command stops for any reason, run it again to continue. A request is optional, and contains everything except the interval:
  genesys-archive start --backfill 2025-01-01/2026-01-01
  genesys-archive start --backfill 2025-01-01/2026-01-01 --request voice.json

AWS credentials and region are those that AWS tools use; they must allow lambda:GetFunctionConfiguration and
lambda:InvokeFunction on the functions, and s3:GetObject and s3:ListBucket (and kms:Decrypt) on the archive.")]
pub(crate) struct StartArguments {
    #[command(flatten)]
    pub stack: StackArguments,
    /// File with the request as JSON, or - for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "backfill")]
    pub request: Option<PathBuf>,
    /// Days or moments, start/end: one export for each month between them
    #[arg(long, value_name = "START/END", value_parser = super::parse_interval)]
    pub backfill: Option<Interval>,
    /// Start the export and exit at once; use `status` to follow it
    #[arg(long, conflicts_with = "backfill")]
    pub detach: bool,
    #[command(flatten)]
    pub gaps: GapArguments,
}

/// Show a deployed stack: functions, queues, exports; or one export
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
  genesys-archive status
  genesys-archive status march
  genesys-archive status --local --coverage
  genesys-archive status --coverage --since 2026-01-01
  genesys-archive status --unredacted

`--coverage` lists the windows that no complete export covers: from the first export, or from --since, to the newest end.
Exports with filters do not count. The exit code is 1 when a window is missing, so that a scheduled job can watch it.

`--unredacted` lists the exports whose texts are stored as people typed them. REDACTION_REQUIRED refuses such requests.")]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub stack: StackArguments,
    /// Only this export, slice by slice
    #[arg(conflicts_with_all = ["coverage", "exports", "unredacted"])]
    pub export_id: Option<ExportId>,
    /// Number of newest exports to show
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
    pub exports: u32,
    /// List only exports whose texts are not redacted
    #[arg(long, conflicts_with = "coverage")]
    pub unredacted: bool,
    /// Show the time windows that no complete export covers
    #[arg(long)]
    pub coverage: bool,
    /// Start of the coverage: a day or moment
    #[arg(long, value_name = "START", requires = "coverage", value_parser = super::parse_timestamp)]
    pub since: Option<jiff::Timestamp>,
    /// End of the coverage: a day or moment
    #[arg(long, value_name = "END", requires = "coverage", value_parser = super::parse_timestamp)]
    pub until: Option<jiff::Timestamp>,
}
