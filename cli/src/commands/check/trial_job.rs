//! A job over one minute, which shows the properties of jobs that the API does not document.

use std::time::Duration;

use conversation_archive::base::decode;
use conversation_archive::base::time::elapsed;
use conversation_archive::genesys::wire::{AsyncQueryResponse, AsyncQueryStatus, JobState};
use conversation_archive::genesys::{ApiError, ApiPath, Call};
use jiff::Timestamp;
use serde_json::json;

use super::access::denied_finding;
use super::interrupt::{Interrupt, Interrupted};
use super::limits::limit_finding;
use super::{Api, DETAIL_VIEW, Finding, Findings, JOBS, interval};
use crate::figures::time;
use crate::problem::full_message;

const CHECK: &str = "trial job";

const MINUTE: Duration = Duration::from_mins(1);
/// The vendor asks for at least this interval between polls.
const POLL_INTERVAL: Duration = Duration::from_secs(3);
/// A job over a minute of data that takes longer is waiting in a queue.
const POLL_TIMEOUT: Duration = Duration::from_mins(1);
/// The page size in common use, and the largest one that any source mentions.
const PAGE_SIZES: [u32; 2] = [1_000, 10_000];

/// Maximum length of the API's own message, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// The state of the job after polling.
enum PollResult {
    Done(AsyncQueryStatus, Duration),
    /// Ended without results, with the API's message if there is one.
    Ended(JobState, Option<String>),
    StillWaiting(JobState),
}

/// Submits a job, polls it, reads its pages and deletes it. The job is deleted however far this gets, also after
/// Ctrl-C.
pub(super) async fn run(
    api: &Api,
    end: Timestamp,
    interrupt: &Interrupt,
    findings: &mut Findings<'_>,
) -> Result<(), Interrupted> {
    let query = json!({
        "interval": interval(end - MINUTE, end),
        "order": "asc",
        "orderBy": "conversationStart",
    });
    let submit = Call::post(JOBS)
        .json(&query)
        .expect_statuses(&[200, 201, 202]);
    // Not interruptible: without its id the job cannot be deleted.
    let job = match api.request::<AsyncQueryResponse>(&submit).await {
        Ok(reply) => reply.value.job_id,
        Err(error) => {
            findings.add(denied_finding(CHECK, DETAIL_VIEW, error));
            return Ok(());
        }
    };
    let path = match ApiPath::from(JOBS).segment(&job) {
        Ok(path) => path,
        Err(error) => {
            findings.add(Finding::failed(CHECK, full_message(error)));
            return Ok(());
        }
    };
    let inspected = interrupt.run(inspect_job(api, &path, findings)).await;
    findings.add(delete_job(api, &path).await);
    inspected
}

async fn inspect_job(api: &Api, path: &ApiPath, findings: &mut Findings<'_>) {
    match poll_job(api, path).await {
        Ok(PollResult::Done(status, waited)) => {
            findings.add(Finding::ok(CHECK, format!("completed after {}", time(waited))));
            findings.add(expiry_finding(&status));
            test_page_sizes(api, path, findings).await;
        }
        Ok(PollResult::Ended(state, message)) => findings.add(ended_finding(&state, message)),
        Ok(PollResult::StillWaiting(state)) => findings.add(
            Finding::warning(CHECK, format!("is {state:?} after {}", time(POLL_TIMEOUT)))
                .fix("exports wait for up to 6 hours; a job stays queued while other jobs use all of the organisation's job slots"),
        ),
        Err(error) => findings.add(denied_finding(CHECK, DETAIL_VIEW, error)),
    }
}

/// Polls until the job is over, for at most a minute.
async fn poll_job(api: &Api, path: &ApiPath) -> Result<PollResult, ApiError> {
    let call = Call::get(path.clone()).expect_statuses(&[200, 202]);
    let mut waited = Duration::ZERO;
    loop {
        let status = api.request::<AsyncQueryStatus>(&call).await?.value;
        match status.state {
            JobState::Fulfilled => return Ok(PollResult::Done(status, waited)),
            state @ (JobState::Failed | JobState::Cancelled | JobState::Expired) => {
                return Ok(PollResult::Ended(state, status.error_message));
            }
            state @ (JobState::Queued | JobState::Pending | JobState::Other(_))
                if waited >= POLL_TIMEOUT =>
            {
                return Ok(PollResult::StillWaiting(state));
            }
            JobState::Queued | JobState::Pending | JobState::Other(_) => {}
        }
        api.clock.sleep(POLL_INTERVAL).await;
        waited += POLL_INTERVAL;
    }
}

fn ended_finding(state: &JobState, message: Option<String>) -> Finding {
    let reason = message.map_or_else(
        || ", and the API gives no reason".to_owned(),
        |message| {
            format!(
                ": {}",
                message.chars().take(MAX_MESSAGE_CHARS).collect::<String>()
            )
        },
    );
    Finding::failed(CHECK, format!("ended as {state:?}{reason}")).fix(
        "the jobs of an export would end in the same way: try again, then ask the vendor's support",
    )
}

async fn test_page_sizes(api: &Api, path: &ApiPath, findings: &mut Findings<'_>) {
    for size in PAGE_SIZES {
        let call = Call::get(path.clone().then("/results")).query("pageSize", size.to_string());
        let result = api.request_page(&call).await;
        findings.add(limit_finding(&format!("a results page of {size}"), result));
    }
}

fn expiry_finding(status: &AsyncQueryStatus) -> Finding {
    let (Some(submitted), Some(expires)) = (status.submission_date, status.expiration_date) else {
        return Finding::found(CHECK, "the API does not report when results expire");
    };
    let kept = elapsed(submitted, expires);
    Finding::found(
        CHECK,
        format!("results expire {} after the submission", time(kept)),
    )
}

async fn delete_job(api: &Api, path: &ApiPath) -> Finding {
    let deleted = api
        .client
        .call(&Call::delete(path.clone()), api.deadline(), decode::ignore)
        .await;
    match deleted {
        Ok(reply) => Finding::found(CHECK, format!("deleting it returns {}", reply.status)),
        Err(error) => {
            Finding::warning(CHECK, format!("cannot be deleted: {}", full_message(error))).fix(
                "it expires on its own, and uses one of the organisation's job slots until then",
            )
        }
    }
}
