//! The ends of conversations, looked up by id: whether the API says already that a conversation has ended.

use std::collections::BTreeMap;

use super::conversation_details::{self, AbsentList, IdBatches};
use crate::base::deadline::Deadline;
use crate::base::ids::ConversationId;
use crate::export::ended::ConversationEnd;
use crate::genesys::{ApiError, GenesysClient};
use crate::records::page::{self, RawRecord, RecordShape};

/// Looks up the ends of conversations.
#[derive(Clone, Debug)]
pub struct EndLookup {
    client: GenesysClient,
    ids_per_request: usize,
}

/// The result of a lookup. It may be incomplete.
#[derive(Debug, Default)]
pub struct FoundEnds {
    /// Each conversation that the API was asked for. `None`: it is in progress, or the API does not know it; a
    /// conversation appears in its details only some time after its start.
    pub ends: BTreeMap<ConversationId, Option<ConversationEnd>>,
    /// The error after which the others were not requested.
    pub error: Option<ApiError>,
}

/// Number of single conversations that the API may refuse. If it refuses more, it refuses the call, not the ids.
const MAX_REFUSED_IDS: usize = 3;

impl EndLookup {
    /// Requests this number of conversations at a time.
    pub fn new(client: GenesysClient, ids_per_request: usize) -> Self {
        Self {
            client,
            ids_per_request,
        }
    }

    pub fn client(&self) -> &GenesysClient {
        &self.client
    }

    /// Looks up conversations until all are answered, a request fails, or the deadline leaves no time for another one.
    pub async fn look_up(&self, ids: &[ConversationId], deadline: Deadline) -> FoundEnds {
        let texts: Vec<_> = ids.iter().map(ConversationId::as_str).collect();
        let mut batches = IdBatches::new(&texts, self.ids_per_request);
        let (mut found, mut refused_ids) = (FoundEnds::default(), 0);
        while let Some(batch) = batches.next() {
            let error = match self.request(batch, deadline).await {
                Ok(ends) => {
                    found.add(batch, ends);
                    continue;
                }
                Err(error) => error,
            };
            let Err(error) = batches.halve(batch, error) else {
                continue;
            };
            refused_ids += 1;
            if !is_about_id(batch, &error) || refused_ids > MAX_REFUSED_IDS {
                found.error = Some(error);
                break;
            }
            found.add(batch, Vec::new());
        }
        found
    }

    async fn request(
        &self,
        ids: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<(ConversationId, Option<ConversationEnd>)>, ApiError> {
        let absent = AbsentList::RequestedAgain;
        let reply = conversation_details::request(&self.client, ids, absent, deadline, end_of);
        let records = reply.await?.value.unwrap_or_default();
        Ok(records.into_iter().flatten().collect())
    }
}

impl FoundEnds {
    /// Adds a response. Conversations that were not requested are ignored; of two records of one, the later end counts.
    fn add(&mut self, requested: &[&str], ends: Vec<(ConversationId, Option<ConversationEnd>)>) {
        let requested = requested.iter().filter_map(|id| id.parse().ok());
        self.ends.extend(requested.map(|id| (id, None)));
        for (id, end) in ends {
            if let Some(known) = self.ends.get_mut(&id) {
                *known = end.max(*known);
            }
        }
    }
}

/// The id and the end of a record; `None` for one without a usable id.
fn end_of(record: RawRecord<'_>) -> Option<(ConversationId, Option<ConversationEnd>)> {
    let record = record.json()?;
    let id = page::record_id(record, RecordShape::Analytics)?
        .parse()
        .ok()?;
    let end = page::record_end(record).and_then(|end| end.try_into().ok());
    Some((id, end))
}

/// Whether the API refuses a single conversation and not the call.
fn is_about_id(batch: &[&str], error: &ApiError) -> bool {
    let is_unknown = matches!(
        error,
        ApiError::Refused {
            status: 404 | 410,
            ..
        }
    );
    batch.len() == 1 && (is_unknown || conversation_details::is_too_long(error))
}

#[cfg(test)]
mod tests;
