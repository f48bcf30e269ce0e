//! An organisation's own history gateway: pages of one query, by token. Not part of the public API.
//!
//! Each page's token leads to the next page. A page without a token is the last one.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::json;

use super::cache::ResponseCache;
use super::fetched_page::{FetchedPage, RequestCost, Stability};
use super::{
    PageContext, Source, SourceError, SourcePage, SourceSettings, expired_at_cursor, source_broken,
};
use crate::base::time::{Interval, format_timestamp, later};
use crate::export::checkpoint::{Checkpoint, Trail};
use crate::export::plan::ExportPlan;
use crate::export::request::{Category, HistoryForm};
use crate::genesys::{Call, GenesysClient};
use crate::net::clock::Clock;
use crate::records::page::{RawRecord, ResultsFields, ResultsReader};

const QUERY: &str = "/api/v2/analytics/conversations/details/query";

/// The gateway as a source.
#[derive(Clone, Debug)]
pub struct HistoryGateway {
    client: GenesysClient,
    clock: Clock,
    settings: SourceSettings,
    cache: ResponseCache,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryQuery<'a> {
    filter: HistoryFilter<'a>,
    category: Category,
    page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryFilter<'a> {
    date_range: DateRange,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    interaction_id: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    participant_id: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    channel_type: &'a [String],
}

#[derive(Debug, Serialize)]
struct DateRange {
    start: String,
    end: String,
}

impl<'a> HistoryQuery<'a> {
    fn new(plan: &'a ExportPlan, continuation_token: Option<&'a str>) -> Self {
        let filters = &plan.filters;
        Self {
            filter: HistoryFilter {
                date_range: plan.interval.into(),
                interaction_id: &filters.conversation_ids,
                participant_id: &filters.participant_ids,
                channel_type: &filters.media_types,
            },
            category: filters.category.unwrap_or_default(),
            page_size: plan.page_size,
            continuation_token,
        }
    }
}

impl From<Interval> for DateRange {
    fn from(interval: Interval) -> Self {
        Self {
            start: format_timestamp(interval.start()).to_string(),
            end: format_timestamp(interval.end()).to_string(),
        }
    }
}

impl HistoryGateway {
    pub(super) fn new(
        client: GenesysClient,
        clock: Clock,
        settings: SourceSettings,
        cache: ResponseCache,
    ) -> Self {
        Self {
            client,
            clock,
            settings,
            cache,
        }
    }

    async fn fetch(
        &self,
        token: Option<&str>,
        trail: Option<&Trail>,
        context: &PageContext<'_>,
    ) -> Result<(FetchedPage, RequestCost), SourceError> {
        let form = self.settings.history_form;
        let fields = fields(form);
        let mut reader = ResultsReader::default();
        let decode = |body: &[u8]| {
            let mut page = reader.read_page(body, fields)?;
            let next = page.next.take();
            let records = page.required_records(fields.records)?.into_iter();
            Ok((records.map(RawRecord::into_owned).collect::<Vec<_>>(), next))
        };
        let reply = self
            .client
            .call(
                &call(form, context.run.plan, token),
                context.run.deadline,
                decode,
            )
            .await
            .map_err(|error| expired_at_cursor(error, token))?;
        let mut cost = RequestCost::default();
        cost.add(&reply, context.run.plan.page_size.into());
        let (records, next) = reply.value;
        let received = records.len() as u64;
        let next_checkpoint = |next| Checkpoint::after_cursor(None, trail, next, received);
        let fetched = FetchedPage {
            records,
            window: None,
            next: next.map(next_checkpoint).transpose()?,
            warnings: Vec::new(),
            stability: Stability::stable_if(self.is_settled(context)),
        };
        Ok((fetched, cost))
    }

    /// Whether the interval ended long enough ago (more than the query lag) that its results no longer change.
    fn is_settled(&self, context: &PageContext<'_>) -> bool {
        let end = context.run.plan.interval.end();
        later(end, self.settings.query_lag) <= self.clock.now()
    }
}

#[async_trait]
impl Source for HistoryGateway {
    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError> {
        let Checkpoint::Cursor {
            job: None,
            cursor,
            trail,
        } = checkpoint
        else {
            return Err(source_broken("the checkpoint is not a token"));
        };
        let fetch = self.fetch(cursor.as_deref(), trail.as_ref(), context);
        self.cache.get_or_fetch(checkpoint, context, fetch).await
    }
}

fn fields(form: HistoryForm) -> ResultsFields {
    ResultsFields {
        records: "entities",
        next: match form {
            HistoryForm::PageToken => "nextPageToken",
            HistoryForm::Continuation => "continuationToken",
        },
    }
}

fn call(form: HistoryForm, plan: &ExportPlan, token: Option<&str>) -> Call {
    let query = |continuation_token| json!(HistoryQuery::new(plan, continuation_token));
    let call = Call::post(QUERY);
    match (form, token) {
        (HistoryForm::PageToken, Some(token)) => {
            call.query("nextPageToken", token).json(&query(None))
        }
        (HistoryForm::PageToken, None) => call.json(&query(None)),
        (HistoryForm::Continuation, token) => call.json(&query(token)),
    }
}
