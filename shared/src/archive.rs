//! The archive as the handlers see it: typed objects in the store, read and written whole.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attempt::Attempt;
use crate::ids::{ExportId, PageId, RunId};
use crate::message::PageMessage;
use crate::objects::{Name, export_prefix};
use crate::outcome::Manifest;
use crate::page_record::PageRecord;
use crate::plan::ExportPlan;
use crate::run::{RunEnd, RunRecord};
use crate::seal::{self, SealError};
use crate::store::{ArchiveStore, Listed, Object, StoreError, Stored};
use crate::waiting::{Waiting, Waits};

mod cancelling;
mod conversations;
mod deliveries;
mod exports;
mod find;
mod indexes;
mod known;
mod losses;
mod survey;

pub use conversations::Conversations;
pub use deliveries::{Deliveries, Delivery, GIVEN_UP};
pub use find::{Records, Searched, Sought, Version};
pub use known::Earlier;
pub use losses::{Losses, ReplacedRun};
pub use survey::{SliceView, first_message};

/// Typed access to one store.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Arc<dyn ArchiveStore>,
    /// What was read last and never changes: a process mostly serves one export and, beside it, its revisits.
    recent: Arc<Mutex<Recent>>,
}

#[derive(Debug, Default)]
struct Recent {
    plan: Option<Arc<ExportPlan>>,
    attempt: Option<Arc<Attempt>>,
    known: known::RecentlyKnown,
    base: Option<Arc<conversations::Base>>,
}

/// How far an export is.
enum Stage {
    Complete(Box<Manifest>),
    Open,
    /// And not complete.
    Ended,
}

/// Why an object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{key} is not as it was written")]
    Damaged {
        key: String,
        #[source]
        source: SealError,
    },
    /// It would be damage as soon as it is stored.
    #[error("{key} is not written: it could not be read again")]
    Unreadable {
        key: String,
        #[source]
        source: SealError,
    },
    #[error("{key} cannot be read")]
    Page {
        key: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Runs count upwards; anything else would be followed for ever.
    #[error("{0} names a successor that is no later run")]
    Lineage(String),
    #[error("{0} is missing")]
    Missing(String),
    #[error("a queue message cannot be written")]
    Message(#[from] serde_json::Error),
}

impl ArchiveError {
    /// An object whose bytes cannot be read.
    pub(crate) fn page(
        key: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Page {
            key: key.into(),
            source: source.into(),
        }
    }

    /// Whether the store may answer at another try.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    /// Whether an object is there and not as it was written, or missing: no repetition changes that.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::Page { .. } | Self::Lineage(_) | Self::Missing(_)
        )
    }
}

impl Archive {
    pub fn new(store: Arc<dyn ArchiveStore>) -> Self {
        Self {
            store,
            recent: Arc::default(),
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
            .read::<ExportPlan>(Name::Request(id))
            .await?
            .map(Arc::new);
        self.lock().plan.clone_from(&plan);
        Ok(plan)
    }

    /// The plan of an export that must have one.
    pub async fn planned(&self, id: &ExportId) -> Result<Arc<ExportPlan>, ArchiveError> {
        self.plan(id)
            .await?
            .ok_or_else(|| ArchiveError::Missing(Name::Request(id).key()))
    }

    pub async fn attempt(&self, id: &ExportId, attempt: u32) -> Result<Arc<Attempt>, ArchiveError> {
        let same = |known: &Arc<Attempt>| known.export_id == *id && known.attempt == attempt;
        if let Some(known) = self.lock().attempt.clone().filter(same) {
            return Ok(known);
        }
        let name = Name::Attempt(id, attempt);
        let read = self
            .read::<Attempt>(name)
            .await?
            .ok_or_else(|| ArchiveError::Missing(name.key()))?;
        let read = Arc::new(read);
        self.lock().attempt = Some(Arc::clone(&read));
        Ok(read)
    }

    /// The newest attempt; `None` when the export has not got that far.
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
        self.read(Name::Run(run)).await
    }

    pub async fn end(&self, run: &RunId) -> Result<Option<RunEnd>, ArchiveError> {
        self.read(Name::End(run)).await
    }

    pub async fn record(&self, page: &PageId) -> Result<Option<PageRecord>, ArchiveError> {
        self.read(Name::Record(page)).await
    }

    /// Where `message`'s page waits, if it does.
    pub async fn waiting(&self, message: &PageMessage) -> Result<Option<Waiting>, ArchiveError> {
        let waiting: Option<Waiting> = self.read(Name::Waiting(&message.id.run)).await?;
        Ok(waiting.filter(|waiting| waiting.id == message.id))
    }

