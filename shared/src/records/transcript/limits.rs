//! Limits on the size of a transcript, and the record of what they left out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Message, Transcript};

/// Receipts and typing indicators outnumber messages; more of them have no use.
const MAX_EVENTS: usize = 10_000;

/// Limits on the size of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Limit of all texts together, in bytes; the oldest messages are left out first.
    pub max_transcript_bytes: u64,
    /// Number of the last messages to keep; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
}

/// The amounts left out, and the limits responsible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cut {
    pub messages: u64,
    pub events: u64,
    /// Bytes of the messages left out.
    pub bytes: u64,
    /// Number of unreadable elements left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    pub by: BTreeSet<&'static str>,
    /// Sort key of the newest message that was left out: everything before it is left out too.
    #[serde(skip)]
    horizon: Option<SortKey>,
}

/// Sort key: sequence number, then time; messages with neither come last.
type SortKey = (bool, Option<i64>, bool, Option<Timestamp>);

impl Cut {
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// The amounts left out of two parts of a conversation.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            events: self.events + other.events,
            bytes: self.bytes + other.bytes,
            unreadable: self.unreadable + other.unreadable,
            by: self.by.into_iter().chain(other.by).collect(),
            horizon: self.horizon.max(other.horizon),
        }
    }
}

impl Transcript {
    /// Sorts the transcript and removes its oldest messages beyond the limits. Later messages can only displace more,
    /// so calling this after each response gives the same result and bounds memory.
    pub(crate) fn apply_limits(&mut self, limits: Limits) {
        // A stable sort keeps messages of the same time in the order received.
        self.messages.sort_by_key(sort_key);
        self.events.sort_by_key(|it| (it.time.is_none(), it.time));
        let count = |number: usize| number as u64;
        let messages = &self.messages;
        let window = limits.context_window.unwrap_or(u64::MAX);
        let excess = count(messages.len()).saturating_sub(window);
        let excess = usize::try_from(excess).unwrap_or(messages.len());
        let horizon = self.cut.horizon;
        let mut bytes = 0;
        let kept = messages[excess..].iter().rev().take_while(|message| {
            bytes += count(message.bytes());
            bytes <= limits.max_transcript_bytes && horizon.is_none_or(|at| sort_key(message) >= at)
        });
        let first = messages.len() - kept.count();
        if let Some(last) = first.checked_sub(1) {
            self.cut.horizon = horizon.max(Some(sort_key(&messages[last])));
        }
        let removed = self.messages.drain(..first);
        self.cut.messages += count(removed.len());
        self.cut.bytes += removed.map(|message| count(message.bytes())).sum::<u64>();
        self.limit_unreadable(limits);
        // The reasons are computed over everything received so far, as if it had come at once.
        let kept = count(self.messages.len());
        let kept_unreadable = count(self.unreadable.len());
        let lists = [
            (kept, self.cut.messages + kept),
            (kept_unreadable, self.cut.unreadable + kept_unreadable),
        ];
        let any_list = |holds: fn(u64, u64, u64) -> bool| {
            lists.iter().any(|(kept, all)| holds(*kept, *all, window))
        };
        let reasons = [
            ("contextWindow", any_list(|_, all, window| all > window)),
            (
                "maxTranscriptBytes",
                any_list(|kept, all, window| kept < all.min(window)),
            ),
        ];
        for (reason, holds) in reasons {
            if holds {
                self.cut.by.insert(reason);
            } else {
                self.cut.by.remove(reason);
            }
        }

        let first = self.events.len().saturating_sub(MAX_EVENTS);
        if first > 0 {
            self.cut.by.insert("events");
        }
        self.cut.events += count(self.events.drain(..first).len());
    }

