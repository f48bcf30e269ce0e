//! One conversation, as its events add up.
//!
//! Everything is merged by a rule that does not depend on order and ignores repetitions: the value with the latest
//! timestamp counts, of two with the same timestamp the greater text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::event::{Change, Element, Event, Key};
use crate::base::time::format_timestamp;

#[derive(Debug, Default)]
pub(super) struct Merged {
    status: Option<Status>,
    participants: BTreeMap<Key, Latest>,
    transcripts: BTreeMap<Key, Utterance>,
    metadata: BTreeMap<String, Latest>,
    last_update: Option<Timestamp>,
    bytes: usize,
}

/// Compared by time; at the same time, an end comes after all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Status {
    at: Timestamp,
    is_end: bool,
    text: String,
}

#[derive(Debug)]
struct Latest {
    at: Timestamp,
    value: Box<RawValue>,
}

/// A part of the transcript.
#[derive(Debug)]
struct Utterance {
    /// The earliest time of all its versions: a correction does not move it.
    first_at: Timestamp,
    latest: Latest,
}

/// Whether a conversation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversationState {
    Ended,
    /// Emitted because of the limits, or at the end of the process, before it ended.
    Partial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    Changed,
    Unchanged,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    conversation_id: &'a str,
    version: u32,
    state: ConversationState,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    participants: Vec<&'a RawValue>,
    transcripts: Vec<&'a RawValue>,
    metadata: BTreeMap<&'a str, &'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update: Option<String>,
}

/// The states after which no events are expected.
const ENDS: [&str; 2] = ["completed", "ended"];

/// An estimate of the memory for an element, besides its texts.
const ELEMENT_BYTES: usize = 150;

impl Merged {
    pub(super) fn merge(&mut self, event: Event<'_>) -> Merge {
        let at = event.at;
        let is_later = self.last_update < Some(at);
        self.last_update = self.last_update.max(Some(at));
        let changed = match event.change {
            Change::Status(text) => self.set_status(at, text),
            Change::Participants(elements) => self.merge_participants(at, elements),
            Change::Transcripts(elements) => self.merge_transcripts(at, elements),
            Change::Metadata(members) => self.merge_metadata(at, members),
            Change::Other => Merge::Unchanged,
        };
        if is_later { Merge::Changed } else { changed }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.is_end)
    }

    pub(super) fn state(&self) -> ConversationState {
        if self.is_ended() {
            ConversationState::Ended
        } else {
            ConversationState::Partial
        }
    }

    /// The memory of the texts, and an estimate of everything else.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The conversation as JSON. Transcripts are in the order of time.
    #[expect(
        clippy::expect_used,
        reason = "texts, numbers and JSON values make an object"
    )]
    pub(super) fn body(&self, conversation_id: &str, version: u32) -> String {
        let mut transcripts: Vec<_> = self.transcripts.iter().collect();
        transcripts.sort_by_key(|(key, utterance)| (utterance.first_at, *key));
        let body = Body {
            conversation_id,
            version,
            state: self.state(),
            status: self.status.as_ref().map(|status| &*status.text),
            participants: self.participants.values().map(|it| &*it.value).collect(),
            transcripts: transcripts
                .iter()
                .map(|(_, it)| &*it.latest.value)
                .collect(),
            metadata: self
                .metadata
                .iter()
                .map(|(name, it)| (&**name, &*it.value))
                .collect(),
            last_update: self.last_update.map(|at| format_timestamp(at).to_string()),
        };
        serde_json::to_string(&body).expect("an object")
    }

    fn set_status(&mut self, at: Timestamp, text: String) -> Merge {
        let is_end = ENDS.iter().any(|end| text.eq_ignore_ascii_case(end));
        let status = Status { at, is_end, text };
        let Some(known) = &mut self.status else {
            self.bytes += status.text.len();
            self.status = Some(status);
            return Merge::Changed;
        };
        if status <= *known {
            return Merge::Unchanged;
        }
        let merge = Merge::of(&known.text, &status.text);
        self.bytes = self.bytes + status.text.len() - known.text.len();
        *known = status;
        merge
    }

    fn merge_participants(&mut self, at: Timestamp, elements: Vec<Element<'_>>) -> Merge {
        let mut merged = Merge::Unchanged;
        for Element { key, value, .. } in elements {
            let size = key.bytes();
            let participants = &mut self.participants;
            merged = merged.or(set_latest(
                participants,
                key,
                at,
                value,
                size,
                &mut self.bytes,
            ));
        }
        merged
    }

    fn merge_metadata(&mut self, at: Timestamp, members: Vec<(String, &RawValue)>) -> Merge {
        let mut merged = Merge::Unchanged;
        for (name, value) in members {
            let size = name.len();
            let metadata = &mut self.metadata;
            merged = merged.or(set_latest(metadata, name, at, value, size, &mut self.bytes));
        }
        merged
    }

    fn merge_transcripts(&mut self, at: Timestamp, elements: Vec<Element<'_>>) -> Merge {
        let mut merged = Merge::Unchanged;
        for Element {
            key,
            at: own_at,
            value,
        } in elements
        {
            let said_at = own_at.unwrap_or(at);
            let Some(known) = self.transcripts.get_mut(&key) else {
                self.bytes += key.bytes() + value.get().len() + ELEMENT_BYTES;
                let utterance = Utterance {
                    first_at: said_at,
                    latest: Latest::new(at, value),
                };
                self.transcripts.insert(key, utterance);
                merged = Merge::Changed;
                continue;
            };
            if said_at < known.first_at {
                known.first_at = said_at;
                merged = Merge::Changed;
            }
            merged = merged.or(known.latest.replace(at, value, &mut self.bytes));
        }
        merged
    }
}

