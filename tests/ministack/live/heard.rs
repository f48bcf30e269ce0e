//! The frames that were sent, compared with those that are stored, as docs/live.md and docs/format.md describe them and
//! without code of the product.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use end_to_end::live::{LiveObjects, identity};
use genesys_simulator::LiveFrame;
use serde_json::{Map, Value};

/// Members that are removed before the redaction, if they are lists or objects.
const SINGLE_WORDS: [&str; 2] = ["words", "decoratedWords"];

/// The beginning of a placeholder for a redacted value; a label and a bracket follow.
const PLACEHOLDER: &str = "[REDACTED:";

/// The objects below `live/`, each of them checked.
pub(super) struct Heard(LiveObjects);

/// How the distinct frames that were sent are stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forms {
    /// Number of bodies that are stored as they were sent.
    pub(super) equal: usize,
    /// Number of those that are stored without some texts or lists of single words.
    pub(super) redacted: usize,
}

impl Forms {
    pub(super) fn count(&self) -> usize {
        self.equal + self.redacted
    }
}

impl Heard {
    pub(super) fn of(objects: BTreeMap<String, Bytes>) -> Self {
        Self(LiveObjects::of(objects))
    }

    /// Number of stored frames, each as often as it is stored.
    pub(super) fn line_count(&self) -> u64 {
        self.0.lines().len() as u64
    }

    /// One foreign event is quarantined; the other one did not match the rule.
    pub(super) fn check_quarantined(&self) {
        let quarantined = self.0.quarantined();
        let reasons: Vec<_> = quarantined.iter().map(|it| &it["reason"]).collect();
        assert_eq!(reasons, ["noEventBody"]);
    }

    /// Compares the distinct identities that are stored with the distinct frames that were sent.
    ///
    /// # Panics
    ///
    /// If a frame is stored that was not sent, or under two identities, or if one was sent that is not stored.
    pub(super) fn compare(&self, frames: &[LiveFrame]) -> Forms {
        let mut sent = SentFrames::of(frames);
        let lines = self.0.lines().into_iter();
        let distinct: BTreeMap<String, Value> = lines
            .map(|line| (line["identity"].to_string(), line))
            .collect();
        let mut forms = Forms::default();
        for line in distinct.values() {
            let sent = sent.take(line);
            let sent = sent.unwrap_or_else(|| panic!("not sent, or stored twice: {line}"));
            if sent == line["eventBody"] {
                forms.equal += 1;
            } else {
                forms.redacted += 1;
            }
        }
        assert_eq!(sent.0, BTreeMap::new(), "not stored");
        forms
    }
}

/// The distinct bodies that were sent and are not found yet, by topic.
struct SentFrames(BTreeMap<String, Vec<Value>>);

impl SentFrames {
    fn of(frames: &[LiveFrame]) -> Self {
        let mut seen = BTreeSet::new();
        let mut by_topic = BTreeMap::<String, Vec<Value>>::new();
        for frame in frames {
            let frame: Value = serde_json::from_str(&frame.text).expect("JSON");
            let topic = frame["topicName"].as_str().expect("a topic");
            if seen.insert(identity(topic, &frame["eventBody"])) {
                let bodies = by_topic.entry(topic.to_owned()).or_default();
                bodies.push(frame["eventBody"].clone());
            }
        }
        Self(by_topic)
    }

    /// Removes the frame that is stored as this line.
    fn take(&mut self, line: &Value) -> Option<Value> {
        let topic = line["topicName"].as_str()?;
        let bodies = self.0.get_mut(topic)?;
        let place = bodies
            .iter()
            .position(|sent| is_stored_form(sent, &line["eventBody"]))?;
        let body = bodies.swap_remove(place);
        if bodies.is_empty() {
            self.0.remove(topic);
        }
        Some(body)
    }
}

/// Whether a value may be stored in this form: equal but for redacted parts of texts and for lists of single words.
fn is_stored_form(sent: &Value, stored: &Value) -> bool {
    match (sent, stored) {
        (Value::Object(sent), Value::Object(stored)) => {
            let kept = kept_members(sent);
            kept.len() == stored.len()
                && kept.iter().all(|(name, value)| {
                    let stored = stored.get(*name);
                    stored.is_some_and(|stored| is_stored_form(value, stored))
                })
        }
        (Value::Array(sent), Value::Array(stored)) => {
            let mut pairs = sent.iter().zip(stored);
            sent.len() == stored.len() && pairs.all(|(sent, stored)| is_stored_form(sent, stored))
        }
        (Value::String(sent), Value::String(stored)) => is_redacted_form(sent, stored),
        _ => sent == stored,
    }
}

fn kept_members(sent: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let members = sent.iter().map(|(name, value)| (name.as_str(), value));
    let is_removed = |(name, value): &(&str, &Value)| {
        SINGLE_WORDS.contains(name) && (value.is_array() || value.is_object())
    };
    members.filter(|member| !is_removed(member)).collect()
}

/// Whether the parts between placeholders occur in the text as sent, in order, with something between them.
fn is_redacted_form(sent: &str, stored: &str) -> bool {
    let mut parts = stored.split(PLACEHOLDER);
    let Some(mut rest) = parts.next().and_then(|first| sent.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        // A redacted value has one character at least.
        let Some(value) = rest.chars().next().map(char::len_utf8) else {
            return false;
        };
        let after_value = &rest[value..];
        let Some((_, kept)) = part.split_once(']') else {
            return false;
        };
        if parts.peek().is_none() {
            return after_value.ends_with(kept);
        }
        let Some(at) = after_value.find(kept) else {
            return false;
        };
        rest = &after_value[at + kept.len()..];
    }
    rest.is_empty()
}

#[test]
fn a_stored_text_may_lack_values_and_nothing_else() {
    for (sent, stored, may_be_stored) in [
        ("call me", "call me", true),
        ("call me", "call you", false),
        (
            "mail a@b.com or c@d.com now",
            "mail [REDACTED:EMAIL] or [REDACTED:EMAIL] now",
            true,
        ),
        ("a@b.com", "[REDACTED:EMAIL]", true),
        ("mail a@b.com now", "mail [REDACTED:EMAIL]", true),
        ("mail a@b.com now", "mail [REDACTED:EMAIL] then", false),
        ("mail now", "mail [REDACTED:EMAIL] now", false),
        ("mail a@b.com", "[REDACTED:EMAIL] a@b.com", true),
        ("mail a@b.com", "mail [REDACTED:EMAIL] a@b.com", false),
    ] {
        assert_eq!(
            is_redacted_form(sent, stored),
            may_be_stored,
            "{sent}, {stored}"
        );
    }
}
