//! The four routes of a job: submit, poll, read, delete.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Job, JobState, after};
use crate::data::Conversation;
use crate::organisation::Organisation;
use crate::organisation::answer::{Answer, ApiError};
use crate::organisation::cursor;
use crate::organisation::filter::{Filter, conversation_matches, is_active, segments_match};
use crate::organisation::request::Request;
use crate::organisation::resources::whole_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    interval: Option<String>,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    conversation_filters: Vec<Filter>,
    #[serde(default)]
    segment_filters: Vec<Filter>,
    #[serde(default)]
    start_of_day_interval_matching: bool,
    limit: Option<usize>,
}

/// By `conversationStart`, whatever `orderBy` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Order {
    #[default]
    Asc,
    Desc,
    Unordered,
}

impl Organisation {
    pub(crate) fn submit_job(
        &mut self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let query: Query = request.json()?;
        let interval = self.interval_of(&query)?;
        let watermark = self.settings.watermark.at(now);
        let job = Job {
            id: self.new_id(),
            interval,
            rows: self.rows_of(&query, interval, watermark)?,
            malformed_every: self.settings.faults.malformed_every,
            watermark,
            submitted: now,
            started: None,
            completed: None,
            state: JobState::Queued,
            error_message: None,
            deleted: false,
        };
        let answer = Answer::json(202, &json!({ "jobId": job.id }));
        self.jobs.submit(job, &self.settings, now);
        self.stats.jobs_submitted += 1;
        Ok(answer)
    }

    pub(crate) fn job_status(&mut self, id: &str, now: Timestamp) -> Result<Answer, ApiError> {
        let lifetime = self.settings.job_lifetime;
        let job = self.job(id, now)?;
        let mut body = json!({ "state": job.state.as_str(), "submissionDate": format!("{:.3}", job.submitted) });
        if let Some(completed) = job.completed {
            body["completionDate"] = json!(format!("{completed:.3}"));
            body["expirationDate"] = json!(format!("{:.3}", after(completed, lifetime)));
        }
        if let Some(message) = &job.error_message {
            body["errorMessage"] = json!(message);
        }
        let at_work = matches!(job.state, JobState::Queued | JobState::Pending);
        Ok(Answer::json(if at_work { 202 } else { 200 }, &body))
    }

    pub(crate) fn job_results(
        &mut self,
        id: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let page_size = self.page_size(request)?;
        let data = self.data.clone();
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
        Ok(Answer::raw(
            200,
            page(job, &data.conversations, offset, page_size),
        ))
    }

    pub(crate) fn delete_job(&mut self, id: &str, now: Timestamp) -> Result<Answer, ApiError> {
        self.job(id, now)?;
        self.jobs.delete(id);
        self.stats.jobs_deleted += 1;
        Ok(Answer::empty(204))
    }

    fn job(&mut self, id: &str, now: Timestamp) -> Result<&Job, ApiError> {
        self.jobs.advance(&self.settings, now);
        self.jobs
            .find(id)
            .ok_or_else(|| ApiError::not_found("The job was not found."))
    }

    fn page_size(&self, request: &Request) -> Result<usize, ApiError> {
        let max = self.settings.job_page_size_max;
        let asked = request.number("pageSize")?;
        let page_size = asked.unwrap_or(self.settings.job_page_size_default.min(max) as usize);
        if (1..=max as usize).contains(&page_size) {
            Ok(page_size)
        } else {
            Err(ApiError::bad_request(&format!(
                "pageSize must be between 1 and {max}"
            )))
        }
    }

    fn interval_of(&self, query: &Query) -> Result<(Timestamp, Timestamp), ApiError> {
        let text = query
            .interval
            .as_deref()
            .ok_or_else(|| ApiError::bad_request("interval is required"))?;
        let (start, end) = text
            .split_once('/')
            .ok_or_else(|| ApiError::new(400, "invalid.date", "interval must be start/end"))?;
        let parse = |part: &str| {
            part.parse::<Timestamp>()
                .map_err(|_| ApiError::new(400, "invalid.date", "interval holds no ISO-8601 date"))
        };
        let (start, end) = (parse(start)?, parse(end)?);
        if end <= start {
            return Err(ApiError::bad_request("interval must end after it starts"));
        }
        if self
            .settings
            .job_interval_max
            .is_some_and(|max| after(start, max) < end)
        {
            return Err(ApiError::bad_request("interval is too long"));
        }
        Ok((start, end))
    }

    /// What the lake holds of the query: nothing that started at or after the watermark, and no word about it.
    fn rows_of(
        &self,
        query: &Query,
        interval: (Timestamp, Timestamp),
        watermark: Timestamp,
    ) -> Result<Vec<usize>, ApiError> {
        let mut rows = Vec::new();
        for (place, conversation) in self.data.conversations.iter().enumerate() {
            let there = conversation.start < watermark && is_active(conversation, interval);
            if there && query.selects(conversation, interval)? {
                rows.push(place);
            }
        }
        if query.order == Order::Desc {
            rows.reverse();
        }
        rows.truncate(query.limit.unwrap_or(usize::MAX));
        Ok(rows)
    }
}

impl Query {
    fn selects(
        &self,
        conversation: &Conversation,
        interval: (Timestamp, Timestamp),
    ) -> Result<bool, ApiError> {
        let first_day = interval.0.as_second().div_euclid(DAY_SECONDS) * DAY_SECONDS;
        let too_old =
            self.start_of_day_interval_matching && conversation.start.as_second() < first_day;
        Ok(!too_old
            && conversation_matches(&self.conversation_filters, conversation)?
            && segments_match(&self.segment_filters, &conversation.facets)?)
    }
}

/// A full page always has a cursor, even when nothing comes after it.
fn page(job: &Job, conversations: &[Conversation], offset: usize, page_size: usize) -> String {
    let places: Vec<_> = job.rows.iter().skip(offset).take(page_size).collect();
    let rows: Vec<_> = places
        .iter()
        .map(|place| conversations[**place].served(job.malformed_every, **place))
        .collect();
    let mut fields = Vec::new();
    if !rows.is_empty() {
        fields.push(format!("\"conversations\":[{}]", rows.join(",")));
    }
    if rows.len() == page_size {
        fields.push(format!(
            "\"cursor\":\"{}\"",
            cursor::encode(&job.id, offset + page_size)
        ));
    }
    fields.push(format!(
        "\"dataAvailabilityDate\":\"{}\"",
        whole_seconds(job.watermark)
    ));
    format!("{{{}}}", fields.join(","))
}

const DAY_SECONDS: i64 = 86_400;
