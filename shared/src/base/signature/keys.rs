//! Keys: a public key as everybody can hold it, and a private key that is kept on this machine.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use secrecy::{ExposeSecret as _, SecretString};

use super::{KeyId, Signature};
use crate::base::hash::Sha256;

/// The DER encoding of a `SubjectPublicKeyInfo` of P-256, up to the point (RFC 5480, section 2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// An uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// A public key of the curve P-256.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; POINT_BYTES],
}

/// A private key of the curve P-256 in this process.
#[derive(Clone)]
pub struct LocalKey {
    pair: Arc<EcdsaKeyPair>,
    public_key: PublicKey,
}

/// Why a key cannot be used. The error does not reveal the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("it is not a public key in PEM form (BEGIN PUBLIC KEY)")]
    NotPublicPem,
    #[error("it is not a public key in PEM form (BEGIN PUBLIC KEY), nor base64 of its DER form")]
    NotPublicText,
    #[error("it is not a private key in PEM form (BEGIN PRIVATE KEY)")]
    NotPrivatePem,
    #[error("it is not a key of the curve P-256")]
    NotP256,
}

impl PublicKey {
    /// From the DER encoding of a `SubjectPublicKeyInfo`, as KMS returns it.
    pub fn from_spki(der: &[u8]) -> Result<Self, InvalidKey> {
        let point = der
            .strip_prefix(&SPKI_PREFIX)
            .and_then(|point| point.try_into().ok())
            .filter(|point: &[u8; POINT_BYTES]| point[0] == 4);
        point.map(|point| Self { point }).ok_or(InvalidKey::NotP256)
    }

    /// From text in PEM form.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes());
        Self::from_spki(&spki.map_err(|_| InvalidKey::NotPublicPem)?)
    }

    /// From the text of a file: the PEM form, or the base64 that `aws kms get-public-key --output text` prints. Line
    /// breaks in the base64 are ignored.
    pub fn from_text(text: &str) -> Result<Self, InvalidKey> {
        if text.contains("-----BEGIN ") {
            return Self::from_pem(text);
        }
        let base64: String = text.split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64);
        Self::from_spki(&der.map_err(|_| InvalidKey::NotPublicText)?)
    }

    /// The text in PEM form.
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki())
    }

    /// The base64 of the DER encoding: the PEM form on one line, without its first and last line.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.spki())
    }

    /// From the text of [`Self::to_base64`].
    pub fn from_base64(text: &str) -> Result<Self, InvalidKey> {
        let der = STANDARD.decode(text);
        Self::from_spki(&der.map_err(|_| InvalidKey::NotP256)?)
    }

    pub fn id(&self) -> KeyId {
        KeyId(Sha256::of(self.spki()).first_64_bits())
    }

    /// Whether the signature was made with the private key, for this message.
    pub fn is_valid(&self, message: &[u8], signature: &Signature) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
        key.verify(message, &signature.der).is_ok()
    }

    fn spki(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.point].concat()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl LocalKey {
    /// A new key that is not kept.
    pub fn generate() -> Self {
        #[expect(clippy::expect_used, reason = "the text was written by this type")]
        Self::from_pem(&Self::generate_pem()).expect("a new key can be read")
    }

    /// The text in PEM form of a new key.
    pub(crate) fn generate_pem() -> SecretString {
        #[expect(
            clippy::expect_used,
            reason = "fails only if the system has no random numbers, without which TLS does not work either"
        )]
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
                .expect("the system has random numbers");
        pem("PRIVATE KEY", pkcs8.as_ref()).into()
    }

    /// From text in PEM form.
    pub fn from_pem(pem: &SecretString) -> Result<Self, InvalidKey> {
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| InvalidKey::NotPrivatePem)?;
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            pkcs8.secret_pkcs8_der(),
            &SystemRandom::new(),
        )
        .map_err(|_| InvalidKey::NotP256)?;
        let point = pair.public_key().as_ref().try_into();
        let point = point.map_err(|_| InvalidKey::NotP256)?;
        Ok(Self {
            pair: Arc::new(pair),
            public_key: PublicKey { point },
        })
    }

    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The signature of the message. Two signatures of one message differ.
    pub fn sign(&self, message: &[u8]) -> Signature {
        #[expect(
            clippy::expect_used,
            reason = "fails only if the system has no random numbers, without which TLS does not work either"
        )]
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message)
            .expect("the system has random numbers");
        Signature {
            key_id: self.public_key.id(),
            der: signature.as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.public_key.id())
    }
}

