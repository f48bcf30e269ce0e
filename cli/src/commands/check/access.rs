//! Whether the client's role may read conversations, and those of which part of the organisation.

use std::time::Duration;

use conversation_archive::base::decode::DecodeError;
use conversation_archive::export::request::HistoryForm;
use conversation_archive::genesys::wire::DataAvailability;
use conversation_archive::genesys::{ApiError, ApiPath, Call};
use conversation_archive::records::page::DETAILS_FIELDS;
use jiff::Timestamp;
use serde_json::json;

use super::gateways::{DetailsPath, Gateways};
use super::{Api, DETAIL_VIEW, Finding, Findings, JOBS, QUERY, interval};
use crate::figures::quantity;
use crate::problem::full_message;

/// The kind of API host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Regional,
    /// `GENESYS_API_URL`, which may serve gateways only, with the configured form of a history gateway.
    Custom(HistoryForm),
}

const DAY: Duration = Duration::from_hours(24);

const GRANT: &str = "in Genesys Cloud, add it to a role (Admin > Roles), and give the client that role in all divisions \
                     (Admin > OAuth)";

const DIVISIONS: &str = "conversations in divisions that the client cannot access are silently absent: give the client's role all \
                         divisions, and compare the count of one day with the organisation's own";

const UNCHECKED: &str = "not checked: the API does not report what it leaves out";

/// Checks the job API by requesting up to when it has data, which is returned. That call needs the same permission as an
/// export; the details query needs another one, and so would prove nothing. Checks the gateways of a host that refuses jobs.
pub(super) async fn check_jobs(
    api: &Api,
    host: Host,
    findings: &mut Findings<'_>,
) -> (Option<Timestamp>, DetailsPath) {
    let response = api
        .request::<DataAvailability>(&Call::get(ApiPath::from(JOBS).then("/availability")))
        .await;
    let error = match response {
        Ok(reply) => {
            findings.add(Finding::ok("jobs", "the job API responds"));
            let granted = format!("{DETAIL_VIEW} is granted");
            findings.add(Finding::ok("permission", granted));
            let available_until = reply.value.data_availability_date;
            return (Some(available_until), DetailsPath::Query);
        }
        Err(error) => error,
    };
    let details_path = match (host, refusal_without_jobs(&error)) {
        (Host::Custom(form), Some(status)) => {
            let gateways = Gateways::request(api, form).await;
            if status == 404 || gateways.any_responds() {
                add_only_gateways(status, findings);
            } else {
                add_denied(error, findings);
            }
            gateways.report(findings)
        }
        (Host::Custom(_), None) | (Host::Regional, _) => {
            add_denied(error, findings);
            DetailsPath::Query
        }
    };
    (None, details_path)
}

/// The status of a refusal by a host that may serve gateways only. Such a host may refuse an unknown path with 401, 403 or
/// 405, too, but only the job API names the permission that is missing.
fn refusal_without_jobs(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::Refused { status, .. } if !error.names_missing_permission() => Some(*status),
        _ => None,
    }
}

fn add_only_gateways(status: u16, findings: &mut Findings<'_>) {
    let verb = if status == 404 {
        "not served"
    } else {
        "refused"
    };
    let what = format!("{JOBS} is {verb} by this host ({status}), so only gateways can be used");
    findings.add(Finding::skipped("jobs", what));
    let what = "not checked: the gateway decides which clients may read";
    findings.add(Finding::skipped("permission", what));
}

fn add_denied(error: ApiError, findings: &mut Findings<'_>) {
    if error.status() == Some(403) {
        let what = "the job API responds only to clients with the permission";
        findings.add(Finding::skipped("jobs", what));
        findings.add(denied_finding("permission", DETAIL_VIEW, error));
    } else {
        findings.add(denied_finding("jobs", DETAIL_VIEW, error));
        let what = "the job API does not report whether it is granted";
        findings.add(Finding::skipped("permission", what));
    }
}

/// Queries one day with a page of one record, for the count. Returns whether later checks can use queries; an export by
/// jobs does not need them.
pub(super) async fn check_queries(api: &Api, end: Timestamp, findings: &mut Findings<'_>) -> bool {
    let start = end - DAY;
    let error = match count_hits(api, start, end, 1).await {
        Ok(hits) => {
            findings.add(Finding::ok("queries", "the details query responds"));
            findings.add(divisions_finding(hits, start, end));
            return true;
        }
        Err(error) => error,
    };
    findings.add(queries_finding(error));
    findings.add(Finding::warning("divisions", UNCHECKED).fix(DIVISIONS));
    false
}

fn queries_finding(error: ApiError) -> Finding {
    const WITHOUT: &str = "exports by jobs do not need queries; this check uses them to count conversations and to test limits";
    let status = error.status();
    let what = full_message(error);
    match status {
        // A custom host need not serve the query.
        Some(404) => Finding::skipped(
            "queries",
            format!("{QUERY} is not served by this host (404)"),
        ),
        Some(400..=428 | 430..=499) => {
            Finding::warning("queries", format!("queries are refused: {what}")).fix(WITHOUT)
        }
        _ => {
            Finding::warning("queries", format!("queries could not be tested: {what}")).fix(WITHOUT)
        }
    }
}

/// The number of conversations that a query finds, with a page of `page_size` records.
pub(super) async fn count_hits(
    api: &Api,
    start: Timestamp,
    end: Timestamp,
    page_size: u32,
) -> Result<u64, ApiError> {
    let query = json!({
        "interval": interval(start, end),
        "order": "asc",
        "orderBy": "conversationStart",
        "paging": {"pageSize": page_size, "pageNumber": 1},
    });
    let decode = |body: &[u8]| {
        let hits = DETAILS_FIELDS.read(body)?.total_hits;
        hits.ok_or_else(|| DecodeError::missing("totalHits"))
    };
    let call = Call::post(QUERY).json(&query);
    Ok(api.client.call(&call, api.deadline(), decode).await?.value)
}

/// The finding for a failed call, with the name of the permission if that is missing.
pub(super) fn denied_finding(check: &'static str, permission: &str, error: ApiError) -> Finding {
    let fix = match error.status() {
        Some(400) => "the API rejects the request: report its message to the maintainers of this program".to_owned(),
        Some(401) => "the API rejects the token: check that GENESYS_API_URL and GENESYS_LOGIN_URL, if set, belong to one organisation, and try again".to_owned(),
        Some(403) => format!("{permission} is missing: {GRANT}"),
        Some(404) => "the path does not exist, or the host is not a Genesys Cloud API: check GENESYS_REGION and GENESYS_API_URL, and try again".to_owned(),
        Some(429) => "other clients use up the rate limit: try again in a few minutes".to_owned(),
        _ => "the API is unavailable, or the host is not a Genesys Cloud API: check the hosts, and try again".to_owned(),
    };
    Finding::failed(check, full_message(error)).fix(fix)
}

fn divisions_finding(hits: u64, start: Timestamp, end: Timestamp) -> Finding {
    let conversations = quantity(hits, "conversation", "conversations");
    let what = format!("{UNCHECKED}; {conversations} seen between {start:.0} and {end:.0}");
    if hits == 0 {
        Finding::warning("divisions", what).fix(DIVISIONS)
    } else {
        Finding::found("divisions", what).fix(DIVISIONS)
    }
}
