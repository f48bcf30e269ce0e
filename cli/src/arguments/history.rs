//! Arguments of `history`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use conversation_archive::base::time::Interval;

use super::{PLACE, parse_interval, place_parser};
use crate::place::Place;

/// Fetch these conversations now: by id, time, participant, media or queue
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
By id, on the command line or one per line in a file:
  genesys-archive history 0f8fad5b-d9cb-469f-a165-70867728950e 7c9e6679-7425-40de-944b-e07fc1f90ae7
  genesys-archive history --ids ids.txt --format csv > conversations.csv

By time and other filters; several values of a filter are alternatives:
  genesys-archive history --last PT2H --media message --message-type webmessaging
  genesys-archive history --interval 2026-03-01/2026-03-02 --queue QUEUE_ID --direction inbound

A table on a terminal, lines of JSON in a pipe:
  genesys-archive history --last PT1H | jq -r .conversationId
  genesys-archive history --last PT1H --records normalized | head

With --json, the metrics of the query follow as the last line, {\"metrics\": {…}}; beside a table or CSV they go to
standard error:
  genesys-archive history --last PT1H --json | tail -1 | jq .metrics

Into an archive, as `export` does:
  genesys-archive history --last PT6H --media voice --out ./archive

From a history gateway, in the form GATEWAY_HISTORY_FORM; page-token takes one participant and one channel, continuation ids only:
  genesys-archive history --source history-gateway --interval 2026-03-01/2026-03-02 --media webchat

The details query returns a conversation a little after it began: conversations younger than
GENESYS_QUERY_LAG_SECONDS (120) are not requested. It does not return participants' attributes; `export` with the default
source does. The settings are those of `export`. Texts are redacted as in an export, unless --unredacted is given.

Exit codes: 0 done, 1 failed or an id was not found, 2 the request or a setting must change.")]
pub(crate) struct HistoryArguments {
    /// Conversations by their ids
    #[arg(value_name = "ID")]
    pub conversation_ids: Vec<String>,
    /// File with ids, one per line, in UTF-8 or UTF-16, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// Conversations that began in it: two days or moments, start/end
    #[arg(long, value_name = "START/END", value_parser = parse_interval, conflicts_with = "last")]
    pub interval: Option<Interval>,
    /// Conversations that began in the last hours or days: an ISO-8601 duration such as PT2H
    #[arg(long, value_name = "DURATION")]
    pub last: Option<String>,
    /// Users who took part, by id
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub participant: Vec<String>,
    /// voice, message, email, chat, callback …
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    pub media: Vec<String>,
    /// webmessaging, sms, whatsapp …
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    pub message_type: Vec<String>,
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub queue: Vec<String>,
    #[arg(long, value_delimiter = ',')]
    pub direction: Vec<Direction>,
    /// With a history gateway of the form continuation: the view of the conversations
    #[arg(long)]
    pub category: Option<CategoryName>,
    #[arg(long, value_enum, default_value_t = HistorySource::AnalyticsQuery)]
    pub source: HistorySource,
    /// [default: table on a terminal, ndjson elsewhere]
    #[arg(long)]
    pub format: Option<Format>,
    /// Format of the records in JSON output; tables and CSV show normalized records
    #[arg(long, default_value = "standard")]
    pub records: Records,
    /// Look up the names of queues and wrap-up codes where a row has only their ids; requires routing:queue:view and
    /// routing:wrapupCode:view
    #[arg(long)]
    pub names: bool,
    /// Do not redact personal data in messages
    #[arg(long)]
    pub unredacted: bool,
    /// Write an archive instead of printing records
    #[arg(long, long_help = PLACE, value_name = "PLACE", value_parser = place_parser(), conflicts_with = "format")]
    pub out: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    Inbound,
    Outbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CategoryName {
    Conversation,
    Wrapup,
    Disposition,
    Routing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistorySource {
    AnalyticsQuery,
    HistoryGateway,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Ndjson,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Records {
    Minimal,
    Standard,
    Full,
    Normalized,
}

/// The value on the command line, which is also the value in a request.
pub(crate) fn value_name(value: &impl ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |value| value.get_name().to_owned())
}
