//! Sealed JSON: every JSON object that we write ends with the SHA-256 of the bytes before it.
//!
//! `{"exportId":"x",…}` becomes `{"exportId":"x",…,"seal":"<sha256 of the unsealed bytes>"}` and a line break. Any
//! flipped bit is detected, and other readers can still parse the object as plain JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::decode::{self, DecodeError};
use crate::base::hash::Sha256;

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
}

/// The sealed bytes of a document, which must be a JSON object with at least one field.
pub fn seal<T: Serialize>(document: &T) -> Result<Vec<u8>, SealError> {
    let mut bytes = serde_json::to_vec(document).map_err(SealError::Unwritable)?;
    let digest = Sha256::of(&bytes);
    bytes.pop();
    bytes.extend_from_slice(format!("{SEAL}{digest}{END}").as_bytes());
    Ok(bytes)
}

/// Checks the seal and deserializes the document.
pub fn open<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SealError> {
    check(bytes)?;
    // serde's own error quotes values; finding the field costs time, so it is found only for an error.
    serde_json::from_slice(bytes)
        .or_else(|_| decode::json_borrowed(bytes))
        .map_err(SealError::Content)
}

fn check(bytes: &[u8]) -> Result<(), SealError> {
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
        Ok(())
    } else {
        Err(SealError::Broken)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

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