/// The PEM form (RFC 7468): base64 in lines of 64 characters between two labels.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: String = (0..base64.len())
        .step_by(64)
        .map(|start| &base64[start..base64.len().min(start + 64)])
        .flat_map(|line| [line, "\n"])
        .collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key that OpenSSL wrote: `openssl ecparam -name prime256v1 -genkey | openssl ec -pubout`.
    const OPENSSL: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEebhPd6JOWxf4e11twTNXONbJKI8E\nUBiYIasYMkjyHdyGVSy0Ndii7ELrO8dII+bNlhZEdDF3ZnPuLGldx7Mcog==\n-----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_read_from_the_text_that_was_written() {
        let pem = LocalKey::generate_pem();
        let key = LocalKey::from_pem(&pem).unwrap();
        let public_key = key.public_key();

        let read = PublicKey::from_pem(&public_key.to_pem()).unwrap();

        assert_eq!(read, *public_key);
        assert_eq!(PublicKey::from_base64(&read.to_base64()).unwrap(), read);
        assert!(read.is_valid(b"x", &LocalKey::from_pem(&pem).unwrap().sign(b"x")));
    }

    #[test]
    fn a_public_key_of_openssl_is_read_and_written_unchanged() {
        assert_eq!(PublicKey::from_pem(OPENSSL).unwrap().to_pem(), OPENSSL);
    }

    #[test]
    fn a_file_holds_a_public_key_as_pem_or_as_base64() {
        let key = PublicKey::from_pem(OPENSSL).unwrap();
        let base64 = key.to_base64();
        let folded = format!("{}\n{}\n", &base64[..64], &base64[64..]);
        let commented = format!("# the exporter\n{OPENSSL}");

        for text in [
            OPENSSL,
            &commented,
            &base64,
            &format!("{base64}\r\n"),
            &folded,
        ] {
            assert_eq!(PublicKey::from_text(text), Ok(key.clone()), "{text}");
        }
    }

    #[test]
    fn a_file_without_a_public_key_is_refused() {
        let private = LocalKey::generate_pem();

        for (text, expected) in [
            ("", InvalidKey::NotP256),
            ("no key", InvalidKey::NotPublicText),
            ("bm8ga2V5", InvalidKey::NotP256),
            (private.expose_secret(), InvalidKey::NotPublicPem),
        ] {
            assert_eq!(PublicKey::from_text(text), Err(expected));
        }
    }

    #[test]
    fn other_texts_are_not_keys() {
        let private = LocalKey::generate_pem();
        let public = LocalKey::generate().public_key().to_pem();
        let rsa = pem("PUBLIC KEY", b"0\x0d0\x09\x06\x07*");

        assert_eq!(
            PublicKey::from_pem(private.expose_secret()),
            Err(InvalidKey::NotPublicPem)
        );
        assert_eq!(PublicKey::from_pem(&rsa), Err(InvalidKey::NotP256));
        assert_eq!(
            LocalKey::from_pem(&public.into()).unwrap_err(),
            InvalidKey::NotPrivatePem
        );
        let not_p256 = pem("PRIVATE KEY", b"0\x00").into();
        assert_eq!(
            LocalKey::from_pem(&not_p256).unwrap_err(),
            InvalidKey::NotP256
        );
    }

    #[test]
    fn debug_output_shows_the_id_and_no_key() {
        let key = LocalKey::generate();

        assert_eq!(
            format!("{key:?}"),
            format!("LocalKey({})", key.public_key().id())
        );
    }
}
