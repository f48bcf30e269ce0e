//! The epochs of a stream: each process that takes the stream begins a new one, and the process of an earlier one ends.

use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::failure::error_chain;
use crate::base::format::FormatVersion;
use crate::base::ids::{StreamName, WriterId};
use crate::export::live_coverage::{EndedEpoch, Epoch};
use crate::export::objects::{LiveKey, ObjectKey, epochs_prefix};

/// The number of the newest epoch; 0 if no process has held the stream.
pub async fn newest(archive: &Archive, stream: &StreamName) -> Result<u64, ArchiveError> {
    let prefix = epochs_prefix(stream);
    let listed = archive.list_all(&prefix).await?;
    let number = |key: &str| {
        key.strip_prefix(&prefix)?
            .strip_suffix(".json")?
            .parse()
            .ok()
    };
    let numbers = listed.iter().filter_map(|object| number(&object.key));
    Ok(numbers.max().unwrap_or(0))
}

/// Begins the next epoch. `writer` is an id that no other process has. A process that loses the race for a number takes
/// the one after it.
pub async fn begin(
    archive: &Archive,
    stream: &StreamName,
    writer: &WriterId,
    now: Timestamp,
) -> Result<Epoch, ArchiveError> {
    let newest = newest(archive, stream).await?;
    // An earlier attempt of this call may have begun it.
    if let Some(epoch) = read(archive, stream, newest).await?
        && epoch.writer == *writer
    {
        return Ok(epoch);
    }
    let mut number = newest + 1;
    loop {
        let epoch = Epoch {
            format_version: FormatVersion,
            stream: stream.clone(),
            epoch: number,
            writer: writer.clone(),
            started_at: now,
        };
        let name = ObjectKey::Live(LiveKey::Epoch(stream, number));
        let (stored, _) = archive.create_or_read(name, epoch).await?;
        // The store may have repeated a write whose response was lost.
        if stored.writer == *writer {
            return Ok(stored);
        }
        number += 1;
    }
}

/// The epoch; `None` if it has not begun, and for a damaged document.
pub async fn read(
    archive: &Archive,
    stream: &StreamName,
    epoch: u64,
) -> Result<Option<Epoch>, ArchiveError> {
    usable(
        archive
            .read(ObjectKey::Live(LiveKey::Epoch(stream, epoch)))
            .await,
    )
}

/// A damaged document proves nothing, and stops nobody.
fn usable<T>(read: Result<Option<T>, ArchiveError>) -> Result<Option<T>, ArchiveError> {
    match read {
        Err(error) if error.is_damage() => {
            tracing::error!(
                error = error_chain(&error),
                "damaged document of an epoch ignored"
            );
            Ok(None)
        }
        read => read,
    }
}

/// Whether a later epoch has begun: another process holds the stream.
pub async fn is_superseded(archive: &Archive, epoch: &Epoch) -> Result<bool, ArchiveError> {
    let next = LiveKey::Epoch(&epoch.stream, epoch.epoch + 1);
    let next = archive.store().get(&ObjectKey::Live(next).key()).await?;
    Ok(next.is_some())
}

/// Records that the process of the epoch has ended in order, and until when the stream is covered.
pub async fn end(
    archive: &Archive,
    epoch: &Epoch,
    covered_until: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let ended = EndedEpoch {
        format_version: FormatVersion,
        stream: epoch.stream.clone(),
        epoch: epoch.epoch,
        writer: epoch.writer.clone(),
        covered_until,
        ended_at: now,
    };
    let name = LiveKey::EndedEpoch(&epoch.stream, epoch.epoch);
    archive.create_or_read(ObjectKey::Live(name), ended).await?;
    Ok(())
}

/// The end of the epoch; `None` while its process runs, if it was killed, and for a damaged document.
pub async fn ended(
    archive: &Archive,
    stream: &StreamName,
    epoch: u64,
) -> Result<Option<EndedEpoch>, ArchiveError> {
    let name = LiveKey::EndedEpoch(stream, epoch);
    usable(archive.read(ObjectKey::Live(name)).await)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::storage::store::FolderStore;

    #[tokio::test]
    async fn each_process_begins_an_epoch_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();
        let archive = Archive::new(Arc::new(store));
        let stream: StreamName = "queues".parse().unwrap();
        let writers = ["w-1", "w-2", "w-3"].map(|id| id.parse::<WriterId>().unwrap());
        let now = "2026-11-30T10:00:00Z".parse().unwrap();

        let first = begin(&archive, &stream, &writers[0], now).await.unwrap();
        assert!(!is_superseded(&archive, &first).await.unwrap());
        let (second, third) = tokio::join!(
            begin(&archive, &stream, &writers[1], now),
            begin(&archive, &stream, &writers[2], now)
        );
        let mut later = [second.unwrap().epoch, third.unwrap().epoch];
        later.sort_unstable();

        assert_eq!((first.epoch, later), (1, [2, 3]));
        assert_eq!(newest(&archive, &stream).await.unwrap(), 3);
        assert!(is_superseded(&archive, &first).await.unwrap());

        assert_eq!(ended(&archive, &stream, 1).await.unwrap(), None);
        end(&archive, &first, Some(now), now).await.unwrap();
        let ended = ended(&archive, &stream, 1).await.unwrap().unwrap();
        assert_eq!(ended.covered_until, Some(now));
        assert_eq!(newest(&archive, &stream).await.unwrap(), 3);
    }
}
