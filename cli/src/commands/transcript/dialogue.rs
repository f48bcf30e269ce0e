//! A transcript for people: time, speaker and text in columns.

use console::{Term, pad_str};
use conversation_archive::base::json::JsonText;
use conversation_archive::base::printable;

use crate::figures::{bytes, quantity};
use crate::style::{self, style};
use speakers::Speakers;

mod speakers;

/// Line width if the output is not a terminal.
const WIDTH: usize = 80;
/// Maximum line width; longer lines are hard to read.
const MAX_WIDTH: usize = 100;

const TIME: usize = 8;
/// Minimum width of the text.
const MIN_TEXT: usize = 20;
/// Maximum width of the columns before the text.
const MAX_MARGIN: usize = 32;

/// Line width for the current output.
pub(super) fn width() -> usize {
    let terminal = Term::stdout();
    if !terminal.is_term() {
        return WIDTH;
    }
    let (_, columns) = terminal.size();
    usize::from(columns).clamp(MAX_MARGIN + MIN_TEXT, MAX_WIDTH)
}

/// The dialogue of a record, as text.
pub(super) fn render(record: JsonText<'_>, width: usize) -> String {
    let messages = field_elements(record, "messages");
    let speakers = Speakers::of(record, &messages);
    let mut lines = head_lines(record, messages.len(), width);
    let mut day = String::new();
    for message in messages {
        let time = field_text(message, "time");
        if let Some((date, _)) = time.split_once('T')
            && date != day
        {
            date.clone_into(&mut day);
            lines.push(String::new());
            lines.push(style(date).dim().to_string());
        }
        lines.extend(message_lines(message, &time, &speakers, width));
    }
    lines.join("\n")
}

fn head_lines(record: JsonText<'_>, messages: usize, width: usize) -> Vec<String> {
    let id = field_text(record, "conversationId");
    let mut lines = vec![style(id).bold().to_string()];
    let mut facts = vec![
        field_text(record, "status"),
        quantity(messages as u64, "message", "messages"),
    ];
    let languages = field_counts(record, "languages").into_iter();
    facts.extend(languages.map(|(language, count)| format!("{count} {language}")));
    let redactions = field_counts(record, "redactions").into_iter();
    facts.extend(redactions.map(|(label, count)| format!("{count} {label} redacted")));
    if let Some(left_out) = record
        .get("cut")
        .and_then(|cut| field_number(cut, "messages"))
    {
        facts.push(format!(
            "{} left out",
            quantity(left_out, "earlier message", "earlier messages")
        ));
    }
    lines.extend(wrap(&facts.join(", "), width));
    lines.extend(wrap_if_any(&field_text(record, "problem"), width));
    let participants = field_elements(record, "participants")
        .into_iter()
        .map(|it| {
            let name = field_text(it, "name");
            format!("{} {name}", field_text(it, "purpose"))
                .trim()
                .to_owned()
        });
    let participants = participants.collect::<Vec<_>>().join(", ");
    let participants = wrap_if_any(&participants, width).into_iter();
    lines.extend(participants.map(|line| style(isolate(&line)).dim().to_string()));
    lines
}

fn message_lines(
    message: JsonText<'_>,
    time: &str,
    speakers: &Speakers,
    width: usize,
) -> Vec<String> {
    let clock = time.split_once('T').map_or("", |(_, clock)| clock);
    let clock = clock.get(..TIME).unwrap_or_default();
    let label_width = speakers.width();
    // One space after the time, two after the label.
    let margin = TIME + 1 + label_width + 2;
    let label = speakers.label(message);
    let label = pad_str(label, label_width, console::Alignment::Left, Some("…"));
    let label = isolate(&label);
    let text = message.get("text").and_then(JsonText::text);
    let text = text
        .filter(|it| !it.is_empty())
        .map(|it| printable::lines(&it).into_owned());
    let attachments = field_elements(message, "attachments")
        .into_iter()
        .map(attachment_text);
    let paragraphs: Vec<String> = text.into_iter().chain(attachments).collect();
    let text = wrap(&paragraphs.join("\n"), width - margin);
    let first = format!("{:TIME$} {}", style(clock).dim(), style(label).cyan());
    let mut lines = Vec::with_capacity(text.len());
    for (number, line) in text.iter().enumerate() {
        let before = if number == 0 {
            first.clone()
        } else {
            " ".repeat(margin - 2)
        };
        lines.push(format!("{before}  {}", isolate(line)));
    }
    lines
}

fn attachment_text(attachment: JsonText<'_>) -> String {
    let size = field_number(attachment, "sizeBytes").map(bytes);
    let parts = [
        field_text(attachment, "filename"),
        field_text(attachment, "mime"),
        size.unwrap_or_default(),
    ];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    format!("[{}]", parts.collect::<Vec<_>>().join(", "))
}

