//! Classifies the members of records by name.
//!
//! The API's fields are known, and those that people type into are listed here. A gateway's fields are not known:
//! people may have typed into all of them, except those listed.

use super::RecordShape;
use crate::records::redaction::Person;

/// Members that hold text people typed, including everything nested in them.
const TYPED: [&str; 9] = [
    // A carrier's error text for a failed message may name the recipient.
    "errorCodeDescription",
    "extendedDeliveryStatus",
    "externalTag",
    "interactions",
    "notes",
    "subject",
    "wrapUpNote",
    "wrapUpNotes",
    "wrapUpTags",
];
const NAMES: [&str; 5] = [
    "callbackUserName",
    "participantName",
    "remote",
    "remoteNameDisplayable",
    "transferTargetName",
];
const NUMBERS: [&str; 4] = ["ani", "callbackNumbers", "dnis", "sessionDnis"];
const ADDRESSES: [&str; 11] = [
    "addressFrom",
    "addressOther",
    "addressSelf",
    "addressTo",
    "bcc",
    "cc",
    "destinationAddresses",
    // Field of a flow: for a call, the dialled number.
    "entryReason",
    "screenShareAddressSelf",
    "transferTargetAddress",
    "videoAddressSelf",
];
/// Members whose own keys label their values.
const ATTRIBUTES: [&str; 2] = ["attributes", "properties"];
/// Sender and recipient in an interaction or a gateway's record.
const CORRESPONDENTS: [&str; 3] = ["from", "name", "to"];
/// Members of a gateway's record that hold ids, times and categories of an organisation.
const WORDS: [&str; 33] = [
    "category",
    "channel",
    "code",
    "direction",
    "division",
    "flow",
    "flowName",
    "id",
    "ids",
    "language",
    "languages",
    "locale",
    "metrics",
    "originatingDirection",
    "provider",
    "purpose",
    "queue",
    "queueName",
    "queues",
    "role",
    "skill",
    "skills",
    "state",
    "status",
    "team",
    "time",
    "timestamp",
    "type",
    "version",
    "wrapUp",
    "wrapUpCode",
    "wrapUpCodes",
    "wrapUpName",
];
const WORD_ENDINGS: [&str; 10] = [
    "At",
    "End",
    "Id",
    "Ids",
    "Start",
    "State",
    "Status",
    "Time",
    "Timestamp",
    "Type",
];
/// Keys that end like ids, but identify a person outside the organisation.
const NO_IDS: [&str; 5] = ["emailId", "mailId", "nationalId", "personalId", "taxId"];

/// The classification of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Not redacted; nested members are classified on their own.
    Data,
    /// Participants, where a `name` is a person's.
    Participants,
    /// In a gateway's record: typed text whose key may label it. Nested members are classified on their own.
    Gateway,
    /// In a gateway's record: not redacted.
    Word,
    Typed,
    /// Typed text in a field that identifies a person.
    TypedPerson(Person),
    Attributes,
    /// Typed text whose key may label it.
    Attribute,
    Person(Person),
}

impl Meaning {
    pub(super) fn of_record(record: &str, shape: RecordShape) -> Self {
        match shape {
            // A value that is not an object is not a record, so any of it may have been typed.
            _ if !record.starts_with('{') => Self::Typed,
            RecordShape::Gateway => Self::Gateway,
            RecordShape::Analytics | RecordShape::Normalized | RecordShape::Transcript => {
                Self::Data
            }
        }
    }

    /// The classification of a member, by its key and that of the object that contains it.
    pub(super) fn of_member(self, key: &str) -> Self {
        match self {
            Self::Typed if CORRESPONDENTS.contains(&key) => Self::TypedPerson(Person::Name),
            Self::Typed => Person::of_field(key).map_or(self, Self::TypedPerson),
            Self::Attributes => Self::Attribute,
            Self::TypedPerson(_) | Self::Attribute => self,
            Self::Person(person) => Self::TypedPerson(person),
            Self::Participants if key == "name" => Self::Person(Person::Name),
            // For example a queue's name.
            Self::Word if key == "name" => self,
            Self::Data | Self::Participants | Self::Gateway | Self::Word => self.of_field(key),
        }
    }

    /// Classifies a field by its name wherever it is nested, or else by the object that contains it.
    fn of_field(self, key: &str) -> Self {
        if TYPED.contains(&key) {
            return Self::Typed;
        }
        if ATTRIBUTES.contains(&key) {
            return Self::Attributes;
        }
        if let Some(person) = Person::of_field(key) {
            return Self::Person(person);
        }
        match (self, key) {
            (Self::Data | Self::Participants, "participants") => Self::Participants,
            (Self::Data | Self::Participants, _) => Self::Data,
            _ if CORRESPONDENTS.contains(&key) => Self::Person(Person::Name),
            _ if is_word(key) => Self::Word,
            _ => Self::Gateway,
        }
    }
}

fn is_word(key: &str) -> bool {
    let ends = |ending: &&str| key.ends_with(*ending);
    WORDS.contains(&key) || WORD_ENDINGS.iter().any(ends) && !NO_IDS.contains(&key)
}

impl Person {
    /// The kind of personal data that a field of this name holds, wherever it is nested.
    fn of_field(key: &str) -> Option<Self> {
        let named = |names: &[&str]| names.contains(&key);
        if named(&NAMES) {
            Some(Self::Name)
        } else if named(&NUMBERS) {
            Some(Self::Number)
        } else if named(&ADDRESSES) {
            Some(Self::Address)
        } else {
            None
        }
    }
}
