//! Sealed JSON: every JSON object that we write ends with the SHA-256 of the bytes before it.
//!
//! `{"exportId":"x",…}` becomes `{"exportId":"x",…,"seal":"<sha256 of the unsealed bytes>"}` and a line break. Any
//! flipped bit is detected, and other readers can still parse the object as plain JSON. A signed document has the
//! member `signature` before its seal.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::decode::{self, DecodeError};
use crate::base::hash::Sha256;
use crate::base::signature::{InvalidSignature, Signature};

const SIGNATURE: &str = ",\"signature\":\"";
const SEAL: &str = ",\"seal\":\"";
const END: &str = "\"}\n";
const TAIL_BYTES: usize = SEAL.len() + 64 + END.len();

/// The reason why bytes are not a valid sealed object.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("it has no seal: it was truncated, or not written by this program")]
    Missing,
    #[error("its bytes do not match its seal: it was damaged or edited")]
    Broken,
    #[error("its seal is valid, but its content does not have the expected structure")]
    Content(#[source] DecodeError),
    #[error("it cannot be serialized as JSON")]
    Unwritable(#[source] serde_json::Error),
    #[error("its signature cannot be parsed")]
    Signature(#[from] InvalidSignature),
}

/// A serialized document that is not sealed yet.
#[derive(Clone, Debug)]
pub struct Unsealed(Vec<u8>);

impl Unsealed {
    /// Serializes a document, which must be a JSON object with at least one field.
    pub fn new<T: Serialize>(document: &T) -> Result<Self, SealError> {
        serde_json::to_vec(document)
            .map(Self)
            .map_err(SealError::Unwritable)
    }

    /// The digest that a signature covers.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&self.0)
    }

    /// Adds the signature as the last member before the seal.
    #[must_use]
    pub fn signed(self, signature: &Signature) -> Self {
        Self(with_last_member(self.0, SIGNATURE, signature, "\"}"))
    }

    /// The bytes to store.
    pub fn seal(self) -> Vec<u8> {
        let digest = self.digest();
        with_last_member(self.0, SEAL, &digest, END)
    }
}

/// Replaces the closing brace of an object by another member and the end.
fn with_last_member(
    mut json: Vec<u8>,
    name: &str,
    value: &impl std::fmt::Display,
    end: &str,
) -> Vec<u8> {
    json.pop();
    json.extend_from_slice(format!("{name}{value}{end}").as_bytes());
    json
}

/// The sealed bytes of a document without a signature.
pub fn seal<T: Serialize>(document: &T) -> Result<Vec<u8>, SealError> {
    Ok(Unsealed::new(document)?.seal())
}

/// Checks the seal and deserializes the document. Does not look at the signature.
pub fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SealError> {
    check(bytes)?;
    // serde's own error quotes values; finding the field costs time, so it is found only for an error.
    serde_json::from_slice(bytes)
        .or_else(|_| decode::json_borrowed(bytes))
        .map_err(SealError::Content)
}

/// The signature of a document and the digest that it covers; `None` if the document has no signature. Checks the seal,
/// and not whether the signature is valid.
pub fn signature(bytes: &[u8]) -> Result<Option<(Signature, Sha256)>, SealError> {
    let content = check(bytes)?;
    let Some((content, signature)) = split_signature(content) else {
        return Ok(None);
    };
    let digest = Sha256::of_parts([content, b"}"]);
    Ok(Some((signature.parse()?, digest)))
}

/// Splits the content of a sealed document before its last member, if that is a signature. Quotation marks inside a
/// string are escaped, so the name of the member cannot occur in one.
fn split_signature(content: &[u8]) -> Option<(&[u8], &str)> {
    let at = memchr::memmem::rfind(content, SIGNATURE.as_bytes())?;
    let (content, member) = content.split_at(at);
    let value = member[SIGNATURE.len()..].strip_suffix(b"\"")?;
    let value = str::from_utf8(value).ok()?;
    (!value.contains('"')).then_some((content, value))
}

/// Checks the seal; returns the bytes before it, without the closing brace.
fn check(bytes: &[u8]) -> Result<&[u8], SealError> {
    let (content, tail) = bytes
        .len()
        .checked_sub(TAIL_BYTES)
        .map(|at| bytes.split_at(at))
        .ok_or(SealError::Missing)?;
    let digest = tail
        .strip_prefix(SEAL.as_bytes())
        .and_then(|rest| rest.strip_suffix(END.as_bytes()))
        .ok_or(SealError::Missing)?;
    if Sha256::of_parts([content, b"}"]).to_string().as_bytes() == digest {
        Ok(content)
    } else {
        Err(SealError::Broken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::signature::LocalKey;

    #[test]
    fn a_signed_document_is_plain_json_with_two_more_fields() {
        let document = json!({"exportId": "x", "pages": 2});
        let unsealed = Unsealed::new(&document).unwrap();
        let digest = unsealed.digest();
        let made = LocalKey::generate().sign(b"any message");

        let bytes = unsealed.signed(&made).seal();

        let read: Value = open(&bytes).unwrap();
        assert_eq!(read["signature"], made.to_string());
        assert_eq!(read["pages"], 2);
        assert_eq!(digest, Sha256::of(br#"{"exportId":"x","pages":2}"#));
        assert_eq!(signature(&bytes).unwrap(), Some((made, digest)));
    }

    #[test]
    fn a_text_that_looks_like_a_signature_is_not_one() {
        let lookalikes = [
            json!({"name": ",\"signature\":\"0123456789abcdef:AAAA"}),
            json!({"a": 1, "signature": "0123456789abcdef:AAAA", "b": 1}),
            json!({"a": {"b": 1, "signature": "0123456789abcdef:AAAA"}}),
            json!({"signature": "0123456789abcdef:AAAA"}),
        ];

        for document in lookalikes {
            let bytes = seal(&document).unwrap();
            assert_eq!(signature(&bytes).unwrap(), None, "{document}");
        }
    }

    #[test]
    fn a_document_with_an_unreadable_signature_is_refused() {
        let bytes = seal(&json!({"a": 1, "signature": "from another program"})).unwrap();

        assert!(matches!(signature(&bytes), Err(SealError::Signature(_))));
    }

    #[test]
    fn a_sealed_document_is_plain_json_with_one_more_field() {
        let bytes = seal(&json!({"exportId": "x", "pages": 2})).unwrap();

        let read: Value = open(&bytes).unwrap();

        assert_eq!(read["pages"], 2);
        assert_eq!(
            read["seal"],
            Sha256::of(br#"{"exportId":"x","pages":2}"#).to_string()
        );
    }

    #[test]
    fn an_error_of_a_document_names_the_field_and_not_its_value() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[expect(dead_code, reason = "only decoded")]
        struct Run {
            pages: u32,
            state: State,
        }

        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        enum State {
            Open {},
        }

        for (document, expected) in [
            (
                json!({"pages": "Mary Roe", "state": {"open": {}}}),
                "`pages` has an unexpected type",
            ),
            (
                json!({"pages": 1, "state": "Mary Roe"}),
                "has an unexpected type",
            ),
            (
                json!({"pages": 1, "state": {"open": {"Mary Roe": 1}}}),
                "has an unexpected type",
            ),
            (
                json!({"pages": 4_111_111_111_111_111_u64, "state": {"open": {}}}),
                "`pages` has an unexpected type",
            ),
        ] {
            let error = open::<Run>(&seal(&document).unwrap()).unwrap_err();

            let text = crate::base::failure::error_chain(&error);
            assert!(text.ends_with(expected) && !text.contains("Mary"), "{text}");
        }
    }

    #[test]
    fn every_flipped_bit_is_detected() {
        let bytes = seal(&json!({"exportId": "x", "pages": 2})).unwrap();

        for at in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(open::<Value>(&damaged).is_err(), "bit {at}");
        }
    }

    #[test]
    fn a_truncated_document_is_refused() {
        let bytes = seal(&json!({"exportId": "x"})).unwrap();

        for length in 0..bytes.len() {
            assert!(open::<Value>(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
