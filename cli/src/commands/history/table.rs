//! Normalized records as the rows of a table, in columns of fixed width, so that rows can be printed page by page.

use std::fmt::Write as _;
use std::time::Duration;

use console::{pad_str, truncate_str};
use conversation_archive::base::json::JsonText;
use conversation_archive::base::printable;
use conversation_archive::base::time::from_millis;

use crate::figures::time;
use crate::style::style;

/// Name and width of each column; the width is in terminal columns.
const COLUMNS: [(&str, usize); 6] = [
    ("started (UTC)", 19),
    ("channel", 12),
    ("lasted", 12),
    ("queue", 20),
    ("people", 6),
    ("conversation", 36),
];

pub(super) fn rows(rows: &[JsonText<'_>], with_head: bool) -> String {
    let mut text = String::new();
    if with_head {
        let head = COLUMNS.map(|(name, _)| name.to_owned());
        let _ = writeln!(text, "{}", style(line(&head)).bold());
    }
    for row in rows {
        let _ = writeln!(text, "{}", line(&cells(*row)));
    }
    text
}

fn cells(row: JsonText<'_>) -> [String; 6] {
    let dash = || "–".to_owned();
    let text = |name: &str| {
        let text = row.get(name)?.text()?;
        Some(printable::marked_line(&text))
    };
    let number = |name: &str| row.get(name)?.integer();
    let start = number("startTime").and_then(from_millis);
    let start = start.map(|start| start.strftime("%Y-%m-%d %H:%M:%S").to_string());
    // A conversation that ends before its start has no usable duration.
    let lasted = number("durationMs").and_then(|lasted| u64::try_from(lasted).ok());
    let lasted = lasted.map(|lasted| time(Duration::from_millis(lasted)));
    let people = number("participantCount").map(|people| people.to_string());
    [
        start.unwrap_or_else(dash),
        text("channelType").unwrap_or_else(dash),
        lasted.unwrap_or_else(dash),
        text("queueName").unwrap_or_else(dash),
        people.unwrap_or_else(dash),
        text("recordId").unwrap_or_else(dash),
    ]
}

/// One row. Text that is too long is cut, except in the last column.
fn line(cells: &[String; 6]) -> String {
    let last = COLUMNS.len() - 1;
    let mut line = String::new();
    for (column, (cell, (_, width))) in cells.iter().zip(COLUMNS).enumerate() {
        if column == last {
            line.push_str(cell);
            break;
        }
        let cell = truncate_str(cell, width, "…");
        let cell = pad_str(&cell, width, console::Alignment::Left, None);
        line.extend([&*cell, "  "]);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_in_every_script_and_absent_values_are_dashes() {
        let row = |json: &'static str| JsonText::parse(json).unwrap();
        let table = rows(
            &[
                row(
                    r#"{"recordId":"a-1","channelType":"VOICE","startTime":1772463600017,"durationMs":392624,"queueName":"Billing","participantCount":4}"#,
                ),
                row(
                    r#"{"recordId":"b-2","channelType":"SOCIAL_MEDIA","startTime":1772460190112,"durationMs":null,"queueName":"カスタマーサポート窓口の長い名前","participantCount":null}"#,
                ),
            ],
            true,
        );

        insta::assert_snapshot!(console::strip_ansi_codes(&table), @r"
        started (UTC)        channel       lasted        queue                 people  conversation
        2026-03-02 15:00:00  VOICE         6 min 32 s    Billing               4       a-1
        2026-03-02 14:03:10  SOCIAL_MEDIA  –             カスタマーサポート…   –       b-2
        ");
    }

    #[test]
    fn control_characters_in_a_row_are_replaced_and_it_stays_one_line() {
        let row = JsonText::parse(
            r#"{"recordId":"a\nb\u001b]0;x\u0007","channelType":"\ud800","startTime":-62167219200000,"durationMs":-5,"queueName":"\u202eevil\u009b2J","participantCount":1E+400}"#,
        );

        let table = rows(&[row.unwrap()], false);

        insta::assert_snapshot!(table, @"0000-01-01 00:00:00  �             –             evil�2J               –       a b�]0;x�");
    }
}
