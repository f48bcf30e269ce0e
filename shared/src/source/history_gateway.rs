//! An organisation's own history gateway: pages of one query, by token. Not part of the public API.
//!
//! Each page's token leads to the next page; a page without a token is the last one, and an empty page with a token is
//! not. More ids than one query holds are read by several queries, one after the other.

use async_trait::async_trait;

use super::cache::ResponseCache;
use super::fetched_page::{FetchedPage, RequestCost, Stability};
use super::{
    PageContext, QuerySpec, Source, SourceError, SourcePage, SourceSettings, expired_at_cursor,
    source_broken,
};
use crate::base::deadline::Deadline;
use crate::base::decode::DecodeError;
use crate::base::time::{Interval, later};
use crate::export::checkpoint::{Checkpoint, EndlessChain, Trail};
use crate::export::plan::{ExportPlan, GatewayQuery, SliceRange};
use crate::export::request::{HistoryForm, InvalidRequest};
use crate::genesys::GenesysClient;
use crate::net::clock::Clock;
use crate::records::page::{OwnedRecord, RawRecord, ResultsFields, ResultsReader};
pub use query::DryRun;
use query::{HistoryQuery, QueryPage};

mod query;

/// The gateway as a source.
#[derive(Clone, Debug)]
pub struct HistoryGateway {
    client: GenesysClient,
    clock: Clock,
    settings: SourceSettings,
    cache: ResponseCache,
}

/// The position of a page, as its checkpoint states it.
#[derive(Clone, Copy, Debug)]
struct Position<'a> {
    ids_before: u64,
    token: Option<&'a str>,
    trail: Option<&'a Trail>,
}

/// The entities of a page, and the token of the next one.
type Entities = (Vec<OwnedRecord>, Option<String>);

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

    /// The request that precedes an export. Fails if the form cannot express the query.
    pub fn dry_run(form: HistoryForm, spec: &QuerySpec<'_>) -> Result<DryRun, InvalidRequest> {
        let query = HistoryQuery::new(form, spec.filters, spec.requested_interval)?;
        Ok(query.dry_run())
    }

    async fn fetch(
        &self,
        position: Position<'_>,
        context: &PageContext<'_>,
    ) -> Result<(FetchedPage, RequestCost), SourceError> {
        let plan = context.run.plan;
        let query = self.query_of(plan, requested_interval(context))?;
        let page = QueryPage {
            ids_before: position.ids_before,
            token: position.token,
            size: plan.page_size,
        };
        let mut reader = ResultsReader::default();
        let decode = |body: &[u8]| read_entities(&mut reader, body, query.fields());
        let reply = self
            .client
            .call(&query.call(page), context.run.deadline, decode)
            .await
            .map_err(|error| expired_at_cursor(error, position.token))?;
        let mut cost = RequestCost::default();
        cost.add(&reply, plan.page_size.into());
        let (records, token) = reply.value;
        let received = records.len() as u64;
        let fetched = FetchedPage {
            records,
            window: None,
            next: position.next(&query, token, received)?,
            warnings: oversized_warning(received, plan.page_size)
                .into_iter()
                .collect(),
            stability: Stability::stable_if(self.is_settled(plan)),
        };
        Ok((fetched, cost))
    }

    /// The query of a plan, which states its form unless an earlier version made it.
    fn query_of<'a>(
        &self,
        plan: &'a ExportPlan,
        interval: Option<Interval>,
    ) -> Result<HistoryQuery<'a>, SourceError> {
        let form = plan.history_form.unwrap_or(self.settings.history_form);
        Ok(HistoryQuery::new(form, &plan.filters, interval)?)
    }

    /// Whether the interval ended long enough ago (more than the query lag) that its results no longer change.
    fn is_settled(&self, plan: &ExportPlan) -> bool {
        later(plan.interval.end(), self.settings.query_lag) <= self.clock.now()
    }
}

#[async_trait]
impl Source for HistoryGateway {
    /// Requests one entity, so that a query, login or permission that the gateway refuses fails the start, before
    /// anything is stored.
    async fn query(
        &self,
        spec: &QuerySpec<'_>,
        deadline: Deadline,
    ) -> Result<Option<GatewayQuery>, SourceError> {
        let form = spec.history_form.unwrap_or(self.settings.history_form);
        let dry_run = Self::dry_run(form, spec)?;
        dry_run.send(&self.client, deadline).await?;
        Ok(None)
    }

    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError> {
        let Checkpoint::Cursor {
            job: None,
            cursor,
            trail,
            ids_before,
        } = checkpoint
        else {
            return Err(source_broken("the checkpoint is not a token"));
        };
        let position = Position {
            ids_before: *ids_before,
            token: cursor.as_deref(),
            trail: trail.as_ref(),
        };
        let fetch = self.fetch(position, context);
        self.cache.get_or_fetch(checkpoint, context, fetch).await
    }
}

impl Position<'_> {
    /// The checkpoint of the next page: of this query, if it has a token, or else of the query of the ids that follow.
    fn next(
        self,
        query: &HistoryQuery<'_>,
        token: Option<String>,
        received: u64,
    ) -> Result<Option<Checkpoint>, EndlessChain> {
        let (ids_before, trail) = match &token {
            Some(token) => {
                let trail = Trail::extended_by_cursor(self.trail, token, received)?;
                (self.ids_before, Some(trail))
            }
            None => match query.ids_before_next(self.ids_before) {
                Some(ids_before) => (ids_before, None),
                None => return Ok(None),
            },
        };
        Ok(Some(Checkpoint::Cursor {
            job: None,
            cursor: token,
            trail,
            ids_before,
        }))
    }
}

/// The warning about a page with more entities than requested. All of them are kept: no other page repeats them.
fn oversized_warning(received: u64, size: u32) -> Option<String> {
    let surplus = received
        .checked_sub(size.into())
        .filter(|surplus| *surplus > 0)?;
    Some(format!(
        "the gateway returned {surplus} entities more than the {size} that were requested; they were kept"
    ))
}

/// The interval of the slice, unless it reads conversations of any time.
fn requested_interval(context: &PageContext<'_>) -> Option<Interval> {
    match context.run.slice.range {
        SliceRange::Interval(interval) => Some(interval),
        SliceRange::Offsets(_) => None,
    }
}

fn read_entities(
    reader: &mut ResultsReader,
    body: &[u8],
    fields: ResultsFields,
) -> Result<Entities, DecodeError> {
    let mut page = reader.read_page(body, fields)?;
    let token = page.next.take();
    let records = page.required_records(fields.records)?.into_iter();
    Ok((records.map(RawRecord::into_owned).collect(), token))
}
