//! Appends outcomes to the ledger.

use std::time::Duration;

use jiff::Timestamp;

use super::{Archive, ArchiveError};
use crate::base::hash::Sha256;
use crate::base::time::earlier;
use crate::export::ledger::LedgerEntry;
use crate::export::objects::{LEDGER_PREFIX, ObjectKey};
use crate::export::outcome::Outcome;
use crate::storage::store::Stored;

/// How far the clocks of two handlers may differ. An entry that was appended this long before an outcome is not of it.
const CLOCK_SKEW: Duration = Duration::from_hours(1);

/// Appends the stored outcome to the ledger, unless it has an entry. Handlers that append at the same time create
/// entries with different numbers.
pub async fn append(
    archive: &Archive,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let outcome_key = outcome.object_key().key();
    let (_, outcome_sha256) = archive.outcome_with_digest(&outcome_key).await?;
    let mut taken = None;
    loop {
        let newest = newest(archive).await?;
        if has_entry(archive, newest.as_ref(), outcome).await? {
            return Ok(());
        }
        let entry = LedgerEntry::after(newest.as_ref(), outcome, outcome_sha256, now);
        let sequence = entry.sequence;
        let name = ObjectKey::Ledger(sequence);
        if taken == Some(sequence) {
            return Err(ArchiveError::page(
                name.key(),
                "it exists, but is not listed",
            ));
        }
        let (stored, created) = archive.create_or_read(name, entry).await?;
        if created == Stored::Created || stored.outcome_key == outcome_key {
            return Ok(());
        }
        // Another outcome has this number.
        taken = Some(sequence);
    }
}

/// The numbers of all entries, in order.
pub(super) async fn sequences(archive: &Archive) -> Result<Vec<u64>, ArchiveError> {
    let listed = archive.list_all(LEDGER_PREFIX).await?;
    let mut sequences: Vec<_> = listed.iter().filter_map(|it| sequence(&it.key)).collect();
    sequences.sort_unstable();
    Ok(sequences)
}

fn sequence(key: &str) -> Option<u64> {
    let sequence = key.strip_prefix(LEDGER_PREFIX)?.strip_suffix(".json")?;
    let sequence = u64::from(sequence.parse::<u32>().ok()?);
    (sequence > 0 && ObjectKey::Ledger(sequence).key() == key).then_some(sequence)
}

async fn newest(archive: &Archive) -> Result<Option<(LedgerEntry, Sha256)>, ArchiveError> {
    match sequences(archive).await?.last() {
        Some(sequence) => entry(archive, *sequence).await.map(Some),
        None => Ok(None),
    }
}

async fn entry(archive: &Archive, sequence: u64) -> Result<(LedgerEntry, Sha256), ArchiveError> {
    let name = ObjectKey::Ledger(sequence);
    let entry = archive.read_signed::<LedgerEntry>(&name.key()).await?;
    match entry {
        Some((entry, bytes)) if entry.sequence == sequence => Ok((entry, Sha256::of(&bytes))),
        Some(_) => Err(ArchiveError::page(name.key(), "it has another number")),
        None => Err(ArchiveError::Missing(name.key())),
    }
}

/// Whether an entry since the end of the outcome is of it.
async fn has_entry(
    archive: &Archive,
    newest: Option<&(LedgerEntry, Sha256)>,
    outcome: &Outcome,
) -> Result<bool, ArchiveError> {
    let (key, oldest) = (
        outcome.object_key().key(),
        earlier(outcome.ended_at, CLOCK_SKEW),
    );
    let mut current = newest.map(|(entry, _)| entry.clone());
    while let Some(entry) = current.take_if(|entry| entry.appended_at >= oldest) {
        if entry.outcome_key == key {
            return Ok(true);
        }
        if entry.sequence > 1 {
            current = match self::entry(archive, entry.sequence - 1).await {
                Ok((entry, _)) => Some(entry),
                // A gap must not keep later outcomes out; `verify_ledger` reports it.
                Err(error) if error.is_damage() || error.is_untrusted() => None,
                Err(error) => return Err(error),
            };
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
