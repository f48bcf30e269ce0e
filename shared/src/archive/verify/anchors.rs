//! Comparison with what is known from outside the archive: public keys, and the manifest's digest.
//!
//! Everything in an archive can be rewritten consistently by someone who can write to it, but not signed with a key that
//! they do not have.

use std::collections::BTreeSet;

use serde::Serialize;

use super::history::History;
use super::subject::{INVALID_SIGNATURE, Subject, UNSIGNED, VerifyError, unknown_key};
use crate::archive::ArchiveError;
use crate::archive::signatures::SignatureState;
use crate::base::hash::Sha256;
use crate::base::signature::{KeyId, PublicKey};
use crate::export::objects::ObjectKey;
use crate::records::page::is_zero;

/// What the caller knows from outside the archive.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Keys that are trusted to sign.
    pub keys: Vec<PublicKey>,
    pub required: RequiredSignatures,
    /// The digest of `manifest.json`, from the webhook.
    pub manifest_sha256: Option<Sha256>,
}

/// Which documents must have a valid signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequiredSignatures {
    /// None; signatures of a known key must be valid.
    #[default]
    None,
    /// Every document of a signed kind.
    All,
}

/// The signatures of an export's documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureReport {
    /// Documents with a valid signature.
    pub valid: u64,
    /// The keys of these.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<KeyId>,
    /// Documents that are signed with a key that is not known here.
    #[serde(skip_serializing_if = "is_zero")]
    pub unchecked: u64,
    /// Documents without a signature, of earlier versions.
    #[serde(skip_serializing_if = "is_zero")]
    pub unsigned: u64,
}

impl History<'_> {
    /// Checks plan, attempts, outcomes, and a request to cancel or a marker that is left.
    pub(super) async fn check_anchors(
        &self,
        anchors: &Anchors,
    ) -> Result<SignatureReport, VerifyError> {
        let mut report = SignatureReport::default();
        for name in self.signed_documents() {
            let key = name.key();
            let Some(bytes) = self
                .archive
                .store()
                .get(&key)
                .await
                .map_err(ArchiveError::from)?
            else {
                continue;
            };
            let state = SignatureState::of(&key, &bytes, &anchors.keys)?;
            report.add(&Subject::at(key), state, anchors.required)?;
            if matches!(name, ObjectKey::Manifest(_)) {
                check_digest(&Subject::of(name), &bytes, anchors.manifest_sha256)?;
            }
        }
        Ok(report)
    }

    fn signed_documents(&self) -> Vec<ObjectKey<'_>> {
        let id = self.id();
        let numbers = || self.attempts.iter().map(|attempt| attempt.attempt);
        [
            ObjectKey::Manifest(id),
            ObjectKey::Request(id),
            ObjectKey::Cancelled(id),
            ObjectKey::Cancel(id),
            ObjectKey::Open(id),
        ]
        .into_iter()
        .chain(numbers().map(|number| ObjectKey::Attempt(id, number)))
        .chain(numbers().map(|number| ObjectKey::Failed(id, number)))
        .collect()
    }
}

impl SignatureReport {
    pub(super) fn add(
        &mut self,
        subject: &Subject,
        state: SignatureState,
        required: RequiredSignatures,
    ) -> Result<(), VerifyError> {
        match (state, required) {
            (SignatureState::Valid(key), _) => {
                self.valid += 1;
                self.keys.insert(key);
            }
            (SignatureState::Invalid, _) => return Err(subject.damaged(INVALID_SIGNATURE)),
            (SignatureState::UnknownKey(_), RequiredSignatures::None) => self.unchecked += 1,
            (SignatureState::UnknownKey(key), RequiredSignatures::All) => {
                return Err(subject.damaged(unknown_key(key)));
            }
            (SignatureState::Missing, RequiredSignatures::None) => self.unsigned += 1,
            (SignatureState::Missing, RequiredSignatures::All) => {
                return Err(subject.damaged(UNSIGNED));
            }
        }
        Ok(())
    }
}

fn check_digest(
    manifest: &Subject,
    bytes: &[u8],
    expected: Option<Sha256>,
) -> Result<(), VerifyError> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let found = Sha256::of(bytes);
    let rule = format_args!("its SHA-256 is {found}, and the given one is {expected}");
    manifest.require(found == expected, rule)
}
