//! The intervals that no complete export covers, so that a missed schedule is visible.

use std::fmt::Write as _;

use conversation_archive::base::time::Interval;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::request::SourceKind;
use jiff::Timestamp;
use serde_json::json;

use super::exports::{self, ExportView};
use crate::arguments::StatusArguments;
use crate::figures::quantity;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::stack::Stack;

/// The interval that was examined, and the gaps in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Coverage {
    span: Interval,
    gaps: Vec<Interval>,
}

pub(super) async fn coverage(
    stack: &Stack,
    arguments: &StatusArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let views = exports::read_all(stack.archive()).await?;
    let mut report = Report {
        text: String::new(),
        json: json!({"sources": []}),
    };
    let mut missing = 0;
    for source in SourceKind::ALL {
        let covered = covered_intervals(&views, source);
        let Some(found) = find_gaps(covered, arguments.since, arguments.until) else {
            continue;
        };
        missing += found.gaps.len();
        add_to_report(&mut report, source, &found);
    }
    if report.text.is_empty() {
        report
            .text
            .push_str("there is no complete export without filters yet");
        missing += 1;
    }
    report.text.truncate(report.text.trim_end().len());
    report.json["missing"] = json!(missing);
    screen.print_result(&report);
    // The gaps are printed already; the exit code is for a program.
    Ok(if missing == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// The intervals that a source's complete exports without filters and without gaps cover.
fn covered_intervals(views: &[ExportView], source: SourceKind) -> Vec<Interval> {
    let whole = |plan: &ExportPlan| {
        plan.source == source
            && plan.filters.is_empty()
            && plan.revisit.is_none()
            && plan.from_export.is_none()
    };
    let views = views
        .iter()
        .filter(|view| whole(&view.plan) && view.is_whole());
    views.map(|view| view.plan.interval).collect()
}

fn add_to_report(report: &mut Report, source: SourceKind, found: &Coverage) {
    let gaps = match found.gaps.len() {
        0 => "covered without gaps".to_owned(),
        gaps => format!(
            "{} not covered",
            quantity(gaps as u64, "window is", "windows are")
        ),
    };
    let _ = writeln!(report.text, "{source}, {}: {gaps}", found.span);
    for gap in &found.gaps {
        let _ = writeln!(report.text, "  {gap}");
    }
    if let Some(sources) = report.json["sources"].as_array_mut() {
        sources.push(json!({"source": source, "span": found.span, "gaps": found.gaps}));
    }
}

/// Finds the gaps; `None` if there is no export or nothing to examine.
fn find_gaps(
    mut covered: Vec<Interval>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Option<Coverage> {
    covered.sort_by_key(|interval| (interval.start(), interval.end()));
    let first = covered.first().map(Interval::start);
    let last = covered.iter().map(Interval::end).max();
    // A source without any export is not in use and has no gaps.
    let (first, last) = (first?, last?);
    let span = Interval::new(since.unwrap_or(first), until.unwrap_or(last)).ok()?;
    let mut gaps = Vec::new();
    let mut reached = span.start();
    for interval in covered {
        gaps.extend(Interval::new(reached, interval.start().min(span.end())));
        reached = reached.max(interval.end());
    }
    gaps.extend(Interval::new(reached, span.end()));
    Some(Coverage { span, gaps })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(start: u8, end: u8) -> Interval {
        format!("2026-03-{start:02}T00:00:00Z/2026-03-{end:02}T00:00:00Z")
            .parse()
            .unwrap()
    }

    fn gaps(covered: &[(u8, u8)], since: Option<u8>, until: Option<u8>) -> Vec<Interval> {
        let covered = covered.iter().map(|(start, end)| days(*start, *end));
        let day = |day: u8| days(day, 31).start();
        let found = find_gaps(covered.collect(), since.map(day), until.map(day));
        found.unwrap().gaps
    }

    #[test]
    fn a_missed_day_is_a_gap() {
        assert_eq!(gaps(&[(1, 2), (3, 4), (2, 3)], None, None), []);
        assert_eq!(gaps(&[(1, 2), (4, 5), (3, 4)], None, None), [days(2, 3)]);
    }

    #[test]
    fn a_long_export_covers_the_short_ones_in_it() {
        assert_eq!(gaps(&[(1, 10), (2, 3), (10, 11)], None, None), []);
    }

    #[test]
    fn gaps_before_and_after_all_exports_count_only_within_given_bounds() {
        assert_eq!(gaps(&[(5, 6)], Some(3), Some(8)), [days(3, 5), days(6, 8)]);
        assert_eq!(gaps(&[(5, 9)], Some(6), Some(8)), []);
        assert_eq!(gaps(&[(5, 6)], Some(8), Some(9)), [days(8, 9)]);
        assert_eq!(gaps(&[(5, 6)], Some(2), Some(4)), [days(2, 4)]);
    }

    #[test]
    fn without_exports_no_coverage_is_reported() {
        assert_eq!(find_gaps(Vec::new(), None, None), None);
    }
}
