//! The content that an archive of this organisation must hold, and the values that its logs must never contain.

use jiff::Timestamp;

use crate::data::Dataset;
use crate::settings::Settings;

#[derive(Clone, Debug)]
pub struct Truth {
    /// Sorted by start, then id, including conversations that start before the interval and are active in it.
    pub conversations: Vec<TruthConversation>,
    /// In the order in which every query returns them.
    pub gateway: Vec<TruthRecord>,
    /// Every personal name, phone number, marker word, token and secret that is accepted or was sent over the wire.
    /// Each attribute value, note, subject and generated text contains at least one of them.
    pub planted: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct TruthConversation {
    pub id: String,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    pub divisions: Vec<String>,
    /// The time ranges in which at least one segment runs; only the last may be open.
    pub active: Vec<(Timestamp, Option<Timestamp>)>,
    /// The bytes as a job serves them.
    pub json: String,
    /// Whether it is served as valid JSON that is not a usable record (`Faults::malformed_every`); `id` and `start` are
    /// the values of the record that it replaces.
    pub malformed: bool,
}

#[derive(Clone, Debug)]
pub struct TruthRecord {
    pub id: String,
    pub start: Timestamp,
    pub json: String,
    pub malformed: bool,
}

/// A message as the messages endpoint serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthMessage {
    pub id: String,
    pub time: Timestamp,
    /// Empty for a typing event, which has no text.
    pub text: String,
}

/// A phrase of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthPhrase {
    /// The leg in which it was said.
    pub communication_id: String,
    pub time: Timestamp,
    pub text: String,
}

impl Truth {
    /// Returns the data that an organisation with these settings would hold, without starting one.
    pub fn of(settings: &Settings) -> Self {
        Dataset::generate(settings).truth(settings.faults.malformed_every)
    }
}
