//! Content of the pages: the texts, each with its original, and the rest of the records.

use std::collections::{BTreeMap, BTreeSet};

use conversation_archive::export::outcome::Manifest;
use serde_json::Value;

use crate::PROMISED;
use crate::labelled::Message;
use crate::run::Run;
use crate::unredacted::unredacted_ranges;

/// A message of the corpus, and its text as archived.
struct Archived<'a> {
    written: &'a Message,
    text: String,
}

/// The number of removed values and of all values, by kind.
pub(crate) type Recall = BTreeMap<&'static str, (usize, usize)>;

/// Counts the values of a text that are removed from it as it is archived. A value is removed when none of its letters or
/// digits remains.
pub(crate) fn count(recall: &mut Recall, written: &Message, text: &str) {
    let unredacted = unredacted_ranges(&written.text, text);
    for value in &written.labelled {
        let letters = written.text[value.range.clone()].char_indices();
        let mut letters = letters.filter(|(_, letter)| letter.is_alphanumeric());
        let is_gone = letters.all(|(at, _)| {
            let at = value.range.start + at;
            !unredacted.iter().any(|range| range.contains(&at))
        });
        let kind = value.kind.as_str();
        let (gone, all) = recall.get_mut(kind).expect("a kind that is promised");
        *gone += usize::from(is_gone);
        *all += 1;
    }
}

/// A recall of nothing.
pub(crate) fn no_recall() -> Recall {
    BTreeMap::from(PROMISED.map(|(kind, _)| (kind, (0, 0))))
}

impl<'a> Run<'a> {
    /// Returns, for each kind of value, the number that is removed from the texts, and the total.
    pub(crate) async fn recall(&self) -> Recall {
        let mut recall = no_recall();
        for Archived { written, text } in self.archived(&self.redacted).await {
            count(&mut recall, written, &text);
        }
        recall
    }

    /// Returns the values in the conversations that could be read, and the unredacted pages that contain them.
    pub(crate) async fn verbatim(&self) -> (BTreeSet<&'a str>, String) {
        let archived = self.archived(&self.verbatim).await;
        let readable_values = archived.iter().flat_map(|it| it.written.values()).collect();
        let lines = self.world.archived_lines(&self.verbatim).await;
        (
            readable_values,
            lines.into_keys().collect::<Vec<_>>().join("\n"),
        )
    }

    /// Returns the records of both exports without the message texts; in either export they must be free of personal
    /// values.
    pub(crate) async fn records_without_texts(&self) -> Vec<String> {
        let mut records = self.records(&self.redacted).await;
        let mut verbatim = self.records(&self.verbatim).await;
        for record in &mut verbatim {
            // An unreadable element is a text, too, and is stored verbatim.
            record["unreadable"].take();
        }
        records.extend(verbatim);
        for record in &mut records {
            for message in record["messages"].as_array_mut().expect("messages") {
                message["text"].take();
            }
        }
        records.iter().map(Value::to_string).collect()
    }

    async fn archived(&self, manifest: &Manifest) -> Vec<Archived<'a>> {
        let mut written = BTreeMap::new();
        for conversation in &self.written {
            let messages = self.world.simulator.messages(&conversation.id);
            let ids = messages.expect("written").into_iter().map(|it| it.id);
            written.extend(ids.zip(conversation.messages));
        }
        let mut archived = Vec::new();
        for record in self.records(manifest).await {
            for message in record["messages"].as_array().expect("messages") {
                let text = |name: &str| message[name].as_str().expect("a text").to_owned();
                let written = written.remove(&text("messageId"));
                archived.push(Archived {
                    written: written.expect("one that was written, once"),
                    text: text("text"),
                });
            }
        }
        archived
    }

    async fn records(&self, manifest: &Manifest) -> Vec<Value> {
        let lines = self.world.archived_lines(manifest).await.into_keys();
        lines
            .map(|line| serde_json::from_str(&line).expect("a record"))
            .collect()
    }
}
