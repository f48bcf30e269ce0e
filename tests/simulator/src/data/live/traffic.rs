//! Several conversations at once: which one goes on next, when a new one begins, and which customers return.

use std::collections::VecDeque;

use fastrand::Rng;
use jiff::Timestamp;

use super::play::Play;
use super::script::Medium;
use super::{FrameKind, NewFrame};
use crate::data::Dataset;
use crate::data::moment::Moment;
use crate::data::random::record_rng;

/// Conversations that happen while the simulator runs. The same traffic, stepped at the same times, sends the same
/// frames.
#[derive(Clone, Debug)]
pub struct Traffic {
    pub seed: u64,
    /// Number of conversations in total.
    pub conversations: usize,
    /// Number of conversations at once.
    pub concurrent: usize,
    /// Every nth conversation is a call; all others are of messages. Zero means none.
    pub voice_every: usize,
    /// In every nth message conversation, the customer returns once after the end. Zero means none.
    pub reopened_every: usize,
    /// Frames of other kinds are not sent.
    pub kinds: Vec<FrameKind>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            seed: 1,
            conversations: 20,
            concurrent: 5,
            voice_every: 4,
            reopened_every: 0,
            kinds: vec![
                FrameKind::Detail,
                FrameKind::Snapshot,
                FrameKind::Transcription,
                FrameKind::Direct,
            ],
        }
    }
}

/// Everything outside a conversation that a step uses or changes.
pub(crate) struct Stage<'a> {
    pub(crate) data: &'a mut Dataset,
    /// Host and port in URLs of attachments.
    pub(crate) host: &'a str,
    pub(crate) now: Moment,
    /// The kinds of frames that are wanted.
    pub(crate) kinds: &'a [FrameKind],
}

/// Separates the generators of live conversations from those of records, texts and phrases.
const KIND: u64 = 5;

/// Finished conversations to which the customer may still return; older ones are forgotten.
const FINISHED_MAX: usize = 1_000;

/// A live conversation, as far as it has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConversation {
    pub id: String,
    pub started: Timestamp,
    /// Each `conversationEnd` that its record has had; more than one if its customer returned.
    pub ends: Vec<Timestamp>,
    /// Whether the record has a `conversationEnd` now. Wrap-up may still follow.
    pub is_ended: bool,
}

pub(crate) struct TrafficState {
    traffic: Traffic,
    rng: Rng,
    /// Number of conversations of `traffic` that have begun.
    begun: usize,
    running: Vec<Play>,
    finished: VecDeque<Play>,
    conversations: Vec<LiveConversation>,
}

impl TrafficState {
    /// No conversations, until [`Self::begin`].
    pub(crate) fn none() -> Self {
        let traffic = Traffic {
            conversations: 0,
            ..Traffic::default()
        };
        Self {
            rng: Rng::with_seed(0),
            traffic,
            begun: 0,
            running: Vec::new(),
            finished: VecDeque::new(),
            conversations: Vec::new(),
        }
    }

    /// From now on, new conversations are of this traffic. Those that are running continue.
    pub(crate) fn begin(&mut self, traffic: Traffic) {
        self.rng = Rng::with_seed(!traffic.seed);
        self.begun = 0;
        self.traffic = traffic;
    }

    pub(crate) fn conversations(&self) -> &[LiveConversation] {
        &self.conversations
    }

    /// Performs one step: the first one of a new conversation while fewer happen at once than should, else the next one
    /// of any of them. `None` when all have finished.
    pub(crate) fn step(
        &mut self,
        data: &mut Dataset,
        host: &str,
        now: Moment,
    ) -> Option<Vec<NewFrame>> {
        let kinds = self.traffic.kinds.clone();
        let mut stage = Stage {
            data,
            host,
            now,
            kinds: &kinds,
        };
        let has_room = self.running.len() < self.traffic.concurrent.max(1);
        let place = if has_room && self.begun < self.traffic.conversations {
            self.start(&mut stage)
        } else if self.running.is_empty() {
            return None;
        } else {
            self.rng.usize(..self.running.len())
        };
        let play = &mut self.running[place];
        let frames = play.step(&mut stage);
        self.conversations[play.number()].follow(play.end());
        if play.is_finished() {
            let play = self.running.swap_remove(place);
            self.keep(play);
        }
        Some(frames)
    }

    /// Lets the customer return to a finished message conversation.
    pub(crate) fn reopen(&mut self, id: &str) -> bool {
        let mut finished = self.finished.iter();
        let place = finished.position(|it| it.id() == id && it.is_thread());
        let Some(mut play) = place.and_then(|place| self.finished.remove(place)) else {
            return false;
        };
        play.reopen();
        self.running.push(play);
        true
    }

    /// Returns the place of the new conversation among the running ones.
    fn start(&mut self, stage: &mut Stage<'_>) -> usize {
        self.begun += 1;
        let is_every = |every: usize| every > 0 && self.begun.is_multiple_of(every);
        let (medium, further_visits) = if is_every(self.traffic.voice_every) {
            (Medium::Voice, 0)
        } else {
            let returns = is_every(self.traffic.reopened_every);
            (Medium::Message, u32::from(returns))
        };
        // Of all traffic, so that no two conversations have the same id.
        let number = self.conversations.len();
        let rng = record_rng(self.traffic.seed, KIND, number);
        let play = Play::new(rng, number, medium, further_visits, stage);
        self.conversations.push(LiveConversation {
            id: play.id().to_owned(),
            started: play.start().timestamp(),
            ends: Vec::new(),
            is_ended: false,
        });
        self.running.push(play);
        self.running.len() - 1
    }

    fn keep(&mut self, play: Play) {
        self.finished.push_back(play);
        if self.finished.len() > FINISHED_MAX {
            self.finished.pop_front();
        }
    }
}

impl LiveConversation {
    fn follow(&mut self, end: Option<Moment>) {
        let end = end.map(Moment::timestamp);
        self.is_ended = end.is_some();
        if end.is_some_and(|end| self.ends.last() != Some(&end)) {
            self.ends.extend(end);
        }
    }
}
