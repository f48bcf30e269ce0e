//! The conversations of an earlier export whose texts are wanted.

use std::sync::Arc;

use futures::TryStreamExt as _;

use super::{Archive, ArchiveError};
use crate::ids::ExportId;
use crate::objects::Name;
use crate::outcome::Manifest;
use crate::page::{decode_lines, written_id};
use crate::plan::ExportPlan;

/// No page object is larger.
const PAGE_LIMIT_BYTES: u64 = 1 << 30;

/// Whose texts an export of transcripts fetches.
#[derive(Clone, Debug)]
pub enum Conversations {
    /// Those that its request names.
    ByRequest,
    /// Those of an export that has not ended.
    Open(ExportId),
    /// Those of an export that has ended, and not completely.
    Incomplete(ExportId),
    /// In the order of the export.
    Of(Arc<[String]>),
}

impl Archive {
    /// Read once per process, as long as it serves one such export.
    pub async fn conversations(&self, plan: &ExportPlan) -> Result<Conversations, ArchiveError> {
        let Some(id) = &plan.from_export else {
            return Ok(Conversations::ByRequest);
        };
        if let Some((known, ids)) = &self.lock().listed
            && known == id
        {
            return Ok(Conversations::Of(Arc::clone(ids)));
        }
        // In this order: an export is complete before it is no longer open.
        let is_open = self.is_open(id).await?;
        let Some(manifest) = self.read::<Manifest>(Name::Manifest(id)).await? else {
            let id = id.clone();
            return Ok(if is_open {
                Conversations::Open(id)
            } else {
                Conversations::Incomplete(id)
            });
        };
        let base = self.read::<ExportPlan>(Name::Request(id)).await?;
        let base = base.ok_or_else(|| ArchiveError::Missing(Name::Request(id).key()))?;
        let ids: Arc<[String]> = self.written(&base, &manifest).await?.into();
        self.lock().listed = Some((id.clone(), Arc::clone(&ids)));
        Ok(Conversations::Of(ids))
    }

    async fn written(
        &self,
        base: &ExportPlan,
        manifest: &Manifest,
    ) -> Result<Vec<String>, ArchiveError> {
        let mut written = Vec::new();
        let mut pages = self.pages(&manifest.content);
        while let Some((key, page)) = pages.try_next().await? {
            let damaged = |source: Box<dyn std::error::Error + Send + Sync>| ArchiveError::Page {
                key: key.clone(),
                source,
            };
            let lines = decode_lines(&page, PAGE_LIMIT_BYTES).map_err(|it| damaged(it.into()))?;
            let lines = std::str::from_utf8(&lines).map_err(|it| damaged(it.into()))?;
            let ids = lines.lines();
            written.extend(ids.filter_map(|line| written_id(line, base.shape(), base.records)));
        }
        Ok(written)
    }
}
