//! The asynchronous conversation details job: watermark, submit, poll, pages by cursor.
//!
//! A job's answer is a snapshot. Asked past the watermark it is silently partial, so the watermark is checked first.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::conversation_query::{ConversationQuery, Order};
use super::{Opened, Reading, Setback, Source, SourcePage, broken, lost_when_unknown};
use crate::checkpoint::Checkpoint;
use crate::clock::{Clock, Deadline};
use crate::effort::Effort;
use crate::failure::{Failure, FailureKind};
use crate::genesys::wire::{AsyncQueryResponse, AsyncQueryStatus, DataAvailability, JobState};
use crate::genesys::{Call, GenesysClient};
use crate::page::{self, DETAILS_FIELDS};
use crate::plan::SliceRange;
use crate::time::{Interval, millis};
use crate::waiting::{Wait, WaitReason};

const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";

/// Polling inside one invocation: the vendor asks for no less than about 3 s between two looks.
const FIRST_POLL: Duration = Duration::from_secs(3);
/// A job that takes longer parks its page; the invocation is better spent elsewhere.
const LONGEST_POLLING: Duration = Duration::from_secs(30);

/// The default, bulk source.
#[derive(Clone, Debug)]
pub struct AnalyticsJob {
    client: GenesysClient,
    clock: Clock,
}

impl AnalyticsJob {
    pub fn new(client: GenesysClient, clock: Clock) -> Self {
        Self { client, clock }
    }

    async fn watermark(&self, deadline: Deadline) -> Result<DataAvailability, Setback> {
        let call = Call::get(format!("{JOBS}/availability"));
        Ok(self
            .client
            .call(&call, deadline, |body| serde_json::from_slice(body))
            .await?
            .value)
    }

    async fn poll(&self, job: &str, deadline: Deadline) -> Result<JobState, Setback> {
        let call = Call::get(format!("{JOBS}/{job}"));
        let decode = |body: &[u8]| serde_json::from_slice::<AsyncQueryStatus>(body);
        let status = self
            .client
            .call(&call, deadline, decode)
            .await
            .map_err(lost_when_unknown)?
            .value;
        match status.state {
            JobState::Failed | JobState::Cancelled => {
                let message = status
                    .error_message
                    .unwrap_or_else(|| "the API gives no reason".to_owned());
                let text = format!("job {job} ended as {:?}: {message}", status.state);
                Err(Setback::Failed(Failure::new(FailureKind::JobFailed, text)))
            }
            JobState::Expired => Err(Setback::Lost(format!("job {job} expired"))),
            state => Ok(state),
        }
    }
}

#[async_trait]
impl Source for AnalyticsJob {
    async fn open(&self, reading: &Reading<'_>) -> Result<Opened, Setback> {
        let interval = interval(reading)?;
        let watermark = self
            .watermark(reading.deadline)
            .await?
            .data_availability_date;
        if watermark < interval.end() {
            return Err(Setback::Wait(Wait {
                reason: WaitReason::Watermark,
                hint: None,
                detail: format!(
                    "data reaches {}, the slice ends {}",
                    millis(watermark),
                    millis(interval.end())
                ),
            }));
        }
        let submission = json!(ConversationQuery::new(
            interval,
            Order::Asc,
            &reading.plan.filters
        ));
        let call = Call::post(JOBS).json(&submission);
        let decode = |body: &[u8]| serde_json::from_slice::<AsyncQueryResponse>(body);
        let job = self
            .client
            .call(&call, reading.deadline, decode)
            .await?
            .value
            .job_id;
        Ok(Opened {
            job: Some(job),
            watermark: Some(watermark),
        })
    }

    async fn ready(&self, opened: &Opened, reading: &Reading<'_>) -> Result<(), Setback> {
        let Some(job) = &opened.job else {
            return Err(Setback::Lost("the run knows no job".to_owned()));
        };
        let mut pause = FIRST_POLL;
        let mut polled = Duration::ZERO;
        loop {
            let state = self.poll(job, reading.deadline).await?;
            if state == JobState::Fulfilled {
                return Ok(());
            }
            if polled + pause > LONGEST_POLLING || !reading.deadline.allows(self.clock.now(), pause)
            {
                return Err(Setback::Wait(Wait {
                    reason: WaitReason::Job,
                    hint: None,
                    detail: format!("job {job} is still {state:?}"),
                }));
            }
            self.clock.sleep(pause).await;
            polled += pause;
            pause = pause * 3 / 2;
        }
    }

    async fn page(
        &self,
        checkpoint: &Checkpoint,
        reading: &Reading<'_>,
    ) -> Result<SourcePage, Setback> {
        let Checkpoint::Cursor {
            job: Some(job),
            cursor,
        } = checkpoint
        else {
            return Err(broken("the checkpoint names no job"));
        };
        let page_size = reading.plan.page_size;
        let mut call =
            Call::get(format!("{JOBS}/{job}/results")).query("pageSize", page_size.to_string());
        if let Some(cursor) = cursor {
            call = call.query("cursor", cursor.clone());
        }
        let rules = reading.rules();
        let decode = |body: &[u8]| {
            let results = DETAILS_FIELDS.read(body)?;
            let encoded = page::encode(&results.records, &rules);
            Ok((encoded, results.next, results.data_availability_date))
        };
        let reply = self
            .client
            .call(&call, reading.deadline, decode)
            .await
            .map_err(lost_when_unknown)?;
        let effort = Effort::of(&reply);
        let (body, next, watermark) = reply.value;
        if next.is_some() && next == *cursor {
            return Err(broken(
                "the results page names its own cursor as the next one",
            ));
        }
        Ok(SourcePage {
            body,
            next: next.map(|next| Checkpoint::Cursor {
                job: Some(job.clone()),
                cursor: Some(next),
            }),
            requested: page_size.into(),
            watermark,
            correlation_id: reply.correlation_id,
            effort,
            warnings: Vec::new(),
        })
    }

    async fn close(&self, job: &str, deadline: Deadline) -> Result<(), Setback> {
        match self
            .client
            .call(&Call::delete(format!("{JOBS}/{job}")), deadline, |_| Ok(()))
            .await
        {
            Err(error) if error.status() != Some(404) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn interval(reading: &Reading<'_>) -> Result<Interval, Setback> {
    match reading.slice.range {
        SliceRange::Interval(interval) => Ok(interval),
        SliceRange::Offsets(_) => Err(broken("the slice has no interval")),
    }
}
