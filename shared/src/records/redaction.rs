//! Redaction: removes personal data from texts that people typed, before any of them is stored. Pure.
//!
//! A text is scanned once, in time linear in its length, for characters that every value contains: a digit, an `@`, a
//! `://`. A candidate is verified by check digits, numbering plans and forms where possible, otherwise by the words
//! around it. The rules of each kind are in a module of their own.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

mod card;
mod custom;
mod date;
mod digits;
mod email;
mod find;
mod fold;
mod iban;
mod ip;
mod kind;
mod labels;
mod passport;
mod person;
mod phone;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod properties;
mod replace;
mod ssn;
mod tax_id;
mod url;

pub use custom::CustomPattern;
pub use custom::PatternError;
pub use kind::{Kind, Tally};
pub use person::Person;
pub use person::Profile;
pub use replace::Replacement;
pub use replace::{HashKey, Mode};
pub use rlibphonenumber::Region;

use find::Finder;
use fold::Folded;

/// Maximum number of passes over a text: removing one value may expose another next to it.
const MAX_PASSES: usize = 8;

/// The values to redact, and how.
#[derive(Clone, Debug)]
pub struct Rules {
    pub profile: Profile,
    pub kinds: Vec<Kind>,
    pub replacement: Replacement,
    /// Regions whose national telephone numbers are recognised.
    pub regions: Vec<Region>,
    pub custom: Vec<CustomPattern>,
    /// Values to keep, such as the organisation's own hotline or support address.
    pub allowed: Vec<String>,
}

/// The rules of a request that states none, without the settings of an organisation.
impl Default for Rules {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            kinds: Kind::ALL.to_vec(),
            replacement: Replacement::Label,
            regions: Vec::new(),
            custom: Vec::new(),
            allowed: Vec::new(),
        }
    }
}

/// Redacts texts and fields according to [`Rules`].
#[derive(Clone, Debug)]
pub struct Redactor {
    profile: Profile,
    finder: Finder,
    replacement: Replacement,
    custom: Vec<CustomPattern>,
    /// In the form that [`normalized`] returns.
    allowed: HashSet<String>,
}

/// A value in a text: its kind, unless a custom pattern found it, and its bytes.
struct Value<'r> {
    label: &'r str,
    kind: Option<Kind>,
    range: Range<usize>,
    /// Canonical form, equal for all spellings of the value; empty if the replacement does not depend on it.
    canonical: String,
}

impl Value<'_> {
    fn overlaps(&self, range: &Range<usize>) -> bool {
        overlap(&self.range, range)
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

impl Redactor {
    pub fn new(rules: Rules) -> Self {
        Self {
            profile: rules.profile,
            finder: Finder {
                kinds: rules.kinds,
                regions: rules.regions,
            },
            replacement: rules.replacement,
            custom: rules.custom,
            allowed: rules
                .allowed
                .iter()
                .map(|value| normalized(value))
                .collect(),
        }
    }

    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Redacts the text and counts the values.
    pub fn redact<'t>(&self, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        for _ in 0..MAX_PASSES {
            match self.redact_once(&redacted, tally) {
                Some(further) => redacted = Cow::Owned(further),
                None => break,
            }
        }
        redacted
    }

    /// Redacts the text of a field whose name may label its content, such as `dateOfBirth`.
    pub(crate) fn redact_named<'t>(
        &self,
        name: &str,
        text: &'t str,
        tally: &mut Tally,
    ) -> Cow<'t, str> {
        let name = format!("{}: ", labels::split_words(name));
        let mut found = Tally::default();
        let named = format!("{name}{text}");
        match self.redact(&named, &mut found).strip_prefix(&name) {
            Some(rest) => {
                tally.add(&found);
                let rest = rest.to_owned();
                // After a label like "order", a number is not personal data. If the text is a sentence, it may be, so
                // it is also redacted without the label.
                if text.contains(' ') {
                    self.redact(&rest, tally).into_owned().into()
                } else {
                    rest.into()
                }
            }
            // The name itself is a value, or a part of one.
            None => self.redact(text, tally),
        }
    }

    /// The labels and positions of the values in a text, for measuring detection quality.
    pub fn locate_values(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let values = self.find_values(text).into_iter();
        values
            .map(|value| (value.label.to_owned(), value.range))
            .collect()
    }

    /// Redacts once. `None` when the text contains no value.
    fn redact_once(&self, text: &str, tally: &mut Tally) -> Option<String> {
        let values = self.find_values(text);
        if values.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len() + 16 * values.len());
        let mut at = 0;
        for value in &values {
            out.push_str(&text[at..value.range.start]);
            let original = &text[value.range.clone()];
            self.replacement.write(
                value.label,
                value.kind,
                original,
                &value.canonical,
                &mut out,
            );
            tally.count(value.label);
            at = value.range.end;
        }
        out.push_str(&text[at..]);
        Some(out)
    }

    /// All values to redact, in order and without overlaps.
    fn find_values(&self, text: &str) -> Vec<Value<'_>> {
        let mut values = custom::find_matches(&self.custom, text);
        if find::may_contain_value(text) {
            let folded = Folded::new(text);
            for (kind, range) in self.finder.find_all(&folded) {
                let original_range = folded.original_range(&range);
                if values.iter().any(|taken| taken.overlaps(&original_range)) {
                    continue;
                }
                let canonical = match self.replacement {
                    Replacement::Hash(_) => self.finder.canonical_form(kind, &folded, &range),
                    Replacement::Label | Replacement::Mask => String::new(),
                };
                values.push(Value {
                    label: kind.label(),
                    kind: Some(kind),
                    range: original_range,
                    canonical,
                });
            }
            values.sort_by_key(|value| value.range.start);
        }
        values.retain(|value| {
            self.allowed.is_empty()
                || !self
                    .allowed
                    .contains(&normalized(&text[value.range.clone()]))
        });
        values
    }
}

/// The value reduced to lower-case letters, digits and `@`, so that spellings compare equal.
fn normalized(value: &str) -> String {
    let letters = value
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '@');
    letters.flat_map(char::to_lowercase).collect()
}
