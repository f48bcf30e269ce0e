//! The queues whose conversations are heard, and the topics of a plan.

use std::collections::BTreeSet;

use super::calls::StreamCalls;
use super::item::StreamError;
use super::plan::{NotificationPlan, QueueSelection};
use super::topics::{self, TopicId};
use crate::genesys::Call;
use crate::genesys::wire::{Queue, QueueListing};

const QUEUES: &str = "/api/v2/routing/queues";

/// The API accepts this size for every listing; larger ones for some only.
const PAGE_SIZE: usize = 100;

/// Ids of one call: a longer query might be refused.
const IDS_PER_CALL: usize = 50;

/// More pages have more queues than the topics of all channels of a client.
const MAX_PAGES: u64 = 100;

impl StreamCalls {
    /// The topics that the plan names, after looking up its queues.
    pub(super) async fn topics(
        &self,
        plan: &NotificationPlan,
    ) -> Result<BTreeSet<String>, StreamError> {
        let queues = match &plan.queues {
            QueueSelection::All => self.queues(|call| call).await?,
            QueueSelection::Named(names) => self.named_queues(names).await?,
        };
        // An id that no topic can contain is not an id of the API's.
        let queues = queues.iter().filter_map(|queue| queue.id.parse().ok());
        let queues = queues.flat_map(|id: TopicId| topics::of_queue(&id));
        let users = plan.users.iter().flat_map(topics::of_user);
        let conversations = plan.conversations.iter().flat_map(topics::of_conversation);
        Ok(queues.chain(users).chain(conversations).collect())
    }

    /// The queues with these ids or names.
    async fn named_queues(&self, wanted: &[String]) -> Result<Vec<Queue>, StreamError> {
        let (ids, names): (Vec<_>, Vec<_>) = wanted.iter().partition(|text| is_uuid(text));
        let mut found = Vec::new();
        for ids in ids.chunks(IDS_PER_CALL) {
            let with_ids = |call| {
                ids.iter()
                    .fold(call, |call: Call, id| call.query("id", *id))
            };
            let queues = self.queues(with_ids).await?.into_iter();
            found.extend(queues.filter(|queue| ids.iter().any(|id| is_called(queue, id))));
        }
        for name in names {
            // The API also finds queues whose names begin alike.
            let queues = self.queues(|call| call.query("name", name)).await?;
            found.extend(queues.into_iter().filter(|queue| is_called(queue, name)));
        }
        let is_unknown = |text: &&String| !found.iter().any(|queue| is_called(queue, text));
        let unknown: Vec<_> = wanted.iter().filter(is_unknown).cloned().collect();
        if unknown.is_empty() {
            Ok(found)
        } else {
            Err(StreamError::UnknownQueues(unknown))
        }
    }

    /// All pages of a listing.
    async fn queues(&self, filter: impl Fn(Call) -> Call) -> Result<Vec<Queue>, StreamError> {
        let mut queues = Vec::new();
        for page in 1..=MAX_PAGES {
            let call = Call::get(QUEUES)
                .query("pageSize", PAGE_SIZE.to_string())
                .query("pageNumber", page.to_string());
            let listing: QueueListing = self.call(&filter(call)).await.map_err(StreamError::Api)?;
            let is_empty = listing.entities.is_empty();
            queues.extend(listing.entities);
            if is_empty || listing.page_count.is_none_or(|count| page >= count) {
                break;
            }
        }
        Ok(queues)
    }
}

/// Whether the queue has this id or name, in any case of letters.
fn is_called(queue: &Queue, text: &str) -> bool {
    let name = queue.name.as_deref().unwrap_or_default();
    queue.id.eq_ignore_ascii_case(text) || name.to_lowercase() == text.to_lowercase()
}

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit())
}
