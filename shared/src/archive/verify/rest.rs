//! All other objects under the export's prefix: superseded pages, orphans, and documents that no other document refers
//! to.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use super::chain::ExpectedStart;
use super::history::{History, required};
use super::keys::{Kind, kind};
use super::page::Absence;
use super::subject::{Subject, VerifyError};
use crate::archive::ArchiveError;
use crate::base::hash::Sha256;
use crate::base::ids::PageId;
use crate::export::objects::{ObjectKey, export_prefix};
use crate::export::outcome::PageEntry;
use crate::export::page_record::{NextStep, PageObjects, PageRecord};
use crate::export::run::{Origin, RunRecord};

const READS_AT_ONCE: usize = 8;

/// Objects that are not part of the export.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) orphans: Vec<String>,
    pub(super) superseded: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum ObjectState {
    InPlace,
    Orphan,
    Superseded,
}

/// The part of a dead letter that its key is derived from.
#[derive(Deserialize)]
struct DeadLetterBody {
    body: String,
}

impl History<'_> {
    /// Checks every key under the export's prefix, one listing at a time.
    pub(super) async fn check_rest(&self) -> Result<Rest, VerifyError> {
        let prefix = export_prefix(self.id());
        let mut rest = Rest::default();
        let mut after: Option<String> = None;
        loop {
            let listing = self.archive.store().list(&prefix, after.as_deref()).await;
            let listing = listing.map_err(ArchiveError::from)?;
            after = listing.objects.last().map(|object| object.key.clone());
            let state_of =
                async |key: String| Ok::<_, VerifyError>((self.state_of(&key).await?, key));
            let keys = listing.objects.into_iter().map(|object| object.key);
            let mut states = Box::pin(stream::iter(keys).map(state_of).buffered(READS_AT_ONCE));
            while let Some((state, key)) = states.try_next().await? {
                match state {
                    ObjectState::InPlace => {}
                    ObjectState::Orphan => rest.orphans.push(key),
                    ObjectState::Superseded => rest.superseded.push(key),
                }
            }
            if !listing.truncated {
                return Ok(rest);
            }
        }
    }

    async fn state_of(&self, key: &str) -> Result<ObjectState, VerifyError> {
        match kind(self.id(), key) {
            None => return Ok(ObjectState::Orphan),
            Some(Kind::Record(page)) => return self.state_of_record(&page).await,
            Some(Kind::Page(page)) => return self.state_of_page_object(key, &page).await,
            Some(Kind::File(page) | Kind::Reject(page)) => {
                return self.state_of_file_or_reject(key, &page).await;
            }
            Some(Kind::Run(run)) => drop(self.run_record(&run).await?),
            Some(Kind::End(run)) => drop(self.run_end(&run).await?),
            Some(Kind::Waiting(run)) => self.check_waiting(&run).await?,
            Some(Kind::DeadLetter(digest)) => self.check_dead_letter(key, &digest).await?,
            // Checked together with the export's history, or only an intermediate object for its manifest.
            Some(
                Kind::Request
                | Kind::Manifest
                | Kind::Cancelled
                | Kind::Cancel
                | Kind::Attempt(_)
                | Kind::Failed(_)
                | Kind::Comparison(_),
            ) => {}
        }
        Ok(ObjectState::InPlace)
    }

    async fn state_of_page_object(
        &self,
        key: &str,
        page: &PageId,
    ) -> Result<ObjectState, VerifyError> {
        let is_named = match self.entry(page) {
            Some(entry) => has_key(entry.objects.as_ref(), key),
            None => (self.intact_record(page).await?)
                .is_some_and(|record| has_key(record.content.objects.as_ref(), key)),
        };
        Ok(if is_named {
            ObjectState::InPlace
        } else {
            ObjectState::Orphan
        })
    }

    /// Judges an attachment or rejected record: only the page's record can name it.
    async fn state_of_file_or_reject(
        &self,
        key: &str,
        page: &PageId,
    ) -> Result<ObjectState, VerifyError> {
        let record = self.intact_record(page).await?;
        let is_named = record.is_some_and(|record| {
            let rejects = record.content.rejects.iter().map(|reject| &reject.object);
            let mut named_objects = record.content.files.iter().chain(rejects);
            named_objects.any(|object| object.key == key)
        });
        Ok(if is_named {
            ObjectState::InPlace
        } else {
            ObjectState::Orphan
        })
    }

    /// Judges a page record. The pages of the manifest are checked in order elsewhere; other pages must be intact by
    /// themselves.
    async fn state_of_record(&self, page: &PageId) -> Result<ObjectState, VerifyError> {
        if self.entry(page).is_some() {
            return Ok(ObjectState::InPlace);
        }
        let slice = self
            .slices
            .iter()
            .find(|slice| slice.number == page.run.slice);
        let record = self.check_page(page, slice, Absence::Removed).await?;
        let run: RunRecord = required(self.archive, ObjectKey::Run(&page.run)).await?;
        if let Some(start) = self.expected_start(&record, &run).await? {
            start.check(&record, Some(&run))?;
        }
        Ok(ObjectState::Superseded)
    }

    /// The expected start of a superseded page; `None` if the page before it was removed.
    async fn expected_start(
        &self,
        record: &PageRecord,
        run: &RunRecord,
    ) -> Result<Option<ExpectedStart>, VerifyError> {
        let page = &record.id;
        if page.page == 1 {
            // Only the lost query defines where its slice started.
            let next = NextStep::Continue {
                checkpoint: record.content.checkpoint.clone(),
            };
            return Ok(Some(ExpectedStart {
                head: self.plan.start_event.hash,
                next,
                totals: None,
            }));
        }
        let before = match run.origin {
            Origin::Continues { run, after_page } if page.page - 1 == after_page => {
                page.run.with_run(run)
            }
            _ => page.run.clone(),
        };
        let before = self.intact_record(&before.page(page.page - 1)).await?;
        Ok(before.as_ref().map(ExpectedStart::after))
    }

    async fn check_dead_letter(&self, key: &str, digest: &str) -> Result<(), VerifyError> {
        let subject = Subject::at(key);
        match self.archive.read_key::<DeadLetterBody>(key).await? {
            Some(letter) => subject.same(
                "the digest of its body",
                Sha256::of(letter.body).short(16).as_str(),
                digest,
            ),
            None => Ok(()),
        }
    }

    /// The manifest's entry for the page. Its pages are already known to be numbered from 1.
    fn entry(&self, page: &PageId) -> Option<&PageEntry> {
        let slices = &self.manifest.content.slices;
        let slice = slices.get(page.run.slice.checked_sub(1)? as usize)?;
        let entry = slice.pages.get(page.page.checked_sub(1)? as usize)?;
        (entry.run == page.run.run).then_some(entry)
    }
}

fn has_key(objects: Option<&PageObjects>, key: &str) -> bool {
    objects.is_some_and(|objects| objects.page.key == key || objects.index.key == key)
}
