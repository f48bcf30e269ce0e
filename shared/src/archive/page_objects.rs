//! Reads page objects and page indexes, those of a whole export in parallel.

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};

use super::{Archive, ArchiveError};
use crate::export::outcome::Content;
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
    let keys: Vec<String> = pages
        .filter_map(|page| Some(page.objects.as_ref()?.index.key.clone()))
        .collect();
    let read = move |key: String| async move {
        let object = read(archive, &key).await?;
        Ok((key, object))
    };
    stream::iter(keys).map(read).buffered(READS_AT_ONCE).boxed()
}

/// The lines of a page.
pub async fn lines(archive: &Archive, key: &str) -> Result<String, ArchiveError> {
    let object = read(archive, key).await?;
    page_text(&object).map_err(|error| ArchiveError::page(key, error))
}

/// Reads an object; an error if it does not exist.
pub(crate) async fn read(archive: &Archive, key: &str) -> Result<Bytes, ArchiveError> {
    let object = archive.store().get(key).await?;
    object.ok_or_else(|| ArchiveError::Missing(key.to_owned()))
}
