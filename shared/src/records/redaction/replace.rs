//! Replacements of values.
//!
//! A replacement adds no digit and no `@`, so that it cannot form a new value with the text around it, except from what
//! a mask keeps of the value itself.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::kind::Kind;

/// The beginning of the text that replaces a value.
pub(super) const REPLACEMENT_START: &[u8] = b"[REDACTED:";
/// Lengths of a label, and of the id of a key and a hash, in letters.
const MAX_LABEL_LETTERS: usize = 24;
const KEY_ID_LETTERS: usize = 8;
/// Length of the stored part of a keyed hash: equal values must match, others must not collide.
const HASH_BYTES: usize = 12;
/// Number of letters and digits that a mask keeps of a number.
const UNMASKED_CHARACTERS: usize = 4;

/// How values are replaced.
#[derive(Clone, Debug)]
pub enum Replacement {
    /// `[REDACTED:EMAIL]`.
    Label,
    /// `[REDACTED:EMAIL:key:hash]`: equal values have equal hashes under the same key, so that they stay joinable.
    Hash(HashKey),
    /// `************1111`: keeps the last four letters or digits of a number, or the first one of an e-mail address.
    /// Values of other kinds are replaced by their label.
    Mask,
}

/// The replacement mode in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Label,
    Hash,
    Mask,
}

/// The key for hashing values, and the id that distinguishes it from other keys.
#[derive(Clone)]
pub struct HashKey {
    id: String,
    hmac: Hmac<Sha256>,
}

impl HashKey {
    /// Creates the key. Its id is derived from the version of the secret and has only letters, since a replacement
    /// contains no digits. `None` for an empty key, which would be no secret.
    pub fn new(version: &str, key: &SecretString) -> Option<Self> {
        let key = key.expose_secret();
        let hmac = Hmac::new_from_slice(key.as_bytes()).ok();
        let id = encode_letters(
            &crate::base::hash::Sha256::of(version)
                .first_64_bits()
                .to_be_bytes()[..4],
        );
        hmac.filter(|_| !key.is_empty())
            .map(|hmac| Self { id, hmac })
    }

    /// The id of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn hash(&self, label: &str, value: &str) -> String {
        let mut mac = self.hmac.clone();
        for part in [label, ":", value] {
            mac.update(part.as_bytes());
        }
        encode_letters(&mac.finalize().into_bytes()[..HASH_BYTES])
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Replacement {
    /// Which letters and digits of a value of this kind a mask keeps, given their position and their number: at most
    /// half of them. `None` if a label replaces the whole value.
    pub(super) fn mask_of(&self, kind: Kind) -> Option<fn(usize, usize) -> bool> {
        let is_mask = matches!(self, Self::Mask);
        match kind {
            Kind::Email => is_mask.then_some(|position, count| position == 0 && count > 1),
            Kind::Card | Kind::Iban | Kind::Phone | Kind::Ssn | Kind::TaxId => {
                is_mask.then_some(|position, count| {
                    position + UNMASKED_CHARACTERS.min(count / 2) >= count
                })
            }
            Kind::Passport | Kind::Ip | Kind::Url | Kind::BirthDate => None,
        }
    }

    /// The hash that replaces a value, given its canonical form. `None` if a label replaces it.
    pub(super) fn hash(&self, label: &str, canonical: impl FnOnce() -> String) -> Option<String> {
        let Self::Hash(key) = self else {
            return None;
        };
        let hash = key.hash(label, &canonical());
        Some(format!("[REDACTED:{label}:{}:{hash}]", key.id))
    }

    /// Writes the hash or the label of a value.
    pub(super) fn write(&self, label: &str, canonical: impl FnOnce() -> String, out: &mut String) {
        match self.hash(label, canonical) {
            Some(hash) => out.push_str(&hash),
            None => write_label(label, out),
        }
    }
}

/// Writes the label that replaces a value.
pub(super) fn write_label(label: &str, out: &mut String) {
    let _ = write!(out, "[REDACTED:{label}]");
}

/// The length and the kind of the label or hash with which the text begins. Nothing else that begins like one counts,
/// since a person may have typed it.
pub(super) fn replaced_kind(text: &[u8]) -> Option<(usize, Option<Kind>)> {
    let rest = text.strip_prefix(REPLACEMENT_START)?;
    let (label, after) = leading(rest, |byte| byte.is_ascii_uppercase() || byte == b'_');
    let after = match after.strip_prefix(b":") {
        Some(hash) => after_hash(hash)?,
        None => after,
    };
    let after = after.strip_prefix(b"]")?;
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.label().as_bytes() == label);
    let is_label = (1..=MAX_LABEL_LETTERS).contains(&label.len());
    is_label.then_some((text.len() - after.len(), kind))
}

