//! A job over one minute, which shows the properties of jobs that the API does not document.

use std::time::Duration;

use conversation_archive::base::decode;
use conversation_archive::genesys::wire::{AsyncQueryResponse, AsyncQueryStatus, JobState};
use conversation_archive::genesys::{ApiError, Call};
use jiff::Timestamp;
use serde_json::json;

use super::access::denied;
use super::interrupt::{Interrupt, Interrupted};
use super::limits::tried_out;
use super::{Api, DETAIL_VIEW, Finding, Findings, JOBS, interval};
use crate::figures::time;
use crate::problem::chain;

const CHECK: &str = "trial job";

const MINUTE: Duration = Duration::from_mins(1);
/// The vendor asks for at least this interval between polls.
const POLL_EVERY: Duration = Duration::from_secs(3);
/// A job over a minute of data that takes longer is waiting in a queue.
const LONGEST_POLLING: Duration = Duration::from_mins(1);
/// The page size in common use, and the largest one that any source mentions.
const PAGE_SIZES: [u32; 2] = [1_000, 10_000];

/// Maximum length of the API's own message, in characters.
const MOST_TOLD: usize = 300;

/// The state of the job after polling.
enum Polled {
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
    let submit = Call::post(JOBS).json(&query).expecting(&[200, 201, 202]);
    // Not interruptible: without its id the job cannot be deleted.
    let job = match api.ask::<AsyncQueryResponse>(&submit).await {
        Ok(reply) => reply.value.job_id,
        Err(error) => {
            findings.add(denied(CHECK, DETAIL_VIEW, error));
            return Ok(());
        }
    };
    let path = format!("{JOBS}/{job}");
    let seen = interrupt.or(look_at(api, &path, findings)).await;
    findings.add(delete(api, &path).await);
    seen
}

async fn look_at(api: &Api, path: &str, findings: &mut Findings<'_>) {
    match poll(api, path).await {
        Ok(Polled::Done(status, waited)) => {
            findings.add(Finding::ok(CHECK, format!("completed after {}", time(waited))));
            findings.add(expiry(&status));
            pages(api, path, findings).await;
        }
        Ok(Polled::Ended(state, message)) => findings.add(ended(&state, message)),
        Ok(Polled::StillWaiting(state)) => findings.add(
            Finding::warning(CHECK, format!("is {state:?} after {}", time(LONGEST_POLLING)))
                .fix("exports wait for up to 6 hours; a job stays queued while other jobs use all of the organisation's job slots"),
        ),
        Err(error) => findings.add(denied(CHECK, DETAIL_VIEW, error)),
    }
}

/// Polls until the job is over, for at most a minute.
async fn poll(api: &Api, path: &str) -> Result<Polled, ApiError> {
    let call = Call::get(path).expecting(&[200, 202]);
    let mut waited = Duration::ZERO;
    loop {
        let status = api.ask::<AsyncQueryStatus>(&call).await?.value;
        match status.state {
            JobState::Fulfilled => return Ok(Polled::Done(status, waited)),
            state @ (JobState::Failed | JobState::Cancelled | JobState::Expired) => {
                return Ok(Polled::Ended(state, status.error_message));
            }
            state @ (JobState::Queued | JobState::Pending | JobState::Other(_))
                if waited >= LONGEST_POLLING =>
            {
                return Ok(Polled::StillWaiting(state));
            }
            JobState::Queued | JobState::Pending | JobState::Other(_) => {}
        }
        api.clock.sleep(POLL_EVERY).await;
        waited += POLL_EVERY;
    }
}

fn ended(state: &JobState, message: Option<String>) -> Finding {
    let said = message.map_or_else(
        || ", and the API gives no reason".to_owned(),
        |message| format!(": {}", message.chars().take(MOST_TOLD).collect::<String>()),
    );
    Finding::failed(CHECK, format!("ended as {state:?}{said}")).fix(
        "the jobs of an export would end in the same way: try again, then ask the vendor's support",
    )
}

async fn pages(api: &Api, path: &str, findings: &mut Findings<'_>) {
    for size in PAGE_SIZES {
        let call = Call::get(format!("{path}/results")).query("pageSize", size.to_string());
        let tried = api.ask_page(&call).await;
        findings.add(tried_out(&format!("a results page of {size}"), tried));
    }
}

fn expiry(status: &AsyncQueryStatus) -> Finding {
    let (Some(submitted), Some(expires)) = (status.submission_date, status.expiration_date) else {
        return Finding::found(CHECK, "the API does not report when results expire");
    };
    let kept = Duration::try_from(expires.duration_since(submitted)).unwrap_or_default();
    Finding::found(
        CHECK,
        format!("results expire {} after the submission", time(kept)),
    )
}

async fn delete(api: &Api, path: &str) -> Finding {
    let deleted = api
        .client
        .call(&Call::delete(path), api.deadline(), decode::ignore)
        .await;
    match deleted {
        Ok(reply) => Finding::found(CHECK, format!("deleting it returns {}", reply.status)),
        Err(error) => Finding::warning(CHECK, format!("cannot be deleted: {}", chain(error)))
            .fix("it expires on its own, and uses one of the organisation's job slots until then"),
    }
}
