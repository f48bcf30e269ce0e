//! `check`: checks that everything is in place before the first export, with one line per check and its fix, and
//! reports undocumented properties of the API as it finds them.
//!
//! It reads as little as possible: one conversation at a time, of which nothing is stored or shown.

use std::time::Duration;

use conversation_archive::base::deadline::Deadline;
use conversation_archive::base::decode::{self, DecodeError};
use conversation_archive::genesys::{ApiError, Call, GenesysClient, Reply};
use conversation_archive::net::clock::Clock;
use conversation_archive::records::page::DETAILS_FIELDS;
use conversation_archive::records::transcript::TranscriptRoute;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::settings;
use crate::arguments::CheckArguments;
use crate::place::{OpenedPlace, Place};
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;

mod access;
mod data;
mod findings;
mod gateways;
mod interrupt;
mod limits;
mod login;
mod protection;
mod target;
mod trial_job;
mod webhook;

use access::Host;
use findings::{Finding, Findings};
use gateways::DetailsPath;
use interrupt::{Interrupt, Interrupted};
use login::ArchiveRegion;

/// Time limit of one call with its retries. Reaching it is a finding, too.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";
const QUERY: &str = "/api/v2/analytics/conversations/details/query";
/// The permission without which no other is of use.
const DETAIL_VIEW: &str = "analytics:conversationDetail:view";

/// The API client, used for one call at a time.
#[derive(Clone, Debug)]
struct Api {
    client: GenesysClient,
    clock: Clock,
}

pub(super) async fn check(arguments: &CheckArguments, screen: &Screen) -> Result<Exit, Problem> {
    let mut findings = Findings::new(screen);
    let settings = settings(None)?;
    findings.add(Finding::ok(
        "settings",
        "all required settings are set and valid",
    ));
    let api = Api {
        client: settings.genesys_client()?,
        clock: Clock::System,
    };
    let interrupt = Interrupt::listen(screen);
    let result = run_checks(arguments, &settings, &api, &interrupt, &mut findings).await;
    match result {
        Ok(()) => Ok(findings.finish()),
        Err(Interrupted) => Err(findings.interrupted()),
    }
}

/// Runs all checks in order.
async fn run_checks(
    arguments: &CheckArguments,
    settings: &Settings,
    api: &Api,
    interrupt: &Interrupt,
    findings: &mut Findings<'_>,
) -> Result<(), Interrupted> {
    // Opened first, because the bucket's region is needed; reported last.
    let place = match &arguments.out {
        Some(place) => Some(interrupt.run(place.open()).await?),
        None => None,
    };
    let archive_region = archive_region(arguments.out.as_ref(), place.as_ref());
    findings.add(login::check_regions(settings, archive_region));
    let logged_in = interrupt.run(login::check_login(api, findings)).await?;
    if logged_in {
        let host = if settings.client.endpoints.is_overridden() {
            Host::Custom(settings.engine.sources.history_form)
        } else {
            Host::Regional
        };
        let route = settings.engine.limits.transcripts.route;
        check_organisation(api, host, route, interrupt, findings).await?;
    } else {
        findings.add(Finding::skipped(
            "organisation",
            "permissions, data and limits cannot be checked without a login",
        ));
    }
    target::check_target(place, interrupt, findings).await?;
    let ping = webhook::ping(&settings.engine, &api.clock);
    findings.add(interrupt.run(ping).await?);
    Ok(())
}

fn archive_region(
    named: Option<&Place>,
    opened: Option<&Result<OpenedPlace, Problem>>,
) -> ArchiveRegion {
    match (named, opened) {
        (_, Some(Ok(opened))) => opened
            .region()
            .map_or(ArchiveRegion::None, ArchiveRegion::Known),
        (Some(Place::Bucket { .. }), _) => ArchiveRegion::Unknown,
        (Some(Place::Folder(_)), _) => ArchiveRegion::None,
        (None, _) => ArchiveRegion::NotGiven,
    }
}

/// Runs the checks that need a login.
async fn check_organisation(
    api: &Api,
    host: Host,
    route: TranscriptRoute,
    interrupt: &Interrupt,
    findings: &mut Findings<'_>,
) -> Result<(), Interrupted> {
    let watermark = interrupt
        .run(run_read_only_checks(api, host, findings))
        .await?;
    let web_details = gateways::check_web_details(api, route, findings);
    interrupt.run(web_details).await?;
    let Some(watermark) = watermark else {
        findings.add(Finding::skipped(
            "trial job",
            "the job API does not respond",
        ));
        return Ok(());
    };
    trial_job::run(api, an_hour_before(watermark), interrupt, findings).await
}

/// Runs the read-only checks. Returns up to when the job API has data.
async fn run_read_only_checks(
    api: &Api,
    host: Host,
    findings: &mut Findings<'_>,
) -> Option<Timestamp> {
    let (watermark, details_path) = access::check_jobs(api, host, findings).await;
    let end = an_hour_before(watermark.unwrap_or_else(|| api.now()));
    let can_query = match details_path {
        DetailsPath::Query => access::check_queries(api, end, findings).await,
        DetailsPath::HistoryGateway => false,
    };
    findings.add(match watermark {
        Some(watermark) => data::watermark_finding(watermark, api.now()),
        None => Finding::skipped("watermark", "the job API does not respond"),
    });
    findings.add(data::check_retention(api).await);
    limits::check_limits(api, findings).await;
    if can_query {
        limits::check_query_limits(api, end, findings).await;
    }
    watermark
}

fn an_hour_before(moment: Timestamp) -> Timestamp {
    moment - Duration::from_hours(1)
}

impl Api {
    async fn request<T: DeserializeOwned>(&self, call: &Call) -> Result<Reply<T>, ApiError> {
        self.client.call(call, self.deadline(), decode::json).await
    }

    /// Requests a page of a job's results.
    async fn request_page(&self, call: &Call) -> Result<Reply<()>, ApiError> {
        self.client.call(call, self.deadline(), results_page).await
    }

    fn deadline(&self) -> Deadline {
        Deadline::at(self.now() + CALL_TIMEOUT)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Accepts only a body that has a page's own fields. Keeps nothing of it.
fn results_page(body: &[u8]) -> Result<(), DecodeError> {
    let page = DETAILS_FIELDS.read(body)?;
    if page.records.is_some() || page.data_availability_date.is_some() {
        Ok(())
    } else {
        Err(DecodeError::missing(DETAILS_FIELDS.records))
    }
}

/// The interval in the format of the API.
fn interval(start: Timestamp, end: Timestamp) -> String {
    format!("{start:.3}/{end:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_results_page_shows_that_a_page_size_is_accepted() {
        for (body, is_page) in [
            (r#"{"conversations":[]}"#, true),
            (r#"{"dataAvailabilityDate":"2026-03-01T00:00:00Z"}"#, true),
            ("{}", false),
            (r#"{"conversations":null}"#, false),
            (r#"{"conversations":"m"}"#, false),
            (r#"{"state":"PENDING"}"#, false),
            (
                r#"{"message":"m","code":"bad.request","status":400}"#,
                false,
            ),
            ("[]", false),
            ("<html>", false),
        ] {
            assert_eq!(results_page(body.as_bytes()).is_ok(), is_page, "{body}");
        }
    }
}
