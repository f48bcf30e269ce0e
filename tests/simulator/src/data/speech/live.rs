//! The phrases of a live call, as far as it has happened.

use super::{KIND, Phrase, Speech, communications};
use crate::data::Conversation;
use crate::data::live::LivePhrase;
use crate::data::random::record_rng;

impl Speech {
    /// `None` while no leg is recorded.
    pub(crate) fn of_live(
        conversation: &Conversation,
        index: usize,
        seed: u64,
        live: &[LivePhrase],
    ) -> Option<Self> {
        let communications = communications(conversation, &mut record_rng(seed, KIND, index));
        if communications.is_empty() {
            return None;
        }
        let communication_of = |phrase: &LivePhrase| {
            let mut legs = communications.iter();
            legs.position(|it| it.id == phrase.session).unwrap_or(0)
        };
        let phrases = live.iter().map(|phrase| Phrase {
            time: phrase.time,
            text: phrase.text.clone(),
            communication: communication_of(phrase),
            duration: phrase.duration,
            confidence: phrase.confidence,
            is_customer: phrase.is_customer,
        });
        Some(Self {
            phrases: phrases.collect(),
            conversation_id: conversation.id.clone(),
            conversation_start: conversation.start,
            communications,
        })
    }
}
