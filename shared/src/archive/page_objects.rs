//! Reads page objects and page indexes, those of a whole export in parallel. Each is compared with the digest in its page
//! record or in the manifest.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};

use super::{Archive, ArchiveError};
use crate::base::hash::Sha256;
use crate::export::outcome::Content;
use crate::export::page_record::StoredObject;
use crate::records::page::page_text;

/// Objects in memory at a time.
pub(super) const READS_AT_ONCE: usize = 8;

/// Each page index with its key, in page order.
pub fn indexes<'a>(
    archive: &'a Archive,
    content: &Content,
) -> BoxStream<'a, Result<(String, Bytes), ArchiveError>> {
    let pages = content.slices.iter().flat_map(|slice| &slice.pages);
    // Collected, because a stream over borrowing closures is not `Send`.
    let indexes: Vec<StoredObject> = pages
        .filter_map(|page| Some(page.objects.as_ref()?.index.clone()))
        .collect();
    let read = move |index: StoredObject| async move {
        let bytes = read(archive, &index).await?;
        Ok((index.key, bytes))
    };
    stream::iter(indexes)
        .map(read)
        .buffered(READS_AT_ONCE)
        .boxed()
}

/// The lines of a page.
pub async fn lines(archive: &Archive, page: &StoredObject) -> Result<String, ArchiveError> {
    let object = read(archive, page).await?;
    page_text(&object).map_err(|error| ArchiveError::page(&page.key, error))
}

/// Reads an object; an error if it does not exist or is not the one that was stored.
pub(crate) async fn read(archive: &Archive, stored: &StoredObject) -> Result<Bytes, ArchiveError> {
    let key = &stored.key;
    let Some(bytes) = archive.store().get(key).await? else {
        return Err(ArchiveError::Missing(key.clone()));
    };
    if Sha256::of(&bytes) != stored.sha256 {
        return Err(ArchiveError::page(key, "its sha256 does not match"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::storage::store::{ArchiveStore, FolderStore, Object};

    #[tokio::test]
    async fn an_object_that_was_replaced_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn ArchiveStore> =
            Arc::new(FolderStore::open_without_sync(folder.path()).unwrap());
        let archive = Archive::new(store);
        let object = Object {
            key: "page.index.gz".to_owned(),
            body: Bytes::from_static(b"replaced"),
            content_type: "application/x-ndjson",
            content_encoding: None,
        };
        let stored = |text: &str| StoredObject {
            key: object.key.clone(),
            size_bytes: 8,
            sha256: Sha256::of(text),
        };
        let (original, replaced) = (stored("original"), stored("replaced"));
        archive.store().replace(object).await.unwrap();

        let error = read(&archive, &original).await.unwrap_err();

        assert!(error.is_damage(), "{error}");
        assert!(read(&archive, &replaced).await.is_ok());
    }
}
