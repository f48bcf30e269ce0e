//! The location of an archive: a folder on this machine, or a bucket.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::Archive;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::storage::store::{
    ArchiveStore, ExportLock, FolderError, FolderStore, S3Settings, S3Store, StoreError,
    refuses_overwrites,
};

use crate::problem::{Problem, full_message};
use crate::settings::BucketSettings;

/// How long an S3 call is retried while S3 throttles it or fails. In a function, the queue would redeliver the message.
pub(crate) const S3_RETRY_TIMEOUT: Duration = Duration::from_mins(2);

const LIVE_RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// A location as given to `--out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Bucket {
        bucket: String,
        prefix: Option<String>,
    },
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not name a bucket: write s3://bucket or s3://bucket/prefix")]
pub(crate) struct InvalidBucketName(String);

/// A location that can be read.
#[derive(Clone, Debug)]
pub(crate) enum OpenedPlace {
    Folder { store: FolderStore, root: PathBuf },
    Bucket { store: S3Store, region: String },
}

impl Place {
    pub(crate) fn parse(text: OsString) -> Result<Self, InvalidBucketName> {
        let Some(rest) = text.to_str().and_then(|text| text.strip_prefix("s3://")) else {
            return Ok(Self::Folder(text.into()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_allowed) {
            return Err(InvalidBucketName(text.to_string_lossy().into_owned()));
        }
        Ok(Self::Bucket {
            bucket: bucket.to_owned(),
            prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
        })
    }

    /// Checks that the location can be read, and changes nothing.
    pub(crate) async fn open(&self) -> Result<OpenedPlace, Problem> {
        match self {
            Self::Folder(root) => Ok(OpenedPlace::Folder {
                store: FolderStore::open_for_reading(root)?,
                root: root.clone(),
            }),
            Self::Bucket { bucket, prefix } => open_bucket(bucket, prefix.clone()).await,
        }
    }

    /// Opens an archive; the folder must exist.
    pub(crate) async fn archive(&self) -> Result<Archive, Problem> {
        if let Self::Folder(path) = self
            && !path.is_dir()
        {
            return Err(Problem::refused(format!("{self} is not a folder")));
        }
        Ok(Archive::new(self.open().await?.store()))
    }

    /// The same location, valid from any working directory.
    pub(crate) fn absolute(&self) -> Self {
        match self {
            Self::Folder(path) => {
                Self::Folder(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
            bucket @ Self::Bucket { .. } => bucket.clone(),
        }
    }

    /// The path or URI of a key, for messages.
    pub(crate) fn location_of(&self, key: &str) -> String {
        match self {
            Self::Folder(path) => path.join(key).display().to_string(),
            Self::Bucket { .. } => format!("{self}/{key}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket { bucket, prefix } => {
                let slash = if prefix.is_some() { "/" } else { "" };
                let prefix = prefix.as_deref().unwrap_or_default();
                write!(f, "s3://{bucket}{slash}{prefix}")
            }
        }
    }
}

/// Like `require_conditional_writes`, for the bucket of a deployed stack. A caller without write permission cannot run
/// the test and does not need it: only the functions write.
pub(crate) async fn require_conditional_writes_of_stack(store: &S3Store) -> Result<(), Problem> {
    match ignores_conditions(store).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(Problem::ignores_conditions(store)),
        Err(error) => {
            tracing::info!(error = %full_message(error), "conditional writes could not be tested");
            Ok(())
        }
    }
}

impl Problem {
    fn ignores_conditions(store: &S3Store) -> Self {
        let place = store.uri("");
        Self::refused(format!(
            "the store of {place} ignores conditional writes: a PutObject with If-None-Match overwrites an existing object"
        ))
        .with_hint(
            "exports rely on conditional writes: upgrade the store, or use one that returns 412 for such a request, as AWS S3 does",
        )
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::Folder(path.to_owned())
    }
}

impl OpenedPlace {
    pub(crate) fn store(&self) -> Arc<dyn ArchiveStore> {
        match self {
            Self::Folder { store, .. } => Arc::new(store.clone()),
            Self::Bucket { store, .. } => Arc::new(store.clone()),
        }
    }

    /// The same location, opened for writing; a missing folder is created.
    pub(crate) fn for_writing(self) -> Result<Self, Problem> {
        match self {
            Self::Folder { root, .. } => Ok(Self::Folder {
                store: FolderStore::open(&root)?,
                root,
            }),
            bucket @ Self::Bucket { .. } => Ok(bucket),
        }
    }

    /// The same location with fewer retries of each call: live capture repeats its writes itself, and tells about it.
    pub(crate) fn for_live_capture(self) -> Self {
        match self {
            Self::Bucket { store, region } => Self::Bucket {
                store: store.with_retries_for(LIVE_RETRY_TIMEOUT),
                region,
            },
            folder @ Self::Folder { .. } => folder,
        }
    }

    /// Refuses a bucket whose store overwrites objects despite create-only writes, as some S3-compatible stores do.
    pub(crate) async fn require_conditional_writes(&self) -> Result<(), Problem> {
        let Self::Bucket { store, .. } = self else {
            return Ok(());
        };
        match ignores_conditions(store).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(Problem::ignores_conditions(store)),
            Err(error) => Err(Problem::failed(full_message(error))),
        }
    }

    /// Locks an export in a folder against other processes. A bucket needs no lock: every step that two processes must
    /// not both do is a create-only write.
    pub(crate) fn lock(&self, id: &ExportId) -> Result<Option<ExportLock>, FolderError> {
        match self {
            Self::Folder { store, .. } => store.lock(id.as_str()).map(Some),
            Self::Bucket { .. } => Ok(None),
        }
    }

    /// The region in which conversations would be stored; `None` for a folder.
    pub(crate) fn region(&self) -> Option<String> {
        match self {
            Self::Folder { .. } => None,
            Self::Bucket { region, .. } => Some(region.clone()),
        }
    }
}

/// Whether the store overwrites an object despite a create-only write. Deletes the test object.
async fn ignores_conditions(store: &S3Store) -> Result<bool, StoreError> {
    let id = format!("{:032x}", fastrand::u128(..));
    let probe = ObjectKey::Probe(&id).object(format!("{{\"check\":\"{id}\"}}\n"));
    Ok(!refuses_overwrites(store, probe).await?)
}

/// Opens a bucket. Region and credentials are checked before any request, so that an error names the setting to fix.
async fn open_bucket(bucket: &str, prefix: Option<String>) -> Result<OpenedPlace, Problem> {
    let settings = BucketSettings::from_env()?;
    let clients = settings.aws_clients().await;
    let Some(region) = clients.region().map(str::to_owned) else {
        let message = "AWS_REGION is not set, and no profile names a region";
        return Err(Problem::refused(message).with_hint("set AWS_REGION to the bucket's region"));
    };
    clients.require_credentials().await?;
    let settings = S3Settings {
        bucket: bucket.to_owned(),
        prefix,
        kms_key_id: settings.kms_key_id,
    };
    let store = S3Store::new(clients.s3(), settings).with_retries_for(S3_RETRY_TIMEOUT);
    let bucket_region = store.find_bucket().await?;
    Ok(OpenedPlace::Bucket {
        store,
        region: bucket_region.unwrap_or(region),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<Place, String> {
        Place::parse(text.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_s3_url_is_a_bucket_and_any_other_text_a_folder() {
        let bucket = |prefix: Option<&str>| Place::Bucket {
            bucket: "archive-1".to_owned(),
            prefix: prefix.map(str::to_owned),
        };

        assert_eq!(place("s3://archive-1"), Ok(bucket(None)));
        assert_eq!(place("s3://archive-1/"), Ok(bucket(None)));
        assert_eq!(place("s3://archive-1/a/b/"), Ok(bucket(Some("a/b"))));
        assert_eq!(place("./s3"), Ok(Place::Folder("./s3".into())));
    }

    #[test]
    fn a_place_is_displayed_as_it_was_given() {
        for text in ["s3://archive-1", "s3://archive-1/a/b", "./archive"] {
            assert_eq!(place(text).unwrap().to_string(), text);
        }
        assert_eq!(
            place("s3://archive-1/a").unwrap().location_of("k"),
            "s3://archive-1/a/k"
        );
        assert_eq!(
            place("s3://archive-1").unwrap().location_of("k"),
            "s3://archive-1/k"
        );
    }

    #[test]
    fn an_invalid_bucket_name_is_refused_with_the_expected_form() {
        for text in ["s3://", "s3:///prefix", "s3://Archive", "s3://a b/c"] {
            let error = place(text).unwrap_err();

            assert_eq!(
                error,
                format!("{text} does not name a bucket: write s3://bucket or s3://bucket/prefix")
            );
        }
    }
}