    /// Since when `message`'s page has waited, for each reason.
    pub async fn waits(&self, message: &PageMessage) -> Result<Waits, ArchiveError> {
        if message.times_parked == 0 {
            return Ok(Waits::new());
        }
        let waiting = self.waiting(message).await?;
        Ok(waiting.map(|waiting| waiting.since).unwrap_or_default())
    }

    /// Whether the export's marker stands: it is not ended, or its end is not announced.
    pub async fn is_open(&self, id: &ExportId) -> Result<bool, ArchiveError> {
        Ok(self.store.get(&Name::Open(id).key()).await?.is_some())
    }

    /// How far an export is that another one goes by.
    async fn stage(&self, id: &ExportId) -> Result<Stage, ArchiveError> {
        // In this order: an export is complete before it is no longer open, and open before its resume is no longer scheduled.
        let goes_on =
            self.is_open(id).await? || self.is_to_be_resumed(id).await? || self.is_open(id).await?;
        let manifest = self.read::<Manifest>(Name::Manifest(id)).await?;
        Ok(match manifest {
            Some(manifest) => Stage::Complete(Box::new(manifest)),
            None if goes_on => Stage::Open,
            None => Stage::Ended,
        })
    }

    /// Whether the newest attempt failed and is to be followed by another one automatically.
    async fn is_to_be_resumed(&self, id: &ExportId) -> Result<bool, ArchiveError> {
        let Some(attempt) = self.newest_attempt(id).await? else {
            return Ok(false);
        };
        let name = Name::Resume(id, attempt.attempt);
        Ok(self.store.get(&name.key()).await?.is_some())
    }

    /// A sealed document, `None` when there is none.
    pub async fn read<T: DeserializeOwned>(
        &self,
        name: Name<'_>,
    ) -> Result<Option<T>, ArchiveError> {
        self.read_key(&name.key()).await
    }

    /// The sealed document under `key`.
    pub async fn read_key<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ArchiveError> {
        let Some(bytes) = self.store.get(key).await? else {
            return Ok(None);
        };
        let damaged = |source| ArchiveError::Damaged {
            key: key.to_owned(),
            source,
        };
        seal::open(&bytes).map(Some).map_err(damaged)
    }

    /// Writes a document unless there is one, and returns the one that is stored: who comes second takes the first one's.
    pub async fn create_or_read<T>(
        &self,
        name: Name<'_>,
        document: T,
    ) -> Result<(T, Stored), ArchiveError>
    where
        T: Serialize + DeserializeOwned,
    {
        match self.store.create(sealed(name, &document)?).await? {
            Stored::Created => Ok((document, Stored::Created)),
            Stored::AlreadyThere => {
                let stored = self
                    .read(name)
                    .await?
                    .ok_or_else(|| ArchiveError::Missing(name.key()))?;
                Ok((stored, Stored::AlreadyThere))
            }
        }
    }

    /// Writes a document whether or not there is one.
    pub async fn replace<T>(&self, name: Name<'_>, document: &T) -> Result<(), ArchiveError>
    where
        T: Serialize + DeserializeOwned,
    {
        Ok(self.store.replace(sealed(name, document)?).await?)
    }

    /// Writes bytes that are a function of their key; that they are there already is as good.
    pub async fn put(&self, name: Name<'_>, body: impl Into<Bytes>) -> Result<(), ArchiveError> {
        self.store.create(name.object(body)).await?;
        Ok(())
    }

    pub async fn delete(&self, name: Name<'_>) -> Result<(), ArchiveError> {
        Ok(self.store.delete(&name.key()).await?)
    }

    /// Everything under a prefix.
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The document as it is stored, read again before anybody has to.
fn sealed<T>(name: Name<'_>, document: &T) -> Result<Object, ArchiveError>
where
    T: Serialize + DeserializeOwned,
{
    let unreadable = |source| ArchiveError::Unreadable {
        key: name.key(),
        source,
    };
    let bytes = seal::seal(document).map_err(unreadable)?;
    let _: T = seal::open(&bytes).map_err(unreadable)?;
    Ok(name.object(bytes))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::store::FolderStore;

    /// It writes what it does not read.
    #[derive(Debug, Deserialize)]
    #[serde(from = "u32")]
    struct Narrow;

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
    async fn a_document_that_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();
        let archive = Archive::new(Arc::new(store));
        let id: ExportId = "a".parse().unwrap();
        let errors = [
            archive.replace(Name::Open(&id), &Narrow).await.unwrap_err(),
            archive
                .create_or_read(Name::Manifest(&id), Narrow)
                .await
                .unwrap_err(),
        ];

        assert!(archive.list_all("").await.unwrap().is_empty());
        assert!(
            errors
                .iter()
                .all(|it| !it.is_transient() && !it.is_damage())
        );
        insta::assert_snapshot!(errors[0], @"open/a is not written: it could not be read again");
    }
}
