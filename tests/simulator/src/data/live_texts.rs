//! Live conversations in the data set: they are appended when they begin, and replaced with each change.

use super::live::LivePhrase;
use super::moment::Moment;
use super::transcript::Transcript;
use super::{Conversation, Dataset};

/// The texts of a live conversation so far.
#[derive(Clone)]
pub(crate) struct LiveTexts {
    /// `None` for a call.
    pub(crate) transcript: Option<Transcript>,
    pub(crate) phrases: Vec<LivePhrase>,
}

impl LiveTexts {
    pub(crate) fn is_empty(&self) -> bool {
        let written = self.transcript.iter().flat_map(|it| &it.messages);
        written.count() + self.phrases.len() == 0
    }
}

impl Dataset {
    /// The start of a conversation that begins now: after that of every other one, because the data set is sorted by
    /// start and jobs refer to places in it.
    pub(crate) fn next_start(&self, now: Moment) -> Moment {
        let latest = self.conversations.last();
        latest.map_or(now, |it| now.max(Moment::from_timestamp(it.start) + 1))
    }

    /// Adds a conversation that starts after all others, and returns its index.
    pub(crate) fn append(&mut self, conversation: Conversation) -> usize {
        let index = self.conversations.len();
        let id_at = |index: &usize| self.conversations[*index].id.as_str();
        let place = self
            .by_id
            .partition_point(|it| id_at(it) < conversation.id.as_str());
        self.by_id.insert(place, index);
        self.conversations.push(conversation);
        self.live_changes += 1;
        index
    }

    pub(crate) fn update(&mut self, index: usize, conversation: Conversation, texts: LiveTexts) {
        self.conversations[index] = conversation;
        self.live_texts.insert(index, texts);
        self.live_changes += 1;
    }
}
