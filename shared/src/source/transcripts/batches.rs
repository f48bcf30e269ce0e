//! Sizes of the bulk requests for messages. Some deployments accept fewer ids than documented, and report it only by
//! refusing the request.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The documented maximum number of ids per bulk request (official SDKs).
/// <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/ConversationsApi.md>
const DOCUMENTED: usize = 1_000;

/// Number of consecutive refusals of single messages, with none accepted before, after which the API is considered to
/// refuse all messages of this conversation.
const HOPELESS: usize = 10;

/// The largest number of ids that the API has been found to accept, shared within this process.
#[derive(Clone, Debug)]
pub(super) struct BulkLimit(Arc<AtomicUsize>);

/// The message ids to request, batch by batch.
#[derive(Debug)]
pub(super) struct Batches {
    left: VecDeque<String>,
    /// Size of the next batch.
    size: usize,
    /// Largest batch size that may be tried.
    ceiling: usize,
    /// The initial ceiling.
    limit: usize,
    /// Size of the largest accepted batch.
    accepted: usize,
    refused_in_a_row: usize,
    /// Ids that were refused alone or given up.
    refused: HashSet<String>,
    /// Whether a response exceeded our own size limit, which says nothing about the API's limit.
    by_bytes: bool,
}

/// Why a batch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// The API refused the request.
    ForApi,
    /// The response exceeds our own size limit.
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

    /// Records the limit that the batches of a conversation revealed.
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

    /// Takes the next batch. The caller reports its result by [`accepted`](Self::accepted) or
    /// [`refused`](Self::refused).
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        let size = self.size.min(self.left.len());
        (size > 0).then(|| self.left.drain(..size).collect())
    }

    pub(super) fn accepted(&mut self, size: usize) {
        self.accepted = self.accepted.max(size);
        self.refused_in_a_row = 0;
        // The size may be small only because of a single message that was refused alone.
        self.size = (self.size * 2).min(self.ceiling);
    }

    /// Halves the batch. A message that is refused alone is skipped, and the size returns to the last one that worked.
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

    /// The ids that no request returned.
    pub(super) fn into_refused(self) -> HashSet<String> {
        self.refused
    }

    /// Batch size for requesting again the messages that a response omitted.
    pub(super) fn again(requested: usize, received: usize) -> usize {
        let size = match received {
            0 => requested / 2,
            // The API may truncate a response at this number of messages.
            _ => received.max(requested.div_ceil(10)).min(requested / 2),
        };
        size.max(1)
    }

    /// The size limit found. `None` unless a refusal was about the number of ids, that is, each of them was accepted in
    /// a smaller batch.
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

    /// Returns the sizes of all batches, and the ids that were accepted.
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
    fn a_refused_batch_is_halved_and_the_accepted_size_is_kept() {
        let mut batches = Batches::of(ids(1_200), DOCUMENTED);

        let (sizes, accepted) = requested(&mut batches, |batch| batch.len() <= 100);

        assert_eq!(sizes[..5], [1_000, 500, 250, 125, 62]);
        assert!(sizes[4..].iter().all(|size| *size <= 62));
        assert_eq!(accepted, ids(1_200), "in their order");
        assert_eq!(batches.found_limit(), Some(62));
    }

    #[test]
    fn every_batch_limit_is_found_without_losing_a_message() {
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
    fn a_message_refused_alone_loses_no_other_and_sets_no_limit() {
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
    fn if_every_batch_is_refused_not_every_message_is_tried() {
        let mut batches = Batches::of(ids(1_000), DOCUMENTED);

        let (sizes, _) = requested(&mut batches, |_| false);

        assert!(sizes.len() <= 20, "{sizes:?}");
        assert_eq!(batches.found_limit(), None);
        assert_eq!(batches.into_refused().len(), 1_000);
    }

    #[test]
    fn the_batch_limit_is_shared_by_the_process_and_only_falls() {
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
    fn messages_left_out_are_requested_in_smaller_batches() {
        let sizes = [
            (1, 0),
            (2, 1),
            (30, 29),
            (30, 10),
            (30, 0),
            (1_000, 100),
            (1_000, 1),
        ];

        let sizes = sizes.map(|(requested, received)| Batches::again(requested, received));

        assert_eq!(sizes, [1, 1, 15, 10, 15, 100, 100]);
    }
}
