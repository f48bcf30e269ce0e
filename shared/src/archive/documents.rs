//! The archive for the handlers: typed access to whole objects in the store.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::audit_log::{self, AuditLog};
use super::error::ArchiveError;
use super::recent::RecentDocuments;
use super::signatures::Signatures;
use crate::base::hash::Sha256;
use crate::base::ids::{ExportId, PageId, RunId};
use crate::base::seal::{self, Unsealed};
use crate::export::attempt::Attempt;
use crate::export::audit::Audited;
use crate::export::message::PageMessage;
use crate::export::objects::{ObjectKey, RECORD_SUFFIX, export_prefix, run_prefix};
use crate::export::outcome::{Manifest, Outcome};
use crate::export::page_record::PageRecord;
use crate::export::plan::ExportPlan;
use crate::export::run::{RunEnd, RunRecord};
use crate::export::waiting::{Waiting, Waits};
use crate::storage::store::{ArchiveStore, Listed, Object, Stored};

/// Typed access to one store.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Arc<dyn ArchiveStore>,
    /// `None`: documents are written without a signature, and signatures are not checked.
    signatures: Option<Arc<Signatures>>,
    /// Receives committed audit events, besides the store.
    audit_log: Option<Arc<dyn AuditLog>>,
    /// Caches of immutable documents: a process mostly serves one export and perhaps its revisits.
    recent: Arc<Mutex<RecentDocuments>>,
}

/// The stage of an export.
pub(crate) enum Stage {
    Complete(Box<Manifest>),
    Open,
    /// Ended without being complete.
    Ended,
}

impl Archive {
    pub fn new(store: Arc<dyn ArchiveStore>) -> Self {
        Self {
            store,
            signatures: None,
            audit_log: None,
            recent: Arc::default(),
        }
    }

    /// The same archive, whose plans, attempts and outcomes are signed when they are written and checked when they are
    /// read.
    #[must_use]
    pub fn with_signatures(self, signatures: Signatures) -> Self {
        Self {
            signatures: Some(Arc::new(signatures)),
            recent: Arc::default(),
            ..self
        }
    }

    /// The same archive, which also writes each committed audit event to `log`.
    #[must_use]
    pub fn with_audit_log(self, log: Arc<dyn AuditLog>) -> Self {
        Self {
            audit_log: Some(log),
            ..self
        }
    }

    pub fn store(&self) -> &dyn ArchiveStore {
        self.store.as_ref()
    }

    pub async fn plan(&self, id: &ExportId) -> Result<Option<Arc<ExportPlan>>, ArchiveError> {
        let known = self
            .lock()
            .plan
            .clone()
            .filter(|plan| plan.export_id == *id);
        if known.is_some() {
            return Ok(known);
        }
        let plan = self
            .read::<ExportPlan>(ObjectKey::Request(id))
            .await?
            .map(Arc::new);
        self.lock().plan.clone_from(&plan);
        Ok(plan)
    }

    /// The plan of an export; an error if there is none.
    pub async fn existing_plan(&self, id: &ExportId) -> Result<Arc<ExportPlan>, ArchiveError> {
        self.plan(id)
            .await?
            .ok_or_else(|| ArchiveError::Missing(ObjectKey::Request(id).key()))
    }

    pub async fn attempt(&self, id: &ExportId, attempt: u32) -> Result<Arc<Attempt>, ArchiveError> {
        let is_requested =
            |known: &Arc<Attempt>| known.export_id == *id && known.attempt == attempt;
        if let Some(known) = self.lock().attempt.clone().filter(is_requested) {
            return Ok(known);
        }
        let name = ObjectKey::Attempt(id, attempt);
        let stored = self
            .read::<Attempt>(name)
            .await?
            .ok_or_else(|| ArchiveError::Missing(name.key()))?;
        let stored = Arc::new(stored);
        self.lock().attempt = Some(Arc::clone(&stored));
        Ok(stored)
    }

    /// The newest attempt; `None` before the first one is created.
    pub async fn newest_attempt(
        &self,
        id: &ExportId,
    ) -> Result<Option<Arc<Attempt>>, ArchiveError> {
        let prefix = format!("{}attempt-", export_prefix(id));
        let listed = self.list_all(&prefix).await?;
        let number = |object: &Listed| {
            let name = object.key.strip_prefix(&prefix)?;
            name.strip_suffix(".json")?.parse().ok()
        };
        match listed.iter().filter_map(number).max() {
            Some(attempt) => self.attempt(id, attempt).await.map(Some),
            None => Ok(None),
        }
    }

    pub async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, ArchiveError> {
        self.read(ObjectKey::Run(run)).await
    }

    pub async fn end(&self, run: &RunId) -> Result<Option<RunEnd>, ArchiveError> {
        self.read(ObjectKey::End(run)).await
    }

