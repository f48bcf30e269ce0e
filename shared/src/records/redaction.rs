//! Redaction: removes personal data from texts that people typed, before any of them is stored. Pure.
//!
//! A text is read as a person would read it: a view of it has escapes undone and look-alikes folded, and knows the bytes
//! of the text that each of its characters stands for. The view is scanned, in time linear in its length, for characters
//! that every value contains: a digit, an `@`, a `://`. A candidate is verified by check digits, numbering plans and forms
//! where possible, otherwise by the words around it. The rules of each kind are in a module of their own.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::ops::Range;

mod card;
mod custom;
mod date;
mod digits;
mod email;
mod find;
mod fold;
#[cfg(test)]
mod forms;
mod iban;
mod ids;
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
mod steps;
mod tax_id;
mod unescape;
mod url;
mod view;
#[cfg(test)]
mod work;

pub use custom::CustomPattern;
pub use custom::PatternError;
pub use kind::{Kind, Tally};
pub use person::Person;
pub use person::Profile;
pub use replace::Replacement;
pub use replace::{HashKey, Mode};
pub use rlibphonenumber::Region;

use find::{Finder, FoundValue, Scope};
use view::View;

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

/// A value in a text, and the text that replaces it: its label if `None`.
struct Value<'r> {
    label: &'r str,
    range: Range<usize>,
    replacement: Option<String>,
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

    /// Redacts a text that people may have typed, and counts the values.
    pub fn redact<'t>(&self, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        self.redact_in(Scope::All, text, tally)
    }

    /// Redacts the values that check digits or their form prove, whatever the text is.
    pub(crate) fn redact_proved<'t>(&self, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        self.redact_in(Scope::Proved, text, tally)
    }

    fn redact_in<'t>(&self, scope: Scope, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        let values = self.find_values(scope, text);
        if values.is_empty() {
            return text.into();
        }
        let mut out = String::with_capacity(text.len() + 16 * values.len());
        let mut at = 0;
        for value in &values {
            out.push_str(&text[at..value.range.start]);
            match &value.replacement {
                Some(replacement) => out.push_str(replacement),
                None => replace::write_label(value.label, &mut out),
            }
            tally.count(value.label);
            at = value.range.end;
        }
        out.push_str(&text[at..]);
        out.into()
    }

    /// Redacts the text of a field whose name may label its content, such as `dateOfBirth`.
    pub(crate) fn redact_named<'t>(
        &self,
        name: &str,
        text: &'t str,
        tally: &mut Tally,
    ) -> Cow<'t, str> {
        if self.custom.is_empty() && !find::may_contain_value(Scope::All, text) {
            return text.into();
        }
        if !is_sentence(text) {
            return self.redact_labelled(name, text, tally);
        }
        // After a label like "order", a number is not personal data. In a sentence it may be, so that is redacted without
        // the label first.
        let redacted = self.redact(text, tally);
        self.redact_labelled(name, &redacted, tally)
            .into_owned()
            .into()
    }

    fn redact_labelled<'t>(&self, name: &str, text: &'t str, tally: &mut Tally) -> Cow<'t, str> {
        let label = format!("{}: ", labels::split_words(name));
        let mut found = Tally::default();
        let labelled = format!("{label}{text}");
        match self.redact(&labelled, &mut found).strip_prefix(&label) {
            Some(redacted) => {
                tally.add(&found);
                redacted.to_owned().into()
            }
            // The name itself is a value, or a part of one.
            None => self.redact(text, tally),
        }
    }

    /// The labels and positions of the values in a text, for measuring detection quality.
    pub fn locate_values(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let values = self.find_values(Scope::All, text).into_iter();
        values
            .map(|value| (value.label.to_owned(), value.range))
            .collect()
    }

    /// All values to redact, in order and without overlaps.
    fn find_values(&self, scope: Scope, text: &str) -> Vec<Value<'_>> {
        let matches = match scope {
            Scope::All => custom::find_matches(&self.custom, text),
            Scope::Proved => Vec::new(),
        };
        let may_contain_value = find::may_contain_value(scope, text);
        if matches.is_empty() && !may_contain_value {
            return Vec::new();
        }
        let mut values = Values {
            redactor: self,
            replaced: Vec::new(),
            masked: Vec::new(),
        };
        let mut view = View::new(text);
        for found in matches {
            values.take_match(&mut view, &found);
        }
        if may_contain_value {
            let mut take = |view: &mut View<'_>, found| values.take(view, found);
            self.finder.find_all(scope, &mut view, &mut take);
        }
        values.in_order(&view)
    }

    /// Whether a value is to be kept, as it is written or as it is read.
    fn is_allowed(&self, written: &str, read: impl FnOnce() -> String) -> bool {
        !self.allowed.is_empty()
            && (self.allowed.contains(&normalized(written))
                || self.allowed.contains(&normalized(&read())))
    }
}

