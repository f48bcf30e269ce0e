//! The kinds of values to redact, and counts of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// An e-mail address with a domain.
    Email,
    /// A telephone number according to a numbering plan.
    Phone,
    /// A payment card number, by prefix, length and Luhn check digit.
    Card,
    /// An international bank account number, by country, form and check digits (mod 97).
    Iban,
    /// A US social security number.
    Ssn,
    /// The second line of a passport's machine-readable zone, by its check digits.
    Passport,
    /// A personal tax or identity number with a check digit.
    TaxId,
    /// An IP address, version 4 or 6.
    Ip,
    /// A URL that contains credentials or a token.
    Url,
    /// A date that the text identifies as a date of birth.
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

    /// The label that replaces the value in a text.
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

/// Counts by label: redacted values by kind, or transcripts by status.
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

    /// Adds the counts of another tally.
    pub fn add(&mut self, other: &Self) {
        for (label, count) in &other.0 {
            *self.0.entry(label.clone()).or_default() += count;
        }
    }

    /// The labels and their counts, in alphabetical order.
    pub fn by_label(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(label, count)| (label.as_str(), *count))
    }

    /// The count for this label.
    pub fn of(&self, label: &str) -> u64 {
        self.0.get(label).copied().unwrap_or_default()
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
