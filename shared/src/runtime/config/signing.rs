//! Settings of signatures: the key in AWS, further trusted keys, and documents without a signature.

use std::sync::Arc;

use super::Config;
use super::settings::Settings;
use super::table::{SIGNING_KEY_ARN, TRUSTED_PUBLIC_KEYS, UNSIGNED_DOCUMENTS};
use crate::archive::{Signatures, UnsignedDocuments};
use crate::base::signature::PublicKey;
use crate::storage::signing::SigningKey;

/// How the documents of a function are signed and checked.
#[derive(Clone, Debug)]
pub struct SigningConfig {
    pub key_arn: String,
    pub trust: TrustConfig,
}

/// Which documents are followed besides those that are signed with the own key.
#[derive(Clone, Debug, Default)]
pub struct TrustConfig {
    pub keys: Vec<PublicKey>,
    pub unsigned: UnsignedDocuments,
}

impl TrustConfig {
    /// Signs with the key, and follows what these settings permit.
    pub fn signatures(self, key: Arc<dyn SigningKey>) -> Signatures {
        Signatures::with_key(key)
            .and_trusting(self.keys)
            .with_unsigned(self.unsigned)
    }
}

impl Settings<'_> {
    pub(super) fn signing(&self) -> Option<SigningConfig> {
        let key_arn = self.required(&SIGNING_KEY_ARN);
        let trust = self.trust();
        Some(SigningConfig {
            key_arn: key_arn?,
            trust,
        })
    }

    pub fn trust(&self) -> TrustConfig {
        TrustConfig {
            keys: self.trusted_keys(),
            unsigned: self.unsigned_documents(),
        }
    }

    fn trusted_keys(&self) -> Vec<PublicKey> {
        let parse = |text: String| match PublicKey::from_base64(&text) {
            Ok(key) => Some(key),
            Err(error) => {
                let rule = format!("base64 of the DER form of a public key; {error}");
                self.malformed(&TRUSTED_PUBLIC_KEYS, text, rule);
                None
            }
        };
        let texts = self.list(&TRUSTED_PUBLIC_KEYS).into_iter();
        texts.filter_map(parse).collect()
    }

    fn unsigned_documents(&self) -> UnsignedDocuments {
        match self.text(&UNSIGNED_DOCUMENTS).as_str() {
            "refuse" => UnsignedDocuments::Refuse,
            "accept" => UnsignedDocuments::Accept,
            other => {
                self.malformed(&UNSIGNED_DOCUMENTS, other.to_owned(), "refuse or accept");
                UnsignedDocuments::Refuse
            }
        }
    }
}

impl Config for TrustConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        Some(settings.trust())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::signature::LocalKey;
    use crate::runtime::config::ConfigError;

    fn trust(name: &str, value: &str) -> Result<TrustConfig, ConfigError> {
        let lookup = |asked: &str| (asked == name).then(|| value.to_owned());
        let settings = Settings::new(&lookup);
        let trust = settings.trust();
        settings.finish(Some(trust))
    }

    #[test]
    fn documents_without_a_signature_are_refused_unless_accepted() {
        let unsigned = |value| trust("UNSIGNED_DOCUMENTS", value).map(|trust| trust.unsigned);

        assert_eq!(unsigned("").unwrap(), UnsignedDocuments::Refuse);
        assert_eq!(unsigned("accept").unwrap(), UnsignedDocuments::Accept);
        insta::assert_snapshot!(unsigned("yes").unwrap_err(), @"UNSIGNED_DOCUMENTS is `yes`: refuse or accept");
    }

    #[test]
    fn trusted_keys_are_a_list_and_other_texts_are_refused() {
        let keys = [LocalKey::generate(), LocalKey::generate()];
        let list = keys.each_ref().map(|key| key.public_key().to_base64());

        let read = trust("TRUSTED_PUBLIC_KEYS", &list.join(", ")).unwrap();

        assert_eq!(
            read.keys,
            keys.each_ref().map(|key| key.public_key().clone())
        );
        insta::assert_snapshot!(trust("TRUSTED_PUBLIC_KEYS", "abc").unwrap_err(), @"TRUSTED_PUBLIC_KEYS is `abc`: base64 of the DER form of a public key; it is not a key of the curve P-256");
    }
}
