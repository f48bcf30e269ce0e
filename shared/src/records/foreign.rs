//! Text of the other side: what an API, a login, a store, a queue or a webhook receiver says about an error.
//!
//! Such a text may quote anything that it received: a token, a header, a customer's name. So it enters an error only as
//! [`ForeignText`] or [`ForeignId`], whose constructors remove what must not be logged, stored or sent.

use std::fmt;
use std::sync::LazyLock;

mod secrets;
mod vocabulary;

pub use secrets::Secrets;

use crate::base::printable;
use crate::records::redaction::{Redactor, Rules, Tally};

/// A cleaned text of the other side: one line of at most 300 characters, without secrets, personal values and names.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForeignText(String);

/// A code or an id of the other side: 1 to 40 characters of `[A-Za-z0-9._-]` that are neither a name nor a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignId(String);

/// Enough for the API's longest message; an error body can be a whole web page.
const MAX_CHARS: usize = 300;

/// The part of a text that is read. It is longer than the part that is shown, because replacements shorten a text.
const MAX_READ_CHARS: usize = 4_096;

/// A UUID has 36 characters. Tokens and keys are longer.
const MAX_ID_BYTES: usize = 40;

/// The standard rules. Every error and every path with an id is checked with them.
static STANDARD: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Rules::default()));

impl ForeignText {
    /// Cleans a text of the other side: removes controls, line breaks and the known secrets, redacts personal values with
    /// the standard rules, replaces every word that error messages do not use by `…`, and cuts the rest.
    pub fn new(text: &str, secrets: &Secrets) -> Self {
        let (read, is_cut) = first_chars(text, MAX_READ_CHARS);
        let line = printable::one_line(read);
        let line = secrets.remove(&line);
        let line = STANDARD.redact(&line, &mut Tally::default()).into_owned();
        let mut line = vocabulary::known_words(&line);
        let (shown, is_long) = first_chars(&line, MAX_CHARS);
        if is_long || is_cut {
            line = format!("{}…", shown.trim_end_matches(['…', ' ']));
        }
        Self(line)
    }

    /// The text, unless nothing of it is left.
    pub fn non_empty(text: &str, secrets: &Secrets) -> Option<Self> {
        let cleaned = Self::new(text, secrets);
        cleaned.0.contains(char::is_alphanumeric).then_some(cleaned)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ForeignId {
    /// Returns `None` for a text that is not an id, or that is or contains a secret, a personal value or a name: an id is
    /// a UUID, a hexadecimal number, or made of known words and single letters.
    pub fn new(text: &str, secrets: &Secrets) -> Option<Self> {
        let is_id = text.len() <= MAX_ID_BYTES && has_id_characters(text);
        let is_plain = || vocabulary::is_identifier(text) && !is_personal(text);
        let is_safe = || secrets.remove(text) == text && (vocabulary::is_uuid(text) || is_plain());
        (is_id && is_safe()).then(|| Self(text.to_owned()))
    }

    /// The host of an address that a receiver names, which is not made of known words. A receiver gets no personal data; it
    /// could return only the secrets of its own URL.
    pub fn of_host(host: &str, secrets: &Secrets) -> Option<Self> {
        let is_host = has_id_characters(host) && secrets.remove(host) == host;
        (is_host && !is_personal(host)).then(|| Self(host.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn has_id_characters(text: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_id)
}

fn is_personal(text: &str) -> bool {
    STANDARD.redact(text, &mut Tally::default()) != text
}

/// The first `count` characters, and whether more follow.
fn first_chars(text: &str, count: usize) -> (&str, bool) {
    match text.char_indices().nth(count) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

impl From<ForeignId> for String {
    fn from(id: ForeignId) -> Self {
        id.0
    }
}

impl From<ForeignText> for String {
    fn from(text: ForeignText) -> Self {
        text.0
    }
}

impl fmt::Display for ForeignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
