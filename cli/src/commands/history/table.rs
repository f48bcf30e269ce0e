//! Normalized records as the rows of a table, in columns of fixed width, so that rows can come page after page.

use std::fmt::Write as _;
use std::time::Duration;

use console::{pad_str, style, truncate_str};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::figures::time;

/// Name and width, in columns of the terminal.
const COLUMNS: [(&str, usize); 6] = [
    ("started (UTC)", 19),
    ("channel", 12),
    ("lasted", 12),
    ("queue", 20),
    ("people", 6),
    ("conversation", 36),
];

type Row = Map<String, Value>;

pub(super) fn rows(rows: &[Row], with_head: bool) -> String {
    let mut text = String::new();
    if with_head {
        let head = COLUMNS.map(|(name, _)| name.to_owned());
        let _ = writeln!(text, "{}", style(line(&head)).bold());
    }
    for row in rows {
        let _ = writeln!(text, "{}", line(&cells(row)));
    }
    text
}

fn cells(row: &Row) -> [String; 6] {
    let text = |name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or("–")
            .to_owned()
    };
    let number = |name: &str| row.get(name).and_then(Value::as_i64);
    let start = number("startTime").and_then(|start| Timestamp::from_millisecond(start).ok());
    let lasted = number("durationMs").map(|lasted| u64::try_from(lasted).unwrap_or_default());
    let people = number("participantCount");
    [
        start.map_or("–".to_owned(), |start| {
            start.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }),
        text("channelType"),
        lasted.map_or("–".to_owned(), |lasted| {
            time(Duration::from_millis(lasted))
        }),
        text("queueName"),
        people.map_or("–".to_owned(), |people| people.to_string()),
        text("recordId"),
    ]
}

/// What is too long is cut, but for the last one.
fn line(cells: &[String; 6]) -> String {
    let last = COLUMNS.len() - 1;
    let mut line = String::new();
    for (place, (cell, (_, width))) in cells.iter().zip(COLUMNS).enumerate() {
        if place == last {
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
    fn columns_stand_below_one_another_whatever_the_script_and_what_is_missing_is_a_dash() {
        let row = |json: &str| serde_json::from_str(json).unwrap();
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
}
