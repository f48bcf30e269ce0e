//! The conversation details query: recent conversations window by window, or conversations by id.
//!
//! A query has no snapshot: records move between its pages while it is paged. So a time window is read only once it is
//! closed, completely within one page of the archive, and accepted only if the results did not change meanwhile.
//!
//! The request: <https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/conversation-query>.
//! That records move is in the article `2022-04-21-Analytics-conversations-api-behavior` of
//! <https://github.com/MyPureCloud/developer-center-blog>.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::cache::ResponseCache;
use super::conversation_details::DETAILS;
use super::conversation_query::{ConversationQuery, Order, Paging};
use super::fetched_page::{FetchedPage, RequestCost};
use super::{
    PageContext, QuerySpec, Source, SourceError, SourcePage, SourceSettings, source_broken,
};
use crate::base::deadline::Deadline;
use crate::base::decode::DecodeError;
use crate::base::failure::{Failure, FailureKind};
use crate::base::time::{Interval, earlier, elapsed, format_timestamp};
use crate::export::checkpoint::Checkpoint;
use crate::export::plan::{GatewayQuery, SliceRange};
use crate::export::request::Filters;
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::{ApiPath, Call, GenesysClient};
use crate::net::clock::Clock;
use crate::records::page::{DETAILS_FIELDS, ResultsReader};
use window_records::{MAX_PAGES, QueryResults, WindowOutcome, WindowRecords};

mod lookup;
mod window_records;
mod windows;

/// How often a window whose results changed during the read is read again before it is made smaller.
const MAX_REREADS: u32 = 1;
/// How long to wait when the results of even the smallest window change during the read.
const UNSTABLE_RESULTS_WAIT: Duration = Duration::from_mins(1);

/// The query as a source.
#[derive(Clone, Debug)]
pub struct AnalyticsQuery {
    client: GenesysClient,
    clock: Clock,
    settings: SourceSettings,
    cache: ResponseCache,
    /// Set after the API has accepted a query.
    is_allowed: Arc<AtomicBool>,
}

impl AnalyticsQuery {
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
            is_allowed: Arc::default(),
        }
    }

    /// Reads the window, or the first part of it that fits one read, and determines the next window.
    async fn read_window(
        &self,
        next: Interval,
        slice: &Interval,
        context: &PageContext<'_>,
    ) -> Result<(FetchedPage, RequestCost), SourceError> {
        let mut window = self.closed_part(next)?;
        let max_records = u64::from(context.run.plan.page_size) * u64::from(MAX_PAGES);
        let mut cost = RequestCost::default();
        let mut rereads = 0;
        loop {
            let (window_records, outcome) = self.read_pages(window, context, &mut cost).await?;
            window = match outcome {
                _ if rereads < MAX_REREADS && is_worth_rereading(&window_records, outcome) => {
                    rereads += 1;
                    window
                }
                WindowOutcome::Complete | WindowOutcome::Repeated => {
                    let next =
                        windows::next_window(window, slice, window_records.started(), max_records)
                            .map(|next| Checkpoint::Windows { next });
                    return Ok((window_records.into_page(next), cost));
                }
                WindowOutcome::Changed => {
                    rereads = 0;
                    windows::first_half(window).ok_or_else(|| unstable_results(window))?
                }
                WindowOutcome::TooMany { hits } => windows::part_for(window, hits, max_records)
                    .ok_or_else(|| too_many_hits(window, hits))?,
            };
        }
    }

    /// Reads the pages of a window, newest conversations first, until they are complete or the page limit is reached.
    async fn read_pages(
        &self,
        window: Interval,
        context: &PageContext<'_>,
        cost: &mut RequestCost,
    ) -> Result<(WindowRecords, WindowOutcome), SourceError> {
        let page_size = context.run.plan.page_size;
        let mut window_records = WindowRecords::new(window, page_size);
        loop {
            let paging = Paging {
                page_size,
                page_number: window_records.pages() + 1,
            };
            let query =
                ConversationQuery::new(window, Order::Desc, &context.run.plan.filters).page(paging);
            let call = Call::post(ApiPath::from(DETAILS).then("/query")).json(&json!(query));
            let mut reader = ResultsReader::default();
            let decode = |body: &[u8]| QueryResults::read(&mut reader, body);
            let reply = self
                .client
                .call(&call, context.run.deadline, decode)
                .await?;
            cost.add(&reply, page_size.into());
            let results = reply.value;
            if let Some(outcome) = window_records.add(results) {
                return Ok((window_records, outcome));
            }
        }
    }

    /// The part of the window that is old enough for the API to know all its conversations.
    fn closed_part(&self, window: Interval) -> Result<Interval, SourceError> {
        let now = self.clock.now();
        let known = earlier(now, self.settings.query_lag);
        let closed_part = windows::part_before(window, known);
        match closed_part.filter(|closed_part| windows::is_worth_reading(*closed_part, window)) {
            Some(closed_part) => Ok(closed_part),
            None => Err(SourceError::NotReady(Wait {
                reason: WaitReason::Watermark,
                hint: Some(elapsed(known, windows::worth_reading_at(window))),
                detail: format!(
                    "the window {window} had not ended at least GENESYS_QUERY_LAG_SECONDS before {}",
                    format_timestamp(now)
                ),
            })),
        }
    }
}

