//! Cache of the last few queries and their rows, so that each page costs a page instead of a scan of the organisation.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::organisation::selection::Criteria;

/// The number of queries that a client reads in parallel, and a few more.
const CAPACITY: usize = 16;

/// Cache key: everything that the rows depend on.
#[derive(Debug, PartialEq)]
pub(crate) struct QueryKey {
    pub(crate) criteria: Criteria,
    /// Number of conversations that queries find. When it grows, the same query finds more.
    pub(crate) found_count: usize,
    pub(crate) divisions_held: Option<usize>,
    /// Number of changes by live conversations.
    pub(crate) live_changes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct QueryCache {
    entries: VecDeque<(QueryKey, Arc<[usize]>)>,
}

impl QueryCache {
    pub(crate) fn rows(&self, key: &QueryKey) -> Option<Arc<[usize]>> {
        let known = self.entries.iter().find(|(known, _)| known == key);
        known.map(|(_, rows)| Arc::clone(rows))
    }

    pub(crate) fn insert(&mut self, key: QueryKey, rows: Vec<usize>) -> Arc<[usize]> {
        let rows: Arc<[usize]> = rows.into();
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back((key, Arc::clone(&rows)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(found_count: usize) -> QueryKey {
        let body = r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"}"#;
        QueryKey {
            criteria: serde_json::from_str(body).unwrap(),
            found_count,
            divisions_held: None,
            live_changes: 0,
        }
    }

    #[test]
    fn a_query_is_cached_until_enough_others_were_sent() {
        let mut query_cache = QueryCache::default();
        query_cache.insert(key(0), vec![3, 4]);

        assert_eq!(query_cache.rows(&key(0)).as_deref(), Some(&[3, 4][..]));
        assert_eq!(query_cache.rows(&key(1)), None);
        (1..=CAPACITY)
            .for_each(|found_count| drop(query_cache.insert(key(found_count), Vec::new())));
        assert_eq!(query_cache.rows(&key(0)), None);
        assert_eq!(query_cache.entries.len(), CAPACITY);
    }
}
