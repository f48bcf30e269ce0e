//! The claims of ended conversations, and the batches that they belong to.
//!
//! Both are create-only: whoever finds a claim leaves the conversation to the export in it.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::failure::error_chain;
use crate::base::ids::{ConversationId, ExportId};
use crate::export::ended::{Claim, EndedBatch, EndedConversation};
use crate::export::objects::{BATCHES_PREFIX, ObjectKey};

/// The number of claims to read or write at a time: a batch takes seconds, and S3 is not strained.
const CONCURRENCY: usize = 16;

/// The ends of a batch, as far as they are not those of another export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchClaims {
    /// The ends that the batch's export has claimed.
    pub own: BTreeSet<EndedConversation>,
    /// The ends whose claim is damaged; they belong to no export.
    pub damaged: BTreeSet<EndedConversation>,
}

/// The claim is that of another conversation or end: it was copied.
#[derive(Debug, thiserror::Error)]
#[error("the claim is for another end")]
struct ForeignClaim;

/// The batch's id is not that of its ends, or it lacks an end whose claim names its export: another program wrote the
/// batch or the claim.
#[derive(Debug, thiserror::Error)]
#[error("the batch does not match its id or its claims")]
struct InconsistentBatch;

/// The export that has claimed each of these ends; `None` for an unclaimed one.
pub async fn read_all(
    archive: &Archive,
    ended: &BTreeSet<EndedConversation>,
) -> Vec<(EndedConversation, Result<Option<ExportId>, ArchiveError>)> {
    let ended = stream::iter(ended.clone());
    let reads = ended.map(|ended| async {
        let read = archive.read::<Claim>(ObjectKey::Claim(&ended)).await;
        let claim = read.and_then(|claim| claim.map(|it| owner(&ended, it)).transpose());
        (ended, claim)
    });
    reads.buffered(CONCURRENCY).collect().await
}

/// Claims each end of the batch that is not claimed yet, and returns those that belong to the batch's export. Claims
/// are final, so every caller gets the same ends.
pub async fn claim_all(
    archive: &Archive,
    batch: &EndedBatch,
    now: Timestamp,
) -> Result<BatchClaims, ArchiveError> {
    let ended = stream::iter(batch.conversations.clone());
    let claims = ended.map(|ended| async {
        let claim = Claim::new(ended.clone(), batch.export_id.clone(), now);
        let name = ObjectKey::Claim(&ended);
        let claim = archive.create_or_read(name, claim).await;
        let owner = claim.and_then(|(claim, _)| owner(&ended, claim));
        (ended, owner)
    });
    let mut claims = claims.buffered(CONCURRENCY);
    let mut claimed = BatchClaims::default();
    while let Some((ended, owner)) = claims.next().await {
        match owner {
            Ok(owner) if owner == batch.export_id => claimed.own.extend([ended]),
            Ok(_) => {}
            Err(error) if error.is_damage() => {
                tracing::error!(error = error_chain(&error), "damaged claim ignored");
                claimed.damaged.extend([ended]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(claimed)
}

/// Those of the conversations that an export was started for, each with the time at which its newest batch was made. Batches
/// that cannot be read are reported and left out.
pub async fn batched(
    archive: &Archive,
    is_wanted: impl Fn(&ConversationId) -> bool,
) -> Result<BTreeMap<ConversationId, Timestamp>, ArchiveError> {
    let listed = archive.list_all(BATCHES_PREFIX).await?;
    let id = |key: &str| {
        let name = key.strip_prefix(BATCHES_PREFIX)?;
        name.strip_suffix(".json")?.parse::<ExportId>().ok()
    };
    let ids: Vec<_> = listed.iter().filter_map(|object| id(&object.key)).collect();
    let reads = ids.iter().map(async |id| {
        let batch = archive
            .read::<EndedBatch>(ObjectKey::EndedBatch(id))
            .await?;
        Ok::<_, ArchiveError>(batch.map(|batch| (id, batch)))
    });
    let reads: Vec<_> = reads.collect();
    let mut reads = stream::iter(reads).buffer_unordered(CONCURRENCY);
    let mut batched = BTreeMap::new();
    while let Some(read) = reads.next().await {
        match read {
            Ok(None) => {}
            Ok(Some((id, batch))) => {
                let is_relevant = batch
                    .conversations
                    .iter()
                    .any(|it| is_wanted(&it.conversation_id));
                // A handler that was killed leaves a batch whose export nobody has started.
                if !is_relevant || !has_export(archive, id).await? {
                    continue;
                }
                let ids = batch.conversations.into_iter().map(|it| it.conversation_id);
                for id in ids.filter(&is_wanted) {
                    let newest = batched.entry(id).or_insert(batch.created_at);
                    *newest = batch.created_at.max(*newest);
                }
            }
            Err(error) if error.is_damage() || error.is_untrusted() => {
                tracing::error!(error = error_chain(&error), "unusable batch ignored");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(batched)
}

/// Whether the export is planned, or its request is accepted.
async fn has_export(archive: &Archive, id: &ExportId) -> Result<bool, ArchiveError> {
    match archive.plan(id).await {
        Ok(Some(_)) => return Ok(true),
        Ok(None) => {}
        Err(error) if error.is_damage() || error.is_untrusted() => return Ok(true),
        Err(error) => return Err(error),
    }
    archive.is_open(id).await
}

/// Stores the batch, or returns the stored one of the same ends.
pub async fn create_batch(
    archive: &Archive,
    batch: EndedBatch,
) -> Result<EndedBatch, ArchiveError> {
    let id = batch.export_id.clone();
    let (batch, _) = archive
        .create_or_read(ObjectKey::EndedBatch(&id), batch)
        .await?;
    consistent(&id, batch)
}

/// The batch of the export that has claimed these ends.
pub async fn batch_with(
    archive: &Archive,
    id: &ExportId,
    claimed: &BTreeSet<EndedConversation>,
) -> Result<EndedBatch, ArchiveError> {
    let name = ObjectKey::EndedBatch(id);
    let batch = archive.read::<EndedBatch>(name).await?;
    let batch = batch.ok_or_else(|| ArchiveError::Missing(name.key()))?;
    if claimed.iter().all(|ended| batch.contains(ended)) {
        consistent(id, batch)
    } else {
        Err(ArchiveError::page(name.key(), InconsistentBatch))
    }
}

fn owner(ended: &EndedConversation, claim: Claim) -> Result<ExportId, ArchiveError> {
    if claim.ended == *ended {
        Ok(claim.export_id)
    } else {
        let key = ObjectKey::Claim(ended).key();
        Err(ArchiveError::page(key, ForeignClaim))
    }
}

fn consistent(id: &ExportId, batch: EndedBatch) -> Result<EndedBatch, ArchiveError> {
    if batch.export_id == *id && batch.is_consistent() {
        Ok(batch)
    } else {
        let key = ObjectKey::EndedBatch(id).key();
        Err(ArchiveError::page(key, InconsistentBatch))
    }
}
