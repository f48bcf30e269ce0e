//! Signatures as in Standard Webhooks: HMAC-SHA256 over id, timestamp and body.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

pub const ID_HEADER: &str = "webhook-id";
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// Signs deliveries, and verifies signatures on behalf of a receiver.
///
/// While a secret is rotated, there are two: each delivery is signed with both, so that a receiver accepts it with
/// either.
#[derive(Clone)]
pub struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

/// The signing secret cannot be used. The error does not reveal its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningSecretError {
    #[error("WEBHOOK_SIGNING_SECRET is not of the form whsec_<base64>")]
    Malformed,
    #[error("WEBHOOK_SIGNING_SECRET has {bytes} bytes; at least {MIN_KEY_BYTES} are required")]
    TooShort { bytes: usize },
}

/// Why a delivery must not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("webhook-timestamp is not a number of seconds")]
    Timestamp,
    #[error("webhook-timestamp is more than five minutes from now")]
    Stale,
    #[error("no signature in webhook-signature matches")]
    NoMatch,
}

/// The minimum of Standard Webhooks.
const MIN_KEY_BYTES: usize = 24;

/// Maximum clock difference between sender and receiver, so that a delivery cannot be replayed later. Standard
/// Webhooks demands a limit and names none; its libraries use this one.
const TOLERANCE: Duration = Duration::from_mins(5);

/// Secrets are copied by hand, and some tools omit the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Signer {
    /// Reads a secret of the form `whsec_<base64>`, or several, separated by commas, the newest first.
    pub fn new(secrets: &SecretString) -> Result<Self, SigningSecretError> {
        let secrets = secrets.expose_secret().split(',');
        let keys = secrets.map(read_key).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Also signs with the keys of an older signer.
    #[must_use]
    pub fn and(mut self, older: Self) -> Self {
        self.keys.extend(older.keys);
        self
    }

    /// The value of `webhook-signature`: one signature for each key, separated by spaces.
    pub fn sign(&self, id: &str, timestamp: Timestamp, body: &[u8]) -> String {
        let seconds = timestamp.as_second().to_string();
        let codes = self.macs_of(id, &seconds, body);
        let signatures: Vec<_> = codes
            .map(|code| format!("v1,{}", BASE64.encode(code.finalize().into_bytes())))
            .collect();
        signatures.join(" ")
    }

    /// The three headers of a delivery.
    pub fn headers(
        &self,
        id: &str,
        timestamp: Timestamp,
        body: &[u8],
    ) -> [(&'static str, String); 3] {
        [
            (ID_HEADER, id.to_owned()),
            (TIMESTAMP_HEADER, timestamp.as_second().to_string()),
            (SIGNATURE_HEADER, self.sign(id, timestamp, body)),
        ]
    }

    /// Verifies the three headers of a delivery, as received. One valid signature of several is enough, with any of the
    /// keys: while a sender rotates its secret, it signs with both.
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signatures: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let seconds = timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
        let sent = Timestamp::from_second(seconds).map_err(|_| VerifyError::Timestamp)?;
        if now.duration_since(sent).unsigned_abs() > TOLERANCE {
            return Err(VerifyError::Stale);
        }
        let codes: Vec<_> = signatures
            .split_ascii_whitespace()
            .filter_map(decode)
            .collect();
        let matches = |expected: Hmac<Sha256>| {
            codes
                .iter()
                .any(|code| expected.clone().verify_slice(code).is_ok())
        };
        if self.macs_of(id, timestamp, body).any(matches) {
            Ok(())
        } else {
            Err(VerifyError::NoMatch)
        }
    }

    /// The code of a delivery with each key.
    fn macs_of(
        &self,
        id: &str,
        timestamp: &str,
        body: &[u8],
    ) -> impl Iterator<Item = Hmac<Sha256>> {
        let head = format!("{id}.{timestamp}.");
        self.keys.iter().cloned().map(move |mut code| {
            code.update(head.as_bytes());
            code.update(body);
            code
        })
    }
}

