//! What an archive of this organisation has to hold, and what its logs must never show.

use jiff::Timestamp;

use crate::data::Dataset;
use crate::settings::Settings;

#[derive(Clone, Debug)]
pub struct Truth {
    /// By start, then id; those that only reach into the interval included.
    pub conversations: Vec<TruthConversation>,
    /// In the order in which every query returns them.
    pub gateway: Vec<TruthRecord>,
    /// Every personal name, phone number, marker word of a text, token and secret that went over the wire or is accepted. Each text
    /// that was not given, attribute value, note and subject contains at least one of them.
    pub planted: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct TruthConversation {
    pub id: String,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    pub divisions: Vec<String>,
    /// The stretches in which some segment runs; only the last may be open.
    pub active: Vec<(Timestamp, Option<Timestamp>)>,
    /// The bytes as a job serves them.
    pub json: String,
    /// Served as valid JSON that is no usable record (`Faults::malformed_every`); `id` and `start` are what it should have said.
    pub malformed: bool,
}

#[derive(Clone, Debug)]
pub struct TruthRecord {
    pub id: String,
    pub start: Timestamp,
    pub json: String,
    pub malformed: bool,
}

/// What somebody wrote, as the messages serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TruthMessage {
    pub id: String,
    pub time: Timestamp,
    /// Empty where it is no text: a sign of typing.
    pub text: String,
}

impl Truth {
    /// What an organisation with these settings would hold, without starting one.
    pub fn of(settings: &Settings) -> Self {
        Dataset::generate(settings).truth(settings.faults.malformed_every)
    }
}
