//! The conversations of an earlier export whose transcripts are requested.

use std::collections::HashSet;
use std::sync::Arc;

use super::recent::Base;
use super::{Archive, ArchiveError, Stage};
use crate::archive::page_objects;
use crate::base::ids::ExportId;
use crate::export::checkpoint::ConversationPosition;
use crate::export::objects::ObjectKey;
use crate::export::outcome::Manifest;
use crate::export::page_record::StoredObject;
use crate::export::plan::ExportPlan;
use crate::export::portion::Portion;
use crate::records::medium::Medium;
use crate::records::page::textual_conversation_id;

/// Limit on the pages of the earlier export that are read for one page of transcripts. If none of them has a
/// conversation with text, the transcript page has no records and the next one starts after them.
const PAGES_AT_ONCE: u64 = 20;

/// The conversations that a page of transcripts fetches.
#[derive(Clone, Debug)]
pub enum BaseConversations {
    /// Those that the request names.
    ByRequest,
    /// Those of an export that has not ended yet.
    Open(ExportId),
    /// Those of an export that ended without being complete.
    Incomplete(ExportId),
    Listed(Portion),
}

/// The conversations of the page that starts at `start`.
pub async fn conversations(
    archive: &Archive,
    plan: &ExportPlan,
    start: ConversationPosition,
) -> Result<BaseConversations, ArchiveError> {
    let Some(id) = &plan.from_export else {
        return Ok(BaseConversations::ByRequest);
    };
    let known = archive.lock().base.clone().filter(|base| base.id == *id);
    let base = match known {
        Some(base) => base,
        None => match archive.stage(id).await? {
            Stage::Complete(manifest) => load(archive, id, &manifest).await?,
            Stage::Open => return Ok(BaseConversations::Open(id.clone())),
            Stage::Ended => return Ok(BaseConversations::Incomplete(id.clone())),
        },
    };
    let media = plan.transcripts.as_ref().map(|it| &it.media[..]);
    let media = media.unwrap_or(Medium::DEFAULT);
    let portion = portion(archive, &base, media, start, plan.page_size).await?;
    Ok(BaseConversations::Listed(portion))
}

async fn load(
    archive: &Archive,
    id: &ExportId,
    manifest: &Manifest,
) -> Result<Arc<Base>, ArchiveError> {
    // Not through `existing_plan`, whose cache holds the plan of the transcript export.
    let plan = archive.read::<ExportPlan>(ObjectKey::Request(id)).await?;
    let plan = plan.ok_or_else(|| ArchiveError::Missing(ObjectKey::Request(id).key()))?;
    let pages = manifest
        .content
        .slices
        .iter()
        .flat_map(|slice| &slice.pages);
    let objects = pages.filter_map(|page| page.objects.as_ref());
    let base = Arc::new(Base {
        id: id.clone(),
        shape: plan.shape(),
        records: plan.records,
        pages: objects.map(|objects| objects.page.clone()).collect(),
    });
    archive.lock().base = Some(Arc::clone(&base));
    Ok(base)
}

async fn portion(
    archive: &Archive,
    base: &Base,
    media: &[Medium],
    start: ConversationPosition,
    page_size: u32,
) -> Result<Portion, ArchiveError> {
    let mut portion = Portion::default();
    // An export may hold several lines of one conversation; each is fetched once per page. Across transcript pages
    // it may be fetched again.
    let mut added = HashSet::new();
    let mut next = start;
    loop {
        let page = usize::try_from(next.page).unwrap_or(usize::MAX);
        let Some(object) = base.pages.get(page) else {
            return Ok(portion);
        };
        if portion.is_full(page_size) || next.page - start.page == PAGES_AT_ONCE {
            return Ok(portion.with_next(Some(next)));
        }
        for (line, id) in conversations_with_text(archive, object, base, media).await? {
            let position = ConversationPosition { line, ..next };
            if line < next.line {
                continue;
            }
            if portion.is_full(page_size) {
                return Ok(portion.with_next(Some(position)));
            }
            if added.insert(id.clone()) {
                portion.add(id, position);
            }
        }
        next = ConversationPosition {
            page: next.page + 1,
            line: 0,
        };
    }
}

/// The conversations of a page that have texts of these media, each with its line number.
async fn conversations_with_text(
    archive: &Archive,
    page: &StoredObject,
    base: &Base,
    media: &[Medium],
) -> Result<Vec<(u64, String)>, ArchiveError> {
    let lines = page_objects::lines(archive, page).await?;
    let numbered = (0..).zip(lines.lines());
    let written = numbered.filter_map(|(number, line)| {
        Some((
            number,
            textual_conversation_id(line, base.shape, base.records, media)?,
        ))
    });
    Ok(written.collect())
}