/// The values found so far.
struct Values<'r> {
    redactor: &'r Redactor,
    replaced: Vec<Value<'r>>,
    /// Values that are masked, with their ranges in the view. Another value may contain what a mask keeps.
    masked: Vec<FoundValue>,
}

impl<'r> Values<'r> {
    /// A match of text that the view does not contain, such as invisible characters, hides nothing: a value may span it.
    fn take_match(&mut self, view: &mut View<'_>, found: &custom::Match<'r>) {
        let value = &view.text()[found.range.clone()];
        let range = view.range_of(&found.range);
        if self.redactor.is_allowed(value, || value.to_owned()) {
            view.hide(range);
            return;
        }
        self.replaced.push(Value {
            label: found.label,
            range: found.range.clone(),
            replacement: self
                .redactor
                .replacement
                .hash(found.label, || value.to_owned()),
        });
        if !range.is_empty() {
            view.replace(range, None);
        }
    }

    fn take(&mut self, view: &mut View<'_>, (kind, range): FoundValue) {
        let original = view.original_range(&range);
        let read = || view.reading(&range);
        if self
            .redactor
            .is_allowed(&view.text()[original.clone()], read)
        {
            view.hide(range);
            return;
        }
        if let Some(is_kept) = self.redactor.replacement.mask_of(kind) {
            view.mask(range.clone(), kind, is_kept);
            self.masked.push((kind, range));
            return;
        }
        let canonical = || self.redactor.finder.canonical_form(kind, view, &range);
        self.replaced.push(Value {
            label: kind.label(),
            range: original,
            replacement: self.redactor.replacement.hash(kind.label(), canonical),
        });
        view.replace(range, Some(kind));
    }

    fn in_order(mut self, view: &View<'_>) -> Vec<Value<'r>> {
        self.masked.sort_by_key(|(_, range)| range.start);
        let mut masked_to = 0;
        for (kind, range) in self.masked {
            let range = view.visible_part(range.start.max(masked_to)..range.end.max(masked_to));
            masked_to = masked_to.max(range.end);
            self.replaced.push(Value {
                label: kind.label(),
                range: view.original_range(&range),
                replacement: Some(view.masked_text(&range)),
            });
        }
        without_overlaps(self.replaced)
    }
}

/// The values in order. A value that overlaps an earlier or longer one becomes part of it.
fn without_overlaps(mut values: Vec<Value<'_>>) -> Vec<Value<'_>> {
    values.sort_by_key(|value| (value.range.start, Reverse(value.range.end)));
    values.dedup_by(|value, before| {
        let overlaps = value.range.start < before.range.end;
        if overlaps {
            before.range.end = before.range.end.max(value.range.end);
        }
        overlaps
    });
    values
}

/// Whether the text has several words, or is of a script that is written without spaces between them.
fn is_sentence(text: &str) -> bool {
    let is_of_sentence = |letter: char| {
        letter == ' '
            || matches!(letter,
                // Thai to Myanmar, Khmer, Japanese, Chinese, Korean.
                '\u{e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{9fff}'
                    | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
    };
    text.chars().any(is_of_sentence)
}

/// The value reduced to lower-case letters, digits and `@`, so that spellings compare equal.
fn normalized(value: &str) -> String {
    let letters = value
        .chars()
        .filter(|letter| letter.is_alphanumeric() || *letter == '@');
    letters.flat_map(char::to_lowercase).collect()
}
