//! A transcript as people read one: who, when, and what, in columns.
//!
//! What somebody wrote is not trusted: control characters would move the cursor or change colours, and marks of direction
//! would turn the columns around.

use console::{Term, pad_str, style};
use serde_json::Value;

use crate::figures::{bytes, counted};

/// Where nobody looks at a terminal.
const WIDTH: usize = 80;
/// Longer lines are hard to read.
const WIDEST: usize = 100;

const TIME: usize = 8;
const WHO: usize = 9;
/// With a space and two around it.
const MARGIN: usize = TIME + 1 + WHO + 2;

/// Of a line, on the terminal that is looked at.
pub(super) fn width() -> usize {
    let terminal = Term::stdout();
    if !terminal.is_term() {
        return WIDTH;
    }
    let (_, columns) = terminal.size();
    usize::from(columns).clamp(MARGIN + 20, WIDEST)
}

/// The dialogue of a record.
pub(super) fn of(record: &Value, width: usize) -> String {
    let mut lines = head(record, width);
    let mut day = "";
    for message in list(record, "messages") {
        let time = word(message, "time");
        if let Some((date, _)) = time.split_once('T')
            && date != day
        {
            day = date;
            lines.push(String::new());
            lines.push(style(date).dim().to_string());
        }
        lines.extend(said(message, time, width));
    }
    lines.join("\n")
}

fn head(record: &Value, width: usize) -> Vec<String> {
    let mut lines = vec![style(word(record, "conversationId")).bold().to_string()];
    let messages = list(record, "messages").len() as u64;
    let mut facts = vec![
        word(record, "status").to_owned(),
        counted(messages, "message", "messages"),
    ];
    facts
        .extend(counts(record, "languages").map(|(language, count)| format!("{count} {language}")));
    facts.extend(
        counts(record, "redactions").map(|(label, count)| format!("{count} {label} redacted")),
    );
    if let Some(left_out) = record["cut"]["messages"].as_u64() {
        facts.push(format!(
            "{} before left out",
            counted(left_out, "message", "messages")
        ));
    }
    lines.extend(wrapped(&facts.join(", "), width));
    if let Some(problem) = record["problem"].as_str() {
        lines.extend(wrapped(problem, width));
    }
    let who = list(record, "participants").iter().map(|it| {
        let name = plain(word(it, "name"));
        format!("{} {name}", word(it, "purpose")).trim().to_owned()
    });
    let who = who.collect::<Vec<_>>().join(", ");
    if !who.is_empty() {
        let who = wrapped(&who, width).into_iter();
        lines.extend(who.map(|line| style(isolated(&line)).dim().to_string()));
    }
    lines
}

fn said(message: &Value, time: &str, width: usize) -> Vec<String> {
    let clock = time.split_once('T').map_or("", |(_, clock)| clock);
    let clock = clock.get(..TIME).unwrap_or_default();
    let who = [word(message, "purpose"), word(message, "participantId")];
    let who = who.into_iter().find(|who| !who.is_empty()).unwrap_or("?");
    let who = pad_str(who, WHO, console::Alignment::Left, Some("…"));
    let attachments = list(message, "attachments").iter().map(attachment);
    let paragraphs = [word(message, "text").to_owned()]
        .into_iter()
        .filter(|it| !it.is_empty());
    let paragraphs = paragraphs.chain(attachments).collect::<Vec<_>>().join("\n");
    let text = wrapped(&plain(&paragraphs), width - MARGIN);
    let first = format!("{:TIME$} {}", style(clock).dim(), style(who).cyan());
    let mut lines = Vec::with_capacity(text.len());
    for (number, line) in text.iter().enumerate() {
        let before = if number == 0 {
            first.clone()
        } else {
            " ".repeat(MARGIN - 2)
        };
        lines.push(format!("{before}  {}", isolated(line)));
    }
    lines
}

fn attachment(attachment: &Value) -> String {
    let size = attachment["sizeBytes"].as_u64().map(bytes);
    let parts = [
        Some(word(attachment, "filename").to_owned()),
        Some(word(attachment, "mime").to_owned()),
        size,
    ];
    let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
    format!("[{}]", parts.collect::<Vec<_>>().join(", "))
}

