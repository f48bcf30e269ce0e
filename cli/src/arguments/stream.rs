//! Arguments of `stream`: the source, what to hear of it, and the archive.

use clap::{Args, Subcommand};
use conversation_archive::base::ids::StreamName;
use conversation_archive::source::stream::TopicId;
use jiff::SignedDuration;
use std::time::Duration;

use super::{PLACE, place_parser};
use crate::place::Place;

/// Capture live events over sockets, and archive each conversation minutes after its end
///
/// Hears the events of conversations as they happen and stores them, redacted, below live/ in the archive. Each conversation
/// that ends is exported with its transcript some minutes later. Times in which events may have been missed are recorded as
/// gaps, and closed by exports. Runs until Ctrl-C or SIGTERM.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
All queues of the organisation, into a folder or a bucket:
  genesys-archive stream notifications --queue all --out ./archive
  AWS_PROFILE=… genesys-archive stream notifications --queue all --out s3://bucket/prefix

Two queues, by name and id, and one user:
  genesys-archive stream notifications --queue Support --queue 0f8fad5b-d9cb-469f-a165-70867728950e \\
    --user 7c9e6679-7425-40de-944b-e07fc1f90ae7 --out ./archive

The direct stream of a gateway, for a quarter of an hour:
  genesys-archive stream direct --out ./archive --for 15m

To replace the process (a new version, another machine), start the new one first: it takes over, and the old one ends
within two minutes. Two processes at a time lose nothing; what both store has the same identity.

Exit codes: 0 stopped, or another process took over; 1 failed; 2 the arguments, a permission or a setting must change;
3 the gateway refuses this client for good; 4 the archive could not be written for two minutes. After 1 and 4, starting it
again continues, and the time between is recorded as a gap.

Settings are environment variables, or lines of a file .env in the current directory; besides those of `export`:
  LIVE_SETTLE_SECONDS      from the end of a conversation to the lookup of its record
  LIVE_API_SHARE           percentage of the API's rate limit that these lookups may use
  LIVE_GAP_DELAY_SECONDS   from a gap to the export that closes it
  REDACTION_REQUIRED       the profile with which events are redacted, too

In AWS, events arrive over EventBridge without such a process: see LiveEventBusName of the template.")]
pub(crate) struct StreamArguments {
    #[command(subcommand)]
    pub source: StreamCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum StreamCommand {
    Notifications(NotificationArguments),
    Direct(DirectArguments),
}

/// The notification service of Genesys Cloud: events of queues, users and conversations
///
/// One channel has 1,000 topics: a queue or a user is one of them, a conversation about three. What does not fit into the
/// channels is refused with its number. A client has 20 channels; a 21st ends the one that was not used for longest, possibly
/// of another application with the same OAuth client.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("heard").required(true).multiple(true))]
pub(crate) struct NotificationArguments {
    /// A queue by name or id, or `all`: every queue that the client may see, listed again every 10 minutes
    #[arg(long = "queue", value_name = "ID|NAME|all", group = "heard")]
    pub queues: Vec<String>,
    /// A user by id
    #[arg(long = "user", value_name = "ID", group = "heard")]
    pub users: Vec<TopicId>,
    /// A conversation by id
    #[arg(long = "conversation", value_name = "ID", group = "heard")]
    pub conversations: Vec<TopicId>,
    /// Hear the other topics if the client lacks the permission for some
    #[arg(long)]
    pub allow_rejected: bool,
    /// Most channels to use, of 1,000 topics each
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub channels: u8,
    #[command(flatten)]
    pub common: CommonStreamArguments,
}

/// The direct stream of a gateway: all conversations over one socket
#[derive(Clone, Debug, Args)]
pub(crate) struct DirectArguments {
    /// Size of the largest event; of a larger one, only the first KiB is kept
    #[arg(long, value_name = "KIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub max_event_kib: u32,
    #[command(flatten)]
    pub common: CommonStreamArguments,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CommonStreamArguments {
    #[arg(long, help = PLACE, value_name = "PLACE", value_parser = place_parser())]
    pub out: Place,
    /// Name of the stream: its objects are below live/NAME/, and one process at a time holds it
    /// [default: notifications or direct]
    #[arg(long, value_name = "NAME")]
    pub name: Option<StreamName>,
    /// End after this time, such as 90s, 14m or 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Time between two objects: what was received since the last one is lost if the process is killed, and is recorded as a
    /// gap
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_write_every)]
    pub write_every: Duration,
    /// Size of the events that may wait to be written; then reading pauses
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub buffer_mib: u16,
}

impl StreamCommand {
    pub(crate) fn common(&self) -> &CommonStreamArguments {
        match self {
            Self::Notifications(arguments) => &arguments.common,
            Self::Direct(arguments) => &arguments.common,
        }
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("`{text}` is not a duration: write 90s, 14m or 2h"))
}

fn parse_write_every(text: &str) -> Result<Duration, String> {
    let range = Duration::from_secs(1)..=Duration::from_mins(10);
    let duration = parse_duration(text)?;
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err("it must be from 1s to 10m".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    fn parse(words: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(words.split(' '))
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(parse_duration("14m"), Ok(Duration::from_mins(14)));
        assert_eq!(parse_duration("PT90S"), Ok(Duration::from_secs(90)));
        for text in ["14", "0s", "-1m", "soon", ""] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("write 90s, 14m or 2h"), "{error}");
        }
    }

    #[test]
    fn notifications_are_of_something() {
        let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
        for words in [
            "a stream notifications --out . --queue all",
            "a stream notifications --out . --queue all --queue x --allow-rejected",
            &format!("a stream notifications --out . --user {id}"),
            &format!("a stream notifications --out . --conversation {id} --channels 3"),
            "a stream direct --out . --for 14m --name gateway --write-every 5s",
        ] {
            assert!(parse(words).is_ok(), "{words}");
        }
        for words in [
            "a stream",
            "a stream notifications --out .",
            "a stream notifications --queue all",
            "a stream notifications --out . --queue all --channels 21",
            "a stream direct --out . --queue all",
            "a stream direct --out . --name ../x",
            "a stream direct --out . --write-every 1h",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
