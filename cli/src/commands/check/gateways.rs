//! The gateways of a host that refuses the job API. One record of each is requested, with the body of an export,
//! and nothing of it is kept.

use std::time::Duration;

use conversation_archive::base::time::Interval;
use conversation_archive::export::request::{Filters, HistoryForm};
use conversation_archive::genesys::ApiError;
use conversation_archive::genesys::wire::QueryReply;
use conversation_archive::records::transcript::TranscriptRoute;
use conversation_archive::source::{ExportGateway, HistoryGateway, QuerySpec, web_details_call};
use serde::de::IgnoredAny;

use super::{Api, Finding, Findings};
use crate::figures::quantity;
use crate::problem::full_message;

const EXPORT: &str = "gateway";
const HISTORY: &str = "history gateway";
const WEB_DETAILS: &str = "web details";

const DAY: Duration = Duration::from_hours(24);

/// An id that no conversation has.
const UNKNOWN_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The service at the path of the API's details query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DetailsPath {
    HistoryGateway,
    /// The API's own, or none.
    Query,
}

/// The responses of the export gateway and of the history gateway of a host. One of them has to respond.
pub(super) struct Gateways {
    /// The number of records of a day.
    exports: Result<u64, ApiError>,
    history: Result<(), ApiError>,
    form: HistoryForm,
}

impl Gateways {
    pub(super) async fn request(api: &Api, form: HistoryForm) -> Self {
        Self {
            exports: request_total(api).await,
            history: request_entity(api, form).await,
            form,
        }
    }

    pub(super) fn any_responds(&self) -> bool {
        self.exports.is_ok() || self.history.is_ok()
    }

    /// Adds the finding of each gateway.
    pub(super) fn report(self, findings: &mut Findings<'_>) -> DetailsPath {
        let (has_exports, has_history) = (self.exports.is_ok(), self.history.is_ok());
        findings.add(export_finding(self.exports, has_history));
        findings.add(history_finding(self.history, self.form, has_exports));
        if has_history {
            DetailsPath::HistoryGateway
        } else {
            DetailsPath::Query
        }
    }
}

/// The number of records that an export gateway announces for the last day.
async fn request_total(api: &Api) -> Result<u64, ApiError> {
    let filters = Filters::default();
    let call = ExportGateway::query_call(&spec(last_day(api), &filters, None));
    Ok(api.request::<QueryReply>(&call).await?.value.total_records)
}

/// Requests an entity of the last day from a history gateway.
async fn request_entity(api: &Api, form: HistoryForm) -> Result<(), ApiError> {
    let filters = any_entity(form);
    let spec = spec(last_day(api), &filters, Some(form));
    #[expect(clippy::expect_used, reason = "a test holds that every form has it")]
    let dry_run = HistoryGateway::dry_run(form, &spec).expect("a query of the form");
    dry_run.send(&api.client, api.deadline()).await
}

fn spec(interval: Interval, filters: &Filters, form: Option<HistoryForm>) -> QuerySpec<'_> {
    QuerySpec {
        interval,
        filters,
        page_size: 1,
        include_media: false,
        history_form: form,
        requested_interval: Some(interval),
    }
}

#[expect(clippy::expect_used, reason = "a day is longer than nothing")]
fn last_day(api: &Api) -> Interval {
    let end = api.now();
    Interval::new(end - DAY, end).expect("a day")
}

/// Filters that the form requires, and of which it does not matter what they select.
fn any_entity(form: HistoryForm) -> Filters {
    match form {
        HistoryForm::PageToken => Filters {
            media_types: vec!["voice".to_owned()],
            ..Filters::default()
        },
        HistoryForm::Continuation => Filters {
            conversation_ids: vec![UNKNOWN_ID.to_owned()],
            ..Filters::default()
        },
    }
}

fn export_finding(total: Result<u64, ApiError>, has_history: bool) -> Finding {
    let error = match total {
        Ok(total) => {
            let records = quantity(total, "record", "records");
            let what = format!("the export gateway responds, with {records} of one day");
            return Finding::ok(EXPORT, what);
        }
        Err(error) => error,
    };
    if error.status() == Some(404) && has_history {
        return Finding::skipped(EXPORT, "this host serves no export gateway (404)");
    }
    unusable(EXPORT, error, has_history).fix(
        "no export gateway can be read: check GENESYS_API_URL, and that the client may use the gateway",
    )
}

fn history_finding(entity: Result<(), ApiError>, form: HistoryForm, has_exports: bool) -> Finding {
    let error = match entity {
        Ok(()) => {
            let what = format!("the history gateway accepts requests of the form {form}");
            return Finding::ok(HISTORY, what);
        }
        Err(error) => error,
    };
    if error.status() == Some(404) {
        return Finding::skipped(HISTORY, "this host serves no history gateway (404)");
    }
    let fix = format!(
        "no history gateway can be read: check that its form is GATEWAY_HISTORY_FORM ({form}), and that the client may use it"
    );
    unusable(HISTORY, error, has_exports).fix(fix)
}

/// A gateway that cannot be read fails the check, unless the other one can be: exports may use that one.
fn unusable(check: &'static str, error: ApiError, has_other: bool) -> Finding {
    let what = full_message(error);
    if has_other {
        Finding::warning(check, what)
    } else {
        Finding::failed(check, what)
    }
}

/// Checks the route of transcripts, if that is a gateway's.
pub(super) async fn check_web_details(
    api: &Api,
    route: TranscriptRoute,
    findings: &mut Findings<'_>,
) {
    if route != TranscriptRoute::WebDetails {
        return;
    }
    #[expect(
        clippy::expect_used,
        reason = "the id is a constant of plain characters"
    )]
    let call = web_details_call(UNKNOWN_ID).expect("a call");
    let response = api.request::<IgnoredAny>(&call).await;
    findings.add(match response {
        Ok(_) => Finding::ok(WEB_DETAILS, "the gateway responds"),
        Err(error) if error.status() == Some(404) => Finding::found(
            WEB_DETAILS,
            "the gateway returns 404 for a conversation that does not exist, as for a path that does not exist",
        ),
        Err(error) => Finding::failed(WEB_DETAILS, full_message(error)).fix(
            "transcripts cannot be read: check GENESYS_API_URL and GENESYS_TRANSCRIPT_ROUTE, and that the client may use the gateway",
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_history_gateway_can_be_checked() {
        let interval = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z".parse().unwrap();

        for form in [HistoryForm::PageToken, HistoryForm::Continuation] {
            let filters = any_entity(form);
            let dry_run = HistoryGateway::dry_run(form, &spec(interval, &filters, Some(form)));

            assert!(dry_run.is_ok(), "{form}");
        }
    }
}
