//! `history`: conversations as the API returns them now, written straight to the output, page by page. Nothing is
//! stored, unless an archive is given: then it is an export.

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::ops::ControlFlow;

use conversation_archive::export::plan::ExportPlan;
use conversation_archive::net::clock::Clock;
use conversation_archive::records::page::{for_each_indexed_id, page_text};
use conversation_archive::source::SourcePage;

use super::live_query::LiveQuery;
use super::{export, settings};
use crate::arguments::{Format, HistoryArguments};
use crate::figures::{first_of, quantity};
use crate::gaps::GapArguments;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use metrics::Metrics;
use output::Output;

mod metrics;
mod output;
mod request;
mod table;

/// Number of ids that a message names.
const NAMED: usize = 5;

/// Why requested ids may be missing.
const UNKNOWN: &str =
    "unknown to the API, older than its retention, or in a division that the client's role lacks";
const UNKNOWN_OR_EXCLUDED: &str = "started outside the interval, excluded by another filter, unknown to the API, older than its retention, or in a division that the client's role lacks";

pub(super) async fn history(
    arguments: &HistoryArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let settings = settings(None)?;
    let now = Clock::System.now();
    let for_people = std::io::stdout().is_terminal() && screen.is_for_people();
    let format = format(arguments, for_people);
    let request = request::build(arguments, format, now, settings.engine.sources.query_lag)?;
    if let Some(place) = &arguments.out {
        let archived = export::archive(request, settings, place, GapArguments::default(), screen);
        return Box::pin(archived).await;
    }
    let why_missing = if request.is_lookup() {
        UNKNOWN
    } else {
        UNKNOWN_OR_EXCLUDED
    };
    let live = LiveQuery::new(request, "history", &settings, screen).await?;
    let mut results = Results::empty(&live.plan);
    let mut output = Output::new(format);
    let read = live
        .for_each_page(|page| results.write(page, &mut output))
        .await?;
    output.finish();
    if read.is_continue() && !screen.is_for_people() {
        let _ = output.write_metrics(&results.metrics.line(&live.client_stats()), screen)?;
    }
    Ok(match read {
        ControlFlow::Break(()) => Exit::Done,
        ControlFlow::Continue(()) => results.conclude(&live.plan, why_missing, screen),
    })
}

/// The output format. Table rows are for people; an archive gets whole records, also when started from a terminal.
fn format(arguments: &HistoryArguments, for_people: bool) -> Format {
    let default_format = if for_people && arguments.out.is_none() {
        Format::Table
    } else {
        Format::Ndjson
    };
    arguments.format.unwrap_or(default_format)
}

/// The results of a query so far.
struct Results {
    missing: HashSet<String>,
    metrics: Metrics,
}

impl Results {
    fn empty(plan: &ExportPlan) -> Self {
        Self {
            missing: plan.requested_ids().iter().cloned().collect(),
            metrics: Metrics::default(),
        }
    }

    fn write(
        &mut self,
        page: &SourcePage,
        output: &mut Output,
    ) -> Result<ControlFlow<()>, Problem> {
        self.metrics.add(page);
        if let Some(index) = &page.body.index {
            for_each_indexed_id(index, |id| _ = self.missing.remove(id))
                .map_err(anyhow::Error::from)?;
        }
        let Some(object) = &page.body.object else {
            return Ok(ControlFlow::Continue(()));
        };
        let lines = page_text(object).map_err(anyhow::Error::from)?;
        output.write(&lines)
    }

    fn conclude(&self, plan: &ExportPlan, why_missing: &str, screen: &Screen) -> Exit {
        if self.metrics.rejected > 0 {
            let rejected = quantity(self.metrics.rejected, "record", "records");
            screen.print_line(&format!(
                "left out {rejected} that cannot be read or lack an id or start"
            ));
        }
        let requested = plan.requested_ids();
        let missing: Vec<_> = requested
            .iter()
            .filter(|id| self.missing.contains(*id))
            .collect();
        if missing.is_empty() {
            if self.metrics.records == 0 {
                screen.print_line("no conversation matches");
            }
            return Exit::Done;
        }
        screen.print_line(&format!(
            "{} of {} not found: {}\n{}",
            missing.len(),
            quantity(requested.len() as u64, "id", "ids"),
            first_of(&missing, NAMED),
            why_missing
        ));
        Exit::Failed
    }
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
    fn a_terminal_shows_a_table_and_an_archive_gets_ndjson() {
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
