//! The live gaps of a stream.

use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::ids::{ExportId, StreamName};
use crate::base::time::parse_key_time;
use crate::export::live_coverage::{ClosedGap, LiveGap, LiveGapSpan};
use crate::export::objects::{LiveKey, ObjectKey, gaps_prefix};

/// Suffix of a closed gap's key.
const CLOSED_SUFFIX: &str = "-closed.json";

/// The gaps of a stream by their keys, in order. The documents are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveGaps {
    pub open: Vec<LiveGapSpan>,
    pub closed: Vec<LiveGapSpan>,
}

/// Stores a gap. Another process may have stored one of the same span.
pub async fn record(archive: &Archive, gap: LiveGap) -> Result<LiveGap, ArchiveError> {
    let (stream, span) = (gap.stream.clone(), gap.span);
    let name = ObjectKey::Live(LiveKey::Gap(&stream, span));
    Ok(archive.create_or_read(name, gap).await?.0)
}

pub async fn all(archive: &Archive, stream: &StreamName) -> Result<LiveGaps, ArchiveError> {
    let prefix = gaps_prefix(stream);
    let listed = archive.list_all(&prefix).await?;
    let names = listed
        .iter()
        .filter_map(|object| object.key.strip_prefix(&prefix));
    let (mut spans, mut closed) = (Vec::new(), Vec::new());
    for name in names {
        match name.strip_suffix(CLOSED_SUFFIX) {
            Some(name) => closed.extend(parse_span(name)),
            None => spans.extend(name.strip_suffix(".json").and_then(parse_span)),
        }
    }
    spans.retain(|span| !closed.contains(span));
    Ok(LiveGaps {
        open: spans,
        closed,
    })
}

pub async fn read(
    archive: &Archive,
    stream: &StreamName,
    span: LiveGapSpan,
) -> Result<Option<LiveGap>, ArchiveError> {
    archive
        .read(ObjectKey::Live(LiveKey::Gap(stream, span)))
        .await
}

/// The export that closed the gap; `None` while it is open.
pub async fn closing_export(
    archive: &Archive,
    stream: &StreamName,
    span: LiveGapSpan,
) -> Result<Option<ExportId>, ArchiveError> {
    let name = ObjectKey::Live(LiveKey::ClosedGap(stream, span));
    let closed: Option<ClosedGap> = archive.read(name).await?;
    Ok(closed.map(|closed| closed.export_id))
}

fn parse_span(name: &str) -> Option<LiveGapSpan> {
    let (from, until) = name.split_once('-')?;
    let time = |text: &str| -> Option<Timestamp> { parse_key_time(text) };
    Some(LiveGapSpan {
        from: time(from)?,
        until: time(until)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::format::FormatVersion;
    use crate::export::live_coverage::GapReason;
    use crate::storage::store::FolderStore;

    fn gap(from: &str, until: &str) -> LiveGap {
        let moment = |text: &str| format!("2026-11-30T{text}Z").parse().unwrap();
        LiveGap {
            format_version: FormatVersion,
            stream: "queues".parse().unwrap(),
            writer: "w-1".parse().unwrap(),
            span: LiveGapSpan {
                from: moment(from),
                until: moment(until),
            },
            reason: GapReason::Silence,
            code: None,
            recorded_at: moment("23:00:00"),
        }
    }

    #[tokio::test]
    async fn a_gap_is_open_until_its_export_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open_without_sync(folder.path()).unwrap();
        let archive = Archive::new(Arc::new(store));
        let first = gap("10:00:00", "10:01:00.5");
        let second = gap("11:00:00.250", "11:01:00");
        for gap in [&first, &second, &first] {
            record(&archive, gap.clone()).await.unwrap();
        }

        let closed = ClosedGap {
            format_version: FormatVersion,
            stream: first.stream.clone(),
            span: first.span,
            export_id: first.export_id(),
            conversations: 3,
            unheard: 1,
            closed_at: first.recorded_at,
        };
        let name = ObjectKey::Live(LiveKey::ClosedGap(&first.stream, first.span));
        archive.create_or_read(name, closed).await.unwrap();

        let gaps = all(&archive, &first.stream).await.unwrap();
        assert_eq!(gaps.open, [second.span]);
        assert_eq!(gaps.closed, [first.span]);
        let export = |span| closing_export(&archive, &first.stream, span);
        assert_eq!(export(first.span).await.unwrap(), Some(first.export_id()));
        assert_eq!(export(second.span).await.unwrap(), None);
        let read = read(&archive, &first.stream, second.span).await.unwrap();
        assert_eq!(read, Some(second));
    }
}