fn read_key(secret: &str) -> Result<Hmac<Sha256>, SigningSecretError> {
    let encoded = secret
        .trim()
        .strip_prefix("whsec_")
        .ok_or(SigningSecretError::Malformed)?;
    let key = BASE64
        .decode(encoded)
        .map_err(|_| SigningSecretError::Malformed)?;
    if key.len() < MIN_KEY_BYTES {
        return Err(SigningSecretError::TooShort { bytes: key.len() });
    }
    Hmac::new_from_slice(&key).map_err(|_| SigningSecretError::Malformed)
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn decode(signature: &str) -> Option<Vec<u8>> {
    BASE64.decode(signature.strip_prefix("v1,")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    /// Computed with Python's hmac module; it is also the example of the Standard Webhooks libraries.
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signer() -> Signer {
        Signer::new(&SECRET.into()).unwrap()
    }

    fn sent() -> Timestamp {
        Timestamp::from_second(1_614_265_330).unwrap()
    }

    #[test]
    fn the_standard_webhooks_example_has_its_known_signature() {
        assert_eq!(signer().sign(ID, sent(), BODY), SIGNATURE);
    }

    #[test]
    fn the_signed_headers_of_a_delivery_verify() {
        let [(_, id), (_, timestamp), (_, signature)] = signer().headers(ID, sent(), BODY);

        assert_eq!(
            signer().verify(&id, &timestamp, &signature, BODY, sent()),
            Ok(())
        );
    }

    #[test]
    fn one_signature_of_several_is_enough() {
        let several = format!("v1a,abc v1,AAAA {SIGNATURE} nonsense");

        assert_eq!(
            signer().verify(ID, "1614265330", &several, BODY, sent()),
            Ok(())
        );
    }

    /// The secret that replaces [`SECRET`].
    const NEWER: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eQ==";

    #[test]
    fn during_a_rotation_a_receiver_with_either_secret_accepts() {
        let rotating = Signer::new(&format!("{NEWER}, {SECRET}").into()).unwrap();
        let joined = Signer::new(&NEWER.into()).unwrap().and(signer());
        let signature = rotating.sign(ID, sent(), BODY);

        assert_eq!(signature.split(' ').count(), 2);
        assert_eq!(signature.split(' ').nth(1), Some(SIGNATURE));
        assert_eq!(joined.sign(ID, sent(), BODY), signature);
        for receiver in [SECRET, NEWER] {
            let receiver = Signer::new(&receiver.into()).unwrap();
            let verified = receiver.verify(ID, "1614265330", &signature, BODY, sent());
            assert_eq!(verified, Ok(()));
        }
    }

    #[test]
    fn a_receiver_with_both_secrets_accepts_either_signature() {
        let receiver = Signer::new(&format!("{NEWER},{SECRET}").into()).unwrap();
        let verify = |signature: &str| receiver.verify(ID, "1614265330", signature, BODY, sent());
        let newer = Signer::new(&NEWER.into()).unwrap();

        assert_eq!(verify(SIGNATURE), Ok(()));
        assert_eq!(verify(&newer.sign(ID, sent(), BODY)), Ok(()));
        assert_eq!(verify("v1,AAAA"), Err(VerifyError::NoMatch));
    }

    #[test]
    fn any_change_breaks_the_signature() {
        let verify = |id, timestamp, signature, body| {
            signer().verify(id, timestamp, signature, body, sent())
        };

        assert_eq!(
            verify("msg_2", "1614265330", SIGNATURE, BODY),
            Err(VerifyError::NoMatch)
        );
        assert_eq!(
            verify(ID, "1614265331", SIGNATURE, BODY),
            Err(VerifyError::NoMatch)
        );
        assert_eq!(
            verify(ID, "1614265330", SIGNATURE, b"{}"),
            Err(VerifyError::NoMatch)
        );
        assert_eq!(
            verify(ID, "1614265330", &SIGNATURE[..20], BODY),
            Err(VerifyError::NoMatch)
        );
        assert_eq!(
            verify(ID, "1614265330", "", BODY),
            Err(VerifyError::NoMatch)
        );
        assert_eq!(
            verify(ID, "yesterday", SIGNATURE, BODY),
            Err(VerifyError::Timestamp)
        );
    }

    #[test]
    fn a_delivery_more_than_five_minutes_off_is_stale() {
        let verify = |now| signer().verify(ID, "1614265330", SIGNATURE, BODY, now);

        assert_eq!(verify(sent() + Duration::from_mins(5)), Ok(()));
        assert_eq!(verify(sent() - Duration::from_mins(5)), Ok(()));
        assert_eq!(
            verify(sent() + Duration::from_secs(301)),
            Err(VerifyError::Stale)
        );
        assert_eq!(
            verify(sent() - Duration::from_secs(301)),
            Err(VerifyError::Stale)
        );
    }

    #[test]
    fn an_invalid_secret_is_reported_without_its_value() {
        let refused = |secret: &str| Signer::new(&secret.into()).unwrap_err().to_string();

        assert_eq!(
            refused("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "WEBHOOK_SIGNING_SECRET is not of the form whsec_<base64>"
        );
        assert_eq!(
            refused("whsec_not base64"),
            "WEBHOOK_SIGNING_SECRET is not of the form whsec_<base64>"
        );
        assert_eq!(
            refused(&format!("{SECRET},")),
            "WEBHOOK_SIGNING_SECRET is not of the form whsec_<base64>"
        );
        assert_eq!(
            refused("whsec_c2hvcnQ="),
            "WEBHOOK_SIGNING_SECRET has 5 bytes; at least 24 are required"
        );
    }

    #[test]
    fn the_base64_padding_of_the_secret_is_optional() {
        let with = Signer::new(&"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eQ==".into()).unwrap();
        let without = Signer::new(&"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eQ".into()).unwrap();

        assert_eq!(with.sign(ID, sent(), BODY), without.sign(ID, sent(), BODY));
    }

    #[test]
    fn debug_output_of_a_signer_hides_its_key() {
        assert_eq!(format!("{:?}", signer()), "Signer { .. }");
    }
}
