//! Redaction: takes personal data out of texts that people typed, before anything of them is stored. Pure.
//!
//! A text is read once, in time linear in its length, for the places where a value could stand: a digit, an `@`, a `://`.
//! What stands there is proved as far as it can be, by check digits, numbering plans and forms, and by the words around it
//! where it cannot. Each kind's rules stand in its own module.

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
mod phone;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod properties;
mod replace;
mod ssn;
mod tax_id;
mod url;
mod whole;

pub use custom::{CustomPattern, PatternError};
pub use kind::{Kind, Tally};
pub use replace::{HashKey, Mode, Replacement};
pub use rlibphonenumber::Region;
pub use whole::{Person, Profile};

use find::Sought;
use fold::Folded;

/// So often what was redacted is looked through again: a value may show only when another one beside it is gone.
const MOST_PASSES: usize = 8;

/// What is redacted, and how.
#[derive(Clone, Debug)]
pub struct Rules {
    pub profile: Profile,
    pub kinds: Vec<Kind>,
    pub replacement: Replacement,
    /// Whose national telephone numbers are known.
    pub regions: Vec<Region>,
    pub custom: Vec<CustomPattern>,
    /// Values that stay: the organisation's own hotline, its support address.
    pub allowed: Vec<String>,
}

/// What a request that is silent asks for, without the settings of an organisation.
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

/// See above.
#[derive(Clone, Debug)]
pub struct Redactor {
    profile: Profile,
    sought: Sought,
    replacement: Replacement,
    custom: Vec<CustomPattern>,
    /// In the form of [`squeezed`].
    allowed: HashSet<String>,
}

/// A value in a text: its kind, if it is one of ours, and its bytes.
struct Value<'r> {
    label: &'r str,
    kind: Option<Kind>,
    range: Range<usize>,
    /// What it is in every form it is written in; nothing where replacements do not tell.
    known_as: String,
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
            sought: Sought {
                kinds: rules.kinds,
                regions: rules.regions,
            },
            replacement: rules.replacement,
            custom: rules.custom,
            allowed: rules.allowed.iter().map(|value| squeezed(value)).collect(),
        }
    }

    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The text without its values, which are counted.
    pub fn redact<'t>(&self, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        let mut redacted = Cow::Borrowed(text);
        for _ in 0..MOST_PASSES {
            match self.pass(&redacted, tally) {
                Some(further) => redacted = Cow::Owned(further),
                None => break,
            }
        }
        redacted
    }

    /// The text of a field whose name may be the word for what it holds, as `dateOfBirth`.
    pub fn redact_named<'t>(&self, name: &str, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        let name = format!("{}: ", labels::spelled_out(name));
        let mut found = Tally::default();
        let named = format!("{name}{text}");
        match self.redact(&named, &mut found).strip_prefix(&name) {
            Some(rest) => {
                tally.add(&found);
                let rest = rest.to_owned();
                // Behind a word for an order a number is none of a person; in a sentence it may be all the same.
                if text.contains(' ') {
                    self.redact(&rest, tally).into_owned().into()
                } else {
                    rest.into()
                }
            }
            // The name is a value itself, or a part of one.
            None => self.redact(text, tally),
        }
    }

    /// Where values stand in a text, by their labels: for measuring how well they are found.
    pub fn places(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let values = self.values(text).into_iter();
        values
            .map(|value| (value.label.to_owned(), value.range))
            .collect()
    }

    /// `None` when the text holds no value.
    fn pass(&self, text: &str, tally: &mut Tally) -> Option<String> {
        let values = self.values(text);
        if values.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len() + 16 * values.len());
        let mut at = 0;
        for value in &values {
            out.push_str(&text[at..value.range.start]);
            let written = &text[value.range.clone()];
            self.replacement
                .write(value.label, value.kind, written, &value.known_as, &mut out);
            tally.count(value.label);
            at = value.range.end;
        }
        out.push_str(&text[at..]);
        Some(out)
    }

    /// All values that do not stay, in order, none of which overlaps another.
    fn values(&self, text: &str) -> Vec<Value<'_>> {
        let mut values = custom::values(&self.custom, text);
        if find::may_hold_any(text) {
            let folded = Folded::new(text);
            for (kind, range) in self.sought.within(&folded) {
                let place = folded.range(&range);
                if values.iter().any(|taken| taken.overlaps(&place)) {
                    continue;
                }
                let known_as = match self.replacement {
                    Replacement::Hash(_) => self.sought.known_as(kind, &folded, &range),
                    Replacement::Label | Replacement::Mask => String::new(),
                };
                values.push(Value {
                    label: kind.label(),
                    kind: Some(kind),
                    range: place,
                    known_as,
                });
            }
            values.sort_by_key(|value| value.range.start);
        }
        values.retain(|value| {
            self.allowed.is_empty() || !self.allowed.contains(&squeezed(&text[value.range.clone()]))
        });
        values
    }
}

/// A value however it is written: small letters and digits alone.
fn squeezed(value: &str) -> String {
    let letters = value
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '@');
    letters.flat_map(char::to_lowercase).collect()
}
