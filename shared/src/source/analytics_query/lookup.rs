//! Conversations by id, in batches. The API skips unknown ids.

use std::collections::{BTreeSet, HashSet};

use super::AnalyticsQuery;
use crate::base::decode;
use crate::export::checkpoint::Checkpoint;
use crate::export::plan::OffsetRange;
use crate::genesys::{ApiError, ApiPath, Call};
use crate::records::page::{self, DETAILS_FIELDS, OwnedRecord, RawRecord, RecordShape};
use crate::source::conversation_details::{self, AbsentList, DETAILS, IdBatches};
use crate::source::fetched_page::{FetchedPage, RequestCost, Stability};
use crate::source::{PageContext, SourceError, source_broken};

/// The records found for the ids of a batch.
#[derive(Default)]
struct FoundRecords {
    records: Vec<OwnedRecord>,
    /// In lower case, as ids are compared.
    ids: HashSet<String>,
    /// Number of records that were not requested.
    unrequested: usize,
}

impl AnalyticsQuery {
    /// Looks up a batch. Ids that are not returned are requested once more, and then count as unknown to the API.
    pub(super) async fn lookup(
        &self,
        offset: u64,
        range: OffsetRange,
        context: &PageContext<'_>,
    ) -> Result<(FetchedPage, RequestCost), SourceError> {
        let ids = &context.run.plan.filters.conversation_ids;
        let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(ids.len());
        let end = range.end.unwrap_or(ids.len() as u64);
        let until = end.min(offset + u64::from(context.run.plan.page_size));
        let batch = &ids[index(offset)..index(until)];
        let mut cost = RequestCost::default();
        let mut found = FoundRecords::default();
        let batch_ids: Vec<&str> = batch.iter().map(String::as_str).collect();
        match self.request_halving(&batch_ids, context, &mut cost).await? {
            Some(records) => {
                found.add(&batch_ids, records);
                let missing = found.missing(batch);
                let second_records = self.request_missing(&missing, context, &mut cost).await?;
                found.add(&missing, second_records);
            }
            None => {
                self.check_all_unknown(&batch_ids, context, &mut cost)
                    .await?;
            }
        }
        cost.requested = batch.len() as u64;
        let next = (until < end).then_some(Checkpoint::offset(until));
        let stability = Stability::stable_if(found.is_stable(batch));
        let page = FetchedPage {
            warnings: found.warnings(),
            records: found.records,
            window: None,
            next,
            stability,
        };
        Ok((page, cost))
    }

    /// Returns `None` if no response has a list.
    async fn request_halving(
        &self,
        ids: &[&str],
        context: &PageContext<'_>,
        cost: &mut RequestCost,
    ) -> Result<Option<Vec<OwnedRecord>>, SourceError> {
        let mut found: Option<Vec<OwnedRecord>> = None;
        let mut batches = IdBatches::new(ids, ids.len());
        while let Some(batch) = batches.next() {
            let requested = self.request(batch, AbsentList::RequestedAgain, context, cost);
            match requested.await {
                Ok(None) => {}
                Ok(Some(records)) => found.get_or_insert_default().extend(records),
                Err(error) => batches.halve(batch, error)?,
            }
        }
        Ok(found)
    }

    /// Requests missing ids once more, in case the API omitted them by accident. The API omits an empty list too.
    async fn request_missing(
        &self,
        missing: &[&str],
        context: &PageContext<'_>,
        cost: &mut RequestCost,
    ) -> Result<Vec<OwnedRecord>, SourceError> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let requested = self.request(missing, AbsentList::Accepted, context, cost);
        Ok(requested.await?.unwrap_or_default())
    }

    async fn request(
        &self,
        ids: &[&str],
        absent_list: AbsentList,
        context: &PageContext<'_>,
        cost: &mut RequestCost,
    ) -> Result<Option<Vec<OwnedRecord>>, ApiError> {
        let (client, deadline) = (&self.client, context.run.deadline);
        let reply =
            conversation_details::request(client, ids, absent_list, deadline, to_owned_record);
        let reply = reply.await?;
        cost.add(&reply, 0);
        Ok(reply.value)
    }

    /// Verifies that a response without a list means that no id was found, since the API omits an empty list. Requests
    /// a few of the ids individually: the API must respond that it does not know them.
    async fn check_all_unknown(
        &self,
        ids: &[&str],
        context: &PageContext<'_>,
        cost: &mut RequestCost,
    ) -> Result<(), SourceError> {
        let samples: BTreeSet<_> = [ids.first(), ids.get(ids.len() / 2), ids.last()].into();
        for id in samples.into_iter().flatten() {
            let call = Call::get(ApiPath::from(DETAILS_OF_ONE).segment(id)?.then("/details"));
            let reply = self
                .client
                .call(&call, context.run.deadline, decode::ignore);
            match reply.await {
                Err(ApiError::Refused {
                    status: 404 | 410, ..
                }) => {}
                Err(error) => return Err(error.into()),
                Ok(reply) => {
                    cost.add(&reply, 0);
                    let list = DETAILS_FIELDS.records;
                    return Err(source_broken(format!(
                        "{DETAILS} returned no `{list}`, although the API has a conversation that was requested"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// `GET /api/v2/analytics/conversations/{conversationId}/details`.
/// <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/AnalyticsApi.md>
const DETAILS_OF_ONE: &str = "/api/v2/analytics/conversations";

impl FoundRecords {
    /// Adds the records that were requested, and those without a readable id.
    fn add(&mut self, requested_ids: &[&str], records: Vec<OwnedRecord>) {
        for record in records {
            match record_id(&record) {
                Some(id)
                    if !requested_ids
                        .iter()
                        .any(|requested| requested.to_lowercase() == id) =>
                {
                    self.unrequested += 1;
                }
                Some(id) => {
                    self.ids.insert(id);
                    self.records.push(record);
                }
                // The same record may be returned again when the missing ids are requested again.
                None if self.records.iter().any(|known| known.raw() == record.raw()) => {}
                None => self.records.push(record),
            }
        }
    }

    fn missing<'a>(&self, batch: &'a [String]) -> Vec<&'a str> {
        let ids = batch.iter().map(String::as_str);
        ids.filter(|id| !self.ids.contains(&id.to_lowercase()))
            .collect()
    }

    /// Conversations in progress may change, and missing ones may still begin.
    fn is_stable(&self, batch: &[String]) -> bool {
        let has_ended = |record: &OwnedRecord| {
            let record = record.raw().json();
            record.is_some_and(|record| page::has_ended(record, RecordShape::Analytics))
        };
        self.missing(batch).is_empty() && self.records.iter().all(has_ended)
    }

    fn warnings(&self) -> Vec<String> {
        match self.unrequested {
            0 => Vec::new(),
            unrequested => vec![format!(
                "{unrequested} conversations were returned that were not requested; they were ignored"
            )],
        }
    }
}

fn record_id(record: &OwnedRecord) -> Option<String> {
    let id = page::record_id(record.raw().json()?, RecordShape::Analytics)?;
    Some(id.to_lowercase())
}

fn to_owned_record(record: RawRecord<'_>) -> OwnedRecord {
    record.into_owned()
}
