//! What the members of records are, by their names.
//!
//! The API's fields are known, and those that people type into are named here. A gateway's are its own: people may have
//! typed into all of them but those that are named.

use super::RecordShape;
use crate::redaction::Person;

/// Members that hold what people typed, with all that stands below them.
const TYPED: [&str; 9] = [
    // What a carrier says of a message that failed may name whom it was for.
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
    // Of a flow: for a call, the number that was dialled.
    "entryReason",
    "screenShareAddressSelf",
    "transferTargetAddress",
    "videoAddressSelf",
];
/// Whose members' keys say what their values are.
const ATTRIBUTES: [&str; 2] = ["attributes", "properties"];
/// Of an interaction and of a gateway's record: who wrote it to whom.
const CORRESPONDENTS: [&str; 3] = ["from", "name", "to"];
/// Members of a gateway's record that hold ids, moments and what an organisation sorts conversations by.
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
/// They end like ids, and are what a person is known by outside.
const NO_IDS: [&str; 5] = ["emailId", "mailId", "nationalId", "personalId", "taxId"];

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// None of our business, and what stands below it decides for itself.
    Data,
    /// Those who took part, where a `name` is a person's.
    Participants,
    /// Of a gateway: typed, behind a key that may be the word for it, unless what stands below it decides otherwise.
    Gateway,
    /// Of a gateway, and none of our business.
    Word,
    Typed,
    /// Typed too, and a field for a person.
    TypedPerson(Person),
    Attributes,
    /// Typed too, behind a key that may be the word for it.
    Attribute,
    Person(Person),
}

impl Meaning {
    pub(super) fn of_record(record: &str, shape: RecordShape) -> Self {
        match shape {
            // What is no object is no record: whatever it says, somebody may have typed it.
            _ if !record.starts_with('{') => Self::Typed,
            RecordShape::Gateway => Self::Gateway,
            RecordShape::Analytics | RecordShape::Normalized | RecordShape::Transcript => {
                Self::Data
            }
        }
    }

    /// Of a member, by its key, in an object that means this.
    pub(super) fn of_member(self, key: &str) -> Self {
        match self {
            Self::Typed if CORRESPONDENTS.contains(&key) => Self::TypedPerson(Person::Name),
            Self::Typed => Person::of_field(key).map_or(self, Self::TypedPerson),
            Self::Attributes => Self::Attribute,
            Self::TypedPerson(_) | Self::Attribute => self,
            Self::Person(person) => Self::TypedPerson(person),
            Self::Participants if key == "name" => Self::Person(Person::Name),
            // Of a queue, say.
            Self::Word if key == "name" => self,
            Self::Data | Self::Participants | Self::Gateway | Self::Word => self.of_field(key),
        }
    }

    /// Of a field that is known by its name, wherever it stands, or else by whose record it is.
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
    /// Of whom a field of this name tells, wherever it stands.
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
