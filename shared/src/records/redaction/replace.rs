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
    /// Writes the replacement of `value`, whose canonical form is `canonical`.
    pub(super) fn write(
        &self,
        label: &str,
        kind: Option<Kind>,
        value: &str,
        canonical: &str,
        out: &mut String,
    ) {
        let _ = match (self, kind) {
            (Self::Mask, Some(Kind::Email)) => {
                return mask(value, |position, _| position == 0, out);
            }
            (Self::Mask, Some(Kind::Card | Kind::Iban | Kind::Phone | Kind::Ssn | Kind::TaxId)) => {
                return mask(
                    value,
                    |position, count| position + UNMASKED_CHARACTERS >= count,
                    out,
                );
            }
            (Self::Hash(key), _) => write!(
                out,
                "[REDACTED:{label}:{}:{}]",
                key.id,
                key.hash(label, canonical)
            ),
            (Self::Label | Self::Mask, _) => write!(out, "[REDACTED:{label}]"),
        };
    }
}

/// Replaces letters and digits by `*`, except those for which `is_kept` holds, given their position and their total
/// number.
fn mask(value: &str, is_kept: impl Fn(usize, usize) -> bool, out: &mut String) {
    let count = value
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .count();
    let mut position = 0;
    for letter in value.chars() {
        if !letter.is_alphanumeric() {
            out.push(letter);
            continue;
        }
        out.push(if is_kept(position, count) {
            letter
        } else {
            '*'
        });
        position += 1;
    }
}

/// Hexadecimal with the letters `a` to `p` as digits.
fn encode_letters(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.map(|half| char::from(b'a' + half)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(replacement: &Replacement, kind: Kind, value: &str) -> String {
        let mut out = String::new();
        replacement.write(kind.label(), Some(kind), value, value, &mut out);
        out
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
            (Kind::Ip, "10.0.0.1"),
        ]
        .map(|(kind, value)| replaced(&Replacement::Mask, kind, value));

        insta::assert_snapshot!(masked.join("\n"), @r"
        **** **** **** 1234
        +** *** ****6789
        m***.***@*******.***
        [REDACTED:IP]
        ");
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
