//! What was written in conversations: a list of conversations, so many on a page, each by the requests that its texts take.
//!
//! A conversation whose texts cannot be had becomes a record that says so, and the rest go on. What may be had later is
//! postponed: asked for again behind all others, and recorded as it is when that was in vain, too. What keeps all of them
//! ends the page early: what was fetched before is kept, and only what was under way beside it is fetched again.

use async_trait::async_trait;
use futures::StreamExt as _;

use super::{Reading, Setback, Source, SourcePage, broken};
use crate::batch::Batch;
use crate::checkpoint::{Checkpoint, Place};
use crate::clock::{Clock, Deadline};
use crate::genesys::GenesysClient;
use crate::plan::{SliceRange, TranscriptPlan};
use page::Page;
use visit::{Missed, Stuck, Told, Visit, Visited};

mod files;
mod page;
mod visit;

/// Conversations at a time. The pace is the client's; this keeps it busy while answers are on their way.
const AT_ONCE: usize = 8;
/// With attachments, which are large, and take requests that keep the pace busy.
const AT_ONCE_WITH_FILES: usize = 2;
/// A page holds no more, however many conversations are left: it is all in memory.
const PAGE_BYTES: usize = 16_000_000;

/// Their ids travel with each message, which may hold 256 KiB.
const MAX_POSTPONED: usize = 1_000;
/// So often a page is looked at again, within three quarters of an hour, before its conversations count as what they are.
const MAX_PARKED: u32 = 6;

/// The texts of conversations as a source.
#[derive(Clone, Debug)]
pub struct Transcripts {
    client: GenesysClient,
    clock: Clock,
}

/// The conversations that a page is about.
struct Turn<'a> {
    ids: Vec<&'a str>,
    /// Where they stand; `None` for those that were postponed.
    batch: Option<&'a Batch>,
    postponed: &'a [String],
}

impl Transcripts {
    pub(super) fn new(client: GenesysClient, clock: Clock) -> Self {
        Self { client, clock }
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
        let requested = next.map(|place| Batch::of_request(reading.plan, place));
        let turn = match &requested {
            Some(requested) => Turn::of(reading.batch.unwrap_or(requested), postponed),
            None => Turn::again(postponed, reading.plan.page_size),
        };
        let mut page = Page::new(plan.limits);
        let mut stuck: Vec<(&str, Stuck)> = Vec::new();
        let mut done = 0;
        // Collected: a stream over borrowing closures could not move between threads.
        let (again, deadline) = (turn.batch.is_none(), reading.deadline);
        let visits = turn.ids.iter();
        let visits: Vec<_> = visits
            .map(|id| self.visit(id, plan, again, deadline))
            .collect();
        let at_once = match plan.attachments {
            None => AT_ONCE,
            Some(_) => AT_ONCE_WITH_FILES,
        };
        let mut visits = futures::stream::iter(visits).buffered(at_once);
        while let Some((id, visited)) = visits.next().await {
            page.took(visited.asking, visited.warning);
            match visited.told {
                Ok(Told { transcript, files }) => {
                    page.add(id, Ok(transcript), reading)?;
                    page.attach(files);
                }
                Err(Missed::Untold(untold)) => page.add(id, Err(untold), reading)?,
                Err(Missed::Stuck(why)) => stuck.push((id, why)),
                // Those before are kept, and this one comes first on the next page.
                Err(Missed::Setback(Setback::Wait(_))) if done > 0 => break,
                Err(Missed::Setback(setback)) => return Err(setback),
            }
            done += 1;
            if page.bytes > PAGE_BYTES {
                break;
            }
        }
        drop(visits);
        let next = turn.next(done, &mut page, stuck, reading)?;
        Ok(page.finish(next, reading))
    }
}

impl<'a> Turn<'a> {
    fn of(batch: &'a Batch, postponed: &'a [String]) -> Self {
        Self {
            ids: batch.ids().collect(),
            batch: Some(batch),
            postponed,
        }
    }

    fn again(postponed: &'a [String], page_size: u32) -> Self {
        let ids = postponed.iter().take(page_size as usize);
        Self {
            ids: ids.map(|id| &**id).collect(),
            batch: None,
            postponed,
        }
    }

    /// What comes behind this page, when so many of its conversations were visited. Those that are stuck are postponed, or
    /// recorded as what they are.
    fn next(
        &self,
        done: usize,
        page: &mut Page,
        stuck: Vec<(&str, Stuck)>,
        reading: &Reading<'_>,
    ) -> Result<Option<Checkpoint>, Setback> {
        if let Some((_, first)) = stuck.iter().find(|(_, stuck)| self.waits_for(stuck))
            && page.conversations == 0
            && !self.gives_up(stuck.len(), reading.times_parked)
        {
            return Err(Setback::Wait(first.wait.clone()));
        }
        let mut postponed: Vec<String> = match self.batch {
            Some(_) => self.postponed.to_vec(),
            None => self.postponed[done..].to_vec(),
        };
        let is_last_try = self.batch.is_none() && page.conversations == 0;
        for (id, stuck) in stuck {
            if is_last_try || postponed.len() >= MAX_POSTPONED {
                page.add(id, Err(stuck.untold), reading)?;
            } else {
                postponed.push(id.to_owned());
            }
        }
        let next: Option<Place> = self.batch.and_then(|batch| batch.after(done));
        let is_over = next.is_none() && postponed.is_empty();
        Ok((!is_over).then_some(Checkpoint::Conversations { next, postponed }))
    }

    /// Whether a page on which nothing could be had has waited long enough. Where several fail at their first turn and nobody
    /// is told, the API answers nobody, and the page waits on; those that were postponed have seen others told.
    fn gives_up(&self, stuck: usize, times_parked: u32) -> bool {
        let is_outage = self.batch.is_some() && stuck > 1;
        times_parked >= MAX_PARKED && !is_outage
    }

    /// Whether a page without any transcript waits for it at once. A recording takes its time, whoever else comes meanwhile.
    fn waits_for(&self, stuck: &Stuck) -> bool {
        self.batch.is_none() || !stuck.is_preparing()
    }
}
