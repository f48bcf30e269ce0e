//! One page: its record, and every object that the record names, recomputed from bytes.

use bytes::Bytes;

use super::history::History;
use super::subject::{Subject, VerifyError};
use crate::archive::ArchiveError;
use crate::base::failure::error_chain;
use crate::base::hash::Sha256;
use crate::base::ids::PageId;
use crate::export::audit::Action;
use crate::export::objects::ObjectKey;
use crate::export::page_record::{PageContent, PageObjects, PageRecord, StoredObject};
use crate::export::plan::Slice;
use crate::records::page::{check_index, decode_lines, read_index};

/// Meaning of a missing object that a record names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absence {
    Damage,
    /// The page is superseded, so its objects may have been removed.
    Removed,
}

impl History<'_> {
    /// Returns the page's record after checking it and its objects.
    pub(super) async fn check_page(
        &self,
        page: &PageId,
        slice: Option<&Slice>,
        absence: Absence,
    ) -> Result<PageRecord, VerifyError> {
        let missing = || ArchiveError::Missing(ObjectKey::Record(page).key());
        let record = self.intact_record(page).await?.ok_or_else(missing)?;
        let content = &record.content;
        match &content.objects {
            Some(objects) => {
                self.check_objects(page, content, objects, slice, absence)
                    .await?;
            }
            None => Subject::of(ObjectKey::Record(page)).require(
                content.record_bytes == 0,
                "it counts bytes but names no page object",
            )?,
        }
        self.check_files(page, content, absence).await?;
        self.check_rejects(page, content, absence).await?;
        Ok(record)
    }

    /// Returns the page's record, if there is one, after checking it by itself.
    pub(super) async fn intact_record(
        &self,
        page: &PageId,
    ) -> Result<Option<PageRecord>, VerifyError> {
        let record = self.archive.record(page).await?;
        record
            .iter()
            .try_for_each(|record| self.check_record(page, record))?;
        Ok(record)
    }

    fn check_record(&self, page: &PageId, record: &PageRecord) -> Result<(), VerifyError> {
        let (subject, content, event) = (
            Subject::of(ObjectKey::Record(page)),
            &record.content,
            &record.event,
        );
        subject.same_id(&record.id, page)?;
        subject.event(event, &self.plan, Action::ArchivePage)?;
        subject.details(event, "slice", page.run.slice)?;
        subject.details(event, "run", page.run.run)?;
        subject.details(event, "page", page.page)?;
        subject.details(event, "contentSha256", content.digest())?;
        let retrieved = event.records_retrieved == Some(content.counts.received);
        subject.require(
            retrieved,
            "it differs from its audit event in `recordsRetrieved`",
        )?;
        let counts = content.counts;
        // No page has more; a larger count could overflow the sums.
        let is_plausible = u32::try_from(counts.received).is_ok();
        let sum = [
            counts.archived,
            counts.left_out,
            counts.unchanged,
            counts.rejected,
        ]
        .map(u128::from)
        .iter()
        .sum::<u128>();
        subject.require(
            is_plausible && sum == u128::from(counts.received),
            "its counts do not add up",
        )?;
        let has_objects = content.objects.is_some();
        subject.require(
            has_objects == (counts.archived > 0),
            "it must name objects if and only if it archived records",
        )?;
        let quarantined = content.rejects.len() as u64;
        subject.same(
            "the number of records that it quarantined",
            quarantined,
            counts.rejected,
        )
    }

    async fn check_objects(
        &self,
        page: &PageId,
        content: &PageContent,
        objects: &PageObjects,
        slice: Option<&Slice>,
        absence: Absence,
    ) -> Result<(), VerifyError> {
        let sha256 = objects.page.sha256;
        let object = self
            .read_stored(page, &objects.page, ObjectKey::Page(page, sha256), absence)
            .await?;
        let index = self
            .read_stored(
                page,
                &objects.index,
                ObjectKey::Index(page, sha256),
                absence,
            )
            .await?;
        match (object, index) {
            (Some(object), Some(index)) => {
                self.check_lines(content, objects, &object, &index, slice)
            }
            _ => Ok(()),
        }
    }

    /// The object's bytes, read from the key that it must have, checked against the size and digest in the record.
    async fn read_stored(
        &self,
        page: &PageId,
        stored: &StoredObject,
        name: ObjectKey<'_>,
        absence: Absence,
    ) -> Result<Option<Bytes>, VerifyError> {
        let (record, subject) = (Subject::of(ObjectKey::Record(page)), Subject::of(name));
        record.same(
            "the key of an object that it names",
            &stored.key,
            &subject.key,
        )?;
        let bytes = self
            .archive
            .store()
            .get(&stored.key)
            .await
            .map_err(ArchiveError::from)?;
        match (&bytes, absence) {
            (Some(bytes), _) => {
                subject.same("its size in bytes", bytes.len() as u64, stored.size_bytes)?;
                subject.same_hash("its sha256", Sha256::of(bytes), stored.sha256)?;
            }
            (None, Absence::Removed) => {}
            (None, Absence::Damage) => {
                return Err(subject.damaged("missing, though its page record names it"));
            }
        }
        Ok(bytes)
    }

    fn check_lines(
        &self,
        content: &PageContent,
        objects: &PageObjects,
        object: &[u8],
        index: &[u8],
        slice: Option<&Slice>,
    ) -> Result<(), VerifyError> {
        let (of_object, of_index) = (
            Subject::at(&objects.page.key),
            Subject::at(&objects.index.key),
        );
        let lines = decode_lines(object, content.record_bytes)
            .map_err(|error| of_object.damaged(error_chain(&error)))?;
        of_object.same(
            "its size before compression",
            lines.len() as u64,
            content.record_bytes,
        )?;
        let rules = slice.map(|slice| self.plan.page_rules(slice));
        let membership = rules.and_then(|rules| rules.membership);
        let mut of_other_slices = 0_u64;
        let entries = read_index(index).inspect(|entry| {
            let outside = |start| membership.is_some_and(|interval| !interval.contains(start));
            of_other_slices += u64::from(entry.as_ref().is_ok_and(|entry| outside(entry.start)));
        });
        let counted = check_index(&lines, entries, self.plan.shape(), self.plan.records)
            .map_err(|error| of_index.damaged(error_chain(&error)))?;
        of_object.same("its number of lines", counted, content.counts.archived)?;
        of_object.same(
            "the number of its records that belong to another slice",
            of_other_slices,
            0,
        )
    }

    async fn check_files(
        &self,
        page: &PageId,
        content: &PageContent,
        absence: Absence,
    ) -> Result<(), VerifyError> {
        let digests = content.files.iter().map(|file| file.sha256);
        let is_sorted = digests.is_sorted_by(|one, next| one < next);
        let rule = "the digests of its files are not in order";
        Subject::of(ObjectKey::Record(page)).require(is_sorted, rule)?;
        for file in &content.files {
            let name = ObjectKey::File(page, file.sha256);
            self.read_stored(page, file, name, absence).await?;
        }
        Ok(())
    }

    async fn check_rejects(
        &self,
        page: &PageId,
        content: &PageContent,
        absence: Absence,
    ) -> Result<(), VerifyError> {
        let positions = content.rejects.iter().map(|reject| reject.position);
        let is_sorted = positions.is_sorted_by(|one, next| one < next);
        let rule = "the positions of the records that it quarantined are not in order";
        Subject::of(ObjectKey::Record(page)).require(is_sorted, rule)?;
        for reject in &content.rejects {
            let name = ObjectKey::Reject(page, reject.position, reject.object.sha256);
            self.read_stored(page, &reject.object, name, absence)
                .await?;
        }
        Ok(())
    }
}