    pub async fn record(&self, page: &PageId) -> Result<Option<PageRecord>, ArchiveError> {
        self.read(ObjectKey::Record(page)).await
    }

    pub async fn existing_record(&self, page: &PageId) -> Result<PageRecord, ArchiveError> {
        self.record(page)
            .await?
            .ok_or_else(|| ArchiveError::Missing(ObjectKey::Record(page).key()))
    }

    /// The last page that the run itself committed. Memory use does not depend on the number of pages.
    pub async fn newest_record(&self, run: &RunId) -> Result<Option<PageRecord>, ArchiveError> {
        let prefix = format!("{}page-", run_prefix(run));
        let (mut newest, mut after) = (None, None);
        loop {
            let listing = self.store().list(&prefix, after.as_deref()).await?;
            after = listing.objects.last().map(|object| object.key.clone());
            let is_record = |object: &Listed| object.key.ends_with(RECORD_SUFFIX);
            newest = listing.objects.into_iter().rfind(is_record).or(newest);
            if !listing.truncated {
                break;
            }
        }
        match newest {
            Some(object) => self.read_key(&object.key).await,
            None => Ok(None),
        }
    }

    /// The waiting record of the page in `message`, if there is one.
    pub async fn waiting(&self, message: &PageMessage) -> Result<Option<Waiting>, ArchiveError> {
        let waiting: Option<Waiting> = self.read(ObjectKey::Waiting(&message.id.run)).await?;
        Ok(waiting.filter(|waiting| waiting.id == message.id))
    }

    /// The start of the wait of the page in `message`, for each reason.
    pub async fn waits(&self, message: &PageMessage) -> Result<Waits, ArchiveError> {
        if message.times_parked == 0 {
            return Ok(Waits::new());
        }
        let waiting = self.waiting(message).await?;
        Ok(waiting.map(|waiting| waiting.since).unwrap_or_default())
    }

    /// Whether the export's marker exists: the export has not ended, or its end is not announced yet.
    pub async fn is_open(&self, id: &ExportId) -> Result<bool, ArchiveError> {
        Ok(self.store.get(&ObjectKey::Open(id).key()).await?.is_some())
    }

    /// The stage of an export that another export depends on.
    pub(crate) async fn stage(&self, id: &ExportId) -> Result<Stage, ArchiveError> {
        // The order of these reads matters: an export becomes complete before its marker is removed, and is marked open
        // before its scheduled resume is deleted.
        let is_unfinished =
            self.is_open(id).await? || self.is_to_be_resumed(id).await? || self.is_open(id).await?;
        let manifest = self.read::<Manifest>(ObjectKey::Manifest(id)).await?;
        Ok(match manifest {
            Some(manifest) => Stage::Complete(Box::new(manifest)),
            None if is_unfinished => Stage::Open,
            None => Stage::Ended,
        })
    }

    /// Whether the newest attempt failed and an automatic resume is scheduled.
    async fn is_to_be_resumed(&self, id: &ExportId) -> Result<bool, ArchiveError> {
        let Some(attempt) = self.newest_attempt(id).await? else {
            return Ok(false);
        };
        let name = ObjectKey::Resume(id, attempt.attempt);
        Ok(self.store.get(&name.key()).await?.is_some())
    }

    /// Reads a sealed document and checks its signature if its kind is signed; `None` if it does not exist.
    pub async fn read<T: DeserializeOwned>(
        &self,
        name: ObjectKey<'_>,
    ) -> Result<Option<T>, ArchiveError> {
        if name.is_signed() {
            let document = self.read_signed(&name.key()).await?;
            return Ok(document.map(|(document, _)| document));
        }
        self.read_key(&name.key()).await
    }

    /// Reads the outcome with this key, and the digest of the stored bytes; an error if there is none.
    pub async fn outcome_with_digest(&self, key: &str) -> Result<(Outcome, Sha256), ArchiveError> {
        match self.read_signed(key).await? {
            Some((outcome, bytes)) => Ok((outcome, Sha256::of(&bytes))),
            None => Err(ArchiveError::Missing(key.to_owned())),
        }
    }

    /// Reads a document of a kind that is signed, and the stored bytes.
    pub(super) async fn read_signed<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(T, Bytes)>, ArchiveError> {
        let Some(bytes) = self.store.get(key).await? else {
            return Ok(None);
        };
        if let Some(signatures) = &self.signatures {
            signatures.check(key, &bytes).await?;
        }
        Ok(Some((open(key, &bytes)?, bytes)))
    }

    /// Reads the sealed document of a kind that is not signed; `None` if it does not exist.
    pub async fn read_key<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ArchiveError> {
        let Some(bytes) = self.store.get(key).await? else {
            return Ok(None);
        };
        open(key, &bytes).map(Some)
    }

