//! The secrets that a client knows, so that it can remove them from texts of the other side.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};

/// Secrets of a process or a client: OAuth id and secret, tokens, headers, parts of a receiver's URL. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<SecretString>>>);

/// A shorter text is not removed: it may be a part of any word.
const MIN_BYTES: usize = 6;

/// The number of forms that are kept, the newest ones: tokens are renewed, and an old one is of no use after a while.
const MAX_FORMS: usize = 64;

const REMOVED: &str = "[SECRET]";

impl Secrets {
    /// Adds a secret, as it is and as it looks in a URL, in JSON and in other escapes.
    pub fn add(&self, secret: &str) {
        let percent_encoded: String =
            url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::Value::from(secret).to_string();
        let in_json = json.trim_matches('"').to_owned();
        let trimmed = secret.trim_end_matches('=').to_owned();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for form in [secret.to_owned(), percent_encoded, in_json, trimmed] {
            if form.len() >= MIN_BYTES {
                known.retain(|it| it.expose_secret() != form);
                known.push(form.into());
            }
        }
        let surplus = known.len().saturating_sub(MAX_FORMS);
        known.drain(..surplus);
    }

    /// The text with `[SECRET]` in place of each secret, whatever its case.
    pub(super) fn remove(&self, text: &str) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut known: Vec<&str> = known.iter().map(ExposeSecret::expose_secret).collect();
        // The longest first, so that no part of a longer one is left.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let removed = |text: String, secret: &&str| without(&text, &secret.to_ascii_lowercase());
        known.iter().fold(text.to_owned(), removed)
    }
}

/// `secret` is in lower case. ASCII lower case keeps the positions of all bytes.
fn without(text: &str, secret: &str) -> String {
    let lower_case = text.to_ascii_lowercase();
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for (start, found) in lower_case.match_indices(secret) {
        rest.push_str(&text[at..start]);
        rest.push_str(REMOVED);
        at = start + found.len();
    }
    rest.push_str(&text[at..]);
    rest
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}
