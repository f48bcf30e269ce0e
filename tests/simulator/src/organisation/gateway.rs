//! The export gateway: a query that announces a total, and its records by offset as a bare array. `includeMedia` has no
//! effect, because there is no media here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::Organisation;
use super::request::Request;
use super::response::{ApiError, ApiResponse, push_array};
use crate::data::RecordSummary;
use crate::faults::IntervalEnd;
use crate::faults::repeats::{repeat_rows, text_at};

/// The `type` of every record.
const RECORD_TYPE: &str = "webchat";
/// Larger values are refused.
const LIMIT_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Queries {
    all: BTreeMap<String, Query>,
}

#[derive(Debug)]
struct Query {
    rows: Vec<usize>,
    malformed_every: Option<usize>,
    page_size: usize,
    empty_pages: u32,
}

impl Queries {
    pub(crate) fn lose_all(&mut self) {
        self.all.clear();
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Submission {
    query: SubmittedQuery,
    #[serde(rename = "includeMedia")]
    _include_media: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SubmittedQuery {
    filter: RecordFilter,
    page_size: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordFilter {
    #[serde(rename = "type")]
    kind: String,
    id: Option<IdFilter>,
    date_range: Option<DateRange>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdFilter {
    range: IdRange,
}

/// Both ends are inclusive; ids are compared as strings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdRange {
    min: String,
    max: String,
}

/// Half-open, applied to `startTime`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DateRange {
    start: Timestamp,
    end: Timestamp,
}

/// Whether the moment is in the interval.
pub(super) fn is_within(
    moment: Timestamp,
    (start, end): (Timestamp, Timestamp),
    interval_end: IntervalEnd,
) -> bool {
    match interval_end {
        IntervalEnd::Excluded => (start..end).contains(&moment),
        IntervalEnd::Included => (start..=end).contains(&moment),
    }
}

impl RecordFilter {
    fn selects(&self, record: &RecordSummary, end: IntervalEnd) -> bool {
        let ids = self.id.as_ref().map(|it| &it.range);
        let dates = self.date_range.as_ref();
        self.kind == RECORD_TYPE
            && ids.is_none_or(|range| (&range.min..=&range.max).contains(&&record.id))
            && dates.is_none_or(|range| {
                let time = (range.start, range.end);
                is_within(record.start, time, end)
            })
    }

    fn is_reversed(&self) -> bool {
        let dates = self.date_range.as_ref();
        dates.is_some_and(|range| range.end < range.start)
    }
}

impl Organisation {
    pub(crate) fn submit_query(&mut self, request: &Request) -> Result<ApiResponse, ApiError> {
        let Submission { query, .. } = request.json()?;
        if query.filter.is_reversed() {
            return Err(ApiError::bad_request("dateRange must end after it starts"));
        }
        let faults = &self.settings.faults;
        let page_size = query.page_size;
        if !(1..=LIMIT_MAX).contains(&page_size) {
            let message = format!("pageSize must be between 1 and {LIMIT_MAX}");
            return Err(ApiError::bad_request(&message));
        }
        let summaries = self.data.gateway_summaries().iter().enumerate();
        let mut rows: Vec<usize> = summaries
            .filter(|(_, summary)| query.filter.selects(summary, faults.gateway_interval_end))
            .map(|(index, _)| index)
            .collect();
        repeat_rows(&mut rows, &faults.repeated_rows);
        let announced = i64::try_from(rows.len())
            .unwrap_or(i64::MAX)
            .saturating_add(faults.gateway_total)
            .max(0);
        let stored = Query {
            rows,
            malformed_every: faults.malformed_every,
            page_size,
            empty_pages: 0,
        };
        let (id, query_id) = (self.new_id(), self.new_id());
        self.queries.all.insert(query_id.clone(), stored);
        self.stats.queries_submitted += 1;
        Ok(ApiResponse::json(
            200,
            &json!({ "id": id, "queryId": query_id, "totalRecords": announced, "pageSize": page_size }),
        ))
    }

    pub(crate) fn query_results(
        &mut self,
        id: &str,
        request: &Request,
    ) -> Result<ApiResponse, ApiError> {
        let faults = &self.settings.faults;
        let query = self
            .queries
            .all
            .get_mut(id)
            .ok_or_else(|| ApiError::not_found("The query was not found."))?;
        let offset = request.number("offset")?.unwrap_or(0);
        let limit = request.number("limit")?.unwrap_or(query.page_size);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ApiError::bad_request(&format!(
                "limit must be between 1 and {LIMIT_MAX}"
            )));
        }
        let mut count = query.rows.len().saturating_sub(offset).min(limit);
        if count > 0 && query.empty_pages < faults.gateway_empty_early {
            query.empty_pages += 1;
            self.stats.count_fault("empty_page");
            return Ok(ApiResponse::raw(200, "[]".to_owned()));
        }
        let mut rng = self.schedule.rng(faults.seed.wrapping_add(1));
        if count > 1 && rng.f64() < faults.gateway_short_pages {
            self.stats.count_fault("short_page");
            count = rng.usize(1..count);
        }
        let rows = query.rows.iter().enumerate().skip(offset).take(count);
        let records = rows.map(|(position, index)| {
            let record = self.data.gateway_record(*index, query.malformed_every);
            text_at(position, record.into(), &faults.repeated_rows)
        });
        let mut page = String::new();
        push_array(&mut page, records);
        Ok(ApiResponse::raw(200, page))
    }
}
