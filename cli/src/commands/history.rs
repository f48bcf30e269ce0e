//! `history`: conversations as the API has them now, straight to the output, page after page. Nothing is stored, unless an
//! archive is asked for: then it is an export.

use std::collections::HashSet;
use std::io::IsTerminal as _;

use conversation_archive::clock::{Clock, Deadline};
use conversation_archive::page::{decode_lines, each_indexed_id};
use conversation_archive::plan::{Draft, ExportPlan, Identity, Residency};
use conversation_archive::redactors::Redactors;
use conversation_archive::request::{ExportRequest, scheduled_time};
use conversation_archive::source::{Asked, Reading, SourcePage, Sources};
use start_export::StartError;

use super::{export, live, settings};
use crate::arguments::{Format, HistoryArguments};
use crate::figures::{counted, first_of};
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;
use output::{Output, Written};

mod asked;
mod output;
mod table;

/// No page of a query is larger.
const PAGE_LIMIT_BYTES: u64 = 1 << 30;

/// How many ids are named in a message.
const NAMED: usize = 5;

/// Why ids that were asked for are not there.
const UNKNOWN: &str =
    "unknown to the API, older than it keeps, or in a division that the client's role lacks";
const UNLIKE: &str = "begun outside the interval, unlike the other filters, unknown to the API, older than it keeps, or in a division that the client's role lacks";

pub(super) async fn history(
    arguments: &HistoryArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let settings = settings(None)?;
    let now = Clock::System.now();
    let for_people = std::io::stdout().is_terminal() && screen.is_for_people();
    let format = format(arguments, for_people);
    let request = asked::request(arguments, format, now, settings.engine.sources.query_lag)?;
    if let Some(place) = &arguments.out {
        return Box::pin(export::archive(request, settings, place, screen)).await;
    }
    let mut history = History::new(request, &settings, screen).await?;
    let mut output = Output::new(format);
    let wanted = history.read(&mut output).await?;
    output.finish();
    Ok(match wanted {
        Written::Unwanted => Exit::Done,
        Written::Wanted => history.conclude(),
    })
}

/// Rows are for eyes; an archive takes whole records, wherever it is written from.
fn format(arguments: &HistoryArguments, for_people: bool) -> Format {
    let usual = if for_people && arguments.out.is_none() {
        Format::Table
    } else {
        Format::Ndjson
    };
    arguments.format.unwrap_or(usual)
}

/// A query while it is read.
struct History<'a> {
    sources: Sources,
    redactors: Redactors,
    plan: ExportPlan,
    missing: HashSet<String>,
    why_missing: &'static str,
    max_pages: u32,
    records: u64,
    rejected: u64,
    screen: &'a Screen,
}

impl<'a> History<'a> {
    /// Everything that is checked or asked before the first page.
    async fn new(
        request: ExportRequest,
        settings: &Settings,
        screen: &'a Screen,
    ) -> Result<Self, Problem> {
        let now = Clock::System.now();
        let limits = &settings.engine.limits;
        let scheduled = scheduled_time(request.scheduled_time.as_deref(), now, false)?;
        let identity = Identity::of(&request, scheduled)?;
        let why_missing = if request.is_lookup() { UNKNOWN } else { UNLIKE };
        let draft = Draft::check(request, identity, now, limits)?;
        let client = settings.genesys_client()?;
        let sources = Sources::new(client, Clock::System, settings.engine.sources);
        let source = sources.of(draft.source());
        source
            .query(&Asked::by_draft(&draft), Deadline::NONE)
            .await
            .map_err(StartError::from)?;
        let redactors = settings.engine.redactors.clone();
        let key_version = redactors.key_version(draft.redaction()).await;
        let draft = draft.hashing_with(key_version.map_err(StartError::from)?);
        let residency = Residency::decide(None, None, &[])?;
        let plan = draft.plan(None, residency, limits, now, "history")?;
        Ok(Self {
            sources,
            redactors,
            missing: plan.filters.conversation_ids.iter().cloned().collect(),
            plan,
            why_missing,
            max_pages: settings.engine.pages.max_pages_per_slice,
            records: 0,
            rejected: 0,
            screen,
        })
    }

    /// Slice after slice, page after page, as long as somebody wants them.
    async fn read(&mut self, output: &mut Output) -> Result<Written, Problem> {
        let names = self.sources.names(&self.plan, Deadline::NONE).await;
        let names = names.map_err(StartError::from)?;
        let redactor = self.redactors.of(&self.plan).await;
        let redactor = redactor.map_err(StartError::from)?;
        for slice in self.plan.slices.clone() {
            let mut next = Some(self.plan.first_checkpoint(slice.range, None));
            let mut pages = 0;
            while let Some(checkpoint) = next.take() {
                pages += 1;
                if pages > self.max_pages {
                    return Err(endless(self.max_pages));
                }
                let reading = Reading {
                    plan: &self.plan,
                    slice: &slice,
                    run: 1,
                    query: None,
                    known: None,
                    listed: None,
                    names: names.as_deref(),
                    redactor: redactor.as_deref(),
                    deadline: Deadline::NONE,
                };
                let page = live::page(&self.sources, &checkpoint, &reading, self.screen).await?;
                if self.write(&page, output)? == Written::Unwanted {
                    return Ok(Written::Unwanted);
                }
                next = page.next;
            }
        }
        Ok(Written::Wanted)
    }

    fn write(&mut self, page: &SourcePage, output: &mut Output) -> Result<Written, Problem> {
        let counts = page.body.counts;
        self.records += counts.archived;
        self.rejected += counts.rejected;
        if let Some(index) = &page.body.index {
            each_indexed_id(index, |id| _ = self.missing.remove(id))
                .map_err(anyhow::Error::from)?;
        }
        let Some(object) = &page.body.object else {
            return Ok(Written::Wanted);
        };
        let lines = decode_lines(object, PAGE_LIMIT_BYTES).map_err(anyhow::Error::from)?;
        let lines = String::from_utf8(lines).map_err(anyhow::Error::from)?;
        output.write(&lines)
    }

    fn conclude(&self) -> Exit {
        if self.rejected > 0 {
            let rejected = counted(self.rejected, "record", "records");
            self.screen
                .line(&format!("{rejected} without id or start left out"));
        }
        let asked = &self.plan.filters.conversation_ids;
        let missing: Vec<_> = asked
            .iter()
            .filter(|id| self.missing.contains(*id))
            .collect();
        if missing.is_empty() || !self.plan.source.is_analytics() {
            if self.records == 0 {
                self.screen.line("no conversation is like that");
            }
            return Exit::Done;
        }
        self.screen.line(&format!(
            "{} of {} not found: {}\n{}",
            missing.len(),
            counted(asked.len() as u64, "id", "ids"),
            first_of(&missing, NAMED),
            self.why_missing
        ));
        Exit::Failed
    }
}

/// Each page leads to another one.
fn endless(max_pages: u32) -> Problem {
    Problem::failed(format!("after {max_pages} pages the API still has more"))
        .with_hint("ask for a shorter interval, or set MAX_PAGES_PER_SLICE higher")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, CliCommand};

    fn format_of(line: &str) -> Format {
        let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
        let CliCommand::History(arguments) = arguments.command else {
            panic!("another command");
        };
        format(&arguments, true)
    }

    #[test]
    fn in_a_terminal_rows_are_shown_and_whole_records_archived() {
        assert_eq!(
            format_of("genesys-archive history --last PT2H"),
            Format::Table
        );
        assert_eq!(
            format_of("genesys-archive history --last PT2H --out ./archive"),
            Format::Ndjson
        );
    }
}
