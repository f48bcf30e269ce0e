//! The four routes of a job: submit, poll, read, delete.

use std::ops::Range;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Job, JobState};
use crate::data::Conversation;
use crate::faults::RepeatedRow;
use crate::faults::repeats::{repeat_rows, text_at};
use crate::organisation::interval::{Interval, after};
use crate::organisation::request::Request;
use crate::organisation::resources::whole_seconds;
use crate::organisation::response::{ApiError, ApiResponse, listing};
use crate::organisation::selection::Criteria;
use crate::organisation::{Organisation, cursor};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    #[serde(flatten)]
    criteria: Criteria,
    #[serde(default)]
    start_of_day_interval_matching: bool,
    limit: Option<usize>,
}

impl Organisation {
    pub(crate) fn submit_job(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let query: Query = request.json()?;
        let longest = self.settings.job_interval_max;
        let interval = Interval::parse(query.criteria.interval.as_deref(), longest)?;
        query.criteria.check()?;
        let watermark = self.settings.watermark.at(now);
        let job = Job {
            id: self.new_id(),
            interval,
            rows: self.rows_before_watermark(&query, interval, watermark),
            malformed_every: self.settings.faults.malformed_every,
            watermark,
            submitted: now,
            started: None,
            completed: None,
            state: JobState::Queued,
            error_message: None,
            deleted: false,
        };
        let response = ApiResponse::json(202, &json!({ "jobId": job.id }));
        self.jobs.submit(job, &self.settings, now);
        self.stats.jobs_submitted += 1;
        Ok(response)
    }

    pub(crate) fn job_status(&mut self, id: &str, now: Timestamp) -> Result<ApiResponse, ApiError> {
        let lifetime = self.settings.job_lifetime;
        let at_work_status = self.settings.job_at_work_status;
        let job = self.job(id, now)?;
        let mut body = json!({ "state": job.state.as_str(), "submissionDate": format!("{:.3}", job.submitted) });
        if let Some(completed) = job.completed {
            body["completionDate"] = json!(format!("{completed:.3}"));
            body["expirationDate"] = json!(format!("{:.3}", after(completed, lifetime)));
        }
        if let Some(message) = &job.error_message {
            body["errorMessage"] = json!(message);
        }
        let status = if job.is_running() {
            at_work_status
        } else {
            200
        };
        Ok(ApiResponse::json(status, &body))
    }

    pub(crate) fn job_results(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let page_size = self.page_size(request)?;
        let data = self.data.clone();
        let repeated = self.settings.faults.repeated_rows.clone();
        let job = self.job(id, now)?;
        match job.state {
            JobState::Fulfilled => {}
            JobState::Expired => {
                return Err(ApiError::not_found("The results of the job have expired."));
            }
            state => {
                return Err(ApiError::bad_request(&format!(
                    "The job has no results: it is {}.",
                    state.as_str()
                )));
            }
        }
        let offset = match request.parameter("cursor") {
            Some(cursor) => cursor::decode(id, cursor)
                .ok_or_else(|| ApiError::bad_request("The cursor is not valid."))?,
            None => 0,
        };
        Ok(ApiResponse::raw(
            200,
            page(
                job,
                &data.conversations,
                &repeated,
                offset..offset.saturating_add(page_size),
            ),
        ))
    }

    pub(crate) fn delete_job(&mut self, id: &str, now: Timestamp) -> Result<ApiResponse, ApiError> {
        self.job(id, now)?;
        self.jobs.delete(id, self.settings.cancelled_jobs, now);
        self.stats.jobs_deleted += 1;
        Ok(ApiResponse::empty(self.settings.job_delete_status))
    }

    fn job(&mut self, id: &str, now: Timestamp) -> Result<&Job, ApiError> {
        self.jobs.advance(&self.settings, now);
        self.jobs
            .find(id)
            .ok_or_else(|| ApiError::not_found("The job was not found."))
    }

    fn page_size(&self, request: &Request) -> Result<usize, ApiError> {
        let max = self.settings.job_page_size_max;
        let requested_size = request.number("pageSize")?;
        let page_size =
            requested_size.unwrap_or(self.settings.job_page_size_default.min(max) as usize);
        if (1..=max as usize).contains(&page_size) {
            Ok(page_size)
        } else {
            Err(ApiError::bad_request(&format!(
                "pageSize must be between 1 and {max}"
            )))
        }
    }

    /// Returns the rows that started before the watermark. As in the API, the response does not say that later ones are
    /// missing.
    fn rows_before_watermark(
        &self,
        query: &Query,
        interval: Interval,
        watermark: Timestamp,
    ) -> Vec<usize> {
        let earliest = if query.start_of_day_interval_matching {
            interval.first_midnight()
        } else {
            Timestamp::MIN
        };
        let candidates = self.visible(earliest..watermark);
        let mut rows = query.criteria.rows(&self.data, candidates, interval);
        rows.truncate(query.limit.unwrap_or(usize::MAX));
        repeat_rows(&mut rows, &self.settings.faults.repeated_rows);
        rows
    }
}

/// A full page always has a cursor, even if no rows follow.
fn page(
    job: &Job,
    conversations: &[Conversation],
    repeated: &[RepeatedRow],
    positions: Range<usize>,
) -> String {
    let serve = |position: usize| {
        let index = job.rows[position];
        let text = conversations[index].served_json(job.malformed_every, index);
        text_at(position, text, repeated)
    };
    let served = positions.start..positions.end.min(job.rows.len());
    let more = (served.end == positions.end).then(|| cursor::encode(&job.id, positions.end));
    let mut others: Vec<_> = more
        .map(|cursor| ("cursor", json!(cursor)))
        .into_iter()
        .collect();
    others.push(("dataAvailabilityDate", json!(whole_seconds(job.watermark))));
    listing(served.map(serve), &others)
}
