//! The output of records: a table, lines of JSON, or CSV. A reader that closes the pipe does not want the rest, which
//! is not a failure.

use std::io::ErrorKind;
use std::ops::ControlFlow;

use conversation_archive::base::json::JsonText;
use serde_json::Value;

use super::table;
use crate::arguments::Format;
use crate::problem::Problem;
use crate::screen::{self, Content, Screen};

/// The fields of a normalized record.
const COLUMNS: [&str; 13] = [
    "recordId",
    "interactionId",
    "channelType",
    "startTime",
    "endTime",
    "durationMs",
    "participantCount",
    "queueId",
    "queueName",
    "wrapUpCode",
    "wrapUpName",
    "attributes",
    "normalizedAt",
];

pub(super) struct Output {
    format: Format,
    has_records: bool,
}

impl Output {
    /// Creates an output. Tables and CSV need normalized records.
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            has_records: false,
        }
    }

    /// Writes lines of records, each with its line break. Returns `Break` if the reader has closed the pipe.
    pub(super) fn write(&mut self, lines: &str) -> Result<ControlFlow<()>, Problem> {
        let is_first = !std::mem::replace(&mut self.has_records, true);
        match self.format {
            Format::Ndjson => write(lines, Content::Json),
            Format::Csv => write(&csv(lines, is_first)?, Content::Data),
            Format::Table => write(&table::rows(&rows(lines)?, is_first), Content::Text),
        }
    }

    /// Writes the metrics after the records: as the last line of JSON, or to stderr beside a table or CSV.
    pub(super) fn write_metrics(
        &self,
        metrics: &Value,
        screen: &Screen,
    ) -> Result<ControlFlow<()>, Problem> {
        match self.format {
            Format::Ndjson => write(&format!("{metrics}\n"), Content::Json),
            Format::Csv | Format::Table => {
                screen.print_line(&metrics.to_string());
                Ok(ControlFlow::Continue(()))
            }
        }
    }

    /// Writes the CSV header if there was no record.
    pub(super) fn finish(&mut self) {
        if !self.has_records && self.format == Format::Csv {
            let _ = write(&(COLUMNS.join(",") + "\n"), Content::Data);
        }
    }
}

fn write(text: &str, content: Content) -> Result<ControlFlow<()>, Problem> {
    match screen::write_stdout(text, content) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(Problem::failed(format!("cannot write the output: {error}"))),
    }
}

fn rows(lines: &str) -> Result<Vec<JsonText<'_>>, Problem> {
    let read = |line| JsonText::parse(line).map_err(|error| anyhow::Error::from(error).into());
    lines.lines().map(read).collect()
}

/// Converts records to CSV, with the attributes as JSON in one field.
fn csv(lines: &str, is_first: bool) -> Result<String, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| Problem::from(anyhow::Error::from(error));
    if is_first {
        writer.write_record(COLUMNS).map_err(failed)?;
    }
    for row in rows(lines)? {
        let cells = COLUMNS.map(|column| cell(row.get(column)));
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Problem::failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| anyhow::Error::from(error).into())
}

/// Texts are unchanged except for NUL, because of which CSV readers would treat the file as binary, and for an apostrophe
/// before a text that a spreadsheet would execute. Every other value is JSON.
fn cell(value: Option<JsonText<'_>>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    match value.text() {
        Some(text) if is_formula(&text) => format!("'{text}"),
        Some(text) => text.into_owned(),
        None => value.as_str().to_owned(),
    }
    .replace('\0', "\u{fffd}")
}

/// Whether spreadsheets may execute the text: <https://owasp.org/www-community/attacks/CSV_Injection>. Customers write
/// some of these texts.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_accepts_lone_surrogates_and_numbers_beyond_f64() {
        let row = r#"{"recordId":"a\u0000b","queueName":"\ud800","durationMs":1E+400,"attributes":{"\udc00":1E+400,"a":1,"a":2}}"#;

        insta::assert_snapshot!(csv(row, false).unwrap(), @r#"a�b,,,,,1E+400,,,�,,,"{""\udc00"":1E+400,""a"":1,""a"":2}","#);
    }

    #[test]
    fn a_text_that_a_spreadsheet_would_execute_begins_with_an_apostrophe() {
        let row = r#"{"recordId":"=1+1","interactionId":"+49","channelType":"-x","startTime":"@SUM(A1)","endTime":"\ta","durationMs":-7,"queueId":"\rb","queueName":"a=b"}"#;

        assert_eq!(
            csv(row, false).unwrap(),
            "'=1+1,'+49,'-x,'@SUM(A1),'\ta,-7,,\"'\rb\",a=b,,,,\n"
        );
    }

    #[test]
    fn csv_has_one_header_row_and_quotes_where_needed() {
        let row = r#"{"recordId":"a","queueName":"Billing, \"new\"","durationMs":7,"attributes":{"k":"v"},"endTime":null}"#;

        insta::assert_snapshot!(csv(row, true).unwrap() + &csv(row, false).unwrap(), @r#"
        recordId,interactionId,channelType,startTime,endTime,durationMs,participantCount,queueId,queueName,wrapUpCode,wrapUpName,attributes,normalizedAt
        a,,,,,7,,,"Billing, ""new""",,,"{""k"":""v""}",
        a,,,,,7,,,"Billing, ""new""",,,"{""k"":""v""}",
        "#);
    }
}
