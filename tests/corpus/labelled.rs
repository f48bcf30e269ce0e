//! The corpus as printed by `tests/redaction/corpus.py`: one message per line, as JSON.

use std::fs;
use std::ops::Range;

use conversation_archive::runtime::config::environment;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Message {
    /// The country whose national telephone number format the text uses.
    pub(crate) region: String,
    pub(crate) text: String,
    pub(crate) labelled: Vec<LabelledValue>,
}

/// A personal value in a text, with its byte range.
#[derive(Debug)]
pub(crate) struct LabelledValue {
    pub(crate) kind: String,
    pub(crate) range: Range<usize>,
}

impl Message {
    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.labelled.iter().map(|it| &self.text[it.range.clone()])
    }
}

/// Reads all messages from the file that `REDACTION_CORPUS` names.
pub(crate) fn corpus() -> Vec<Message> {
    let path = environment("REDACTION_CORPUS")
        .expect("REDACTION_CORPUS is not set: tests/redaction/run sets it");
    let text = fs::read_to_string(path).expect("the corpus");
    text.lines().map(message).collect()
}

fn message(line: &str) -> Message {
    let message: Value = serde_json::from_str(line).expect("a message");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let values = message["values"].as_array().expect("values").iter();
    Message {
        region: text(&message["region"]),
        text: text(&message["text"]),
        labelled: values
            .map(|it| LabelledValue {
                kind: text(&it["kind"]),
                range: offset(it, "start")..offset(it, "end"),
            })
            .collect(),
    }
}

fn offset(value: &Value, name: &str) -> usize {
    let offset = value[name].as_u64().expect("a place");
    usize::try_from(offset).expect("a place in memory")
}
