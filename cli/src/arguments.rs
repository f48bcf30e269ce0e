//! The command line: commands, their options, and help that teaches.

mod deployed;
mod history;
mod local;
mod simulate;
mod stream;
mod verify;

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::ExportId;
use conversation_archive::base::time::Interval;
use conversation_archive::export::request::OnBadRecord;
use conversation_archive::records::medium::Medium;
use jiff::Timestamp;

use crate::gaps::GapArguments;
use crate::place::Place;
pub(crate) use deployed::{StackArguments, StartArguments, StatusArguments};
pub(crate) use history::{Format, HistoryArguments, HistorySource, Records, value_name};
pub(crate) use local::{LocalArguments, LocalCommand, UpArguments};
pub(crate) use simulate::{FaultMix, History, OrganisationArguments, SimulateArguments};
pub(crate) use stream::{NotificationArguments, StreamArguments, StreamCommand};
pub(crate) use verify::{LiveArchive, VerifyArguments};

/// Archives Genesys Cloud conversations: checkpointed page by page, verified, resumable.
#[derive(Clone, Debug, Parser)]
#[command(name = "genesys-archive", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: CliCommand,
    /// Print the result as JSON on standard output; progress goes to standard error either way
    #[arg(long, global = true)]
    pub json: bool,
}

const CONCURRENCY: &str =
    "Number of slices to process in parallel [default: MAX_OPEN_SLICES, else 2]";

const PLACE: &str = "Folder of the archive, created if it does not exist, or s3://bucket[/prefix]";

const EXAMPLES: &str = "\
Try it without an organisation, an account or settings:
  genesys-archive demo

Fetch conversations now:
  genesys-archive history CONVERSATION_ID…
  genesys-archive history --last PT2H --media voice

Find where a conversation is stored:
  genesys-archive find ./archive CONVERSATION_ID

Check settings, permissions, archive and webhook:
  genesys-archive check --out ./archive

Archive a day:
  export GENESYS_REGION=mypurecloud.de GENESYS_CLIENT_ID=… GENESYS_CLIENT_SECRET=…
  echo '{\"interval\": \"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z\"}' > day.json
  genesys-archive export --request day.json --out ./archive

Resume after a crash, Ctrl-C or a failure, from where the export stopped:
  genesys-archive resume --out ./archive EXPORT_ID

Capture live events, and archive each conversation minutes after its end:
  genesys-archive stream notifications --queue all --out ./archive

Archive into a bucket, with the credentials that AWS tools use:
  genesys-archive export --request day.json --out s3://bucket/prefix

Use the deployed stack on this machine, and then in AWS:
  genesys-archive local up
  genesys-archive start --local --request day.json
  genesys-archive status --stack genesys-archive

Exit codes: 0 done, 1 failed, 2 the request or a setting must change, 3 done, but the receiver did not accept the
webhook; `resume` sends it again. `stream` has codes of its own.";

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CliCommand {
    Export(ExportArguments),
    Resume(ResumeArguments),
    Cancel(CancelArguments),
    Verify(VerifyArguments),
    Ledger(LedgerArguments),
    PublicKey(PublicKeyArguments),
    History(HistoryArguments),
    Find(FindArguments),
    Transcript(TranscriptArguments),
    Check(CheckArguments),
    Stream(StreamArguments),
    Simulate(SimulateArguments),
    Demo(DemoArguments),
    Local(LocalArguments),
    Start(StartArguments),
    Status(StatusArguments),
}

