//! Arguments of `verify`: of an export, or of what live capture stored.

use std::path::PathBuf;

use clap::Args;
use conversation_archive::archive::verify::{DayRange, LiveScope};
use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::{ExportId, StreamName};
use jiff::civil::Date;

use super::{StackArguments, parse_digest, place_parser};
use crate::place::Place;
use crate::problem::Problem;

/// Recompute hashes, counts, ids and audit chains of a complete export, or what live capture stored
#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "genesys-archive verify [OPTIONS] [PLACE] <EXPORT_ID>
       genesys-archive verify [OPTIONS] --live [PLACE]",
    after_help = "\
Only reads, page by page, and reports the first mismatch. A folder needs no settings:
  genesys-archive verify ./archive march
  AWS_PROFILE=… genesys-archive verify s3://bucket/prefix march

The archive of a deployed stack, found through the stack:
  genesys-archive verify --stack genesys-archive march
  genesys-archive verify --local march

What live capture stored: frames and their indexes, chains of frame records, gaps, day seals. Of all streams and days of
arrival, or of some:
  genesys-archive verify --live ./archive
  genesys-archive verify --live --stack genesys-archive
  genesys-archive verify --live ./archive --stream events --from 2026-11-01 --until 2026-11-30

Open live gaps are named as warnings, and are not damage:
  genesys-archive verify --live ./archive --json | jq '.report.streams[].openGaps[]'

Whoever can write to an archive can rewrite it consistently, but cannot sign it. Signatures of your own key are always
checked. Elsewhere, give the public key (a file with what genesys-archive public-key prints, or the command in the stack's
output SigningPublicKeyCommand), or the digest that the webhook carried:
  genesys-archive verify ./archive march --public-key exporter.pem
  genesys-archive verify ./archive march --manifest-sha256 5f0c…
  genesys-archive verify --live ./archive --public-key exporter.pem

Of live objects, day seals are signed, 26 hours after each day: they prove the frames of the days that are sealed.

Exit codes: 0 intact, 1 damaged or not complete, 2 the arguments or a setting must change.",
    allow_missing_positional = true
)]
pub(crate) struct VerifyArguments {
    #[arg(help = "Folder of the archive, or s3://bucket[/prefix]", value_name = "PLACE", value_parser = place_parser(), required_unless_present_any = ["stack", "local", "live"], conflicts_with_all = ["stack", "local", "live"])]
    pub archive: Option<Place>,
    /// The export to verify
    #[arg(required_unless_present = "live", conflicts_with = "live", value_parser = parse_export_id)]
    pub export_id: Option<ExportId>,
    /// Check what live capture stored, in this archive or in that of --stack or --local
    #[arg(long, value_name = "PLACE", num_args = 0..=1, value_parser = place_parser())]
    #[expect(clippy::option_option, reason = "not given, given, given with a place")]
    pub live: Option<Option<Place>>,
    /// Only this stream of live events
    #[arg(long, value_name = "NAME", conflicts_with_all = ["archive", "export_id"])]
    pub stream: Option<StreamName>,
    /// Only live events that arrived on this day (UTC) or later
    #[arg(long, value_name = "DAY", conflicts_with_all = ["archive", "export_id"], value_parser = parse_date)]
    pub from: Option<Date>,
    /// Only live events that arrived on this day (UTC) or earlier
    #[arg(long, value_name = "DAY", conflicts_with_all = ["archive", "export_id"], value_parser = parse_date)]
    pub until: Option<Date>,
    /// Public key, as PEM or as base64 of its DER form: every plan, attempt, outcome and day seal must be signed with it, or with another one given
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
    /// SHA-256 that manifest.json must have: `manifestSha256` of the webhook
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest, conflicts_with = "live")]
    pub manifest_sha256: Option<Sha256>,
    #[command(flatten)]
    pub stack: StackArguments,
}

/// The archive of the live objects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LiveArchive<'a> {
    Place(&'a Place),
    Stack,
}

impl VerifyArguments {
    /// The archive whose live objects are checked, as `--live` and the options of a stack name it.
    pub(crate) fn live_archive<'a>(
        &self,
        place: Option<&'a Place>,
    ) -> Result<LiveArchive<'a>, Problem> {
        let has_stack = self.stack.stack.is_some() || self.stack.local.is_some();
        match (place, has_stack) {
            (Some(place), false) => Ok(LiveArchive::Place(place)),
            (None, true) => Ok(LiveArchive::Stack),
            (None, false) => Err(Problem::refused(
                "--live needs an archive: write --live PLACE, or add --stack NAME or --local",
            )),
            (Some(_), true) => Err(Problem::refused(
                "--live PLACE names an archive, and so does --stack or --local: leave one of them out",
            )),
        }
    }

    pub(crate) fn live_scope(&self) -> Result<LiveScope, Problem> {
        let (from, until) = (self.from, self.until);
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            return Err(Problem::refused(format!(
                "--until {until} is before --from {from}"
            )));
        }
        Ok(LiveScope {
            stream: self.stream.clone(),
            days: DayRange { from, until },
        })
    }
}

fn parse_export_id(text: &str) -> Result<ExportId, String> {
    let with_fix = |error| format!("{error}; for live events, write --live PLACE");
    text.parse().map_err(with_fix)
}

fn parse_date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a day: write 2026-03-01"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Arguments, CliCommand};
    use super::*;

    fn parse(words: &str) -> Result<VerifyArguments, clap::Error> {
        match Arguments::try_parse_from(words.split(' '))?.command {
            CliCommand::Verify(arguments) => Ok(arguments),
            other => panic!("{other:?}"),
        }
    }

    fn message_of(words: &str) -> String {
        let arguments = parse(words).unwrap();
        let place = arguments.live.clone().unwrap();
        let archive = arguments.live_archive(place.as_ref()).map(|_| ());
        let scope = arguments.live_scope().map(|_| ());
        archive.and(scope).unwrap_err().message
    }

    #[test]
    fn live_objects_are_those_of_a_place_or_of_a_stack() {
        let place = parse("a verify --live .").unwrap();
        let stack = parse("a verify --live --local").unwrap();

        let dot = place.live.clone().flatten();
        let archive = place.live_archive(dot.as_ref()).unwrap();
        assert!(matches!(archive, LiveArchive::Place(_)));
        assert_eq!(stack.live_archive(None).unwrap(), LiveArchive::Stack);
    }

    #[test]
    fn a_refusal_of_live_arguments_names_the_fix() {
        for (words, expected) in [
            (
                "a verify --live",
                "--live needs an archive: write --live PLACE, or add --stack NAME or --local",
            ),
            (
                "a verify --live . --stack s",
                "--live PLACE names an archive, and so does --stack or --local: leave one of them out",
            ),
            (
                "a verify --live . --from 2026-03-02 --until 2026-03-01",
                "--until 2026-03-01 is before --from 2026-03-02",
            ),
        ] {
            assert_eq!(message_of(words), expected);
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_refused_with_the_fix() {
        for (words, expected) in [
            (
                "a verify ./archive --live",
                "for live events, write --live PLACE",
            ),
            ("a verify --live . --from March", "`March` is not a day"),
            (
                "a verify --live . --stream Queues",
                "the name of a stream has 1 to 32 lowercase letters",
            ),
        ] {
            let error = parse(words).unwrap_err();

            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
