//! Signatures of stored documents: ECDSA on the curve P-256 with SHA-256, over a document's key and digest.
//!
//! A valid signature proves that the holder of the private key wrote this document under this key. docs/format.md
//! documents the message that is signed and how the signature is stored.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::hash::Sha256;

mod keys;

pub use keys::{InvalidKey, LocalKey, PublicKey};

/// First line of every message, so that a signature for another purpose is not valid for a document.
const PURPOSE: &str = "genesys-conversation-archive signature 1";

/// The first 64 bits of the SHA-256 of a public key; finds the key, and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

/// A signature and the key that verifies it. As text: `{key id}:{base64 of the DER encoding}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub key_id: KeyId,
    pub der: Vec<u8>,
}

/// The text is not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a key id of 16 hexadecimal digits, a colon and base64")]
pub struct InvalidSignature;

/// The bytes to sign for the document with this key, whose digest is computed without signature and seal.
pub fn message(key: &str, digest: Sha256) -> Vec<u8> {
    format!("{PURPOSE}\n{key}\n{digest}\n").into_bytes()
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for KeyId {
    type Err = InvalidSignature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(InvalidSignature);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidSignature)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key_id, STANDARD.encode(&self.der))
    }
}

impl FromStr for Signature {
    type Err = InvalidSignature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key_id, der) = text.split_once(':').ok_or(InvalidSignature)?;
        Ok(Self {
            key_id: key_id.parse()?,
            der: STANDARD.decode(der).map_err(|_| InvalidSignature)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_parsed_from_its_own_text() {
        let key = LocalKey::generate();
        let signature = key.sign(b"message");

        let parsed: Signature = signature.to_string().parse().unwrap();

        assert_eq!(parsed, signature);
        assert!(key.public_key().is_valid(b"message", &parsed));
    }

    #[test]
    fn other_texts_are_not_signatures() {
        let texts = [
            "",
            "0123456789abcdef",
            "0123456789ABCDEF:AAAA",
            "+123456789abcdef:AAAA",
            "0123456789abcdef:!",
        ];

        for text in texts {
            assert_eq!(text.parse::<Signature>(), Err(InvalidSignature), "{text}");
        }
    }

    #[test]
    fn a_signature_is_valid_for_its_message_and_key_alone() {
        let (key, other) = (LocalKey::generate(), LocalKey::generate());
        let digest = Sha256::of("document");
        let signed = message("exports/a/request.json", digest);
        let signature = key.sign(&signed);

        assert!(key.public_key().is_valid(&signed, &signature));
        let elsewhere = message("exports/b/request.json", digest);
        assert!(!key.public_key().is_valid(&elsewhere, &signature));
        let altered = message("exports/a/request.json", Sha256::of("altered"));
        assert!(!key.public_key().is_valid(&altered, &signature));
        assert!(!other.public_key().is_valid(&signed, &signature));
    }
}
