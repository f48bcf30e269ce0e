//! The conversations of a page of transcripts, each with its position.

use crate::export::checkpoint::ConversationPosition;
use crate::export::plan::ExportPlan;

/// Conversations in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portion {
    conversations: Vec<(String, ConversationPosition)>,
    /// The position after the last of them; `None` at the end.
    next: Option<ConversationPosition>,
}

impl Portion {
    /// The conversations that the request lists, starting at `start`.
    pub(crate) fn of_request(plan: &ExportPlan, start: ConversationPosition) -> Self {
        let mut portion = Self::default();
        for (line, id) in (0..)
            .zip(plan.conversation_ids())
            .skip_while(|(line, _)| *line < start.line)
        {
            let position = ConversationPosition { page: 0, line };
            if portion.is_full(plan.page_size) {
                portion.next = Some(position);
                break;
            }
            portion.add(id.clone(), position);
        }
        portion
    }

    pub fn add(&mut self, id: String, position: ConversationPosition) {
        self.conversations.push((id, position));
    }

    /// Sets the position after the last conversation.
    #[must_use]
    pub(crate) fn with_next(self, next: Option<ConversationPosition>) -> Self {
        Self { next, ..self }
    }

    pub(crate) fn is_full(&self, page_size: u32) -> bool {
        self.conversations.len() >= page_size as usize
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.conversations.iter().map(|(id, _)| &**id)
    }

    /// The position after the first `done` conversations.
    pub(crate) fn position_after(&self, done: usize) -> Option<ConversationPosition> {
        match self.conversations.get(done) {
            Some((_, position)) => Some(*position),
            None => self.next,
        }
    }
}
