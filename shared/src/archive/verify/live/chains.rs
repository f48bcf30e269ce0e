//! The chains of frame records: each names the one before it, by key and digest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::subject::{Subject, VerifyError};
use crate::base::hash::Sha256;
use crate::base::ids::WriterId;
use crate::export::live::{FrameRecord, PreviousRecord};
use crate::export::live_coverage::SealedRecord;

/// The chains of a stream: for each writer, the sequences seen and the newest record.
#[derive(Debug, Default)]
pub(super) struct Chains(HashMap<WriterId, Chain>);

/// How a record is connected to its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection<'a> {
    /// It is the first one, or follows the newest one.
    Intact,
    /// The record before it was not seen yet: the clock of the writer went back, or it arrived before the days in scope.
    NotSeen(&'a PreviousRecord),
}

#[derive(Debug)]
struct Chain {
    seen: Sequences,
    sequence: u64,
    newest: SealedRecord,
}

/// Sequences as ranges, which are adjacent to no other one. A chain that is read in order has one.
#[derive(Debug, Default)]
struct Sequences(Vec<(u64, u64)>);

impl Chains {
    /// Adds a record that is consistent by itself. Records of one hour are added in the order of their sequences.
    pub(super) fn add<'r>(
        &mut self,
        stored: &SealedRecord,
        record: &'r FrameRecord,
    ) -> Result<Connection<'r>, VerifyError> {
        let sequence = record.sequence;
        let chain = match self.0.entry(record.writer.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Chain {
                seen: Sequences::default(),
                sequence: 0,
                newest: stored.clone(),
            }),
        };
        Subject::at(&stored.key).require(
            chain.seen.insert(sequence),
            format_args!("another record of its writer has the sequence {sequence}"),
        )?;
        let connection = chain.connection(stored, record)?;
        if sequence > chain.sequence {
            (chain.sequence, chain.newest) = (sequence, stored.clone());
        }
        Ok(connection)
    }

    pub(super) fn writers(&self) -> u64 {
        self.0.len() as u64
    }
}

impl Chain {
    fn connection<'r>(
        &self,
        stored: &SealedRecord,
        record: &'r FrameRecord,
    ) -> Result<Connection<'r>, VerifyError> {
        let Some(previous) = &record.previous else {
            return Ok(Connection::Intact);
        };
        if self.sequence == 0 || self.sequence.checked_add(1) != Some(record.sequence) {
            return Ok(Connection::NotSeen(previous));
        }
        let (named, newest) = (&previous.key, &self.newest.key);
        let rule = format_args!(
            "the chain of its writer is broken: it follows {named}, but the record before it is {newest}"
        );
        Subject::at(&stored.key).require(named == newest, rule)?;
        check_digest(&stored.key, previous, self.newest.sha256)?;
        Ok(Connection::Intact)
    }
}

/// Checks the stored record that `key` names as the one before it.
pub(super) fn check_digest(
    key: &str,
    previous: &PreviousRecord,
    found: Sha256,
) -> Result<(), VerifyError> {
    let (short_found, short_named) = (found.short(12), previous.sha256.short(12));
    let rule = format_args!(
        "its sha256 is {short_found}…, but {key}, which follows it, names {short_named}…"
    );
    Subject::at(&previous.key).require(found == previous.sha256, rule)
}

impl Sequences {
    /// Returns whether the sequence is new.
    fn insert(&mut self, sequence: u64) -> bool {
        let position = self.0.partition_point(|(_, last)| *last < sequence);
        if self
            .0
            .get(position)
            .is_some_and(|(first, _)| *first <= sequence)
        {
            return false;
        }
        let before = position.checked_sub(1);
        let follows = before.filter(|before| self.0[*before].1 + 1 == sequence);
        let precedes = self.0.get(position);
        let precedes = precedes.is_some_and(|(first, _)| sequence + 1 == *first);
        match (follows, precedes) {
            (Some(before), true) => {
                self.0[before].1 = self.0[position].1;
                self.0.remove(position);
            }
            (Some(before), false) => self.0[before].1 = sequence,
            (None, true) => self.0[position].0 = sequence,
            (None, false) => self.0.insert(position, (sequence, sequence)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sequences_are_those_that_were_inserted(numbers in prop::collection::vec(1_u64..40, 0..60)) {
            let (mut sequences, mut expected) = (Sequences::default(), BTreeSet::new());

            for number in numbers {
                prop_assert_eq!(sequences.insert(number), expected.insert(number));
            }

            let ranges = &sequences.0;
            prop_assert!(ranges.is_sorted_by(|one, next| one.1 + 1 < next.0), "{:?}", ranges);
            let all: Vec<_> = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
            prop_assert_eq!(all, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn records_in_order_take_one_range() {
        let mut sequences = Sequences::default();
        for sequence in [1, 2, 4, 3, 5] {
            assert!(sequences.insert(sequence));
        }

        assert_eq!(sequences.0, [(1, 5)]);
    }
}