/// Lines that fit, each word by word where the script has words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let lines = textwrap::wrap(text, width);
    lines
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// Nothing that a terminal would obey.
fn plain(text: &str) -> String {
    let is_mark =
        |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let letters = text.replace("\r\n", "\n").replace('\t', " ");
    let shown = letters.chars().filter(|letter| !is_mark(*letter));
    shown
        .map(|letter| match letter {
            '\n' => letter,
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

/// A line with letters that run to the left stands by itself, so that the columns before it stay where they are.
fn isolated(line: &str) -> String {
    let runs_left = |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    if line.chars().any(runs_left) {
        format!("\u{2068}{line}\u{2069}")
    } else {
        line.to_owned()
    }
}

fn counts<'a>(record: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, u64)> {
    let counts = record[name].as_object().into_iter().flatten();
    counts.filter_map(|(key, count)| Some((key, count.as_u64()?)))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;
    use serde_json::json;

    use super::*;

    fn shown(record: &Value) -> String {
        console::strip_ansi_codes(&of(record, WIDTH)).into_owned()
    }

    fn message(time: &str, purpose: &str, text: &str) -> Value {
        json!({"time": time, "purpose": purpose, "text": text})
    }

    fn record(messages: &[Value]) -> Value {
        json!({
            "conversationId": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "status": "complete",
            "participants": [
                {"purpose": "customer", "name": "Guest"},
                {"purpose": "agent", "name": null},
            ],
            "messages": messages,
            "languages": {"eng": 1, "und": 1},
            "redactions": {"EMAIL": 2},
        })
    }

    #[test]
    fn a_dialogue_is_in_columns_and_says_when_a_day_ends() {
        let mut photo = message("2026-03-03T00:00:10.000Z", "customer", "");
        photo["attachments"] =
            json!([{"filename": "photo.png", "mime": "image/png", "sizeBytes": 4096}]);
        let record = record(&[
            message(
                "2026-03-02T23:59:10.112Z",
                "customer",
                "Hi, where is my refund? It was to come on Monday, and it has not.",
            ),
            message("2026-03-02T23:59:12.000Z", "agent", "One moment.\nI look."),
            photo,
        ]);

        insta::assert_snapshot!(shown(&record), @r"
        0f8fad5b-d9cb-469f-a165-70867728950e
        complete, 3 messages, 1 eng, 1 und, 2 EMAIL redacted
        customer Guest, agent

        2026-03-02
        23:59:10 customer   Hi, where is my refund? It was to come on Monday, and it has
                            not.
        23:59:12 agent      One moment.
                            I look.

        2026-03-03
        00:00:10 customer   [photo.png, image/png, 4.10 kB]
        ");
    }

    #[test]
    fn every_line_fits_whatever_the_script() {
        let texts = [
            "配達先の住所を変更したいのですが、もう発送されてしまったでしょうか。できれば明日の午後にお願いしたいです。",
            "أريد تغيير عنوان التوصيل لأنني لن أكون في المنزل غداً، هل يمكنكم إرسال الطرد إلى عنوان عملي بدلاً من ذلك؟",
            "https://example.com/a/very/long/address/without/any/break/that/does/not/fit/into/one/line",
            "👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍👍",
        ];
        let messages: Vec<_> = texts
            .iter()
            .map(|text| message("2026-03-02T10:00:00.000Z", "customer", text))
            .collect();

        for line in shown(&record(&messages)).lines() {
            assert!(measure_text_width(line) <= WIDTH, "{line}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_passed_on() {
        let record = record(&[message(
            "2026-03-02T10:00:00.000Z",
            "customer",
            "\u{1b}[31mwarm\u{7} \u{202e}evil\r\nnext",
        )]);

        let shown = of(&record, WIDTH);

        let text = shown.lines().find(|line| line.contains("evil")).unwrap();
        assert!(text.contains("\u{fffd}[31mwarm\u{fffd} evil"), "{text:?}");
        assert!(shown.lines().any(|line| line.trim() == "next"));
    }
}
