//! A job over one minute: what the API documents nowhere about jobs, as it is found here.

use std::time::Duration;

use conversation_archive::genesys::wire::{AsyncQueryResponse, AsyncQueryStatus, JobState};
use conversation_archive::genesys::{ApiError, Call};
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde_json::json;

use super::access::denied;
use super::limits::tried_out;
use super::{Api, DETAIL_VIEW, Finding, Findings, JOBS, interval};
use crate::figures::time;
use crate::problem::chain;

const MINUTE: Duration = Duration::from_mins(1);
/// The vendor asks for no less between two looks.
const POLL_EVERY: Duration = Duration::from_secs(3);
/// A job over a minute of data that takes longer stands in a queue.
const LONGEST_POLLING: Duration = Duration::from_mins(1);
/// In common use, and the largest that anybody has heard of.
const PAGE_SIZES: [u32; 2] = [1_000, 10_000];

/// Submits, polls, reads and deletes. The job is deleted however far it comes.
pub(super) async fn run(api: &Api, end: Timestamp, findings: &mut Findings<'_>) {
    let query = json!({
        "interval": interval(end - MINUTE, end),
        "order": "asc",
        "orderBy": "conversationStart",
    });
    let job = match api
        .ask::<AsyncQueryResponse>(&Call::post(JOBS).json(&query))
        .await
    {
        Ok(reply) => reply.value.job_id,
        Err(error) => return findings.add(denied("trial job", DETAIL_VIEW, error)),
    };
    let path = format!("{JOBS}/{job}");
    match poll(api, &path).await {
        Ok(Ok((status, waited))) => {
            findings.add(Finding::ok("trial job", format!("was done after {}", time(waited))));
            findings.add(expiry(&status));
            pages(api, &path, findings).await;
        }
        Ok(Err(state)) => findings.add(
            Finding::warning("trial job", format!("is {state:?} after {}", time(LONGEST_POLLING)))
                .fix("exports wait up to JOB_DEADLINE_HOURS; a job that stays queued means that others hold all places"),
        ),
        Err(error) => findings.add(denied("trial job", DETAIL_VIEW, error)),
    }
    findings.add(delete(api, &path).await);
}

/// The job's last status and the time it took, or the state it is in after a minute.
async fn poll(
    api: &Api,
    path: &str,
) -> Result<Result<(AsyncQueryStatus, Duration), JobState>, ApiError> {
    let mut waited = Duration::ZERO;
    loop {
        let status = api.ask::<AsyncQueryStatus>(&Call::get(path)).await?.value;
        match status.state {
            JobState::Fulfilled => return Ok(Ok((status, waited))),
            JobState::Queued | JobState::Pending | JobState::Other(_)
                if waited < LONGEST_POLLING => {}
            state => return Ok(Err(state)),
        }
        api.clock.sleep(POLL_EVERY).await;
        waited += POLL_EVERY;
    }
}

async fn pages(api: &Api, path: &str, findings: &mut Findings<'_>) {
    for size in PAGE_SIZES {
        let call = Call::get(format!("{path}/results")).query("pageSize", size.to_string());
        let refused = api.ask::<IgnoredAny>(&call).await.err();
        findings.add(tried_out(
            &format!("a results page of {size}"),
            refused.map(chain),
        ));
    }
}

fn expiry(status: &AsyncQueryStatus) -> Finding {
    let (Some(submitted), Some(expires)) = (status.submission_date, status.expiration_date) else {
        return Finding::found("trial job", "the API does not say when results expire");
    };
    let kept = Duration::try_from(expires.duration_since(submitted)).unwrap_or_default();
    Finding::found(
        "trial job",
        format!("results expire {} after the submission", time(kept)),
    )
}

async fn delete(api: &Api, path: &str) -> Finding {
    let deleted = api
        .client
        .call(&Call::delete(path), api.deadline(), |_| Ok(()))
        .await;
    match deleted {
        Ok(reply) => Finding::found("trial job", format!("deleting it answers {}", reply.status)),
        Err(error) => Finding::warning("trial job", format!("cannot be deleted: {}", chain(error)))
            .fix("it expires by itself, and holds a place of the organisation's jobs until then"),
    }
}
