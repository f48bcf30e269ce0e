//! Limits on the size of a transcript, and the record of what they left out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Message, Transcript};
use crate::records::page::is_zero;

/// The largest transcript that is kept, in bytes as estimated by [`Transcript::stored_bytes`]. It bounds the memory of
/// one conversation, see docs/transcripts.md.
pub(crate) const MAX_STORED_BYTES: u64 = 32_000_000;

/// Reason in [`Cut::by`]: the transcript is larger than [`MAX_STORED_BYTES`].
const ARCHIVE_LIMIT: &str = "archiveLimit";
const CONTEXT_WINDOW: &str = "contextWindow";
const MAX_TRANSCRIPT_BYTES: &str = "maxTranscriptBytes";

/// Limits that a request or a setting puts on each transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Limit of all texts together, in bytes; the oldest messages are left out first. No transcript that is kept is
    /// larger than the one of [`Limits::NONE`].
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
    /// Bytes of the messages left out, as far as they were received.
    pub bytes: u64,
    /// Number of unreadable elements left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable: u64,
    pub by: BTreeSet<&'static str>,
    /// Sort key of the newest message that was left out: everything before it is left out too.
    #[serde(skip)]
    horizon: Option<SortKey>,
}

/// Sort key of a message: its position among several parts, if there are several; then sequence number, then time.
/// Messages without any come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SortKey {
    position: OrLast<Timestamp>,
    sequence: OrLast<i64>,
    time: OrLast<Timestamp>,
}

/// A value that is ordered after all others if it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OrLast<T> {
    Value(T),
    Absent,
}

impl Limits {
    /// Keeps all messages of every transcript that can be kept at all.
    pub const NONE: Self = Self {
        max_transcript_bytes: MAX_STORED_BYTES,
        context_window: None,
    };

    fn bytes(self) -> u64 {
        if self.max_transcript_bytes < MAX_STORED_BYTES {
            self.max_transcript_bytes
        } else {
            u64::MAX
        }
    }

    fn window(self) -> u64 {
        self.context_window.unwrap_or(u64::MAX)
    }
}

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

    /// Prepares for messages of other parts, which are ordered by time.
    pub(super) fn order_by_time(&mut self) {
        self.horizon = self.horizon.map(|key| SortKey {
            position: key.time,
            ..key
        });
    }

    /// Whether everything was left out, because the transcript is larger than any that is kept.
    pub(crate) fn is_beyond_archive_limit(&self) -> bool {
        self.by.contains(ARCHIVE_LIMIT)
    }

    fn note(&mut self, reason: &'static str, holds: bool) {
        if holds {
            self.by.insert(reason);
        } else {
            self.by.remove(reason);
        }
    }
}

impl Transcript {
    /// Sorts the transcript and removes its oldest messages beyond the limits. Later messages can only displace more,
    /// so calling this after each response gives the same result and bounds memory.
    pub(crate) fn apply_limits(&mut self, limits: Limits) {
        if self.cut.is_beyond_archive_limit() {
            return;
        }
        // A stable sort keeps messages of the same time in the order received.
        self.messages.sort_by_key(sort_key);
        self.events.sort_by_key(|it| (it.time.is_none(), it.time));
        self.limit_messages(limits);
        self.limit_unreadable(limits);
        self.note_reasons(limits);
    }

    /// Leaves out all texts, because the transcript is larger than [`MAX_STORED_BYTES`], and counts them.
    pub(crate) fn leave_out_all(&mut self) {
        let count = |number: usize| number as u64;
        let bytes = self.messages.iter().map(|message| count(message.bytes()));
        self.cut.bytes += bytes.sum::<u64>();
        self.cut.messages += count(self.messages.len()) + std::mem::take(&mut self.missing);
        self.cut.events += count(self.events.len());
        self.cut.unreadable += count(self.unreadable.len());
        self.cut.by = BTreeSet::from([ARCHIVE_LIMIT]);
        self.messages = Vec::new();
        self.events = Vec::new();
        self.unreadable = Vec::new();
    }

