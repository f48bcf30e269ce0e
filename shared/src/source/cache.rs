//! An in-memory cache of answers: repeating a request within the time to live takes no API request.
//!
//! Only settled answers are cached; the source decides which are. A run that replaces another does not read the cache,
//! because the answers of the first run led to a failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;
use serde_json::json;

use super::answer::{Answer, Asking, Permanence};
use super::{PageContext, SourceError, SourcePage};
use crate::base::hash::Sha256;
use crate::export::checkpoint::Checkpoint;
use crate::net::clock::Clock;

/// Limit for all answers of all sources together. The least recently used are evicted first.
const MAX_BYTES: usize = 32_000_000;

/// Clones share the cached answers.
#[derive(Clone, Debug)]
pub(super) struct ResponseCache {
    kept: Arc<Mutex<Kept>>,
    time_to_live: Duration,
    clock: Clock,
}

#[derive(Debug)]
struct Kept {
    answers: LruCache<Sha256, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    answer: Arc<Answer>,
    until: Timestamp,
}

impl ResponseCache {
    /// A zero time to live disables the cache.
    pub(super) fn new(time_to_live: Duration, clock: Clock) -> Self {
        let kept = Kept {
            answers: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            kept: Arc::new(Mutex::new(kept)),
            time_to_live,
            clock,
        }
    }

    /// Builds the page from the cached answer, or from the result of `ask`, which is cached if it is settled.
    pub(super) async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
        ask: impl Future<Output = Result<(Answer, Asking), SourceError>>,
    ) -> Result<SourcePage, SourceError> {
        let key = Self::key(context, checkpoint);
        let known = if context.is_first_run() {
            self.get(&key)
        } else {
            None
        };
        if let Some(known) = known {
            return Ok(known.page(context, Asking::nothing()));
        }
        let (answer, asking) = match ask.await {
            Err(end @ (SourceError::Expired(_) | SourceError::Fatal(_))) => {
                // The other cached answers may lead to the same failure.
                self.forget();
                return Err(end);
            }
            asked => asked?,
        };
        let answer = Arc::new(answer);
        if answer.permanence == Permanence::Settled {
            self.keep(key, &answer);
        }
        Ok(answer.page(context, asking))
    }

    /// The digest of everything that the answer depends on.
    fn key(context: &PageContext<'_>, checkpoint: &Checkpoint) -> Sha256 {
        let plan = context.run.plan;
        let mut query = json!({
            "source": plan.source,
            "filters": plan.filters,
            "pageSize": plan.page_size,
            "range": context.run.slice.range,
            "checkpoint": checkpoint,
        });
        query.sort_all_objects();
        Sha256::of(query.to_string())
    }

    fn get(&self, key: &Sha256) -> Option<Arc<Answer>> {
        let now = self.clock.now();
        let mut kept = self.lock();
        let entry = kept.answers.get(key)?;
        if now < entry.until {
            return Some(Arc::clone(&entry.answer));
        }
        kept.remove(key);
        None
    }

    fn forget(&self) {
        let mut kept = self.lock();
        kept.answers.clear();
        kept.bytes = 0;
    }

    fn keep(&self, key: Sha256, answer: &Arc<Answer>) {
        let size = answer.size_bytes();
        if self.time_to_live.is_zero() || size > MAX_BYTES {
            return;
        }
        let until = self.clock.now().saturating_add(self.time_to_live);
        let entry = Entry {
            answer: Arc::clone(answer),
            until: until.unwrap_or(Timestamp::MAX),
        };
        let mut kept = self.lock();
        kept.remove(&key);
        kept.answers.put(key, entry);
        kept.bytes += size;
        let now = self.clock.now();
        while (kept.bytes > MAX_BYTES || kept.oldest_is_over(now)) && kept.remove_oldest() {}
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, key: &Sha256) {
        if let Some(entry) = self.answers.pop(key) {
            self.bytes -= entry.answer.size_bytes();
        }
    }

    fn oldest_is_over(&self, now: Timestamp) -> bool {
        let oldest = self.answers.peek_lru();
        oldest.is_some_and(|(_, entry)| entry.until <= now)
    }

    /// Evicts the least recently used answer. Returns whether there was one.
    fn remove_oldest(&mut self) -> bool {
        let oldest = self.answers.pop_lru();
        if let Some((_, entry)) = &oldest {
            self.bytes -= entry.answer.size_bytes();
        }
        oldest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::records::page::OwnedRecord;

    fn cache(seconds: u64) -> (ResponseCache, Clock) {
        let clock = Clock::manual("2026-03-02T10:00:00Z".parse().unwrap());
        let cache = ResponseCache::new(Duration::from_secs(seconds), clock.clone());
        (cache, clock)
    }

    fn answer(bytes: usize) -> Arc<Answer> {
        let text = format!("\"{}\"", "x".repeat(bytes - 2));
        answer_of(vec![RawValue::from_string(text).unwrap()])
    }

    fn answer_of(records: Vec<Box<RawValue>>) -> Arc<Answer> {
        Arc::new(Answer {
            records: records.into_iter().map(OwnedRecord::Json).collect(),
            window: None,
            next: None,
            permanence: Permanence::Settled,
            warnings: Vec::new(),
        })
    }

    #[test]
    fn a_response_is_cached_until_its_time_to_live_ends() {
        let (cache, clock) = cache(60);
        let key = Sha256::of("a");
        cache.keep(key, &answer(10));

        clock.advance(Duration::from_secs(59));
        assert!(cache.get(&key).is_some());
        clock.advance(Duration::from_secs(1));
        assert!(cache.get(&key).is_none());
        assert_eq!(cache.lock().bytes, 0);
    }

    #[test]
    fn the_least_recently_used_response_is_evicted() {
        let (cache, _) = cache(60);
        let keys = ["a", "b", "c"].map(Sha256::of);
        cache.keep(keys[0], &answer(MAX_BYTES / 2 - 1_000));
        cache.keep(keys[1], &answer(MAX_BYTES / 2 - 1_000));
        cache.get(&keys[0]);

        cache.keep(keys[2], &answer(2_000));

        let known = keys.map(|key| cache.get(&key).is_some());
        assert_eq!(known, [true, false, true]);
    }

    #[test]
    fn expired_responses_are_evicted_and_empty_ones_take_space() {
        let (cache, clock) = cache(60);
        let empty = answer_of(Vec::new());
        for key in ["a", "b", "c"] {
            cache.keep(Sha256::of(key), &empty);
        }
        let three = cache.lock().bytes;

        clock.advance(Duration::from_mins(1));
        cache.keep(Sha256::of("d"), &empty);

        assert_eq!(cache.lock().bytes * 3, three);
        assert_eq!(cache.lock().answers.len(), 1);
    }

    #[test]
    fn responses_without_time_to_live_or_too_large_are_not_cached() {
        let (timeless, _) = cache(0);
        let (small, _) = cache(60);
        let key = Sha256::of("a");

        timeless.keep(key, &answer(10));
        small.keep(key, &answer(MAX_BYTES + 1));

        assert!(timeless.get(&key).is_none() && small.get(&key).is_none());
    }

    #[test]
    fn a_response_cached_twice_counts_once() {
        let (cache, _) = cache(60);
        let key = Sha256::of("a");

        cache.keep(key, &answer(10));
        cache.keep(key, &answer(30));

        assert_eq!(cache.lock().bytes, answer(30).size_bytes());
    }
}
