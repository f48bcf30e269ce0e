//! Whole values that identify a person or how to reach them: fields for a name, a number, an address.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::find::Scope;
use super::{Redactor, Tally, normalized};

/// The scope of redaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Values in texts that people typed.
    #[default]
    Standard,
    /// Also the fields for names, numbers and addresses of participants.
    Strict,
}

/// The kind of personal data in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    Name,
    Number,
    Address,
}

/// Schemes of a number or an address that is written as a URI.
const SCHEMES: [&str; 4] = ["tel", "sip", "sms", "mailto"];

impl Person {
    fn label(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Number => "NUMBER",
            Self::Address => "ADDRESS",
        }
    }
}

impl Redactor {
    /// Redacts a field for a person. If it holds exactly one telephone number or e-mail address, that is replaced as
    /// its own kind, so that its hash matches the same value in a text.
    pub(crate) fn redact_person<'t>(
        &self,
        person: Person,
        value: &'t str,
        tally: &mut Tally,
    ) -> Cow<'t, str> {
        let (scheme, rest) = split_scheme(value);
        let normalized_value = normalized(rest);
        let is_empty_or_redacted = normalized_value.is_empty() || rest.starts_with("[REDACTED:");
        if is_empty_or_redacted || self.allowed.contains(&normalized_value) {
            return value.into();
        }
        if person != Person::Name && self.is_one_value(rest) {
            return format!("{scheme}{}", self.redact(rest, tally)).into();
        }
        let mut out = scheme.to_owned();
        let label = person.label();
        self.replacement.write(label, || normalized_value, &mut out);
        tally.count(label);
        out.into()
    }

    /// Whether the text is exactly one value.
    fn is_one_value(&self, text: &str) -> bool {
        let values = self.find_values(Scope::All, text);
        values.len() == 1
            && [&text[..values[0].range.start], &text[values[0].range.end..]]
                .concat()
                .chars()
                .all(|letter| !letter.is_alphanumeric())
    }
}

/// The scheme with its colon, and the text after it.
fn split_scheme(value: &str) -> (&str, &str) {
    match value.split_once(':') {
        Some((scheme, _)) if SCHEMES.contains(&scheme) => value.split_at(scheme.len() + 1),
        _ => ("", value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rules;
    use super::*;

    fn redacted(person: Person, value: &str) -> String {
        let redactor = Redactor::new(Rules {
            profile: Profile::Strict,
            allowed: vec!["+49 30 901820".to_owned()],
            ..Rules::default()
        });
        let mut tally = Tally::default();
        let once = redactor
            .redact_person(person, value, &mut tally)
            .into_owned();
        let twice = redactor.redact_person(person, &once, &mut tally);
        assert_eq!(once, twice);
        once
    }

    #[test]
    fn values_that_identify_a_person_are_redacted_whole() {
        let redacted = [
            (Person::Name, "Mary Roe"),
            (Person::Name, "+4915123456789"),
            (Person::Number, "tel:+4915123456789"),
            (Person::Number, "sip:desk-7"),
            (Person::Address, "mary.roe@example.com"),
            (Person::Address, "Mary Roe <mary.roe@example.com>"),
            (Person::Address, "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ]
        .map(|(person, value)| redacted(person, value));

        insta::assert_snapshot!(redacted.join("\n"), @r"
        [REDACTED:NAME]
        [REDACTED:NAME]
        tel:[REDACTED:PHONE]
        sip:[REDACTED:NUMBER]
        [REDACTED:EMAIL]
        [REDACTED:ADDRESS]
        [REDACTED:ADDRESS]
        ");
    }

    #[test]
    fn empty_and_allowed_values_are_kept() {
        for value in ["", " ", "tel:+49 30 901820", "+4930901820"] {
            assert_eq!(redacted(Person::Number, value), value);
        }
    }
}
