//! How many message ids a bulk request holds. Some deployments take fewer than documented, and say so by a refusal only.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that a bulk request takes (official SDKs).
const DOCUMENTED: usize = 1_000;

/// After as many refusals of single messages in a row, none accepted before, the API refuses this conversation's messages
/// altogether.
const HOPELESS: usize = 10;

/// The most ids that the API has been found to take, by this process.
#[derive(Clone, Debug)]
pub(super) struct BulkLimit(Arc<AtomicUsize>);

/// Message ids that are to be requested, batch by batch.
#[derive(Debug)]
pub(super) struct Batches {
    left: VecDeque<String>,
    /// Of the next batch.
    size: usize,
    /// Of the largest batch that may be tried.
    ceiling: usize,
    /// The ceiling at the beginning.
    limit: usize,
    /// Of the largest batch that was accepted.
    accepted: usize,
    refused_in_a_row: usize,
    /// Ids that were refused alone, or given up.
    refused: HashSet<String>,
    /// Whether an answer was too large for us, which says nothing of the API's limit.
    by_bytes: bool,
}

/// Why a batch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// The API said so.
    ForApi,
    /// The answer is larger than we take.
    ForUs,
}

impl Default for BulkLimit {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(DOCUMENTED)))
    }
}

impl BulkLimit {
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Remembers what a conversation's batches found out.
    pub(super) fn learn(&self, batches: &Batches) {
        let Some(size) = batches.found_limit() else {
            return;
        };
        if self.0.fetch_min(size, Ordering::Relaxed) > size {
            tracing::info!(
                bulk.size = size,
                "bulk requests for messages are limited to fewer ids"
            );
        }
    }
}

