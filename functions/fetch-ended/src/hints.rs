//! The conversations of a batch of messages. Pure.

use std::collections::HashSet;

use conversation_archive::base::ids::ConversationId;
use conversation_archive::export::message::EndedMessage;
use jiff::Timestamp;

/// A message, and the conversations that are looked up for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint<'a> {
    pub(crate) message: &'a EndedMessage,
    pub(crate) step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The message is not due: the queue cannot delay a message for longer than a quarter of an hour.
    Wait,
    LookUp {
        /// Without those of other messages of the batch.
        ids: Vec<ConversationId>,
        /// Number of texts that are no ids.
        unusable: usize,
    },
}

/// The most conversations of one invocation: even at the whole rate limit, there is time to claim them. The others wait
/// for the next one.
const MAX_LOOKUPS: usize = 10_000;

/// Assigns each conversation to one message: to the one with the fewest lookups, which is about its newest sign of life.
/// The result has the order of the messages.
pub(crate) fn assign(messages: &[EndedMessage], now: Timestamp) -> Vec<Hint<'_>> {
    let mut hints: Vec<_> = messages
        .iter()
        .map(|message| Hint {
            message,
            step: Step::Wait,
        })
        .collect();
    let mut due: Vec<_> = hints
        .iter_mut()
        .filter(|hint| hint.message.is_due(now))
        .collect();
    due.sort_by_key(|hint| hint.message.lookups);
    let mut assigned = HashSet::new();
    for hint in due {
        let (mut ids, mut unusable) = (Vec::new(), 0);
        for text in &hint.message.conversation_ids {
            match text.parse::<ConversationId>() {
                Ok(id) if assigned.insert(id.clone()) => ids.push(id),
                Ok(_) => {}
                Err(_) => unusable += 1,
            }
        }
        hint.step = Step::LookUp { ids, unusable };
    }
    hints
}

/// The conversations to look up, up to [`MAX_LOOKUPS`].
pub(crate) fn ids(hints: &[Hint<'_>]) -> Vec<ConversationId> {
    let ids = hints.iter().flat_map(|hint| match &hint.step {
        Step::Wait => &[][..],
        Step::LookUp { ids, .. } => ids,
    });
    ids.take(MAX_LOOKUPS).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_772_323_200 + 60 * minute).unwrap()
    }

    fn id(number: usize) -> String {
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// A message that is due at this minute.
    fn message(minute: i64, lookups: u32, ids: &[String]) -> EndedMessage {
        let heard = EndedMessage::heard([id(0).parse().unwrap()], at(0), Duration::ZERO);
        EndedMessage {
            conversation_ids: ids.to_vec(),
            lookups,
            not_before: at(minute),
            ..heard[0].clone()
        }
    }

    fn look_up(ids: &[String], unusable: usize) -> Step {
        let ids = ids.iter().map(|id| id.parse().unwrap()).collect();
        Step::LookUp { ids, unusable }
    }

    #[test]
    fn each_conversation_is_looked_up_for_its_newest_hint_only() {
        let messages = [
            message(0, 3, &[id(1), id(2)]),
            message(1, 0, &[id(2), id(3), id(2)]),
            message(1, 0, &[id(3).to_uppercase()]),
        ];

        let hints = assign(&messages, at(1));

        let steps: Vec<_> = hints.iter().map(|hint| hint.step.clone()).collect();
        let expected = [
            look_up(&[id(1)], 0),
            look_up(&[id(2), id(3)], 0),
            look_up(&[], 0),
        ];
        assert_eq!(steps, expected);
        assert_eq!(ids(&hints).len(), 3);
    }

    #[test]
    fn a_message_that_is_not_due_waits_with_its_conversations() {
        let messages = [message(2, 0, &[id(1)]), message(1, 5, &[id(1)])];

        let hints = assign(&messages, at(1));

        assert_eq!(hints[0].step, Step::Wait);
        assert_eq!(hints[1].step, look_up(&[id(1)], 0));
    }

    #[test]
    fn texts_that_are_no_ids_are_counted_and_not_looked_up() {
        let hostile = [
            "../../open/x".to_owned(),
            String::new(),
            id(1),
            "\0".to_owned(),
        ];

        let messages = [message(0, 0, &hostile)];
        let hints = assign(&messages, at(0));

        assert_eq!(hints[0].step, look_up(&[id(1)], 3));
    }

    #[test]
    fn one_invocation_looks_up_a_limited_number() {
        let all: Vec<_> = (0..MAX_LOOKUPS + 5).map(id).collect();

        let messages = [message(0, 0, &all)];
        let hints = assign(&messages, at(0));

        assert_eq!(ids(&hints).len(), MAX_LOOKUPS);
        assert_eq!(hints[0].step, look_up(&all, 0));
    }
}
