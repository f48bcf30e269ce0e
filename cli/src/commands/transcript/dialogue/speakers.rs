//! The labels of those who spoke in a transcript: a participant's name, or else its purpose.

use std::collections::HashMap;

use console::measure_text_width;
use conversation_archive::base::json::JsonText;

use super::{field_elements, field_text};

/// Width of the column of labels; longer ones are shortened.
const MIN_WIDTH: usize = 9;
const MAX_WIDTH: usize = 20;

/// A name that redaction removed, which would be the same for every participant.
const REDACTED: &str = "[REDACTED:";

const UNKNOWN: &str = "?";

/// The label of each speaker, by [`speaker`].
pub(super) struct Speakers(HashMap<Speaker, String>);

/// The participant's id and the message's purpose, each empty if the message has none.
type Speaker = (String, String);

impl Speakers {
    /// Speakers without a name who share a purpose are numbered in the order in which they first speak.
    pub(super) fn of(record: JsonText<'_>, messages: &[JsonText<'_>]) -> Self {
        let participants: HashMap<String, JsonText<'_>> = field_elements(record, "participants")
            .into_iter()
            .map(|participant| (field_text(participant, "participantId"), participant))
            .collect();
        let mut labels = HashMap::new();
        let mut unnamed: HashMap<String, u64> = HashMap::new();
        for message in messages {
            let speaker = speaker(*message);
            if labels.contains_key(&speaker) {
                continue;
            }
            let participant = participants.get(&speaker.0).copied();
            let label = name(participant).unwrap_or_else(|| {
                let purpose = purpose(participant, &speaker);
                let number = unnamed.entry(purpose.clone()).or_default();
                *number += 1;
                match number {
                    1 => purpose,
                    number => format!("{purpose} {number}"),
                }
            });
            labels.insert(speaker, label);
        }
        Self(labels)
    }

    pub(super) fn label(&self, message: JsonText<'_>) -> &str {
        self.0
            .get(&speaker(message))
            .map_or(UNKNOWN, String::as_str)
    }

    /// Width of the column that fits the labels.
    pub(super) fn width(&self) -> usize {
        let widths = self.0.values().map(|label| measure_text_width(label));
        widths.max().unwrap_or_default().clamp(MIN_WIDTH, MAX_WIDTH)
    }
}

fn speaker(message: JsonText<'_>) -> Speaker {
    let id = field_text(message, "participantId");
    (id, field_text(message, "purpose"))
}

fn name(participant: Option<JsonText<'_>>) -> Option<String> {
    let name = field_text(participant?, "name");
    (!name.trim().is_empty() && !name.starts_with(REDACTED)).then_some(name)
}

fn purpose(participant: Option<JsonText<'_>>, (id, purpose): &Speaker) -> String {
    let of_participant = participant.map(|it| field_text(it, "purpose"));
    let candidates = [Some(purpose.clone()), of_participant, Some(id.clone())];
    let mut candidates = candidates.into_iter().flatten();
    let first = candidates.find(|it| !it.is_empty());
    first.unwrap_or_else(|| UNKNOWN.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn labels(participants: &Value, messages: &Value) -> Vec<String> {
        let record = json!({"participants": participants, "messages": messages}).to_string();
        let record = JsonText::parse(&record).unwrap();
        let messages = field_elements(record, "messages");
        let speakers = Speakers::of(record, &messages);
        let labels = messages.iter().map(|it| speakers.label(*it).to_owned());
        labels.collect()
    }

    fn by(id: &str) -> Value {
        json!({"participantId": id})
    }

    #[test]
    fn a_speaker_is_named_or_else_called_by_its_purpose() {
        let participants = json!([
            {"participantId": "p1", "purpose": "customer", "name": "Guest"},
            {"participantId": "p2", "purpose": "agent", "name": null},
            {"participantId": "p3", "name": "Ann"},
            {"participantId": "p4"},
        ]);
        let messages =
            json!([by("p1"), by("p2"), by("p3"), by("p4"), {"purpose": "bot"}, {}, by("p9")]);

        assert_eq!(
            labels(&participants, &messages),
            ["Guest", "agent", "Ann", "p4", "bot", "?", "p9"]
        );
    }

    #[test]
    fn speakers_of_one_purpose_without_names_are_told_apart() {
        let participants = json!([
            {"participantId": "a", "purpose": "agent"},
            {"participantId": "b", "purpose": "agent", "name": ""},
            {"participantId": "c", "purpose": "agent"},
            {"participantId": "d", "purpose": "agent", "name": "Ann"},
        ]);
        let messages = json!([by("c"), by("d"), by("a"), by("c"), by("a")]);

        assert_eq!(
            labels(&participants, &messages),
            ["agent", "Ann", "agent 2", "agent", "agent 2"]
        );
    }

    #[test]
    fn redacted_names_do_not_make_two_speakers_one() {
        let participants = json!([
            {"participantId": "a", "purpose": "customer", "name": "[REDACTED:NAME]"},
            {"participantId": "b", "purpose": "agent", "name": "[REDACTED:NAME]"},
        ]);

        assert_eq!(
            labels(&participants, &json!([by("a"), by("b")])),
            ["customer", "agent"]
        );
    }
}
