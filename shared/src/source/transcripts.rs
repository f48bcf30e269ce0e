//! What was written in conversations: a list of conversations, so many on a page, each by the requests that its texts take.
//!
//! A conversation whose texts cannot be had becomes a record that says so, and the rest go on. What may be had later is
//! postponed: asked for again behind all others, and recorded as it is when that was in vain, too. What keeps all of them
//! ends the page early: what was fetched before is kept, and only what was under way beside it is fetched again.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;

use super::{Reading, Setback, Source, SourcePage, broken};
use crate::checkpoint::Checkpoint;
use crate::clock::{Clock, Deadline};
use crate::genesys::GenesysClient;
use crate::plan::{SliceRange, TranscriptPlan};
use crate::portion::Portion;
use crate::waiting::WaitReason;
use batches::BulkLimit;
use missed::{Missed, Stuck};
use page::Page;
use turn::Turn;
use visit::{Visit, Visited};

mod batches;
mod files;
mod messages;
mod missed;
mod page;
mod turn;
mod visit;

/// Conversations at a time. The pace is the client's; this keeps it busy while answers are on their way.
const AT_ONCE: usize = 8;
/// With attachments, which are large, and take requests that keep the pace busy.
const AT_ONCE_WITH_FILES: usize = 2;

/// The texts of conversations as a source.
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

    /// How long the page has waited for what is unavailable.
    fn waited(&self, reading: &Reading<'_>) -> Duration {
        let waited = reading.waited(WaitReason::Unavailable, self.clock.now());
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
        reading: &Reading<'_>,
    ) -> Result<SourcePage, Setback> {
        let (Checkpoint::Conversations { next, postponed }, SliceRange::Offsets(_)) =
            (checkpoint, &reading.slice.range)
        else {
            return Err(broken("the checkpoint does not fit the slice"));
        };
        let Some(plan) = &reading.plan.transcripts else {
            return Err(broken("the plan does not say how transcripts are fetched"));
        };
        let requested = next.map(|place| Portion::of_request(reading.plan, place));
        let waited = self.waited(reading);
        let turn = match &requested {
            Some(requested) => Turn::of(reading.portion.unwrap_or(requested), postponed, waited),
            None => Turn::again(postponed, reading.plan.page_size, waited),
        };
        let mut page = Page::new(plan.limits);
        let mut stuck: Vec<(&str, Stuck)> = Vec::new();
        let mut done = 0;
        // Collected: a stream over borrowing closures could not move between threads.
        let visits = turn.ids.iter();
        let visits: Vec<_> = visits
            .map(|id| self.visit(id, plan, turn.is_again(), reading.deadline))
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
                Ok(told) => page.add(id, Ok(told), reading)?,
                Err(Missed::Untold(untold)) => page.add(id, Err(untold), reading)?,
                Err(Missed::HeldUp(why)) => match turn.held_up(why, done, stuck.len()) {
                    Ok(why) => stuck.push((id, why)),
                    // Those before are kept, and this one comes first on the next page.
                    Err(Setback::Wait(_)) if done > 0 => break,
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
        let next = turn.next(done, &mut page, stuck, reading)?;
        Ok(page.finish(next, reading))
    }
}
