//! The objects that a frame record names, recomputed from bytes.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::super::subject::{Subject, VerifyError};
use super::record::check_frames_of;
use crate::archive::{Archive, ArchiveError, documents};
use crate::base::failure::error_chain;
use crate::base::hash::Sha256;
use crate::export::live::{FrameRecord, QuarantinedFrame, QuarantinedObject};
use crate::export::live_coverage::SealedRecord;
use crate::export::page_record::{PageObjects, StoredObject};
use crate::records::live::{CheckedFrames, FrameLine, check_frames, read_frame_index};
use crate::records::page::decode_lines;

/// Quarantined frames that are read at a time: a record may name a thousand.
const QUARANTINED_AT_ONCE: usize = 8;

/// A frame record, and the bytes of its frame object and its index.
#[derive(Debug)]
pub(super) struct NamedObjects {
    pub(super) sealed: SealedRecord,
    pub(super) record: FrameRecord,
    frames: Option<(Bytes, Bytes)>,
}

impl NamedObjects {
    /// Reads all objects that the record names. Each has the size and the digest in the record; quarantined frames are
    /// checked completely.
    pub(super) async fn read(
        archive: &Archive,
        sealed: SealedRecord,
        record: FrameRecord,
    ) -> Result<Self, VerifyError> {
        let frames = match &record.objects {
            Some(PageObjects { page, index }) => Some(futures::try_join!(
                read_named(archive, page),
                read_named(archive, index)
            )?),
            None => None,
        };
        let texts = record.quarantined.clone().into_iter();
        let checks: Vec<_> = texts
            .map(|text| check_quarantined(archive, &record, text))
            .collect();
        stream::iter(checks)
            .buffered(QUARANTINED_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(Self {
            sealed,
            record,
            frames,
        })
    }

    /// Checks every line, its index entry, and the record's counts. Calls `visit` with each line.
    pub(super) fn check(&self, visit: impl FnMut(&FrameLine<'_>)) -> Result<(), VerifyError> {
        let checked = match (&self.record.objects, &self.frames) {
            (Some(named), Some((object, index))) => check_lines(named, object, index, visit)?,
            _ => CheckedFrames::default(),
        };
        check_frames_of(&self.sealed.key, &self.record, &checked)
    }
}

fn check_lines(
    named: &PageObjects,
    object: &[u8],
    index: &[u8],
    visit: impl FnMut(&FrameLine<'_>),
) -> Result<CheckedFrames, VerifyError> {
    let (of_object, of_index) = (Subject::at(&named.page.key), Subject::at(&named.index.key));
    let lines = decode_lines(object, u64::MAX);
    let lines = lines.map_err(|error| of_object.damaged(error_chain(&error)))?;
    check_frames(&lines, read_frame_index(index), visit).map_err(|mismatch| {
        let subject = if mismatch.is_of_index() {
            of_index
        } else {
            of_object
        };
        subject.damaged(error_chain(&mismatch))
    })
}

async fn read_named(archive: &Archive, named: &StoredObject) -> Result<Bytes, VerifyError> {
    let subject = Subject::at(&named.key);
    let bytes = archive.store().get(&named.key).await;
    let bytes = bytes.map_err(ArchiveError::from)?;
    let bytes =
        bytes.ok_or_else(|| subject.damaged("missing, though its frame record names it"))?;
    subject.same("its size in bytes", bytes.len() as u64, named.size_bytes)?;
    subject.same_hash("its sha256", Sha256::of(&bytes), named.sha256)?;
    Ok(bytes)
}

async fn check_quarantined(
    archive: &Archive,
    record: &FrameRecord,
    text: QuarantinedObject,
) -> Result<(), VerifyError> {
    let bytes = read_named(archive, &text.object).await?;
    let subject = Subject::at(&text.object.key);
    let document: QuarantinedFrame = documents::open(&subject.key, &bytes)?;
    subject.same("its stream", &document.stream, &record.stream)?;
    let is_same = document.reason == text.reason;
    subject.require(is_same, "its reason is not the one in its frame record")
}
