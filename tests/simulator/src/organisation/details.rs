//! Conversation details without a job: the query, page by page, and conversations by id. Unlike jobs they do not lag
//! with the data lake: conversations appear once they have started. Neither returns participant attributes.

mod query_cache;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

pub(crate) use query_cache::QueryCache;

use super::Organisation;
use super::interval::Interval;
use super::request::Request;
use super::response::{ApiError, ApiResponse, listing};
use super::selection::Criteria;
use super::transcripts::not_found;
use crate::settings::Settings;
use query_cache::QueryKey;

#[derive(Debug, Deserialize)]
struct Query {
    #[serde(flatten)]
    criteria: Criteria,
    #[serde(default)]
    paging: Paging,
    #[serde(default)]
    aggregations: Vec<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    page_size: Option<usize>,
    page_number: Option<usize>,
}

impl Organisation {
    pub(crate) fn query_details(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let query: Query = request.json()?;
        let longest = self.settings.query_interval_max;
        let interval = Interval::parse(query.criteria.interval.as_deref(), longest)?;
        query.check()?;
        let page = query.paging.rows(&self.settings)?;
        let number = query.paging.number();
        let mut rows = self.rows_of(query.criteria, interval, now);
        if self.settings.faults.loose_ties {
            rows = self.with_ties_rotated(&rows, number);
        }
        let page_rows = &rows[page.start.min(rows.len())..page.end.min(rows.len())];
        Ok(self.details(page_rows, &[("totalHits", json!(rows.len()))]))
    }

    /// Returns the number of conversations that queries find at `now`.
    fn count_found(&self, now: Timestamp) -> usize {
        let lag = self.settings.query_lag;
        let late = now.checked_sub(lag).unwrap_or(Timestamp::MIN);
        let started = self.data.started(late..now);
        let (already_found, candidates) = (started.start, started);
        already_found
            + candidates
                .filter(|index| self.data.is_found(*index, lag, now))
                .count()
    }

    /// Returns the conversations that started on a day that the interval touches and that queries find at `now`.
    fn rows_of(&mut self, criteria: Criteria, interval: Interval, now: Timestamp) -> Arc<[usize]> {
        let key = QueryKey {
            criteria,
            found_count: self.count_found(now),
            divisions_held: self.settings.divisions_held,
            live_changes: self.data.live_changes,
        };
        if let Some(rows) = self.query_cache.rows(&key) {
            return rows;
        }
        let days = interval.whole_days();
        let lag = self.settings.query_lag;
        let candidates = self
            .visible(days.start..days.end.min(now))
            .filter(|index| self.data.is_found(*index, lag, now));
        let rows = key.criteria.rows(&self.data, candidates, interval);
        self.query_cache.insert(key, rows)
    }

    /// Rotates the conversations that have the same start. They are adjacent.
    fn with_ties_rotated(&self, rows: &[usize], turns: usize) -> Arc<[usize]> {
        let mut rows = rows.to_vec();
        let start = |index: &usize| self.data.conversations[*index].start;
        for ties in rows.chunk_by_mut(|one, other| start(one) == start(other)) {
            ties.rotate_left(turns % ties.len());
        }
        rows.into()
    }

    /// Unknown ids are silently omitted.
    pub(crate) fn details_by_ids(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let ids = request
            .parameter("id")
            .ok_or_else(|| ApiError::bad_request("id is required"))?;
        let indexes: Vec<_> = ids
            .split(',')
            .filter_map(|id| self.find_visible(id, now))
            .collect();
        let records = indexes.into_iter().filter_map(|index| self.look_up(index));
        Ok(ApiResponse::raw(200, listing(records.map(Cow::Owned), &[])))
    }

    pub(crate) fn details_by_id(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let index = self.find_visible(id, now);
        let record = index.and_then(|index| self.look_up(index));
        let record = record.ok_or_else(not_found)?;
        Ok(ApiResponse::raw(200, record))
    }

    pub(crate) fn find_visible(&self, id: &str, now: Timestamp) -> Option<usize> {
        let index = self.data.index_of(id.trim())?;
        let started = self.data.conversations[index].start < now;
        let visible = self.data.is_visible(index, self.settings.divisions_held);
        (started && visible).then_some(index)
    }

    fn details(&self, indexes: &[usize], others: &[(&str, Value)]) -> ApiResponse {
        let every = self.settings.faults.malformed_every;
        let serve = |index: &usize| {
            self.data.conversations[*index].served_json_without_attributes(every, *index)
        };
        ApiResponse::raw(200, listing(indexes.iter().map(serve), others))
    }
}

impl Query {
    fn check(&self) -> Result<(), ApiError> {
        if !self.aggregations.is_empty() {
            return Err(ApiError::bad_request("aggregations are not simulated"));
        }
        self.criteria.check()
    }
}

impl Paging {
    fn number(&self) -> usize {
        self.page_number.unwrap_or(1)
    }

    fn rows(&self, settings: &Settings) -> Result<Range<usize>, ApiError> {
        let most = settings.query_page_size_max;
        let size = self.page_size.unwrap_or(PAGE_SIZE.min(most));
        if !(1..=most).contains(&size) {
            let message = format!("paging.pageSize must be between 1 and {most}");
            return Err(ApiError::bad_request(&message));
        }
        let number = self.number();
        if number == 0 {
            return Err(ApiError::bad_request("paging.pageNumber starts at 1"));
        }
        let end = number.saturating_mul(size);
        if end > settings.query_reach {
            let message = format!(
                "Pagination may not exceed {} results.",
                settings.query_reach
            );
            return Err(ApiError::bad_request(&message));
        }
        Ok(end - size..end)
    }
}

/// Default page size of a query.
const PAGE_SIZE: usize = 25;
