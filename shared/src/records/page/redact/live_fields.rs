//! Names of members of live events that records do not have.
//!
//! Events of tomorrow may have other members, so a member that is not known counts as typed text, as in a gateway's
//! record.

use std::sync::LazyLock;

use regex::Regex;

use super::field_class::FieldClass;
use crate::records::redaction::Person;

/// Members that hold text people typed or said, including everything nested in them.
const FREE_TEXT_FIELDS: [&str; 10] = [
    "decoratedTranscript",
    "message",
    "messageParams",
    "messageWithParams",
    "previewText",
    "tags",
    "transcript",
    "uuiData",
    "wrapupNotes",
    "wrapupPrompt",
];
const NAME_FIELDS: [&str; 3] = ["callerIdName", "nameRaw", "socialUserName"];
const NUMBER_FIELDS: [&str; 1] = ["callerId"];
const ADDRESS_FIELDS: [&str; 4] = [
    "address",
    "addressDisplayable",
    "addressNormalized",
    "addressRaw",
];
/// Lists with one word in each element. No pattern finds a value in one word at a time, so they are not stored.
const LISTS_OF_WORDS: [&str; 2] = ["decoratedWords", "words"];

/// A list of single words inside a string, such as an event that was written as a string into another one.
#[expect(clippy::expect_used, reason = "a constant, compiled in the tests")]
static WORDS_IN_A_STRING: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"ords\\*(?:"|u0022)(?:\s|\\+[nrt])*:(?:\s|\\+[nrt])*[\[{][^\]}]"#;
    Regex::new(pattern).expect("a regular expression")
});

/// Put in place of a string that holds a list of single words.
pub(super) const WORDS: &str = "WORDS";

/// Whether a string, or a text that is not JSON, holds a list of single words that is not empty.
pub(crate) fn holds_list_of_words(text: &str) -> bool {
    WORDS_IN_A_STRING.is_match(text)
}

/// Whether a member of this name is a list with one word in each element, if it is a list or an object.
pub(crate) fn is_list_of_words(name: &str) -> bool {
    LISTS_OF_WORDS.contains(&name)
}

impl FieldClass {
    /// The classification of a member of a live event.
    pub(super) fn of_live_member(self, key: &str) -> Self {
        let person = live_person(key);
        match self {
            Self::Attributes | Self::Attribute | Self::FreeTextPerson(_) | Self::Person(_) => {
                self.of_member(key)
            }
            Self::FreeText => person.map_or_else(|| self.of_member(key), Self::FreeTextPerson),
            _ if FREE_TEXT_FIELDS.contains(&key) => Self::FreeText,
            _ => person.map_or_else(|| self.of_member(key), Self::Person),
        }
    }
}

fn live_person(key: &str) -> Option<Person> {
    let is_in = |names: &[&str]| names.contains(&key);
    if is_in(&NAME_FIELDS) {
        Some(Person::Name)
    } else if is_in(&NUMBER_FIELDS) {
        Some(Person::Number)
    } else if is_in(&ADDRESS_FIELDS) {
        Some(Person::Address)
    } else {
        None
    }
}
