//! The signing key of a world, and the use that each function may make of it.

use std::sync::Arc;

use conversation_archive::archive::verify::{Anchors, RequiredSignatures};
use conversation_archive::archive::{Archive, Signatures, UnsignedDocuments};
use conversation_archive::base::signature::LocalKey;
use conversation_archive::storage::store::ArchiveStore;

use crate::rights::Rights;

/// How the functions of a world sign and check documents.
#[derive(Clone, Debug)]
pub struct Signing {
    pub key: LocalKey,
    pub unsigned: UnsignedDocuments,
}

impl Signing {
    pub(crate) fn with_new_key() -> Self {
        Self {
            key: LocalKey::generate(),
            unsigned: UnsignedDocuments::Refuse,
        }
    }

    /// The archive in the store, for reading and writing everything.
    pub(crate) fn archive(&self, store: Arc<dyn ArchiveStore>) -> Archive {
        self.signing(store, Signatures::with_key(Arc::new(self.key.clone())))
    }

    /// What verification requires: every document is signed with the key, if none of an earlier version is accepted.
    pub fn anchors(&self) -> Anchors {
        Anchors {
            keys: vec![self.key.public_key().clone()],
            required: match self.unsigned {
                UnsignedDocuments::Refuse => RequiredSignatures::All,
                UnsignedDocuments::Accept => RequiredSignatures::None,
            },
            manifest_sha256: None,
        }
    }

    /// The archive as the function has it: it signs if its role may, and knows the public key if its role may read it.
    pub(crate) fn archive_of_function(
        &self,
        store: Arc<dyn ArchiveStore>,
        function: &str,
    ) -> Archive {
        let rights = Rights::of_template();
        if rights.allow_key_use(function, "kms:Sign") {
            return self.archive(store);
        }
        let known = rights.allow_key_use(function, "kms:GetPublicKey");
        let keys = known.then(|| self.key.public_key().clone());
        self.signing(store, Signatures::trusting(keys.into_iter().collect()))
    }

    fn signing(&self, store: Arc<dyn ArchiveStore>, signatures: Signatures) -> Archive {
        Archive::new(store).with_signatures(signatures.with_unsigned(self.unsigned))
    }
}