/// Archive conversations into a folder or a bucket
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The request has the same format as for the deployed start-export. A minimal request and a larger one:
  {\"interval\": {\"last\": \"P1D\"}}
  {\"exportId\": \"march\", \"interval\": \"2026-03-01T00:00:00Z/2026-04-01T00:00:00Z\",
   \"filters\": {\"mediaTypes\": [\"voice\"]}, \"records\": \"minimal\", \"quotaMb\": 500}

Running the same request again continues the export, or reports that it is complete.

When the export has ended, the command tries to deliver the webhook for up to a minute. If the receiver has not accepted
it by then, the command ends: the result states the reason, the exit code is 3, and `resume` sends the webhook again.
Ctrl-C during that minute has the same effect at once.

Exit codes: 0 done, 1 failed, cancelled or complete with gaps, 2 the request or a setting must change, 3 complete, but the
webhook is owed. An export is complete with gaps if more than a tenth of what it was asked for is missing: conversations
that the API does not return, transcripts without texts, rejected records. `\"maxGapPercent\": 50` in the request allows
half of it; --allow-gaps exits with 0, or with 3 if the webhook is owed.

Settings are environment variables, or lines of a file .env in the current directory:
  GENESYS_REGION, GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET   the organisation
  GENESYS_API_URL, GENESYS_LOGIN_URL                         hosts other than the region's
  GENESYS_LOGIN_FORM, GENESYS_LOGIN_PATH                     the login of a gateway
  DATA_LAKE_WEBHOOK_URL, WEBHOOK_SIGNING_SECRET              default webhook URL, and the key that signs webhooks
  ARCHIVE_QUOTA_MB, ARCHIVE_RETENTION_DAYS, MAX_OPEN_SLICES  limits, among others
  REDACTION_REQUIRED, WEBHOOK_RECEIVERS, ALLOWED_REGIONS     policy: a request or a stored plan below it is refused

Into a bucket, with the credentials and the region that AWS tools use:
  AWS_PROFILE=… AWS_REGION=eu-central-1 genesys-archive export --request day.json --out s3://bucket/prefix
  ARCHIVE_KMS_KEY_ID                                         KMS key that encrypts every object
  ALLOWED_REGIONS                                            regions that data may come from and go to
  AWS_ENDPOINT_URL, AWS_S3_FORCE_PATH_STYLE=true             an emulator

A folder is locked: a second process cannot work on the same export. A bucket is not locked: two processes that work on
the same export produce one archive in which each page counts once, but may fetch pages twice.")]
pub(crate) struct ExportArguments {
    /// File with the request as JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
    #[arg(long, help = PLACE, value_name = "PLACE", value_parser = place_parser())]
    pub out: Place,
    #[arg(long, help = CONCURRENCY, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: Option<u16>,
    #[command(flatten)]
    pub gaps: GapArguments,
}

/// Resume an export after a crash, Ctrl-C or a failure
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The state is read from the archive: a stored page is not fetched again. After a failure, a new attempt begins:
  genesys-archive resume --out ./archive march
  genesys-archive resume --out ./archive march --quota-mb 1000
  genesys-archive resume --out ./archive march --on-bad-record quarantine

An owed webhook is sent again; --webhook-url sends it to another receiver:
  genesys-archive resume --out ./archive march --webhook-url https://lake.example/final

Exit codes: 0 done, 1 failed or complete with gaps, 2 the arguments or a setting must change, 3 the export is complete, but
its webhook is owed.

Resume an export of a deployed stack, which does the work:
  genesys-archive resume --stack genesys-archive march")]
pub(crate) struct ResumeArguments {
    #[arg(long, help = PLACE, value_name = "PLACE", value_parser = place_parser(), required_unless_present_any = ["stack", "local"], conflicts_with_all = ["stack", "local"])]
    pub out: Option<Place>,
    #[command(flatten)]
    pub stack: StackArguments,
    pub export_id: ExportId,
    /// A new quota, in megabytes of 10⁶ stored bytes
    #[arg(long, value_name = "N")]
    pub quota_mb: Option<u64>,
    /// Deliver webhooks to this URL, in place of the one that the export was planned with
    #[arg(long, value_name = "URL", conflicts_with_all = ["stack", "local"])]
    pub webhook_url: Option<String>,
    /// What to do with a record that lacks its id or start
    #[arg(long)]
    pub on_bad_record: Option<BadRecord>,
    #[arg(long, help = CONCURRENCY, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: Option<u16>,
    #[command(flatten)]
    pub gaps: GapArguments,
}

/// Cancel an export permanently, whether or not a process is working on it
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Exit codes: 0 cancelled, 1 not cancelled, 2 the arguments or a setting must change, 3 cancelled, but the webhook is owed:
`resume` sends it again.")]
pub(crate) struct CancelArguments {
    #[arg(long, help = PLACE, value_name = "PLACE", value_parser = place_parser(), required_unless_present_any = ["stack", "local"], conflicts_with_all = ["stack", "local"])]
    pub out: Option<Place>,
    #[command(flatten)]
    pub stack: StackArguments,
    pub export_id: ExportId,
}

/// Check that no export of an archive was deleted or replaced
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every outcome has a signed entry in the archive's ledger, which names the entry before it. Reports each missing or altered
entry, and each outcome that is missing or is not the one that its entry names; `verify` checks the contents of one export:
  genesys-archive ledger ./archive
  genesys-archive ledger --stack genesys-archive
  genesys-archive ledger ./archive --public-key exporter.pem

Not proven: that the newest entries were not deleted together with their exports. Their webhooks show that, and `--at-least`
with the number of entries at an earlier check:
  genesys-archive ledger ./archive --public-key exporter.pem --at-least 412")]
pub(crate) struct LedgerArguments {
    #[arg(help = "Folder of the archive, or s3://bucket[/prefix]", value_name = "PLACE", value_parser = place_parser(), required_unless_present_any = ["stack", "local"], conflicts_with_all = ["stack", "local"])]
    pub archive: Option<Place>,
    /// Public key, as PEM or as base64 of its DER form: every entry must be signed with it, or with another one given
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
    /// Number of entries at an earlier check: a shorter ledger is damaged. 1 with a public key
    #[arg(long, value_name = "ENTRIES")]
    pub at_least: Option<u64>,
    #[command(flatten)]
    pub stack: StackArguments,
}

/// Print the public key that verifies what this machine signs
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
The key signs plans, attempts and outcomes. It is created by the first export, in ~/.config/genesys-archive/signing-key.pem
or in the file that SIGNING_KEY_FILE names. Give its public part to those who verify your archives:
  genesys-archive public-key > exporter.pem
  genesys-archive verify ./archive march --public-key exporter.pem

A deployed stack signs with its key in KMS; its output SigningPublicKeyCommand is the command that prints the public part,
as base64, which --public-key accepts, too.")]
pub(crate) struct PublicKeyArguments {}

/// Find a conversation in an archive, and show its record
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "\
Searches the page indexes of complete exports. Prints one line for each version of the conversation, the latest one last,
and then the record of the latest version as it is stored:
  genesys-archive find ./archive 0f8fad5b-d9cb-469f-a165-70867728950e
  genesys-archive find ./archive 0f8fad5b-d9cb-469f-a165-70867728950e --day 2026-03-01
  genesys-archive find ./archive 0f8fad5b-d9cb-469f-a165-70867728950e | tail -1 | jq .participants

The archive of a deployed stack, found through the stack:
  genesys-archive find --stack genesys-archive 0f8fad5b-d9cb-469f-a165-70867728950e",
    allow_missing_positional = true
)]
pub(crate) struct FindArguments {
    #[arg(help = "Folder of the archive, or s3://bucket[/prefix]", value_name = "PLACE", value_parser = place_parser(), required_unless_present_any = ["stack", "local"], conflicts_with_all = ["stack", "local"])]
    pub archive: Option<Place>,
    /// The conversation's id, or the id as a JSON string if it cannot be typed
    #[arg(required = true)]
    pub id: String,
    /// Search only exports whose interval overlaps this day (UTC)
    #[arg(long, value_parser = parse_day)]
    pub day: Option<Interval>,
    #[command(flatten)]
    pub stack: StackArguments,
}

