//! The documents of live capture: the frame record, which commits a batch of frames, and quarantined texts.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{StreamName, WriterId};
use crate::export::audit::Audited;
use crate::export::page_record::{PageObjects, StoredObject};
use crate::records::live::{FrameCounts, Problem};
use crate::records::redaction::Tally;

/// `….record.json`: the frames of a batch count from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameRecord {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    pub writer: WriterId,
    /// Position in the writer's chain, from 1.
    pub sequence: u64,
    /// The writer's record before this one; `None` for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousRecord>,
    /// When the process took the batch.
    pub arrived_at: Timestamp,
    /// Everything that was sent until then is in this record, in an earlier one, or in the time of a recorded gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event_time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_time: Option<Timestamp>,
    /// `None` if every text of the batch is quarantined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<PageObjects>,
    pub counts: FrameCounts,
    /// Number of stored frames by topic template.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub topics: Tally,
    /// Number of redacted values by label.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub redactions: Tally,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<QuarantinedObject>,
}

impl Audited for FrameRecord {}

/// The record before, so that a missing one shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousRecord {
    pub key: String,
    /// Digest of the stored bytes.
    pub sha256: Sha256,
}

/// A text of the batch that is not a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedObject {
    pub reason: Problem,
    #[serde(flatten)]
    pub object: StoredObject,
}

/// `quarantine/….json`. Equal texts give equal bytes, so the document does not say when the text arrived.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedFrame {
    pub format_version: FormatVersion,
    pub stream: StreamName,
    pub reason: Problem,
    /// Size of the text as received.
    pub size_bytes: u64,
    /// The text after redaction; `None` if it is damaged and may hold a list of single words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl fmt::Debug for QuarantinedFrame {
    /// Omits the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuarantinedFrame")
            .field("stream", &self.stream)
            .field("reason", &self.reason)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// The digest in the key of a frame record: that of the frame object, or with quarantined texts a digest of all digests.
/// So two records of one writer and hour have the same key only if they name the same objects.
pub fn content_digest(objects: Option<&PageObjects>, quarantined: &[QuarantinedObject]) -> Sha256 {
    let frames = objects.map_or_else(|| Sha256::of(""), |objects| objects.page.sha256);
    if quarantined.is_empty() {
        return frames;
    }
    let digests = quarantined.iter().map(|text| text.object.sha256);
    let lines: Vec<_> = [frames]
        .into_iter()
        .chain(digests)
        .map(|digest| format!("{digest}\n"))
        .collect();
    Sha256::of(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> StoredObject {
        StoredObject::of(text.to_owned(), text.as_bytes())
    }

    fn quarantined(text: &str) -> QuarantinedObject {
        QuarantinedObject {
            reason: Problem::NotJson,
            object: object(text),
        }
    }

    #[test]
    fn a_frame_record_has_these_fields() {
        let mut tally = Tally::default();
        tally.count("other");
        let record = FrameRecord {
            format_version: FormatVersion,
            stream: StreamName::events(),
            writer: "w".parse().unwrap(),
            sequence: 2,
            previous: Some(PreviousRecord {
                key: "live/before.record.json".to_owned(),
                sha256: Sha256::of("before"),
            }),
            arrived_at: "2026-11-30T10:00:00Z".parse().unwrap(),
            covered_until: Some("2026-11-30T09:59:00Z".parse().unwrap()),
            first_event_time: Some("2026-11-30T09:00:00Z".parse().unwrap()),
            last_event_time: Some("2026-11-30T09:30:00Z".parse().unwrap()),
            objects: Some(PageObjects {
                page: object("page"),
                index: object("index"),
            }),
            counts: FrameCounts::default(),
            topics: tally.clone(),
            redactions: tally,
            quarantined: vec![quarantined("bad")],
        };

        insta::assert_snapshot!(serde_json::to_string(&record).unwrap(), @r#"{"formatVersion":1,"stream":"events","writer":"w","sequence":2,"previous":{"key":"live/before.record.json","sha256":"6db7d803e74f1ffa7d8f5adc0bf95b3e15bf4c8373fffadf546227cc6c6742cb"},"arrivedAt":"2026-11-30T10:00:00Z","coveredUntil":"2026-11-30T09:59:00Z","firstEventTime":"2026-11-30T09:00:00Z","lastEventTime":"2026-11-30T09:30:00Z","objects":{"page":{"key":"page","sizeBytes":4,"sha256":"3660315a9af3df255d8f19ab077e4797822b41488a0e2a04bc6af71213c23274"},"index":{"key":"index","sizeBytes":5,"sha256":"1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6"}},"counts":{"received":0,"stored":0,"repeated":0,"quarantined":0,"otherVersion":0,"otherTopic":0,"timeOfArrival":0,"implausibleTime":0},"topics":{"other":1},"redactions":{"other":1},"quarantined":[{"reason":"notJson","key":"bad","sizeBytes":3,"sha256":"2f05d4b689d270cafb02285f35f44866f7dc8a2d368a3f9d1124373eeab31fb1"}]}"#);
    }

    #[test]
    fn records_of_different_objects_have_different_digests() {
        let frames = |text: &str| PageObjects {
            page: object(text),
            index: object("index"),
        };
        let (one, other) = (frames("one"), frames("other"));
        let digests = [
            content_digest(None, &[]),
            content_digest(Some(&one), &[]),
            content_digest(Some(&other), &[]),
            content_digest(None, &[quarantined("a")]),
            content_digest(Some(&one), &[quarantined("a")]),
            content_digest(Some(&one), &[quarantined("a"), quarantined("b")]),
        ];

        let distinct: std::collections::BTreeSet<_> = digests.into();

        assert_eq!(distinct.len(), digests.len());
        assert_eq!(digests[0], Sha256::of(""));
        assert_eq!(digests[1], one.page.sha256);
    }
}
