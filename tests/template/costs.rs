//! The cost table of docs/operations.md counts what the template creates by default.

use conversation_archive::pipeline::metrics;

use end_to_end::template::{Template, text};

const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// Returns the numbers of resources of this type in a stack with default parameters, and with all of them. By default, a
/// condition `Makes…` holds and a condition `Has…` does not.
fn counts(template: &Template, kind: &str) -> (usize, usize) {
    let all = template.resources(kind);
    let is_default = |name: &&&str| {
        let condition = template.root()["Resources"][**name].as_mapping_get("Condition");
        condition.is_none_or(|condition| !text(condition).starts_with("Has"))
    };
    (all.iter().filter(is_default).count(), all.len())
}

#[test]
fn the_cost_table_counts_keys_secrets_alarms_and_metrics() {
    let template = Template::read();
    let (keys, _) = counts(&template, "AWS::KMS::Key");
    let (secrets, all_secrets) = counts(&template, "AWS::SecretsManager::Secret");
    let (_, alarms) = counts(&template, "AWS::CloudWatch::Alarm");

    for row in [
        format!("| CloudWatch, {} metrics |", metrics::ALL.len()),
        format!("| CloudWatch, {alarms} alarms |"),
        format!("| KMS, {keys} keys |"),
        format!("| Secrets Manager, {secrets} secrets, up to {all_secrets} |"),
    ] {
        assert!(OPERATIONS.contains(&row), "{row} is missing");
    }
}

/// The rows are rounded to a cent, and the total to a dollar.
#[test]
fn the_total_of_the_cost_table_is_the_sum_of_its_rows() {
    let table = OPERATIONS.split("| USD a month |").nth(1);
    let rows = table.expect("a table").lines().skip(2);
    let amounts = rows.take_while(|row| row.starts_with('|')).map(|row| {
        let amount = row.trim_end_matches([' ', '|']).rsplit("| ").next();
        amount
            .and_then(|it| it.parse::<f64>().ok())
            .expect("an amount")
    });

    let total: f64 = amounts.sum();

    let sentence = format!("About {total:.0} USD a month");
    assert!(OPERATIONS.contains(&sentence), "{sentence}");
}
