//! The asynchronous conversation details job: watermark, submit, poll, pages by cursor.
//!
//! A job's results are a snapshot. A job over an interval past the watermark is silently partial (not documented;
//! observed), so the watermark is checked first:
//! <https://developer.genesys.cloud/analyticsdatamanagement/analytics/jobs/conversation-details-job#data-availability>

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use super::conversation_query::{ConversationQuery, Order};
use super::{
    PageContext, RunContext, RunState, Source, SourceError, SourcePage, expired_at_cursor,
    expired_if_unknown, source_broken,
};
use crate::base::deadline::Deadline;
use crate::base::decode::{self, DecodeError};
use crate::base::failure::{Failure, FailureKind};
use crate::base::time::{Interval, format_timestamp};
use crate::export::checkpoint::Checkpoint;
use crate::export::plan::SliceRange;
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::wire::{AsyncQueryResponse, AsyncQueryStatus, DataAvailability, JobState};
use crate::genesys::{ApiPath, Call, GenesysClient};
use crate::net::clock::Clock;
use crate::records::foreign::ForeignText;
use crate::records::page::{self, DETAILS_FIELDS, PageBody, PageRules, ResultsReader};

const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";

/// Polling interval within one invocation. Not documented; other clients wait at least about 3 s between two polls.
const FIRST_POLL: Duration = Duration::from_secs(3);
/// If a job takes longer than this, its page is parked so that the invocation does not idle.
const LONGEST_POLLING: Duration = Duration::from_secs(30);

/// The default source, for bulk exports.
#[derive(Clone, Debug)]
pub struct AnalyticsJob {
    client: GenesysClient,
    clock: Clock,
}

impl AnalyticsJob {
    pub fn new(client: GenesysClient, clock: Clock) -> Self {
        Self { client, clock }
    }

    async fn watermark(&self, deadline: Deadline) -> Result<DataAvailability, SourceError> {
        let call = Call::get(ApiPath::from(JOBS).then("/availability"));
        Ok(self.client.call(&call, deadline, decode::json).await?.value)
    }

    /// Checks that the job's results reach the end of the slice: a job that ran before the data was complete is
    /// silently partial. The first time, the page waits and is read again; the second time, a new job is submitted.
    fn check_watermark(
        &self,
        watermark: Option<Timestamp>,
        context: &PageContext<'_>,
    ) -> Result<(), SourceError> {
        let end = interval(&context.run)?.end();
        let Some(watermark) = watermark.filter(|watermark| *watermark < end) else {
            return Ok(());
        };
        let detail = format!(
            "the job's results reach {}, but the slice ends at {}",
            format_timestamp(watermark),
            format_timestamp(end)
        );
        let reason = WaitReason::Watermark;
        Err(match context.waiting_time(reason, self.clock.now()) {
            None => SourceError::NotReady(Wait {
                reason,
                hint: None,
                detail,
            }),
            Some(_) => SourceError::Expired(detail),
        })
    }

    async fn poll(&self, job: &str, deadline: Deadline) -> Result<JobState, SourceError> {
        let call = Call::get(ApiPath::from(JOBS).segment(job)?).expect_statuses(&[200, 202]);
        let reply = self.client.call(&call, deadline, decode::json).await;
        let status: AsyncQueryStatus = reply.map_err(expired_if_unknown)?.value;
        match status.state {
            JobState::Failed | JobState::Cancelled => {
                let reason = status.error_message.map(|text| self.client.quote(&text));
                let reason = reason
                    .as_ref()
                    .map_or("the API gave no reason", ForeignText::as_str);
                let job = self.client.quote(job);
                let text = format!("job {job} ended as {:?}: {reason}", status.state);
                Err(SourceError::Fatal(Failure::new(
                    FailureKind::JobFailed,
                    text,
                )))
            }
            JobState::Expired => Err(SourceError::Expired(format!(
                "job {} expired",
                self.client.quote(job)
            ))),
            state => Ok(state),
        }
    }
}

#[async_trait]
impl Source for AnalyticsJob {
    async fn open(&self, run: &RunContext<'_>) -> Result<RunState, SourceError> {
        let interval = interval(run)?;
        let watermark = self.watermark(run.deadline).await?.data_availability_date;
        if watermark < interval.end() {
            return Err(SourceError::NotReady(Wait {
                reason: WaitReason::Watermark,
                hint: None,
                detail: format!(
                    "data is available up to {}, but the slice ends at {}",
                    format_timestamp(watermark),
                    format_timestamp(interval.end())
                ),
            }));
        }
        let submission = json!(ConversationQuery::new(
            interval,
            Order::Asc,
            &run.plan.filters
        ));
        let call = Call::post(JOBS)
            .json(&submission)
            .expect_statuses(&[200, 201, 202]);
        let reply = self.client.call(&call, run.deadline, decode::json);
        let submitted: AsyncQueryResponse = reply.await?.value;
        Ok(RunState {
            job: Some(submitted.job_id),
            watermark: Some(watermark),
        })
    }

