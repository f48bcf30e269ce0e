//! Classifies the members of records by name.
//!
//! The class decides about values that cannot be proved, such as telephone numbers, and about whole fields. The API's
//! fields are known, and those that people type into are listed here. A gateway's fields are not known: people may have
//! typed into all of them, except those listed. Values that can be proved are redacted in every class but `Identity`.

use super::live_fields::{holds_list_of_words, is_list_of_words};
use crate::records::page::RecordShape;
use crate::records::page::identity::{IdentityFields, IdentityNames};
use crate::records::redaction::Person;

/// Members that hold text people typed, including everything nested in them.
const FREE_TEXT_FIELDS: [&str; 9] = [
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
const NAME_FIELDS: [&str; 5] = [
    "callbackUserName",
    "participantName",
    "remote",
    "remoteNameDisplayable",
    "transferTargetName",
];
const NUMBER_FIELDS: [&str; 4] = ["ani", "callbackNumbers", "dnis", "sessionDnis"];
const ADDRESS_FIELDS: [&str; 11] = [
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
const ATTRIBUTE_FIELDS: [&str; 2] = ["attributes", "properties"];
/// Sender and recipient in an interaction or a gateway's record.
const CORRESPONDENT_FIELDS: [&str; 3] = ["from", "name", "to"];
/// Members of a gateway's record that hold times and categories of an organisation. Ids are not among them: those of
/// customers, logins and passports end like all others.
const PLAIN_FIELDS: [&str; 31] = [
    "category",
    "channel",
    "code",
    "direction",
    "division",
    "flow",
    "flowName",
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
const PLAIN_SUFFIXES: [&str; 8] = [
    "At",
    "End",
    "Start",
    "State",
    "Status",
    "Time",
    "Timestamp",
    "Type",
];

/// The classification of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldClass {
    /// The id under which the record is archived, found and joined, or its start. Not redacted.
    Identity,
    /// Only proved values are redacted; nested members are classified on their own.
    Data,
    /// Participants, where a `name` is a person's.
    Participants,
    /// In a gateway's record: typed text whose key may label it. Nested members are classified on their own.
    Gateway,
    /// In a gateway's record: only proved values are redacted.
    Plain,
    FreeText,
    /// Typed text in a field that identifies a person.
    FreeTextPerson(Person),
    Attributes,
    /// Typed text whose key may label it.
    Attribute,
    Person(Person),
}

/// The text to redact, and the names of its members that are kept because an index repeats them.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    /// A line of a page, with the names of its id and start.
    Line([&'static str; 2]),
    /// A record that is not archived. Nothing refers to its id.
    RejectedRecord,
    /// The body of a live event, with the name of the conversation's id if it has one.
    LiveEvent(Option<&'static str>),
    /// A live event that is quarantined.
    RejectedEvent,
}

impl Subject {
    /// A stored line of this shape. The names in an entity depend on the fields that it has.
    pub(super) fn line(stored: RecordShape, line: &str) -> Self {
        Self::Line(match stored.identity_names() {
            IdentityNames::Of(names) => names,
            IdentityNames::Entity => {
                let fields = IdentityFields::read(line, stored);
                [fields.id.name.name(), fields.start.name.name()]
            }
        })
    }

    /// Whether a member of the outermost object is kept.
    pub(super) fn keeps(self, key: &str) -> bool {
        match self {
            Self::Line(names) => names.contains(&key),
            Self::LiveEvent(name) => name == Some(key),
            Self::RejectedRecord | Self::RejectedEvent => false,
        }
    }

    /// The classification of a member, by its key and by the class of the object that contains it.
    pub(super) fn class_of_member(self, parent: FieldClass, key: &str) -> FieldClass {
        let class = match self {
            Self::Line(_) | Self::RejectedRecord => parent.of_member(key),
            Self::LiveEvent(_) | Self::RejectedEvent => parent.of_live_member(key),
        };
        match (self, class) {
            // A rejected record or event may have any text in a field of a time.
            (Self::RejectedRecord | Self::RejectedEvent, FieldClass::Plain) => FieldClass::Gateway,
            _ => class,
        }
    }

    /// Whether a member is left out if it is a list or an object.
    pub(super) fn leaves_out(self, key: &str) -> bool {
        self.is_event() && is_list_of_words(key)
    }

    /// Whether a string is replaced as a whole because it holds a list of single words.
    pub(super) fn replaces(self, text: &str) -> bool {
        self.is_event() && holds_list_of_words(text)
    }

    fn is_event(self) -> bool {
        match self {
            Self::Line(_) | Self::RejectedRecord => false,
            Self::LiveEvent(_) | Self::RejectedEvent => true,
        }
    }
}

impl FieldClass {
    pub(super) fn of_record(record: &str, shape: RecordShape) -> Self {
        match shape {
            // A value that is not an object is not a record, so any of it may have been typed.
            _ if !record.starts_with('{') => Self::FreeText,
            RecordShape::Gateway | RecordShape::EntityByInteraction | RecordShape::EntityById => {
                Self::Gateway
            }
            RecordShape::Analytics | RecordShape::Normalized | RecordShape::Transcript => {
                Self::Data
            }
        }
    }

    /// Something that is not archived: its fields need not contain what their names say. Or a live event, whose fields
    /// of tomorrow are not known.
    pub(super) fn of_unknown(record: &str) -> Self {
        Self::of_record(record, RecordShape::Gateway)
    }

    /// The classification of a member, by its key and that of the object that contains it.
    pub(super) fn of_member(self, key: &str) -> Self {
        match self {
            Self::FreeText if CORRESPONDENT_FIELDS.contains(&key) => {
                Self::FreeTextPerson(Person::Name)
            }
            Self::FreeText => Person::of_field(key).map_or(self, Self::FreeTextPerson),
            Self::Attributes => Self::Attribute,
            Self::FreeTextPerson(_) | Self::Attribute => self,
            Self::Person(person) => Self::FreeTextPerson(person),
            Self::Participants if key == "name" => Self::Person(Person::Name),
            // For example a queue's name.
            Self::Plain if key == "name" => self,
            Self::Identity | Self::Data | Self::Participants | Self::Gateway | Self::Plain => {
                self.of_field(key)
            }
        }
    }

    /// Classifies a field by its name wherever it is nested, or else by the object that contains it.
    fn of_field(self, key: &str) -> Self {
        if FREE_TEXT_FIELDS.contains(&key) {
            return Self::FreeText;
        }
        if ATTRIBUTE_FIELDS.contains(&key) {
            return Self::Attributes;
        }
        if let Some(person) = Person::of_field(key) {
            return Self::Person(person);
        }
        match (self, key) {
            (Self::Data | Self::Participants, "participants") => Self::Participants,
            (Self::Identity | Self::Data | Self::Participants, _) => Self::Data,
            _ if CORRESPONDENT_FIELDS.contains(&key) => Self::Person(Person::Name),
            _ if is_plain_field(key) => Self::Plain,
            _ => Self::Gateway,
        }
    }
}

fn is_plain_field(key: &str) -> bool {
    let has_suffix = |suffix: &&str| key.ends_with(*suffix);
    PLAIN_FIELDS.contains(&key) || PLAIN_SUFFIXES.iter().any(has_suffix)
}

impl Person {
    /// The kind of personal data that a field of this name holds, wherever it is nested.
    fn of_field(key: &str) -> Option<Self> {
        let is_in = |names: &[&str]| names.contains(&key);
        if is_in(&NAME_FIELDS) {
            Some(Self::Name)
        } else if is_in(&NUMBER_FIELDS) {
            Some(Self::Number)
        } else if is_in(&ADDRESS_FIELDS) {
            Some(Self::Address)
        } else {
            None
        }
    }
}
