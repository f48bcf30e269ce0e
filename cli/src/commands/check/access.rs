//! Whether the client's role lets it read conversations, and of how much of the organisation.

use std::time::Duration;

use conversation_archive::genesys::wire::DataAvailability;
use conversation_archive::genesys::{ApiError, Call};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Api, DETAIL_VIEW, Finding, Findings, JOBS, QUERY, interval};
use crate::figures::counted;
use crate::problem::chain;

/// What we read of a query's answer: how many there are, never which.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hits {
    #[serde(default)]
    total_hits: u64,
}

const DAY: Duration = Duration::from_hours(24);

const GRANT: &str = "in Genesys Cloud, Admin > Roles: add it to a role; Admin > OAuth: give the client that role in all \
                     divisions";

const DIVISIONS: &str = "conversations of a division that the client lacks are silently absent: give the client's role all \
                         divisions, and compare with the organisation's own number for a day";

/// The job API, by asking how far its data reaches.
pub(super) async fn jobs(api: &Api, findings: &mut Findings<'_>) -> Option<Timestamp> {
    let asked = api.ask(&Call::get(format!("{JOBS}/availability"))).await;
    let reached = asked.map(|reply| {
        let DataAvailability {
            data_availability_date,
        } = reply.value;
        data_availability_date
    });
    match reached {
        Ok(watermark) => {
            findings.add(Finding::ok("jobs", "the job API answers"));
            Some(watermark)
        }
        Err(error) => {
            findings.add(denied("jobs", DETAIL_VIEW, error));
            None
        }
    }
}

/// One record of one day, for the permission and the count. Whether the query can be used for more.
pub(super) async fn query(api: &Api, end: Timestamp, findings: &mut Findings<'_>) -> bool {
    let start = end - DAY;
    match hits(api, start, end, 1).await {
        Ok(hits) => {
            findings.add(Finding::ok(
                "permission",
                format!("{DETAIL_VIEW} is granted"),
            ));
            findings.add(divisions(hits.total_hits, start, end));
            true
        }
        // A gateway of one's own need not serve it, and an export by jobs does not use it.
        Err(error) if error.status() == Some(404) => {
            findings.add(Finding::skipped(
                "permission",
                format!("{QUERY} is not served here (404)"),
            ));
            findings.add(
                Finding::skipped("divisions", "without that query nothing can be counted")
                    .fix(DIVISIONS),
            );
            false
        }
        Err(error) => {
            findings.add(denied("permission", DETAIL_VIEW, error));
            findings.add(Finding::skipped("divisions", "nothing can be counted").fix(DIVISIONS));
            false
        }
    }
}

/// How many conversations a query finds, with so many on its page.
pub(super) async fn hits(
    api: &Api,
    start: Timestamp,
    end: Timestamp,
    page_size: u32,
) -> Result<Hits, ApiError> {
    let query = json!({
        "interval": interval(start, end),
        "order": "asc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": page_size, "pageNumber": 1},
    });
    Ok(api.ask(&Call::post(QUERY).json(&query)).await?.value)
}

/// A failure, with the permission by name if that is what is missing.
pub(super) fn denied(check: &'static str, permission: &str, error: ApiError) -> Finding {
    let is_forbidden = error.status() == Some(403);
    let finding = Finding::failed(check, chain(error));
    if is_forbidden {
        finding.fix(format!("{permission} is missing: {GRANT}"))
    } else {
        finding.fix("the API has trouble, or the host is no API of Genesys Cloud: check the hosts, try again")
    }
}

fn divisions(hits: u64, start: Timestamp, end: Timestamp) -> Finding {
    let seen = counted(hits, "conversation", "conversations");
    let what = format!("{seen} seen between {start:.0} and {end:.0}");
    if hits == 0 {
        Finding::warning("divisions", what).fix(DIVISIONS)
    } else {
        Finding::found("divisions", what).fix(DIVISIONS)
    }
}