fn after_hash(text: &[u8]) -> Option<&[u8]> {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'p');
    let (key, rest) = leading(text, is_letter);
    let (hash, rest) = leading(rest.strip_prefix(b":")?, is_letter);
    (key.len() == KEY_ID_LETTERS && hash.len() == 2 * HASH_BYTES).then_some(rest)
}

fn leading(text: &[u8], is_part: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let longest = 2 * HASH_BYTES + 1;
    let bytes = text.iter().take(longest);
    text.split_at(bytes.take_while(|byte| is_part(**byte)).count())
}

/// Hexadecimal with the letters `a` to `p` as digits.
fn encode_letters(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.map(|half| char::from(b'a' + half)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::view::View;
    use super::*;

    fn replaced(replacement: &Replacement, kind: Kind, value: &str) -> String {
        let mut out = String::new();
        replacement.write(kind.label(), || value.to_owned(), &mut out);
        out
    }

    fn masked(kind: Kind, value: &str) -> String {
        let mut view = View::new(value);
        let range = 0..view.len();
        view.mask(
            range.clone(),
            kind,
            Replacement::Mask.mask_of(kind).unwrap(),
        );
        view.masked_text(&range)
    }

    fn hash_with(version: &str, key: &str) -> Replacement {
        Replacement::Hash(HashKey::new(version, &key.into()).unwrap())
    }

    #[test]
    fn a_mask_keeps_the_last_four_digits_or_the_first_letter() {
        let masked = [
            (Kind::Card, "4111 1111 1111 1234"),
            (Kind::Phone, "+49 151 23456789"),
            (Kind::Email, "mary.roe@example.com"),
            (Kind::Email, "mary.roe%40example.com"),
            (Kind::Email, "张三@例子.公司"),
        ]
        .map(|(kind, value)| masked(kind, value));

        insta::assert_snapshot!(masked.join("\n"), @r"
        **** **** **** 1234
        +** *** ****6789
        m***.***@*******.***
        m***.***%40*******.***
        张*@**.**
        ");
        assert!(Replacement::Mask.mask_of(Kind::Ip).is_none());
    }

    #[test]
    fn a_mask_never_keeps_more_than_half_of_a_value() {
        for (kind, value, masked_value) in [
            (Kind::Phone, "12345", "***45"),
            (Kind::Phone, "555-0123", "***-*123"),
            (Kind::Phone, "12345678", "****5678"),
            (Kind::Email, "a@b.de", "a@*.**"),
        ] {
            assert_eq!(masked(kind, value), masked_value);
        }
    }

    #[test]
    fn only_exact_labels_and_hashes_are_recognised() {
        let hash = "[REDACTED:EMAIL:dlpmcgjf:filpgmamddeocaioiflaehjg]";
        assert_eq!(
            replaced_kind(b"[REDACTED:CARD] x"),
            Some((15, Some(Kind::Card)))
        );
        assert_eq!(replaced_kind(b"[REDACTED:OWN_LABEL]"), Some((20, None)));
        assert_eq!(
            replaced_kind(hash.as_bytes()),
            Some((hash.len(), Some(Kind::Email)))
        );
        for text in [
            "[REDACTED:]",
            "[REDACTED:CARD",
            "[REDACTED:4111111111111111]",
            "[REDACTED:CARD:dlpmcgjf:4111111111111111]",
            "[REDACTED:CARD:a:b]",
        ] {
            assert_eq!(replaced_kind(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn equal_values_have_equal_hashes_under_one_key_only() {
        let hashed = [
            replaced(&hash_with("v1", "one"), Kind::Email, "a@b.de"),
            replaced(&hash_with("v1", "one"), Kind::Email, "a@b.de"),
            replaced(&hash_with("v1", "one"), Kind::Email, "a@b.at"),
            replaced(&hash_with("v2", "two"), Kind::Email, "a@b.de"),
        ];

        assert_eq!(hashed[0], hashed[1]);
        assert!(hashed[1] != hashed[2] && hashed[1] != hashed[3]);
        insta::assert_snapshot!(hashed[0], @"[REDACTED:EMAIL:dlpmcgjf:filpgmamddeocaioiflaehjg]");
    }
}