    /// Applies the same limits to unreadable elements, in the order received.
    fn limit_unreadable(&mut self, limits: Limits) {
        let window = limits.context_window.unwrap_or(u64::MAX);
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let kept = self.unreadable.iter().rev().take(window);
        let kept = kept.take_while(|element| {
            bytes += element.bytes() as u64;
            bytes <= limits.max_transcript_bytes
        });
        let first = self.unreadable.len() - kept.count();
        self.cut.unreadable += self.unreadable.drain(..first).count() as u64;
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn sort_key(message: &Message) -> SortKey {
    let Message { sequence, time, .. } = message;
    (sequence.is_none(), *sequence, time.is_none(), *time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use serde_json::value::RawValue;

    use super::super::{Event, Unreadable, Via};
    use super::*;

    fn message(number: usize, second: i64, bytes: usize) -> Message {
        Message {
            id: number.to_string(),
            sequence: None,
            time: jiff::Timestamp::from_second(second).ok(),
            direction: None,
            originating_entity: None,
            participant_id: None,
            purpose: None,
            kind: "Text".to_owned(),
            text: "x".repeat(bytes),
            attachments: Vec::new(),
            content: Vec::new(),
            speech: None,
            email: None,
        }
    }

    fn kept(transcript: &Transcript) -> (Vec<&str>, &Cut) {
        let ids = transcript.messages.iter().map(|it| &*it.id);
        (ids.collect(), &transcript.cut)
    }

    fn kept_unreadable(transcript: &Transcript) -> Vec<Option<&str>> {
        let kept = transcript.unreadable.iter();
        kept.map(|it| it.message_id.as_deref()).collect()
    }

    proptest! {
        #[test]
        fn cutting_repeatedly_gives_the_same_result_as_cutting_once(
            sizes in prop::collection::vec((0i64..5, 0usize..30), 0..40),
            batch in 1usize..10,
            max_transcript_bytes in 0u64..200,
            context_window in prop::option::of(1u64..30),
        ) {
            let limits = Limits { max_transcript_bytes, context_window };
            let messages = || sizes.iter().enumerate().map(|(number, (second, bytes))| message(number, *second, *bytes));
            let mut once = Transcript::new(Via::Messages, None);
            let mut repeatedly = Transcript::new(Via::Messages, None);

            let unreadable = |message: &Message| Unreadable {
                list: "entities",
                message_id: Some(message.id.clone()),
                content: RawValue::from_string(format!("{:?}", message.text)).unwrap(),
            };

            once.messages = messages().collect();
            once.unreadable = messages().map(|it| unreadable(&it)).collect();
            once.apply_limits(limits);
            for (number, message) in messages().enumerate() {
                repeatedly.unreadable.push(unreadable(&message));
                repeatedly.messages.push(message);
                if number % batch == 0 {
                    repeatedly.apply_limits(limits);
                }
            }
            repeatedly.apply_limits(limits);

            prop_assert_eq!(kept_unreadable(&once), kept_unreadable(&repeatedly));
            prop_assert!(once.unreadable.iter().map(Unreadable::bytes).sum::<usize>() as u64 <= max_transcript_bytes);
            let ((once, by_one), (repeatedly, by_many)) = (kept(&once), kept(&repeatedly));
            prop_assert_eq!(once, repeatedly);
            prop_assert_eq!((by_one.messages, by_one.bytes, by_one.unreadable), (by_many.messages, by_many.bytes, by_many.unreadable));
            prop_assert_eq!(&by_one.by, &by_many.by);
        }
    }

    #[test]
    fn the_newest_events_are_kept() {
        let mut transcript = Transcript::new(Via::Messages, None);
        let event = |second: i64| Event {
            message_id: None,
            time: jiff::Timestamp::from_second(second).ok(),
            kind: "Typing".to_owned(),
            status: None,
        };
        transcript.events = (0..10_003).rev().map(event).collect();

        transcript.apply_limits(Limits {
            max_transcript_bytes: 1,
            context_window: None,
        });

        assert_eq!(
            (transcript.events.len(), transcript.cut.events),
            (MAX_EVENTS, 3)
        );
        assert_eq!(transcript.events[0].time, event(3).time);
        assert!(transcript.cut.by.contains("events"));
    }
}
