//! Queries of a history gateway, in the words of its two forms.

use serde::Serialize;
use serde_json::json;

use crate::base::deadline::Deadline;
use crate::base::time::{Interval, format_timestamp};
use crate::export::request::{Category, Filters, HistoryForm, InvalidRequest};
use crate::genesys::{ApiError, Call, GenesysClient};
use crate::records::page::{ResultsFields, ResultsReader};

const PATH: &str = "/api/v2/analytics/conversations/details/query";

/// A query that the gateway's form can express. Several queries read the requested ids if one cannot hold them.
#[derive(Clone, Copy, Debug)]
pub(super) struct HistoryQuery<'a> {
    filters: &'a Filters,
    time: QueryTime,
}

/// The form of a query, with the time in which its conversations started.
#[derive(Clone, Copy, Debug)]
enum QueryTime {
    PageToken {
        /// `None` for any time.
        interval: Option<Interval>,
    },
    Continuation {
        interval: Interval,
    },
}

/// A page of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryPage<'a> {
    /// Number of requested ids before those of this query.
    pub(super) ids_before: u64,
    /// `None` for the first page.
    pub(super) token: Option<&'a str>,
    /// Maximum number of entities.
    pub(super) size: u32,
}

/// A request for one entity, which shows whether the gateway accepts the query.
#[derive(Debug)]
pub struct DryRun {
    call: Call,
    fields: ResultsFields,
}

impl DryRun {
    /// Sends the request, and keeps nothing of the response. Fails if the gateway refuses it, or if the response is not a
    /// page of entities.
    pub async fn send(&self, client: &GenesysClient, deadline: Deadline) -> Result<(), ApiError> {
        let mut reader = ResultsReader::default();
        let decode = |body: &[u8]| {
            let page = reader.read_page(body, self.fields)?;
            page.required_records(self.fields.records).map(drop)
        };
        client.call(&self.call, deadline, decode).await.map(drop)
    }
}

/// Body of the form `page-token`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PageTokenBody<'a> {
    filter: EntityFilter<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_range: Option<TimeRange>,
    size: u32,
}

/// Contains only the given filters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntityFilter<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    interaction_id: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_id: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_type: Option<&'a String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TimeRange {
    start_time: String,
    end_time: String,
}

/// Body of the form `continuation`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContinuationBody<'a> {
    date_from: String,
    date_to: String,
    view: Category,
    filter: [IdFilter<'a>; 1],
    size: u32,
    /// Null for the first page.
    continuation_token: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct IdFilter<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    path: &'static str,
    op: &'static str,
    value: &'a [String],
}

impl<'a> HistoryQuery<'a> {
    /// Fails if the form cannot express the query. Reads no id, because each page makes its query again; the ids are
    /// checked when the export is planned.
    pub(super) fn new(
        form: HistoryForm,
        filters: &'a Filters,
        interval: Option<Interval>,
    ) -> Result<Self, InvalidRequest> {
        form.check_query(filters, interval)?;
        let time = match form {
            HistoryForm::PageToken => QueryTime::PageToken { interval },
            HistoryForm::Continuation => QueryTime::Continuation {
                interval: interval.ok_or_else(|| form.without_interval())?,
            },
        };
        Ok(Self { filters, time })
    }

    fn form(&self) -> HistoryForm {
        match self.time {
            QueryTime::PageToken { .. } => HistoryForm::PageToken,
            QueryTime::Continuation { .. } => HistoryForm::Continuation,
        }
    }

    /// The query's request for one entity.
    pub(super) fn dry_run(&self) -> DryRun {
        let page = QueryPage {
            ids_before: 0,
            token: None,
            size: 1,
        };
        DryRun {
            call: self.call(page),
            fields: self.fields(),
        }
    }

    /// The names of the list and of the token in a response.
    pub(super) fn fields(&self) -> ResultsFields {
        ResultsFields {
            records: "entities",
            next: match self.form() {
                HistoryForm::PageToken => "nextPageToken",
                HistoryForm::Continuation => "continuationToken",
            },
        }
    }

    /// Number of requested ids before those of the query that follows; `None` after the last query.
    pub(super) fn ids_before_next(&self, ids_before: u64) -> Option<u64> {
        let next = ids_before + u64::from(self.form().page_size_max());
        (next < self.filters.conversation_ids.len() as u64).then_some(next)
    }

    pub(super) fn call(&self, page: QueryPage<'_>) -> Call {
        let call = Call::post(PATH);
        match self.time {
            QueryTime::PageToken { interval } => {
                let call = call.json(&json!(self.page_token_body(interval, page)));
                match page.token {
                    Some(token) => call.query("nextPageToken", token),
                    None => call,
                }
            }
            QueryTime::Continuation { interval } => {
                call.json(&json!(self.continuation_body(interval, page)))
            }
        }
    }

    fn page_token_body(
        &self,
        interval: Option<Interval>,
        page: QueryPage<'_>,
    ) -> PageTokenBody<'_> {
        PageTokenBody {
            filter: EntityFilter {
                interaction_id: self.ids(page.ids_before),
                participant_id: self.filters.participant_ids.first(),
                channel_type: self.filters.media_types.first(),
            },
            time_range: interval.map(|interval| TimeRange {
                start_time: format_timestamp(interval.start()).to_string(),
                end_time: format_timestamp(interval.end()).to_string(),
            }),
            size: page.size,
        }
    }

    fn continuation_body<'p>(
        &'p self,
        interval: Interval,
        page: QueryPage<'p>,
    ) -> ContinuationBody<'p> {
        ContinuationBody {
            date_from: format_timestamp(interval.start()).to_string(),
            date_to: format_timestamp(interval.end()).to_string(),
            view: self.filters.category.unwrap_or_default(),
            filter: [IdFilter {
                kind: "conversation",
                path: "id",
                op: "in",
                value: self.ids(page.ids_before),
            }],
            size: page.size,
            continuation_token: page.token,
        }
    }

    /// The requested ids of one query.
    fn ids(&self, ids_before: u64) -> &'a [String] {
        let ids = &self.filters.conversation_ids;
        let first = usize::try_from(ids_before).map_or(ids.len(), |first| first.min(ids.len()));
        let most = self.form().page_size_max() as usize;
        let (_, ids) = ids.split_at(first);
        &ids[..ids.len().min(most)]
    }
}
