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

use super::{PageContext, Source, SourceError, SourcePage, broken};
use crate::base::deadline::Deadline;
use crate::export::checkpoint::Checkpoint;
use crate::export::plan::{SliceRange, TranscriptPlan};
use crate::export::portion::Portion;
use crate::export::waiting::WaitReason;
use crate::genesys::GenesysClient;
use crate::net::clock::Clock;
use batches::BulkLimit;
use missed::{Missed, Stuck};
use page::Page;
use turn::Turn;
use visit::{Visit, Visited};

mod batches;
mod bodies;
mod files;
mod messages;
mod missed;
mod page;
mod turn;
mod visit;

/// Number of conversations to read concurrently. The client limits the request rate; this keeps it busy while responses
/// are pending.
const AT_ONCE: usize = 8;
/// The same with attachments, which are large and take enough requests to keep the client busy.
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
        let waited = context.waited(WaitReason::Unavailable, self.clock.now());
        waited.unwrap_or_default()
    }

    async fn visit<'a>(
        &self,
        id: &'a str,
        plan: &'a TranscriptPlan,
        again: bool,
        deadline: Deadline,
    ) -> (&'a str, Visited) {
        (id, Visit::new(self, id, plan, again, deadline).done().await)
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
            return Err(broken("the checkpoint does not fit the slice"));
        };
        let Some(plan) = &context.run.plan.transcripts else {
            return Err(broken(
                "the plan does not define how transcripts are fetched",
            ));
        };
        let requested = next.map(|place| Portion::of_request(context.run.plan, place));
        let waited = self.waited(context);
        let turn = match &requested {
            Some(requested) => Turn::of(context.portion.unwrap_or(requested), postponed, waited),
            None => Turn::again(postponed, context.run.plan.page_size, waited),
        };
        let mut page = Page::new(plan.limits);
        let mut stuck: Vec<(&str, Stuck)> = Vec::new();
        let mut done = 0;
        // Collected, because a stream over borrowing closures would not be `Send`.
        let visits = turn.ids.iter();
        let visits: Vec<_> = visits
            .map(|id| self.visit(id, plan, turn.is_again(), context.run.deadline))
            .collect();
        let at_once = match plan.attachments {
            None => AT_ONCE,
            Some(_) => AT_ONCE_WITH_FILES,
        };
        let mut visits = futures::stream::iter(visits).buffered(at_once);
        while let Some((id, visited)) = visits.next().await {
            let is_answered = visited.is_answered();
            page.took(visited.asking, visited.warning);
            match visited.told {
                Ok(told) => page.add(id, Ok(told), context)?,
                Err(Missed::Untold(untold)) => page.add(id, Err(untold), context)?,
                Err(Missed::HeldUp(why)) => match turn.held_up(why, done, stuck.len()) {
                    Ok(why) => stuck.push((id, why)),
                    // The conversations before are kept, and this one comes first on the next page.
                    Err(SourceError::NotReady(_)) if done > 0 => break,
                    Err(setback) => return Err(setback),
                },
            }
            page.answered += u64::from(is_answered);
            done += 1;
            if page.is_full() {
                break;
            }
        }
        drop(visits);
        let next = turn.next(done, &mut page, stuck, context)?;
        Ok(page.finish(next, context))
    }
}
