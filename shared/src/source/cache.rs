//! An in-memory cache of fetched pages: within the time to live, fetching a page again takes no API request.
//!
//! Only pages that no longer change are cached; the source decides which do not. A run that replaces another does not
//! read the cache, because the pages of the first run led to a failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;
use serde_json::json;

use super::fetched_page::{FetchedPage, RequestCost, Stability};
use super::{PageContext, SourceError, SourcePage};
use crate::base::hash::Sha256;
use crate::base::time::later;
use crate::export::checkpoint::Checkpoint;
use crate::net::clock::Clock;

/// Limit for all pages of all sources together. The least recently used are evicted first.
const MAX_BYTES: usize = 32_000_000;

/// Clones share the cached pages.
#[derive(Clone, Debug)]
pub(super) struct ResponseCache {
    entries: Arc<Mutex<Entries>>,
    time_to_live: Duration,
    clock: Clock,
}

#[derive(Debug)]
struct Entries {
    by_key: LruCache<Sha256, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    page: Arc<FetchedPage>,
    expires_at: Timestamp,
}

impl ResponseCache {
    /// A zero time to live disables the cache.
    pub(super) fn new(time_to_live: Duration, clock: Clock) -> Self {
        let entries = Entries {
            by_key: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            entries: Arc::new(Mutex::new(entries)),
            time_to_live,
            clock,
        }
    }

    /// Returns the page from the cached records, or from the result of `fetch`, which is cached if it no longer
    /// changes.
    pub(super) async fn get_or_fetch(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
        fetch: impl Future<Output = Result<(FetchedPage, RequestCost), SourceError>>,
    ) -> Result<SourcePage, SourceError> {
        let key = Self::key(context, checkpoint);
        let cached = if context.is_first_run() {
            self.get(&key)
        } else {
            None
        };
        if let Some(cached) = cached {
            return Ok(cached.to_source_page(context, RequestCost::cached()));
        }
        let (page, cost) = match fetch.await {
            Err(end @ (SourceError::Expired(_) | SourceError::Fatal(_))) => {
                // The other cached pages may lead to the same failure.
                self.clear();
                return Err(end);
            }
            result => result?,
        };
        let page = Arc::new(page);
        if page.stability == Stability::Stable {
            self.store(key, &page);
        }
        Ok(page.to_source_page(context, cost))
    }

    /// The digest of everything that the page depends on.
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

    fn get(&self, key: &Sha256) -> Option<Arc<FetchedPage>> {
        let now = self.clock.now();
        let mut entries = self.lock();
        let entry = entries.by_key.get(key)?;
        if now < entry.expires_at {
            return Some(Arc::clone(&entry.page));
        }
        entries.remove(key);
        None
    }

    fn clear(&self) {
        let mut entries = self.lock();
        entries.by_key.clear();
        entries.bytes = 0;
    }

    fn store(&self, key: Sha256, page: &Arc<FetchedPage>) {
        let size = page.size_bytes();
        if self.time_to_live.is_zero() || size > MAX_BYTES {
            return;
        }
        let entry = Entry {
            page: Arc::clone(page),
            expires_at: later(self.clock.now(), self.time_to_live),
        };
        let mut entries = self.lock();
        entries.remove(&key);
        entries.by_key.put(key, entry);
        entries.bytes += size;
        let now = self.clock.now();
        while (entries.bytes > MAX_BYTES || entries.oldest_is_expired(now))
            && entries.evict_oldest()
        {}
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn remove(&mut self, key: &Sha256) {
        if let Some(entry) = self.by_key.pop(key) {
            self.bytes -= entry.page.size_bytes();
        }
    }

    fn oldest_is_expired(&self, now: Timestamp) -> bool {
        let oldest = self.by_key.peek_lru();
        oldest.is_some_and(|(_, entry)| entry.expires_at <= now)
    }

    /// Evicts the least recently used page. Returns whether there was one.
    fn evict_oldest(&mut self) -> bool {
        let oldest = self.by_key.pop_lru();
        if let Some((_, entry)) = &oldest {
            self.bytes -= entry.page.size_bytes();
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

    fn page_of_bytes(bytes: usize) -> Arc<FetchedPage> {
        let text = format!("\"{}\"", "x".repeat(bytes - 2));
        page_of(vec![RawValue::from_string(text).unwrap()])
    }

    fn page_of(records: Vec<Box<RawValue>>) -> Arc<FetchedPage> {
        Arc::new(FetchedPage {
            records: records.into_iter().map(OwnedRecord::Json).collect(),
            window: None,
            next: None,
            stability: Stability::Stable,
            warnings: Vec::new(),
        })
    }

    #[test]
    fn a_response_is_cached_until_its_time_to_live_ends() {
        let (cache, clock) = cache(60);
        let key = Sha256::of("a");
        cache.store(key, &page_of_bytes(10));

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
        cache.store(keys[0], &page_of_bytes(MAX_BYTES / 2 - 1_000));
        cache.store(keys[1], &page_of_bytes(MAX_BYTES / 2 - 1_000));
        cache.get(&keys[0]);

        cache.store(keys[2], &page_of_bytes(2_000));

        let cached = keys.map(|key| cache.get(&key).is_some());
        assert_eq!(cached, [true, false, true]);
    }

    #[test]
    fn expired_responses_are_evicted_and_empty_ones_take_space() {
        let (cache, clock) = cache(60);
        let empty = page_of(Vec::new());
        for key in ["a", "b", "c"] {
            cache.store(Sha256::of(key), &empty);
        }
        let three = cache.lock().bytes;

        clock.advance(Duration::from_mins(1));
        cache.store(Sha256::of("d"), &empty);

        assert_eq!(cache.lock().bytes * 3, three);
        assert_eq!(cache.lock().by_key.len(), 1);
    }

    #[test]
    fn responses_without_time_to_live_or_too_large_are_not_cached() {
        let (timeless, _) = cache(0);
        let (small, _) = cache(60);
        let key = Sha256::of("a");

        timeless.store(key, &page_of_bytes(10));
        small.store(key, &page_of_bytes(MAX_BYTES + 1));

        assert!(timeless.get(&key).is_none() && small.get(&key).is_none());
    }

    #[test]
    fn a_response_cached_twice_counts_once() {
        let (cache, _) = cache(60);
        let key = Sha256::of("a");

        cache.store(key, &page_of_bytes(10));
        cache.store(key, &page_of_bytes(30));

        assert_eq!(cache.lock().bytes, page_of_bytes(30).size_bytes());
    }
}
