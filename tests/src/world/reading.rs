//! Reads a world's archive without counting steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use conversation_archive::archive::Archive;
use conversation_archive::archive::verify::{
    LiveReport, LiveScope, Report, VerifyError, verify, verify_live,
};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{Manifest, Outcome};
use conversation_archive::records::page::decode_lines;
use conversation_archive::storage::store::{ArchiveStore, Object};
use serde_json::value::RawValue;

use super::World;

impl<S: ArchiveStore + 'static> World<S> {
    /// Returns the archive over a store whose operations are not counted as steps.
    pub fn archive(&self) -> Archive {
        self.signing.archive(Arc::clone(&self.store) as _)
    }

    pub async fn manifest(&self, id: &ExportId) -> Manifest {
        match self
            .archive()
            .read(ObjectKey::Manifest(id))
            .await
            .expect("a readable manifest")
        {
            Some(manifest) => manifest,
            None => panic!(
                "no manifest: {:?}; errors {:?}",
                self.archive().list_all("").await,
                self.errors
            ),
        }
    }

    pub async fn failed_outcome(&self, id: &ExportId, attempt: u32) -> Option<Outcome> {
        self.archive()
            .read(ObjectKey::Failed(id, attempt))
            .await
            .expect("a readable outcome")
    }

    /// Flips a bit of a stored object.
    pub async fn damage(&self, key: &str) {
        let mut body = self
            .store
            .get(key)
            .await
            .expect("readable")
            .expect("an object")
            .to_vec();
        body[20] ^= 1;
        let (content_type, content_encoding) = ("application/json", None);
        let object = Object {
            key: key.to_owned(),
            body: body.into(),
            content_type,
            content_encoding,
        };
        self.store.replace(object).await.expect("written");
    }

    /// Verifies the export against its objects. Panics if it is not intact.
    pub async fn verify(&self, id: &ExportId) -> Report {
        verify(&self.archive(), id, &self.signing.anchors(), &mut |_| {})
            .await
            .expect("an intact export")
    }

    /// Verifies all live objects.
    pub async fn verify_live(&self) -> Result<LiveReport, VerifyError> {
        let (archive, scope) = (self.archive(), LiveScope::default());
        verify_live(&archive, &scope, &self.signing.anchors(), &mut |_| {}).await
    }

    /// Returns each record line in the pages that the manifest names, with its number of occurrences.
    pub async fn archived_lines(&self, manifest: &Manifest) -> BTreeMap<String, u32> {
        let mut lines = BTreeMap::new();
        for page in manifest
            .content
            .slices
            .iter()
            .flat_map(|slice| &slice.pages)
        {
            let Some(objects) = &page.objects else {
                continue;
            };
            let stored = self
                .store
                .get(&objects.page.key)
                .await
                .expect("readable")
                .expect("the page is there");
            let text =
                String::from_utf8(decode_lines(&stored, u64::MAX).expect("a page")).expect("text");
            for line in text.lines() {
                *lines.entry(line.to_owned()).or_default() += 1;
            }
        }
        lines
    }

    /// Returns the values of `field` in the pages that the manifest names, each with its number of occurrences.
    pub async fn archived_ids(&self, manifest: &Manifest, field: &str) -> BTreeMap<String, u32> {
        let mut ids = BTreeMap::new();
        for (line, count) in self.archived_lines(manifest).await {
            // Some records contain numbers that no number type can hold, so the values stay text.
            let record: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(&line).expect("a record");
            let id = record[field].get().trim_matches('"').to_owned();
            *ids.entry(id).or_default() += count;
        }
        ids
    }

    /// Returns everything that left the pipeline as text: errors, outcomes, run ends, webhooks and transcript events.
    pub fn outgoing_texts(&self) -> Vec<String> {
        let webhooks = self
            .receiver
            .deliveries()
            .into_iter()
            .map(|delivery| delivery.body.to_string());
        self.errors
            .iter()
            .cloned()
            .chain(self.reported_texts.texts())
            .chain(webhooks)
            .chain(
                self.topic
                    .published()
                    .into_iter()
                    .map(|notification| notification.body),
            )
            .collect()
    }
}
