//! Checks the ledger: its chain, and that each outcome that it names is still stored unchanged.

use serde::Serialize;

use super::anchors::{Anchors, SignatureReport};
use super::subject::{Damage, Subject, VerifyError};
use crate::archive::ledger::sequences;
use crate::archive::signatures::SignatureState;
use crate::archive::{Archive, ArchiveError, documents};
use crate::base::hash::Sha256;
use crate::export::ledger::LedgerEntry;
use crate::export::objects::{LEDGER_PREFIX, ObjectKey};

/// The state of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerReport {
    /// The number of the newest entry.
    pub entries: u64,
    pub signatures: SignatureReport,
    /// Every mismatch, in the order of the entries.
    pub damage: Vec<Damage>,
}

/// Checks every entry from the first one on, and the outcomes that they name. Mismatches are collected in the report.
pub async fn verify_ledger(
    archive: &Archive,
    anchors: &Anchors,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<LedgerReport, ArchiveError> {
    let sequences = sequences(archive).await?;
    let entries = sequences.last().copied().unwrap_or(0);
    let mut report = LedgerReport {
        entries,
        ..LedgerReport::default()
    };
    let (mut expected, mut previous) = (1, Previous::Start);
    for sequence in sequences {
        if sequence > expected {
            report.report_gap(expected, sequence - 1);
            previous = Previous::Unknown;
        }
        previous = report.check(archive, anchors, sequence, previous).await?;
        expected = sequence + 1;
        progress(sequence, entries);
    }
    Ok(report)
}

/// What the next entry must name.
#[derive(Clone, Copy, Debug)]
enum Previous {
    Start,
    Digest(Sha256),
    /// The entry before is missing, which was reported.
    Unknown,
}

impl LedgerReport {
    async fn check(
        &mut self,
        archive: &Archive,
        anchors: &Anchors,
        sequence: u64,
        previous: Previous,
    ) -> Result<Previous, ArchiveError> {
        let subject = Subject::of(ObjectKey::Ledger(sequence));
        let Some(bytes) = archive.store().get(&subject.key).await? else {
            self.report(subject.damaged("missing: it was deleted during this check"))?;
            return Ok(Previous::Unknown);
        };
        match self.entry(&subject, &bytes, anchors, sequence, previous) {
            Ok(entry) => self.check_outcome(archive, &entry).await?,
            Err(error) => self.report(error)?,
        }
        Ok(Previous::Digest(Sha256::of(&bytes)))
    }

    fn entry(
        &mut self,
        subject: &Subject,
        bytes: &[u8],
        anchors: &Anchors,
        sequence: u64,
        previous: Previous,
    ) -> Result<LedgerEntry, VerifyError> {
        let entry: LedgerEntry = documents::open(&subject.key, bytes)?;
        let state = SignatureState::of(&subject.key, bytes, &anchors.keys)?;
        self.signatures.add(subject, state, anchors.required)?;
        subject.require(entry.sequence == sequence, "it has another number")?;
        let follows = match previous {
            Previous::Start => entry.previous.is_none(),
            Previous::Digest(digest) => entry.previous == Some(digest),
            Previous::Unknown => true,
        };
        subject.require(follows, "it does not follow the entry before it")?;
        Ok(entry)
    }

    async fn check_outcome(
        &mut self,
        archive: &Archive,
        entry: &LedgerEntry,
    ) -> Result<(), ArchiveError> {
        let subject = Subject::at(&entry.outcome_key);
        let found = archive.store().get(&entry.outcome_key).await?;
        let sequence = entry.sequence;
        match found.map(|bytes| Sha256::of(&bytes)) {
            Some(digest) if digest == entry.outcome_sha256 => Ok(()),
            Some(_) => self.report(subject.damaged(format!(
                "it is not the document that entry {sequence} of the ledger names"
            ))),
            None => self.report(subject.damaged(format!(
                "missing, though entry {sequence} of the ledger names it"
            ))),
        }
    }

    fn report_gap(&mut self, first: u64, last: u64) {
        let what = match last - first {
            0 => "missing: a later entry exists".to_owned(),
            more => format!("missing, with the {more} entries after it: a later entry exists"),
        };
        let key = ObjectKey::Ledger(first).key();
        self.damage.push(Damage { key, what });
    }

    /// Adds a mismatch; returns an error of the store.
    fn report(&mut self, error: VerifyError) -> Result<(), ArchiveError> {
        match error {
            VerifyError::Damage(damage) => {
                self.damage.push(damage);
                Ok(())
            }
            VerifyError::Archive(error) => Err(error),
            VerifyError::Scratch(error) => Err(ArchiveError::page(LEDGER_PREFIX, error)),
        }
    }
}