fn wrap_if_any(text: &str, width: usize) -> Vec<String> {
    if text.is_empty() {
        Vec::new()
    } else {
        wrap(text, width)
    }
}

/// Wraps the text to the width, between words where the script has words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let lines = textwrap::wrap(text, width);
    lines
        .into_iter()
        .map(std::borrow::Cow::into_owned)
        .collect()
}

/// Isolates a line with right-to-left letters, so that the columns before it stay in place.
fn isolate(line: &str) -> String {
    let runs_left = |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    if line.chars().any(runs_left) {
        style::isolate(line)
    } else {
        line.to_owned()
    }
}

fn field_counts(record: JsonText<'_>, name: &str) -> Vec<(String, u64)> {
    let counts = record.get(name).map(JsonText::members).unwrap_or_default();
    let count = |value: JsonText<'_>| u64::try_from(value.integer()?).ok();
    counts
        .into_iter()
        .filter_map(|(key, value)| Some((printable::marked_line(&key), count(value)?)))
        .collect()
}

fn field_number(value: JsonText<'_>, name: &str) -> Option<u64> {
    u64::try_from(value.get(name)?.integer()?).ok()
}

/// A field as text in one line; empty if there is none.
fn field_text(value: JsonText<'_>, name: &str) -> String {
    let text = value.get(name).and_then(JsonText::text);
    printable::marked_line(&text.unwrap_or_default())
}

fn field_elements<'a>(value: JsonText<'a>, name: &str) -> Vec<JsonText<'a>> {
    value.get(name).map(JsonText::elements).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;
    use serde_json::{Value, json};

    use super::*;

    fn dialogue(record: &Value) -> String {
        style::displayed(&render(
            JsonText::parse(&record.to_string()).unwrap(),
            WIDTH,
        ))
    }

    fn shown(record: &Value) -> String {
        console::strip_ansi_codes(&dialogue(record)).into_owned()
    }

    fn message(time: &str, purpose: &str, text: &str) -> Value {
        json!({"time": time, "participantId": purpose, "purpose": purpose, "text": text})
    }

    fn record(messages: &[Value]) -> Value {
        json!({
            "conversationId": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "status": "complete",
            "participants": [
                {"participantId": "customer", "purpose": "customer", "name": "Guest"},
                {"participantId": "agent", "purpose": "agent", "name": null},
            ],
            "messages": messages,
            "languages": {"eng": 1, "und": 1},
            "redactions": {"EMAIL": 2},
        })
    }

    #[test]
    fn a_dialogue_is_shown_in_columns_with_a_line_for_each_day() {
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
        23:59:10 Guest      Hi, where is my refund? It was to come on Monday, and it has
                            not.
        23:59:12 agent      One moment.
                            I look.

        2026-03-03
        00:00:10 Guest      [photo.png, image/png, 4.10 kB]
        ");
    }

    #[test]
    fn lines_fit_the_width_in_every_script() {
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
    fn terminal_control_characters_are_replaced() {
        let record = record(&[message(
            "2026-03-02T10:00:00.000Z",
            "customer",
            "\u{1b}[31mwarm\u{7} \u{202e}evil\r\nnext",
        )]);

        let shown = dialogue(&record);

        let text = shown.lines().find(|line| line.contains("evil")).unwrap();
        assert!(text.contains("\u{fffd}[31mwarm\u{fffd} evil"), "{text:?}");
        assert!(shown.lines().any(|line| line.trim() == "next"));
    }

    #[test]
    fn records_of_any_valid_json_are_shown() {
        let record = r#"{"conversationId":"a\u001b[2J","status":"\ud800","languages":{"\udc00":1,"eng":1E+400},"participants":{"no":"list"},
            "cut":{"messages":-0},"problem":7,"messages":[null,7,{},{"time":"T","text":"half \ud83d","attachments":[{"filename":"x\ny","sizeBytes":1E+400}]},
            {"time":"2026-03-02T10:00:00Z","purpose":"c\u202eust","text":["no text"]},{"time":"TTTTTTTé","participantId":"\u009b","text":"x"}]}"#;

        let shown = render(JsonText::parse(record).unwrap(), WIDTH);

        let lines = console::strip_ansi_codes(&shown).into_owned();
        let lines: Vec<_> = lines.lines().map(str::trim).collect();
        insta::assert_snapshot!(lines.join("|"), @"a�[2J|�, 6 messages, 1 �, 0 earlier messages left out|?|?|?|?          half �|[x y]||2026-03-02|10:00:00 cust|||TTTTTTé  �          x");
        assert!(!shown.contains(['\u{9b}', '\u{202e}']));
    }
}
