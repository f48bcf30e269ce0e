//! The texts of conversations: a list of conversations, divided into pages, each conversation read by as many requests
//! as its texts take.
//!
//! A conversation whose texts are unavailable becomes a record that says so, and the source continues with the others.
//! A conversation whose texts may become available is postponed: requested again after all others, and recorded as
//! unavailable if that fails too. A failure that affects all conversations ends the page early: the conversations read
//! before it are kept, and only those in progress beside it are fetched again.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;

use super::{PageContext, Source, SourceError, SourcePage, source_broken};
use crate::base::deadline::Deadline;
use crate::export::checkpoint::Checkpoint;
use crate::export::plan::{SliceRange, TranscriptPlan};
use crate::export::portion::Portion;
use crate::export::waiting::WaitReason;
use crate::genesys::GenesysClient;
use crate::net::clock::Clock;
use allowance::Allowance;
use batches::BulkLimit;
use conversation::{ConversationRequests, Fetched};

pub use conversation::web_details_call;
use fetch::{Fetch, Postponed, Stop};
use page::Page;
use postponement::PageConversations;

mod allowance;
mod batches;
mod bodies;
mod bulk;
mod conversation;
mod fetch;
mod files;
mod media;
mod page;
mod postponement;
pub(super) mod sessions;
mod voice;

/// Number of conversations to read concurrently. The client limits the request rate; this keeps it busy while responses
/// are pending.
const AT_ONCE: usize = 8;
/// The same with attachments or calls: files are large, and take enough requests to keep the client busy.
const AT_ONCE_WITH_FILES: usize = 2;

/// The source of conversation texts.
#[derive(Clone, Debug)]
pub struct Transcripts {
    client: GenesysClient,
    clock: Clock,
    bulk_limit: BulkLimit,
}

impl Transcripts {
    pub(super) fn new(client: GenesysClient, clock: Clock) -> Self {
        let bulk_limit = BulkLimit::default();
        Self {
            client,
            clock,
            bulk_limit,
        }
    }

    /// How long the page has been waiting for something unavailable.
    fn waited(&self, context: &PageContext<'_>) -> Duration {
        let waited = context.waiting_time(WaitReason::Unavailable, self.clock.now());
        waited.unwrap_or_default()
    }

    async fn fetch<'a>(
        &self,
        (place, id): (usize, &'a str),
        plan: &'a TranscriptPlan,
        again: bool,
        deadline: Deadline,
    ) -> (&'a str, Fetched) {
        let requests =
            ConversationRequests::new(self, id, plan, Allowance::of(place), again, deadline);
        (id, requests.fetch().await)
    }
}

#[async_trait]
impl Source for Transcripts {
    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError> {
        let (Checkpoint::Conversations { next, postponed }, SliceRange::Offsets(_)) =
            (checkpoint, &context.run.slice.range)
        else {
            return Err(source_broken("the checkpoint does not fit the slice"));
        };
        let Some(plan) = &context.run.plan.transcripts else {
            return Err(source_broken(
                "the plan does not define how transcripts are fetched",
            ));
        };
        let requested = next.map(|place| Portion::of_request(context.run.plan, place));
        let waited = self.waited(context);
        let conversations = match &requested {
            Some(requested) => {
                let portion = context.portion.unwrap_or(requested);
                PageConversations::of_portion(portion, postponed, waited)
            }
            None => PageConversations::of_postponed(postponed, context.run.plan.page_size, waited),
        };
        let mut page = Page::new(plan);
        let mut retry_later: Vec<(&str, Postponed)> = Vec::new();
        let (mut done, mut held_bytes) = (0, 0);
        // Collected, because a stream over borrowing closures would not be `Send`.
        let again = conversations.is_again();
        let fetches = conversations.ids.iter().copied().enumerate();
        let fetches: Vec<_> = fetches
            .map(|placed| self.fetch(placed, plan, again, context.run.deadline))
            .collect();
        let at_once = if plan.downloads_files() {
            AT_ONCE_WITH_FILES
        } else {
            AT_ONCE
        };
        let mut fetches = futures::stream::iter(fetches).buffered(at_once);
        while let Some((id, fetched)) = fetches.next().await {
            page.add_cost(fetched.cost, fetched.warnings);
            let fetch = conversations.limit(fetched.fetch, done, retry_later.len());
            page.answered += u64::from(fetch.is_answered());
            match fetch {
                Fetch::Record(result) => page.add(id, result, context)?,
                Fetch::RetryLater(postponed) => {
                    held_bytes += postponed.held_bytes();
                    retry_later.push((id, *postponed));
                }
                Fetch::StopPage(Stop::LargerThanShare) if done > 0 => break,
                Fetch::StopPage(stop) => match SourceError::from(stop) {
                    // The conversations before are kept, and this one comes first on the next page.
                    SourceError::NotReady(_) if done > 0 => break,
                    error => return Err(error),
                },
            }
            done += 1;
            if page.is_full(held_bytes) {
                break;
            }
        }
        drop(fetches);
        let next = conversations.next(done, &mut page, retry_later, context)?;
        Ok(page.finish(next, context))
    }
}
