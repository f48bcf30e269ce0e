//! The rate limits of the API, and the limits of a query.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::base::decode::lenient;
use conversation_archive::genesys::{ApiError, ApiPath, Call};
use jiff::Timestamp;
use serde::Deserialize;

use super::access::count_hits;
use super::{Api, Finding, Findings};
use crate::figures::count;
use crate::problem::full_message;

const LIMITS: &str = "limits";

/// The namespaces with those limits of the organisation that matter here.
const NAMESPACES: [&str; 2] = ["platform.api", "analytics"];

/// The limit that determines the rate of requests.
const TOKEN_RATE: &str = "client.credentials.token.rate.per.minute";
/// Part of the keys of limits on asynchronous jobs.
const JOB_LIMITS: &str = "details.jobs";

/// The page sizes and intervals that different sources state as the maximum of a query.
const PAGE_SIZES: [u32; 2] = [100, 200];
const INTERVAL_DAYS: [u32; 2] = [7, 31];

/// The limits of a namespace, by key.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Limits {
    #[serde(deserialize_with = "lenient::elements")]
    entities: Vec<Limit>,
    #[serde(deserialize_with = "lenient::optional")]
    values: Option<BTreeMap<String, f64>>,
}

#[derive(Debug, Deserialize)]
struct Limit {
    key: String,
    value: f64,
}

/// Reports the rate limit in the response headers, and the limits in the organisation's settings.
pub(super) async fn check_limits(api: &Api, findings: &mut Findings<'_>) {
    findings.add(match api.client.allowed_per_minute() {
        Some(allowed) => Finding::ok(
            "rate limit",
            format!(
                "{} requests per minute and token: as many pages, or {} conversations in pages of 1000",
                count(allowed.into()),
                count(u64::from(allowed) * 1000)
            ),
        ),
        None => Finding::warning("rate limit", "the responses do not include it")
            .fix("exports slow down only on a 429; do not share the token with other programs"),
    });
    for namespace in NAMESPACES {
        findings.add(check_namespace_limits(api, namespace).await);
    }
}

/// Tries the largest page and the largest interval that a query accepts.
pub(super) async fn check_query_limits(api: &Api, end: Timestamp, findings: &mut Findings<'_>) {
    let hour = Duration::from_hours(1);
    for size in PAGE_SIZES {
        let result = count_hits(api, end - hour, end, size).await;
        findings.add(limit_finding(&format!("a query page of {size}"), result));
    }
    for days in INTERVAL_DAYS {
        let start = end - 24 * hour * days;
        let result = count_hits(api, start, end, 1).await;
        findings.add(limit_finding(&format!("a query over {days} days"), result));
    }
}

/// A refusal because of the size is a valid result. Any other failure says nothing about a limit.
pub(super) fn limit_finding<T>(what: &str, result: Result<T, ApiError>) -> Finding {
    match result {
        Ok(_) => Finding::found(LIMITS, format!("{what} is accepted")),
        Err(
            error @ ApiError::Refused {
                status: 400 | 413, ..
            },
        ) => Finding::found(
            LIMITS,
            format!("{what} is not accepted: {}", full_message(error)),
        ),
        Err(error) => Finding::skipped(
            LIMITS,
            format!("{what} could not be tested: {}", full_message(error)),
        ),
    }
}

async fn check_namespace_limits(api: &Api, namespace: &'static str) -> Finding {
    let path = ApiPath::from("/api/v2/organizations/limits/namespaces/");
    let path = path.then(namespace).then("/defaults");
    let limits = match api.request::<Limits>(&Call::get(path)).await {
        Ok(reply) => reply.value,
        Err(error) => {
            let may = if error.status() == Some(403) {
                "may"
            } else {
                "could"
            };
            let what = format!("{namespace} {may} not be read: {}", full_message(error));
            return Finding::skipped(LIMITS, what);
        }
    };
    let listed = limits
        .entities
        .into_iter()
        .map(|limit| (limit.key, limit.value));
    let relevant: Vec<_> = listed
        .chain(limits.values.unwrap_or_default())
        .filter(|(key, _)| key == TOKEN_RATE || key.contains(JOB_LIMITS))
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if relevant.is_empty() {
        Finding::found(
            LIMITS,
            format!("{namespace} lists no limits for tokens or jobs"),
        )
    } else {
        Finding::found(LIMITS, format!("{namespace}: {}", relevant.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use conversation_archive::genesys::UnavailableReason;

    use super::*;

    fn refused(status: u16) -> ApiError {
        ApiError::Refused {
            route: "/jobs".to_owned(),
            status,
            code: None,
            reason: None,
            context_id: None,
        }
    }

    fn unavailable(reason: UnavailableReason) -> ApiError {
        ApiError::Unavailable {
            route: "/jobs".to_owned(),
            reason,
            wait: None,
            context_id: None,
            source: None,
        }
    }

    #[test]
    fn only_statuses_400_and_413_show_that_a_size_is_over_the_limit() {
        let result = |error| limit_finding::<()>("a page of 9", Err(error));

        for status in [400, 413] {
            let what = format!("a page of 9 is not accepted: /jobs returned {status}");
            assert_eq!(result(refused(status)), Finding::found("limits", what));
        }
        for error in [
            refused(401),
            refused(403),
            refused(404),
            unavailable(UnavailableReason::Status(504)),
            unavailable(UnavailableReason::Timeout),
            unavailable(UnavailableReason::NoTimeLeft),
            ApiError::TooLarge {
                route: "/jobs".to_owned(),
                limit: 9,
            },
        ] {
            let what = format!("a page of 9 could not be tested: {error}");
            assert_eq!(result(error), Finding::skipped("limits", what));
        }
    }
}