#[async_trait]
impl Source for AnalyticsQuery {
    /// Requests one record, unless this client's permission is already proven, so that a missing permission fails the
    /// export before anything is planned.
    async fn query(
        &self,
        spec: &QuerySpec<'_>,
        deadline: Deadline,
    ) -> Result<Option<GatewayQuery>, SourceError> {
        if !self.is_allowed.load(Ordering::Relaxed) {
            let paging = Paging {
                page_size: 1,
                page_number: 1,
            };
            let interval = windows::last_day(spec.interval);
            // The permission does not depend on the filters, which may be too many for one request.
            let filters = Filters::default();
            let query = ConversationQuery::new(interval, Order::Desc, &filters).page(paging);
            let call = Call::post(ApiPath::from(DETAILS).then("/query")).json(&json!(query));
            let decode = |body: &[u8]| match DETAILS_FIELDS.read(body)?.total_hits {
                Some(_) => Ok(()),
                None => Err(DecodeError::missing("totalHits")),
            };
            self.client.call(&call, deadline, decode).await?;
            self.is_allowed.store(true, Ordering::Relaxed);
        }
        Ok(None)
    }

    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError> {
        let fetch = async {
            match (checkpoint, &context.run.slice.range) {
                (Checkpoint::Windows { next }, SliceRange::Interval(slice)) => {
                    self.read_window(*next, slice, context).await
                }
                (Checkpoint::Offset { offset, .. }, SliceRange::Offsets(range)) => {
                    self.lookup(*offset, *range, context).await
                }
                _ => Err(source_broken("the checkpoint does not fit the slice")),
            }
        };
        self.cache.get_or_fetch(checkpoint, context, fetch).await
    }
}

/// Whether to read the window again at the cost of a few requests: results that changed may be stable now, and a
/// response with a repeated conversation, or with only conversations that began before the window, may be an accident.
fn is_worth_rereading(window_records: &WindowRecords, outcome: WindowOutcome) -> bool {
    match outcome {
        WindowOutcome::Changed | WindowOutcome::Repeated => true,
        WindowOutcome::Complete => window_records.is_all_before(),
        WindowOutcome::TooMany { .. } => false,
    }
}

/// The results of the smallest window changed during the read.
fn unstable_results(window: Interval) -> SourceError {
    SourceError::NotReady(Wait {
        reason: WaitReason::Unavailable,
        hint: Some(UNSTABLE_RESULTS_WAIT),
        detail: format!("the results in {window} changed while they were read"),
    })
}

/// The smallest window holds too many conversations.
fn too_many_hits(window: Interval, hits: u64) -> SourceError {
    let message = format!(
        "too many of {hits} conversations start in {window}, which cannot be split further"
    );
    SourceError::Fatal(Failure::new(FailureKind::SourceBroken, message))
}