    /// Creates the document, or returns the existing one (first writer wins). Either way its audit event, if it has one,
    /// goes to the audit log: the process that created it may have died before.
    pub async fn create_or_read<T>(
        &self,
        name: ObjectKey<'_>,
        document: T,
    ) -> Result<(T, Stored), ArchiveError>
    where
        T: Serialize + DeserializeOwned + Audited,
    {
        let stored = self
            .store
            .create(self.sealed(name, &document).await?)
            .await?;
        let document = match stored {
            Stored::Created => document,
            Stored::AlreadyExists => self
                .read(name)
                .await?
                .ok_or_else(|| ArchiveError::Missing(name.key()))?,
        };
        if let Some(log) = &self.audit_log
            && let Some(line) = audit_log::line(&document)
        {
            log.write_line(&line);
        }
        Ok((document, stored))
    }

    /// Creates or overwrites the document.
    pub async fn replace<T>(&self, name: ObjectKey<'_>, document: &T) -> Result<(), ArchiveError>
    where
        T: Serialize + DeserializeOwned,
    {
        Ok(self
            .store
            .replace(self.sealed(name, document).await?)
            .await?)
    }

    /// Creates an object whose bytes are a function of its key. Succeeds if it exists already.
    pub async fn put(
        &self,
        name: ObjectKey<'_>,
        body: impl Into<Bytes>,
    ) -> Result<(), ArchiveError> {
        self.store.create(name.object(body)).await?;
        Ok(())
    }

    pub async fn delete(&self, name: ObjectKey<'_>) -> Result<(), ArchiveError> {
        Ok(self.store.delete(&name.key()).await?)
    }

    /// Lists all objects with the prefix.
    pub async fn list_all(&self, prefix: &str) -> Result<Vec<Listed>, ArchiveError> {
        let mut all: Vec<Listed> = Vec::new();
        loop {
            let after = all.last().map(|object| object.key.clone());
            let listing = self.store.list(prefix, after.as_deref()).await?;
            all.extend(listing.objects);
            if !listing.truncated {
                return Ok(all);
            }
        }
    }

    /// The names of the folders directly below the prefix, in ascending order. Costs one listing per folder.
    pub(super) async fn folders(&self, prefix: &str) -> Result<Vec<String>, ArchiveError> {
        let (mut names, mut after) = (Vec::new(), None::<String>);
        loop {
            let listing = self.store.list(prefix, after.as_deref()).await?;
            let Some(first) = listing.objects.first() else {
                return Ok(names);
            };
            let name = first.key.strip_prefix(prefix).unwrap_or_default();
            let name = name.split('/').next().unwrap_or_default().to_owned();
            // Continues the listing after all keys with this name and a slash: `0` is the character after `/`.
            after = Some(format!("{prefix}{name}0"));
            names.push(name);
        }
    }

    /// The document as an object, signed if its kind is. Parses it again first, so that no unreadable document is
    /// stored.
    pub(super) async fn sealed<T>(
        &self,
        name: ObjectKey<'_>,
        document: &T,
    ) -> Result<Object, ArchiveError>
    where
        T: Serialize + DeserializeOwned,
    {
        let unreadable = |source| ArchiveError::Unreadable {
            key: name.key(),
            source,
        };
        let unsealed = Unsealed::new(document).map_err(unreadable)?;
        let unsealed = match &self.signatures {
            Some(signatures) if name.is_signed() => signatures.sign(&name.key(), unsealed).await?,
            _ => unsealed,
        };
        let bytes = unsealed.seal();
        let _: T = seal::open(&bytes).map_err(unreadable)?;
        Ok(name.object(bytes))
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, RecentDocuments> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the sealed document with this key.
pub(super) fn open<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, ArchiveError> {
    let damaged = |source| ArchiveError::Damaged {
        key: key.to_owned(),
        source,
    };
    seal::open(bytes).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::storage::store::FolderStore;

    /// Serializes to something that it cannot deserialize.
    #[derive(Debug, Deserialize)]
    #[serde(from = "u32")]
    struct Narrow;

    impl Audited for Narrow {}

    impl From<u32> for Narrow {
        fn from(_: u32) -> Self {
            Self
        }
    }

    impl Serialize for Narrow {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([("count", 7)])
        }
    }

    #[tokio::test]
    async fn a_document_that_would_not_deserialize_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();
        let archive = Archive::new(Arc::new(store));
        let id: ExportId = "a".parse().unwrap();
        let errors = [
            archive
                .replace(ObjectKey::Open(&id), &Narrow)
                .await
                .unwrap_err(),
            archive
                .create_or_read(ObjectKey::Manifest(&id), Narrow)
                .await
                .unwrap_err(),
        ];

        assert!(archive.list_all("").await.unwrap().is_empty());
        assert!(
            errors
                .iter()
                .all(|it| !it.is_transient() && !it.is_damage())
        );
        insta::assert_snapshot!(errors[0], @"open/a was not written: it could not be parsed back");
    }
}