/// Show the transcripts of conversations as dialogues
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
From the API, redacted in the same way as in an export:
  genesys-archive transcript 0f8fad5b-d9cb-469f-a165-70867728950e

From an archive, or from the archive of a deployed stack:
  genesys-archive transcript 0f8fad5b-d9cb-469f-a165-70867728950e --from ./archive
  genesys-archive transcript 0f8fad5b-d9cb-469f-a165-70867728950e --stack genesys-archive

As records:
  genesys-archive transcript ID ID --json | jq -r '.[].messages[].text'

Exit codes: 0 done, 1 failed or a transcript was not available, 2 the arguments or a setting must change.")]
pub(crate) struct TranscriptArguments {
    /// Conversations by their ids
    #[arg(required = true, value_name = "ID")]
    pub conversation_ids: Vec<String>,
    /// Read from this archive instead of the API
    #[arg(long, value_name = "PLACE", value_parser = place_parser(), conflicts_with_all = ["stack", "local"])]
    pub from: Option<Place>,
    /// Media to read from the API: message, voice, email; separated by commas
    #[arg(long, value_name = "MEDIA", value_delimiter = ',', default_value = "message", conflicts_with_all = ["from", "stack", "local"])]
    pub media: Vec<Medium>,
    /// Do not redact personal data in messages; only with the API
    #[arg(long, conflicts_with_all = ["from", "stack", "local"])]
    pub unredacted: bool,
    #[command(flatten)]
    pub stack: StackArguments,
}

/// Check settings, login, permissions, data, limits, archive and webhook
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints one line for each check, with the fix. Prints and keeps none of the organisation's data; submits one job, which
spans a minute, and deletes it.
  genesys-archive check
  genesys-archive check --out ./archive
  AWS_PROFILE=… genesys-archive check --out s3://bucket/prefix

