//! The frames of one day of arrival, as far as later checks need them.

use std::collections::HashSet;

use jiff::civil::Date;

use crate::base::hash::Sha256;
use crate::base::ids::{ConversationId, StreamName};
use crate::export::live::FrameRecord;
use crate::export::live_coverage::{DayFigures, SealedRecord};
use crate::export::objects::arrivals_prefix;
use crate::records::live::FrameLine;

/// The sets take up to 40 bytes for each distinct frame and each conversation.
#[derive(Debug)]
pub(super) struct DayContents {
    pub(super) day: Date,
    /// Sorted by key.
    pub(super) records: Vec<SealedRecord>,
    pub(super) figures: DayFigures,
    /// The conversations that frames name.
    pub(super) heard: Conversations,
    /// Those of the first hour, whose events may be of the day before.
    pub(super) heard_in_first_hour: Conversations,
    pub(super) stored_bytes: u64,
    identities: HashSet<(u64, u32)>,
    quarantined: HashSet<String>,
}

/// Conversations by the 128 bits of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conversations(HashSet<u128>);

impl DayContents {
    pub(super) fn new(day: Date) -> Self {
        Self {
            day,
            records: Vec::new(),
            figures: DayFigures::default(),
            heard: Conversations::default(),
            heard_in_first_hour: Conversations::default(),
            stored_bytes: 0,
            identities: HashSet::new(),
            quarantined: HashSet::new(),
        }
    }

    /// Adds a record that is consistent by itself.
    pub(super) fn add_record(&mut self, sealed: SealedRecord, record: &FrameRecord) {
        self.records.push(sealed);
        self.figures.counts += record.counts;
        self.figures.topics.add(&record.topics);
        self.figures.redactions.add(&record.redactions);
        let objects = record.objects.iter();
        let objects = objects.flat_map(|objects| [&objects.page, &objects.index]);
        self.stored_bytes += objects.map(|object| object.size_bytes).sum::<u64>();
        let texts = record.quarantined.iter();
        self.quarantined
            .extend(texts.map(|text| text.object.key.clone()));
    }

    pub(super) fn add_frame(&mut self, frame: &FrameLine<'_>, is_in_first_hour: bool) {
        let identity = frame.identity;
        self.identities.insert(shortened(identity));
        if let Some(id) = &frame.conversation_id {
            self.heard.insert(id);
            if is_in_first_hour {
                self.heard_in_first_hour.insert(id);
            }
        }
    }

    pub(super) fn distinct_frames(&self) -> u64 {
        self.identities.len() as u64
    }

    /// Whether a record of the day names the quarantined frame with this key.
    pub(super) fn names_quarantined(&self, key: &str) -> bool {
        self.quarantined.contains(key)
    }

    /// Releases what only the objects of the day itself are compared with.
    pub(super) fn release_identities(&mut self) {
        self.identities = HashSet::new();
        self.quarantined = HashSet::new();
    }
}

/// The first 96 bits: among a billion frames, two share them with a probability of 10⁻¹¹.
fn shortened(identity: Sha256) -> (u64, u32) {
    (identity.first_64_bits(), identity.bits_64_to_96())
}

/// Whether the folder is that of the first hour of the day.
pub(super) fn is_first_hour(stream: &StreamName, day: Date, folder: &str) -> bool {
    folder == format!("{}hour=00", arrivals_prefix(stream, day))
}

impl Conversations {
    pub(super) fn insert(&mut self, id: &ConversationId) {
        self.0.insert(bits(id));
    }

    pub(super) fn contains(&self, id: &ConversationId) -> bool {
        self.0.contains(&bits(id))
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Number of those that are in none of the others.
    pub(super) fn count_without(&self, others: [&Self; 2]) -> u64 {
        let is_in_none = |id: &&u128| others.iter().all(|other| !other.0.contains(id));
        self.0.iter().filter(is_in_none).count() as u64
    }
}

/// The bits that the 32 digits of a UUID stand for.
fn bits(id: &ConversationId) -> u128 {
    let digits = id.as_str().chars().filter_map(|digit| digit.to_digit(16));
    digits.fold(0, |bits, digit| bits << 4 | u128::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_conversation_are_those_of_its_uuid() {
        let id = "0f8fad5b-d9cb-469f-a165-70867728950e".parse().unwrap();

        assert_eq!(bits(&id), 0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e);
    }
}