/// Sets the value of a member unless a later one is known. `key_bytes` are those of the key.
fn set_latest<K: Ord>(
    members: &mut BTreeMap<K, Latest>,
    key: K,
    at: Timestamp,
    value: &RawValue,
    key_bytes: usize,
    bytes: &mut usize,
) -> Merge {
    if let Some(known) = members.get_mut(&key) {
        return known.replace(at, value, bytes);
    }
    *bytes += key_bytes + value.get().len() + ELEMENT_BYTES;
    members.insert(key, Latest::new(at, value));
    Merge::Changed
}

impl Latest {
    fn new(at: Timestamp, value: &RawValue) -> Self {
        let value = value.to_owned();
        Self { at, value }
    }

    fn replace(&mut self, at: Timestamp, value: &RawValue, bytes: &mut usize) -> Merge {
        if (at, value.get()) <= (self.at, self.value.get()) {
            return Merge::Unchanged;
        }
        let is_same = value.get() == self.value.get();
        *bytes = *bytes + value.get().len() - self.value.get().len();
        *self = Self::new(at, value);
        if is_same {
            Merge::Unchanged
        } else {
            Merge::Changed
        }
    }
}

impl Merge {
    fn or(self, other: Self) -> Self {
        if self == Self::Changed { self } else { other }
    }

    /// Of a value that another one replaces.
    fn of(before: &str, after: &str) -> Self {
        if before == after {
            Self::Unchanged
        } else {
            Self::Changed
        }
    }
}

impl Key {
    fn bytes(&self) -> usize {
        match self {
            Self::Id(id) => id.len(),
            Self::Content(_) => 0,
        }
    }
}

#[cfg(test)]
impl Merged {
    /// The memory, counted anew.
    pub(super) fn counted_bytes(&self) -> usize {
        let value = |latest: &Latest| latest.value.get().len() + ELEMENT_BYTES;
        let status = self.status.as_ref().map_or(0, |status| status.text.len());
        let participants = self.participants.iter();
        let transcripts = self.transcripts.iter();
        let metadata = self.metadata.iter();
        status
            + participants
                .map(|(key, it)| key.bytes() + value(it))
                .sum::<usize>()
            + transcripts
                .map(|(key, it)| key.bytes() + value(&it.latest))
                .sum::<usize>()
            + metadata
                .map(|(name, it)| name.len() + value(it))
                .sum::<usize>()
    }
}