    fn limit_messages(&mut self, limits: Limits) {
        let count = |number: usize| number as u64;
        let messages = &self.messages;
        let excess = count(messages.len()).saturating_sub(limits.window());
        let excess = usize::try_from(excess).unwrap_or(messages.len());
        let horizon = self.cut.horizon;
        let mut bytes = 0;
        let kept = messages[excess..].iter().rev().take_while(|message| {
            bytes += count(message.bytes());
            bytes <= limits.bytes() && horizon.is_none_or(|at| sort_key(message) >= at)
        });
        let first = messages.len() - kept.count();
        if let Some(last) = first.checked_sub(1) {
            self.cut.horizon = horizon.max(Some(sort_key(&messages[last])));
        }
        let removed = self.messages.drain(..first);
        self.cut.messages += count(removed.len());
        self.cut.bytes += removed.map(|message| count(message.bytes())).sum::<u64>();
    }

    /// Applies the same limits to unreadable elements, in the order received.
    fn limit_unreadable(&mut self, limits: Limits) {
        let window = usize::try_from(limits.window()).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let kept = self.unreadable.iter().rev().take(window);
        let kept = kept.take_while(|element| {
            bytes += element.bytes() as u64;
            bytes <= limits.bytes()
        });
        let first = self.unreadable.len() - kept.count();
        self.cut.unreadable += self.unreadable.drain(..first).count() as u64;
    }

    /// The reasons are computed over everything received so far, as if it had come at once.
    fn note_reasons(&mut self, limits: Limits) {
        let kept = self.messages.len() as u64;
        let kept_unreadable = self.unreadable.len() as u64;
        let lists = [
            (kept, self.cut.messages + kept),
            (kept_unreadable, self.cut.unreadable + kept_unreadable),
        ];
        let window = limits.window();
        let is_windowed = lists.iter().any(|(_, all)| *all > window);
        let is_over_bytes = lists.iter().any(|(kept, all)| *kept < *all.min(&window));
        self.cut.note(CONTEXT_WINDOW, is_windowed);
        self.cut.note(MAX_TRANSCRIPT_BYTES, is_over_bytes);
    }
}

pub(super) fn sort_key(message: &Message) -> SortKey {
    SortKey {
        position: message.position.into(),
        sequence: message.sequence.into(),
        time: message.time.into(),
    }
}

impl<T> From<Option<T>> for OrLast<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
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
            time: jiff::Timestamp::from_second(second).ok(),
            kind: "Text".to_owned(),
            text: "x".repeat(bytes),
            ..Message::empty()
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
    fn without_a_limit_of_the_request_nothing_is_cut() {
        let mut transcript = Transcript::new(Via::Messages, None);
        let event = |second: i64| Event {
            message_id: None,
            time: jiff::Timestamp::from_second(second).ok(),
            kind: "Typing".to_owned(),
            status: None,
        };
        transcript.events = (0..20_003).rev().map(event).collect();
        transcript.messages = (0..4_000).map(|number| message(number, 0, 5_000)).collect();

        transcript.apply_limits(Limits::NONE);

        assert_eq!(
            (transcript.events.len(), transcript.messages.len()),
            (20_003, 4_000)
        );
        assert_eq!(transcript.events[0].time, event(0).time);
        assert!(transcript.cut.is_empty());
    }

    #[test]
    fn leaving_out_everything_counts_what_was_received_and_announced() {
        let mut transcript = Transcript::new(Via::Messages, None);
        transcript.messages = (0..3).map(|number| message(number, 0, 10)).collect();
        transcript.missing = 4;

        transcript.leave_out_all();
        transcript.apply_limits(Limits {
            max_transcript_bytes: 1,
            context_window: Some(1),
        });

        assert!(transcript.messages.is_empty());
        assert_eq!(
            serde_json::to_string(&transcript.cut).unwrap(),
            r#"{"messages":7,"events":0,"bytes":30,"by":["archiveLimit"]}"#
        );
        assert_eq!(transcript.missing, 0);
    }
}