impl Batches {
    pub(super) fn of(ids: Vec<String>, limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            left: ids.into(),
            size: limit,
            ceiling: limit,
            limit,
            accepted: 0,
            refused_in_a_row: 0,
            refused: HashSet::new(),
            by_bytes: false,
        }
    }

    /// The next batch. It is to be followed by [`accepted`](Self::accepted) or [`refused`](Self::refused).
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        let size = self.size.min(self.left.len());
        (size > 0).then(|| self.left.drain(..size).collect())
    }

    pub(super) fn accepted(&mut self, size: usize) {
        self.accepted = self.accepted.max(size);
        self.refused_in_a_row = 0;
        // Small only because of a message that was refused alone.
        self.size = (self.size * 2).min(self.ceiling);
    }

    /// Halves the batch. A message that is refused alone is left out, and the size returns to what worked.
    pub(super) fn refused(&mut self, batch: Vec<String>, why: TooMuch) {
        self.by_bytes |= why == TooMuch::ForUs;
        if batch.len() > 1 {
            self.size = batch.len() / 2;
            self.ceiling = self.size;
            for id in batch.into_iter().rev() {
                self.left.push_front(id);
            }
            return;
        }
        self.refused.extend(batch);
        self.refused_in_a_row += 1;
        self.ceiling = self.limit;
        self.size = self.accepted.max(1);
        if self.accepted == 0 && self.refused_in_a_row >= HOPELESS {
            self.refused.extend(self.left.drain(..));
        }
    }

    /// The ids that no request brings.
    pub(super) fn into_refused(self) -> HashSet<String> {
        self.refused
    }

    /// The size of batches that hold what was not in the answer to a batch.
    pub(super) fn again(asked: usize, came: usize) -> usize {
        let size = match came {
            0 => asked / 2,
            // An answer may be cut at as many as came.
            _ => came.max(asked.div_ceil(10)).min(asked / 2),
        };
        size.max(1)
    }

    /// `None` unless a refusal was about the number of ids: each of them was accepted in a smaller batch.
    fn found_limit(&self) -> Option<usize> {
        let is_about_number = self.ceiling < self.limit && self.refused.is_empty();
        (is_about_number && !self.by_bytes && self.accepted > 0).then_some(self.accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    /// The sizes of the batches until all is requested, and what was accepted of it.
    fn requested(
        batches: &mut Batches,
        takes: impl Fn(&[String]) -> bool,
    ) -> (Vec<usize>, Vec<String>) {
        let (mut sizes, mut accepted) = (Vec::new(), Vec::new());
        while let Some(batch) = batches.next() {
            sizes.push(batch.len());
            if takes(&batch) {
                batches.accepted(batch.len());
                accepted.extend(batch);
            } else {
                batches.refused(batch, TooMuch::ForApi);
            }
        }
        (sizes, accepted)
    }

    #[test]
    fn a_refused_batch_is_halved_and_the_size_that_works_stays() {
        let mut batches = Batches::of(ids(1_200), DOCUMENTED);

        let (sizes, accepted) = requested(&mut batches, |batch| batch.len() <= 100);

        assert_eq!(sizes[..5], [1_000, 500, 250, 125, 62]);
        assert!(sizes[4..].iter().all(|size| *size <= 62));
        assert_eq!(accepted, ids(1_200), "in their order");
        assert_eq!(batches.found_limit(), Some(62));
    }

    #[test]
    fn every_limit_is_found_and_costs_no_message() {
        for limit in [1, 2, 3, 7, 99, 100, 101, 499, 500, 999] {
            let mut batches = Batches::of(ids(1_000), DOCUMENTED);

            let (_, accepted) = requested(&mut batches, |batch| batch.len() <= limit);

            assert_eq!(accepted, ids(1_000), "{limit}");
            let found = batches.found_limit();
            assert!(
                found.is_some_and(|found| found <= limit && found * 2 + 2 > limit),
                "{limit}: {found:?}"
            );
        }
    }

    #[test]
    fn a_message_that_is_refused_alone_costs_no_other_and_is_no_limit() {
        for count in [1, 2, 12, 249, 1_000, 1_100] {
            for poisoned in [0, count / 3, count - 1] {
                let mut batches = Batches::of(ids(count), DOCUMENTED);
                let poisoned = poisoned.to_string();

                let (sizes, accepted) = requested(&mut batches, |batch| !batch.contains(&poisoned));

                assert_eq!(accepted.len(), count - 1, "{poisoned} of {count}");
                assert_eq!(batches.found_limit(), None);
                assert_eq!(batches.into_refused(), HashSet::from([poisoned]));
                assert!(sizes.len() <= 35, "{sizes:?}");
            }
        }
    }

    #[test]
    fn when_nothing_is_ever_accepted_not_every_message_is_tried() {
        let mut batches = Batches::of(ids(1_000), DOCUMENTED);

        let (sizes, _) = requested(&mut batches, |_| false);

        assert!(sizes.len() <= 20, "{sizes:?}");
        assert_eq!(batches.found_limit(), None);
        assert_eq!(batches.into_refused().len(), 1_000);
    }

    #[test]
    fn a_limit_is_known_to_the_whole_process_and_only_falls() {
        let limit = BulkLimit::default();
        for takes in [100, 700] {
            let mut batches = Batches::of(ids(1_000), DOCUMENTED);
            requested(&mut batches, |batch| batch.len() <= takes);
            limit.clone().learn(&batches);
        }
        let mut large = Batches::of(ids(30), 30);
        while let Some(batch) = large.next() {
            if batch.len() > 3 {
                large.refused(batch, TooMuch::ForUs);
            } else {
                large.accepted(batch.len());
            }
        }
        limit.learn(&large);

        assert_eq!(limit.get(), 62);
    }

    #[test]
    fn what_an_answer_left_out_is_requested_in_smaller_batches() {
        let sizes = [
            (1, 0),
            (2, 1),
            (30, 29),
            (30, 10),
            (30, 0),
            (1_000, 100),
            (1_000, 1),
        ];

        let sizes = sizes.map(|(asked, came)| Batches::again(asked, came));

        assert_eq!(sizes, [1, 1, 15, 10, 15, 100, 100]);
    }
}
