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
    describe_difference(&own, &table(call))
}

/// The same for the rows that apply to every call.
pub(super) fn common_difference(rows: &Rows) -> Option<String> {
    describe_difference(rows, &table(EVERY_CALL))
}

fn describe_difference(tested: &Rows, documented: &Rows) -> Option<String> {
    let line = |(response, outcome): &(String, String)| format!("| {response} | {outcome} |");
    let undocumented: Vec<_> = tested.difference(documented).map(line).collect();
    let untested: Vec<_> = documented.difference(tested).map(line).collect();
    let same = undocumented.is_empty() && untested.is_empty();
    (!same).then(|| {
        format!(
            "lacking:\n{}\nuntested:\n{}",
            undocumented.join("\n"),
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
    let (response, outcome) = cells.split_once(" | ")?;
    (response != "response" && !response.starts_with("---"))
        .then(|| (response.to_owned(), outcome.to_owned()))
}
