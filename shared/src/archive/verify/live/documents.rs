//! Reads the documents that the checks compare.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::super::anchors::{Anchors, SignatureReport};
use super::super::subject::{Subject, VerifyError};
use crate::archive::signatures::SignatureState;
use crate::archive::{Archive, ArchiveError, documents};
use crate::export::objects::ObjectKey;

/// The archive, and what the signatures of the documents read so far prove.
#[derive(Debug)]
pub(super) struct Documents<'a> {
    pub(super) archive: &'a Archive,
    anchors: &'a Anchors,
    pub(super) signatures: SignatureReport,
}

impl<'a> Documents<'a> {
    pub(super) fn new(archive: &'a Archive, anchors: &'a Anchors) -> Self {
        Self {
            archive,
            anchors,
            signatures: SignatureReport::default(),
        }
    }

    pub(super) async fn bytes(&self, key: &str) -> Result<Option<Bytes>, VerifyError> {
        let bytes = self.archive.store().get(key).await;
        Ok(bytes.map_err(ArchiveError::from)?)
    }

    /// Reads a document of a kind that is not signed.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        name: ObjectKey<'_>,
    ) -> Result<Option<T>, VerifyError> {
        Ok(self.archive.read_key(&name.key()).await?)
    }

    /// Reads a document of a kind that is signed, and checks its signature as far as keys are known.
    pub(super) async fn read_signed<T: DeserializeOwned>(
        &mut self,
        name: ObjectKey<'_>,
    ) -> Result<Option<T>, VerifyError> {
        let subject = Subject::of(name);
        let Some(bytes) = self.bytes(&subject.key).await? else {
            return Ok(None);
        };
        let document = documents::open(&subject.key, &bytes)?;
        let state = SignatureState::of(&subject.key, &bytes, &self.anchors.keys)?;
        self.signatures
            .add(&subject, state, self.anchors.required)?;
        Ok(Some(document))
    }
}
