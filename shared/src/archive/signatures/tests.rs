use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::archive::Archive;
use crate::base::ids::{ExportId, StreamName};
use crate::base::signature::LocalKey;
use crate::export::objects::{LiveKey, Object, ObjectKey};
use crate::storage::store::{ArchiveStore, FolderStore};

/// An archive in a folder with a signing key.
struct World {
    store: Arc<FolderStore>,
    key: LocalKey,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Arc::new(FolderStore::open_without_sync(folder.path()).unwrap()),
            key: LocalKey::generate(),
            _folder: folder,
        }
    }

    fn archive(&self) -> Archive {
        self.archive_with(Signatures::with_key(Arc::new(self.key.clone())))
    }

    fn archive_with(&self, signatures: Signatures) -> Archive {
        let store = Arc::clone(&self.store) as Arc<dyn ArchiveStore>;
        Archive::new(store).with_signatures(signatures)
    }

    /// The bytes of a document that the archive signed.
    async fn signed(&self, name: ObjectKey<'_>) -> Vec<u8> {
        let document = json!({"exportId": "a"});
        self.archive().create_or_read(name, document).await.unwrap();
        let bytes = self.store.get(&name.key()).await.unwrap().unwrap();
        self.store.delete(&name.key()).await.unwrap();
        bytes.to_vec()
    }

    async fn plant(&self, name: ObjectKey<'_>, bytes: Vec<u8>) {
        let object: Object = name.object(bytes);
        self.store.create(object).await.unwrap();
    }
}

fn id(text: &str) -> ExportId {
    text.parse().unwrap()
}

async fn read(archive: &Archive, name: ObjectKey<'_>) -> Result<serde_json::Value, ArchiveError> {
    archive.read(name).await.map(Option::unwrap)
}

#[tokio::test]
async fn documents_that_command_or_conclude_are_signed_and_read_again() {
    let (world, id) = (World::new(), id("a"));
    let (stream, day) = (StreamName::events(), "2026-11-30".parse().unwrap());
    let names = [
        ObjectKey::Request(&id),
        ObjectKey::Attempt(&id, 1),
        ObjectKey::Failed(&id, 1),
        ObjectKey::Cancelled(&id),
        ObjectKey::Manifest(&id),
        ObjectKey::Open(&id),
        ObjectKey::EndedBatch(&id),
        ObjectKey::Live(LiveKey::Day(&stream, day)),
    ];

    for name in names {
        let bytes = world.signed(name).await;
        world.plant(name, bytes).await;
        let document = read(&world.archive(), name).await.unwrap();
        let signature = document["signature"].as_str().unwrap();
        assert!(signature.starts_with(&world.key.public_key().id().to_string()));
    }
}

#[tokio::test]
async fn a_document_without_a_signature_is_refused_by_name() {
    let (world, id) = (World::new(), id("a"));
    let name = ObjectKey::Request(&id);
    world
        .plant(name, seal::seal(&json!({"exportId": "a"})).unwrap())
        .await;

    let refused = read(&world.archive(), name).await.unwrap_err();

    assert!(refused.is_untrusted() && !refused.is_transient());
    insta::assert_snapshot!(refused, @"exports/a/request.json has no signature: an earlier version or another program wrote it; set UNSIGNED_DOCUMENTS=accept if only this program can write to the archive");
    let accepting =
        Signatures::with_key(Arc::new(world.key.clone())).with_unsigned(UnsignedDocuments::Accept);
    assert!(read(&world.archive_with(accepting), name).await.is_ok());
}

#[tokio::test]
async fn a_signed_document_is_not_valid_in_another_place() {
    let (world, a, b) = (World::new(), id("a"), id("b"));
    let bytes = world.signed(ObjectKey::Request(&a)).await;
    for name in [
        ObjectKey::Request(&b),
        ObjectKey::Attempt(&a, 1),
        ObjectKey::Manifest(&a),
    ] {
        world.plant(name, bytes.clone()).await;

        let refused = read(&world.archive(), name).await.unwrap_err();

        assert!(matches!(refused, ArchiveError::InvalidSignature(key) if key == name.key()));
    }
}

#[tokio::test]
async fn an_altered_document_with_a_new_seal_is_refused() {
    let (world, id) = (World::new(), id("a"));
    let name = ObjectKey::Manifest(&id);
    let signed: serde_json::Value = seal::open(&world.signed(name).await).unwrap();
    let altered = json!({"exportId": "a", "status": "completed", "signature": signed["signature"]});
    world.plant(name, seal::seal(&altered).unwrap()).await;

    let refused = read(&world.archive(), name).await.unwrap_err();

    assert!(matches!(refused, ArchiveError::InvalidSignature(_)));
}

#[tokio::test]
async fn a_document_of_another_key_is_refused_until_that_is_trusted() {
    let (world, other, id) = (World::new(), World::new(), id("a"));
    let name = ObjectKey::Request(&id);
    world.plant(name, other.signed(name).await).await;

    let refused = read(&world.archive(), name).await.unwrap_err();

    assert!(matches!(&refused, ArchiveError::UntrustedKey { key, .. } if *key == name.key()));
    let trusting = Signatures::with_key(Arc::new(world.key.clone()))
        .and_trusting([other.key.public_key().clone()]);
    assert!(read(&world.archive_with(trusting), name).await.is_ok());
}

#[tokio::test]
async fn nothing_is_written_without_a_key() {
    let (world, id) = (World::new(), id("a"));
    let reading = world.archive_with(Signatures::trusting(Vec::new()));

    let refused = reading
        .create_or_read(ObjectKey::Request(&id), json!({"exportId": "a"}))
        .await
        .unwrap_err();

    assert!(matches!(refused, ArchiveError::NoSigningKey));
    assert!(reading.list_all("").await.unwrap().is_empty());
}
