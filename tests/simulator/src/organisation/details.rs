//! Conversation details without a job: the query, page by page, and conversations by id. Unlike jobs they do not lag
//! with the data lake: conversations appear once they have started. Neither returns participant attributes.

mod recent;

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

pub(crate) use recent::Recent;

use super::Organisation;
use super::answer::{Answer, ApiError, listing};
use super::interval::Interval;
use super::request::Request;
use super::selection::Criteria;
use crate::settings::Settings;
use recent::Asked;

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
    ) -> Result<Answer, ApiError> {
        let query: Query = request.json()?;
        let longest = self.settings.query_interval_max;
        let interval = Interval::parse(query.criteria.interval.as_deref(), longest)?;
        query.check()?;
        let page = query.paging.rows(&self.settings)?;
        let number = query.paging.number();
        let mut rows = self.rows_of(query.criteria, interval, now);
        if self.settings.faults.loose_ties {
            rows = self.with_ties_turned(&rows, number);
        }
        let shown = &rows[page.start.min(rows.len())..page.end.min(rows.len())];
        Ok(self.details(shown, &[("totalHits", json!(rows.len()))]))
    }

    /// Returns the number of conversations that queries find at `now`.
    fn found_so_far(&self, now: Timestamp) -> usize {
        let lag = self.settings.query_lag;
        let late = now.checked_sub(lag).unwrap_or(Timestamp::MIN);
        let started = self.data.started(late..now);
        let (settled, recent) = (started.start, started);
        settled
            + recent
                .filter(|place| self.data.is_found(*place, lag, now))
                .count()
    }

    /// Returns the conversations that started on a day that the interval touches and that queries find at `now`.
    fn rows_of(&mut self, criteria: Criteria, interval: Interval, now: Timestamp) -> Arc<[usize]> {
        let asked = Asked {
            criteria,
            there: self.found_so_far(now),
            divisions_held: self.settings.divisions_held,
        };
        if let Some(rows) = self.recent.rows(&asked) {
            return rows;
        }
        let days = interval.whole_days();
        let lag = self.settings.query_lag;
        let candidates = self
            .visible(days.start..days.end.min(now))
            .filter(|place| self.data.is_found(*place, lag, now));
        let rows = asked.criteria.rows(&self.data, candidates, interval);
        self.recent.keep(asked, rows)
    }

    /// Rotates the conversations that have the same start. They are adjacent.
    fn with_ties_turned(&self, rows: &[usize], turns: usize) -> Arc<[usize]> {
        let mut rows = rows.to_vec();
        let start = |place: &usize| self.data.conversations[*place].start;
        for ties in rows.chunk_by_mut(|one, other| start(one) == start(other)) {
            ties.rotate_left(turns % ties.len());
        }
        rows.into()
    }

    /// Unknown ids are silently omitted.
    pub(crate) fn details_by_ids(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let ids = request
            .parameter("id")
            .ok_or_else(|| ApiError::bad_request("id is required"))?;
        let places: Vec<_> = ids
            .split(',')
            .filter_map(|id| self.present(id, now))
            .collect();
        Ok(self.details(&places, &[]))
    }

    pub(crate) fn details_by_id(&self, id: &str, now: Timestamp) -> Result<Answer, ApiError> {
        let place = self.present(id, now).ok_or_else(|| {
            ApiError::new(
                404,
                "conversation.not.found",
                "The conversation was not found.",
            )
        })?;
        let every = self.settings.faults.malformed_every;
        let conversation = &self.data.conversations[place];
        let json = conversation.served_without_attributes(every, place);
        Ok(Answer::raw(200, json.into_owned()))
    }

    pub(crate) fn present(&self, id: &str, now: Timestamp) -> Option<usize> {
        let place = self.data.place_of(id.trim())?;
        let started = self.data.conversations[place].start < now;
        let visible = self.data.is_visible(place, self.settings.divisions_held);
        (started && visible).then_some(place)
    }

    fn details(&self, places: &[usize], others: &[(&str, Value)]) -> Answer {
        let every = self.settings.faults.malformed_every;
        let serve = |place: &usize| {
            self.data.conversations[*place].served_without_attributes(every, *place)
        };
        Answer::raw(200, listing(places.iter().map(serve), others))
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
