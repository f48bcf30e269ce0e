//! No conversation twice: the ids of all page indexes are compared, in memory that does not grow with the export.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::archive::{Archive, ArchiveError};
use crate::dispatch::DispatchError;
use crate::failure::{Failure, FailureKind};
use crate::hash::Sha256;
use crate::outcome::Content;
use crate::page::read_index;

/// Ids compared at a time: 16 bytes each. Larger exports are read in several passes, each over its share of the ids.
const IDS_PER_PASS: u64 = 1_000_000;
const READS_AT_ONCE: usize = 8;

/// An id that stands in two places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    pub id: String,
    /// The keys of the page indexes that name it.
    pub index_keys: Vec<String>,
}

impl Repeated {
    pub fn failure(&self) -> Failure {
        let message = format!(
            "conversation {} is archived more than once: {}",
            self.id,
            self.index_keys.join(", ")
        );
        Failure::new(FailureKind::RepeatedRecord, message)
    }
}

/// The first id that repeats, if any.
pub async fn find_repeated(
    archive: &Archive,
    content: &Content,
) -> Result<Option<Repeated>, DispatchError> {
    let passes = content.counts.archived.div_ceil(IDS_PER_PASS).max(1);
    for pass in 0..passes {
        let share = |id: &Sha256| id.prefix128() % u128::from(passes) == u128::from(pass);
        // A share differs from the others by chance; what does not fit makes the vector grow.
        let expected = content.counts.archived / passes * 33 / 32;
        let mut seen = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        each_id(archive, content, |_, id| {
            let id = Sha256::of(id);
            if share(&id) {
                seen.push(id.prefix128());
            }
        })
        .await?;
        seen.sort_unstable();
        if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
            return Ok(Some(name(archive, content, pair[0]).await?));
        }
    }
    Ok(None)
}

async fn name(
    archive: &Archive,
    content: &Content,
    digest: u128,
) -> Result<Repeated, DispatchError> {
    let mut repeated = Repeated {
        id: String::new(),
        index_keys: Vec::new(),
    };
    each_id(archive, content, |key, id| {
        if Sha256::of(id).prefix128() == digest {
            id.clone_into(&mut repeated.id);
            repeated.index_keys.push(key.to_owned());
        }
    })
    .await?;
    Ok(repeated)
}

async fn each_id(
    archive: &Archive,
    content: &Content,
    mut visit: impl FnMut(&str, &str),
) -> Result<(), DispatchError> {
    let pages = content.slices.iter().flat_map(|slice| &slice.pages);
    // Collected: a stream over borrowing closures could not move between threads.
    let keys: Vec<String> = pages
        .filter_map(|page| Some(page.objects.as_ref()?.index.key.clone()))
        .collect();
    let read = async |key: String| {
        let bytes = archive
            .store()
            .get(&key)
            .await
            .map_err(ArchiveError::from)?;
        let bytes = bytes.ok_or_else(|| ArchiveError::Missing(key.clone()))?;
        Ok::<_, ArchiveError>((key, bytes))
    };
    let mut indexes = Box::pin(stream::iter(keys).map(read).buffered(READS_AT_ONCE));
    while let Some((key, bytes)) = indexes.try_next().await? {
        for entry in read_index(&bytes) {
            let entry = entry.map_err(|source| DispatchError::Index {
                key: key.clone(),
                source,
            })?;
            visit(&key, &entry.id);
        }
    }
    Ok(())
}