    async fn check_ready(
        &self,
        opened: &RunState,
        run: &RunContext<'_>,
    ) -> Result<(), SourceError> {
        let Some(job) = &opened.job else {
            return Err(SourceError::Expired("the run has no job".to_owned()));
        };
        let mut pause = FIRST_POLL;
        let mut waited = Duration::ZERO;
        loop {
            let state = self.poll(job, run.deadline).await?;
            if state == JobState::Fulfilled {
                return Ok(());
            }
            if waited + pause > LONGEST_POLLING || !run.deadline.allows(self.clock.now(), pause) {
                let (job, state) = (
                    self.client.quote(job),
                    self.client.quote(&format!("{state:?}")),
                );
                return Err(SourceError::NotReady(Wait {
                    reason: WaitReason::Job,
                    hint: None,
                    detail: format!("job {job} is still {state}"),
                }));
            }
            self.clock.sleep(pause).await;
            waited += pause;
            pause = pause * 3 / 2;
        }
    }

    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError> {
        let Checkpoint::Cursor {
            job: Some(job),
            cursor,
            trail,
            ..
        } = checkpoint
        else {
            return Err(source_broken("the checkpoint has no job"));
        };
        let page_size = context.run.plan.page_size;
        let path = ApiPath::from(JOBS).segment(job)?.then("/results");
        let mut call = Call::get(path).query("pageSize", page_size.to_string());
        if let Some(cursor) = cursor {
            call = call.query("cursor", cursor.clone());
        }
        let rules = context.rules();
        let mut reader = ResultsReader::default();
        let reply = self
            .client
            .call(&call, context.run.deadline, |body| {
                read_results(&mut reader, body, &rules)
            })
            .await
            .map_err(|error| expired_at_cursor(error, cursor.as_deref()))?;
        let effort = reply.effort();
        let page = reply.value;
        self.check_watermark(page.watermark, context)?;
        let received = page.body.counts.received;
        let next_checkpoint =
            |next| Checkpoint::after_cursor(Some(job.clone()), trail.as_ref(), next, received);
        Ok(SourcePage {
            body: page.body,
            next: page.next.map(next_checkpoint).transpose()?,
            requested: page_size.into(),
            watermark: page.watermark,
            correlation_id: reply.correlation_id,
            effort,
            warnings: page.warning.into_iter().map(ToOwned::to_owned).collect(),
        })
    }

    async fn close(&self, job: &str, deadline: Deadline) -> Result<(), SourceError> {
        let call = Call::delete(ApiPath::from(JOBS).segment(job)?);
        match self.client.call(&call, deadline, decode::ignore).await {
            Err(error) if !matches!(error.status(), Some(404 | 410)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A transformed results page.
struct JobResultsPage {
    body: PageBody,
    next: Option<String>,
    watermark: Option<Timestamp>,
    warning: Option<&'static str>,
}

const NO_LIST_WARNING: &str =
    "the last results page had no `conversations` on every read and was treated as empty";

/// Reads a results page. The API omits an empty list (not documented; observed), so the last page may lack
/// `conversations` if it has a watermark. A page without a cursor is the last one.
fn read_results(
    reader: &mut ResultsReader,
    body: &[u8],
    rules: &PageRules<'_>,
) -> Result<JobResultsPage, DecodeError> {
    let mut page = reader.read_page(body, DETAILS_FIELDS)?;
    let next = page.next.take();
    let watermark = page.data_availability_date;
    let may_lack_list = next.is_none() && watermark.is_some();
    let records = reader.records_of(page, DETAILS_FIELDS, may_lack_list)?;
    let warning = records.is_none().then_some(NO_LIST_WARNING);
    Ok(JobResultsPage {
        body: page::encode(&records.unwrap_or_default(), rules),
        next,
        watermark,
        warning,
    })
}

fn interval(run: &RunContext<'_>) -> Result<Interval, SourceError> {
    match run.slice.range {
        SliceRange::Interval(interval) => Ok(interval),
        SliceRange::Offsets(_) => Err(source_broken("the slice has no interval")),
    }
}