Ctrl-C deletes the job and the test object in the archive, and ends the command.

Exit codes: 0 no check failed, 1 a check failed, 2 the settings cannot be used. A refused login or a missing bucket is a
failed check and exits with 1; `export`, which cannot start without them, exits with 2.")]
pub(crate) struct CheckArguments {
    #[arg(long, help = PLACE, value_name = "PLACE", value_parser = place_parser())]
    pub out: Option<Place>,
}

/// Show the whole pipeline on this machine: a simulated organisation with faults, crashes, a webhook, verify
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArguments {
    /// Folder of the archive [default: ./archive/demo-SEED]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    #[arg(long, value_name = "N", default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub conversations: u32,
    /// Keep the folder of an earlier demo and use another one
    #[arg(long)]
    pub keep: bool,
}

/// Parses a timestamp, or a day, which means its first moment (UTC).
fn parse_timestamp(text: &str) -> Result<Timestamp, String> {
    let midnight = || format!("{text}T00:00:00Z").parse();
    text.parse().or_else(|_| midnight()).map_err(|_| {
        format!("`{text}` is neither a day nor a moment: write 2026-03-01 or 2026-03-01T06:00:00Z")
    })
}

/// Parses a day to the interval of its 24 hours (UTC).
fn parse_day(text: &str) -> Result<Interval, String> {
    let start = format!("{text}T00:00:00Z");
    let start: Timestamp = start
        .parse()
        .map_err(|_| format!("`{text}` is not a day: write 2026-03-01"))?;
    let end = start + jiff::SignedDuration::from_hours(24);
    Interval::new(start, end).map_err(|error| error.to_string())
}

/// Parses a SHA-256 digest.
fn parse_digest(text: &str) -> Result<Sha256, String> {
    Sha256::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// Parses two days or timestamps: `start/end`.
fn parse_interval(text: &str) -> Result<Interval, String> {
    let (start, end) = text.split_once('/').ok_or("write start/end")?;
    Interval::new(parse_timestamp(start)?, parse_timestamp(end)?).map_err(|error| error.to_string())
}

fn place_parser() -> impl TypedValueParser<Value = Place> {
    OsStringValueParser::new().try_map(Place::parse)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BadRecord {
    Fail,
    Quarantine,
}

impl From<BadRecord> for OnBadRecord {
    fn from(bad: BadRecord) -> Self {
        match bad {
            BadRecord::Fail => Self::Fail,
            BadRecord::Quarantine => Self::Quarantine,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_date_without_a_time_is_midnight_utc() {
        let march = parse_interval("2026-03-01/2026-04-01T00:00:00Z").unwrap();

        assert_eq!(
            march.to_string(),
            "2026-03-01T00:00:00.000Z/2026-04-01T00:00:00.000Z"
        );
        assert!(parse_interval("2026-03-01").is_err());
        assert!(parse_interval("2026-03-01/2026-02-01").is_err());
        assert!(
            parse_timestamp("yesterday")
                .unwrap_err()
                .contains("2026-03-01")
        );
    }

    #[test]
    fn commands_take_either_a_place_or_a_stack() {
        let parse = |words: &str| Arguments::try_parse_from(words.split(' ')).map(|_| ());

        for words in [
            "a verify . march",
            "a verify --local march",
            "a verify --stack s march",
            "a verify --live .",
            "a verify --live --local",
            "a verify --live --stack s --stream events --from 2026-03-01 --until 2026-03-02",
            "a cancel --out . march",
            "a cancel --local=/x march",
            "a resume --stack s march",
        ] {
            assert!(parse(words).is_ok(), "{words}");
        }
        for words in [
            "a verify march",
            "a verify --local . march",
            "a verify --live . march",
            "a verify march --live",
            "a verify . march --stream events",
            "a verify . march --from 2026-03-01",
            "a verify --live . --manifest-sha256 0",
            "a cancel march",
            "a cancel --out . --local march",
            "a start",
            "a status --local --stack s",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }

    #[test]
    fn an_export_id_with_a_path_is_refused_by_the_argument_parser() {
        let error =
            Arguments::try_parse_from(["genesys-archive", "verify", ".", "../x"]).unwrap_err();

        assert_eq!(error.exit_code(), 2);
        assert!(
            error.to_string().contains("`../x` is not an export id"),
            "{error}"
        );
    }
}
