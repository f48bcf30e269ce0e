//! The tables of docs/answers.md.

use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../docs/answers.md");

/// Name of the table that applies to every call, unless a call's own table differs.
const EVERY_CALL: &str = "Every call";

type Rows = BTreeSet<(String, String)>;

/// Compares rows (response, and result when it is permanent) with those documented for the call. Returns the
/// difference.
pub(super) fn difference(call: &str, rows: &Rows) -> Option<String> {
    let common = table(EVERY_CALL);
    let own = rows.difference(&common).cloned().collect();
    differing(&own, &table(call))
}

/// The same for the rows that apply to every call.
pub(super) fn common_difference(rows: &Rows) -> Option<String> {
    differing(rows, &table(EVERY_CALL))
}

fn differing(tested: &Rows, documented: &Rows) -> Option<String> {
    let line = |(answer, outcome): &(String, String)| format!("| {answer} | {outcome} |");
    let lacking: Vec<_> = tested.difference(documented).map(line).collect();
    let untested: Vec<_> = documented.difference(tested).map(line).collect();
    let same = lacking.is_empty() && untested.is_empty();
    (!same).then(|| {
        format!(
            "lacking:\n{}\nuntested:\n{}",
            lacking.join("\n"),
            untested.join("\n")
        )
    })
}

fn table(heading: &str) -> Rows {
    let (_, section) = DOCUMENT
        .split_once(&format!("\n### {heading}\n"))
        .unwrap_or_default();
    let section = section.split("\n#").next().unwrap_or_default();
    section.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<(String, String)> {
    let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let (answer, outcome) = cells.split_once(" | ")?;
    (answer != "response" && !answer.starts_with("---"))
        .then(|| (answer.to_owned(), outcome.to_owned()))
}
