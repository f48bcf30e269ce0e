//! What is taken out of a text, by kind, and how often it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// An address with a domain.
    Email,
    /// A number of a numbering plan.
    Phone,
    /// A payment card's number, by prefix, length and Luhn's check digit.
    Card,
    /// An international bank account number, by country, form and its check digits (mod 97).
    Iban,
    /// A US social security number.
    Ssn,
    /// The second line of a passport's machine-readable zone, by its check digits.
    Passport,
    /// A personal tax or identity number with a check digit.
    TaxId,
    /// An IP address, version 4 or 6.
    Ip,
    /// A URL that holds credentials or a token.
    Url,
    /// A date that is said to be one of birth.
    BirthDate,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::Ssn,
        Self::Passport,
        Self::TaxId,
        Self::Ip,
        Self::Url,
        Self::BirthDate,
    ];

    /// As it stands in a text in the value's place.
    pub fn label(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
            Self::Ssn => "SSN",
            Self::Passport => "PASSPORT",
            Self::TaxId => "TAX_ID",
            Self::Ip => "IP",
            Self::Url => "URL",
            Self::BirthDate => "BIRTH_DATE",
        }
    }
}

/// How many there are of each label: values that were taken out, by their kind; transcripts, by their status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn count(&mut self, label: &str) {
        match self.0.get_mut(label) {
            Some(count) => *count += 1,
            None => _ = self.0.insert(label.to_owned(), 1),
        }
    }

    /// Counts what another one counted, too.
    pub fn add(&mut self, other: &Self) {
        for (label, count) in &other.0 {
            *self.0.entry(label.clone()).or_default() += count;
        }
    }

    /// The labels, in alphabetical order, with their counts.
    pub fn by_label(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(label, count)| (label.as_str(), *count))
    }

    /// How many there are of this label.
    pub fn of(&self, label: &str) -> u64 {
        self.0.get(label).copied().unwrap_or_default()
    }

    /// All values, whatever they were.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
