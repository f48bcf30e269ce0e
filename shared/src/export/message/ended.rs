//! Messages about conversations that may have ended.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::queue_delay;
use crate::base::format::FormatVersion;
use crate::base::ids::ConversationId;
use crate::base::json::message_body;
use crate::base::time::{elapsed, later};
use crate::export::outgoing::{OutgoingMessage, Queue};

/// Makes fetch-ended look up whether these conversations have ended. A message that follows another one has some of its
/// conversations, and a later time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedMessage {
    pub format_version: FormatVersion,
    /// Texts, so that one that is no id of a conversation does not make the message unreadable.
    pub conversation_ids: Vec<String>,
    /// When live capture heard of the conversations.
    pub heard_at: Timestamp,
    /// Number of lookups so far, which found that the conversations had not ended.
    pub lookups: u32,
    pub not_before: Timestamp,
}

/// The most conversations of one message: 20 KB, so that hundreds of messages fit into the 6 MB of an invocation.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_ENDED_IDS: usize = 500;

/// The waits between consecutive lookups of a conversation that has not ended. After the last one it is left to the
/// scheduled export.
const LOOKUP_WAITS: [Duration; 6] = [
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(8),
];

/// The longest of these waits; settle times and waits for the API are shorter.
const LONGEST_WAIT: Duration = LOOKUP_WAITS[LOOKUP_WAITS.len() - 1];

/// How long a conversation is looked up for while the API does not answer: as long as a queue could keep its message.
const MAX_AGE: Duration = Duration::from_hours(14 * 24);

impl EndedMessage {
    /// The messages about these conversations, to be looked up after `settle`: what follows the end, such as the
    /// wrap-up, is to be in their records.
    pub fn heard(
        conversation_ids: impl IntoIterator<Item = ConversationId>,
        heard_at: Timestamp,
        settle: Duration,
    ) -> Vec<Self> {
        let ids: Vec<_> = conversation_ids.into_iter().map(String::from).collect();
        let message = |ids: &[String]| Self {
            format_version: FormatVersion,
            conversation_ids: ids.to_vec(),
            heard_at,
            lookups: 0,
            not_before: later(heard_at, settle),
        };
        ids.chunks(MAX_ENDED_IDS).map(message).collect()
    }

    /// Whether the conversations are to be looked up now. A time later than any wait is of no message of ours, and would
    /// have the message sent again and again.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let latest = later(now, LONGEST_WAIT);
        self.not_before <= now || self.not_before > latest
    }

    /// The message about those of its conversations that a lookup found not to have ended; `None` after the last lookup.
    #[must_use]
    pub fn after_lookup(&self, ids: Vec<String>, now: Timestamp) -> Option<Self> {
        let earlier_lookups = usize::try_from(self.lookups).ok()?;
        let wait = LOOKUP_WAITS.get(earlier_lookups)?;
        Some(Self {
            lookups: self.lookups + 1,
            ..self.with(ids, later(now, *wait))
        })
    }

    /// The message about those of its conversations that the API did not answer for; `None` if it has not answered for
    /// 14 days.
    #[must_use]
    pub fn postponed(&self, ids: Vec<String>, wait: Duration, now: Timestamp) -> Option<Self> {
        (elapsed(self.heard_at, now) < MAX_AGE).then(|| self.with(ids, later(now, wait)))
    }

    /// The message about those of its conversations that are to be looked up at this time, without counting the lookup
    /// of now.
    #[must_use]
    pub fn settling(&self, ids: Vec<String>, until: Timestamp) -> Self {
        self.with(ids, until)
    }

    fn with(&self, conversation_ids: Vec<String>, not_before: Timestamp) -> Self {
        Self {
            conversation_ids,
            not_before,
            ..self.clone()
        }
    }

    /// Delayed until it is due, or by the longest delay of the queue; fetch-ended then sends it again.
    pub fn outgoing(&self, now: Timestamp) -> Result<OutgoingMessage, serde_json::Error> {
        Ok(OutgoingMessage {
            queue: Queue::Ended,
            body: message_body(self)?,
            fifo: None,
            delay: queue_delay(now, self.not_before),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn id(number: usize) -> ConversationId {
        let id = format!("00000000-0000-4000-8000-{number:012x}");
        id.parse().unwrap()
    }

    fn heard() -> EndedMessage {
        let settle = Duration::from_mins(2);
        let mut messages = EndedMessage::heard([id(1)], at("2026-03-10T00:00:00Z"), settle);
        messages.remove(0)
    }

    fn ids() -> Vec<String> {
        vec![id(1).into()]
    }

    #[test]
    fn a_message_is_sent_as_documented_and_due_after_the_settle_time() {
        let message = heard();

        let outgoing = message.outgoing(at("2026-03-10T00:00:00.5Z")).unwrap();

        assert_eq!(outgoing.delay, Duration::from_mins(2));
        assert!(!message.is_due(at("2026-03-10T00:01:59Z")));
        assert!(message.is_due(at("2026-03-10T00:02:00Z")));
        insta::assert_snapshot!(outgoing.body, @r#"{"formatVersion":1,"conversationIds":["00000000-0000-4000-8000-000000000001"],"heardAt":"2026-03-10T00:00:00Z","lookups":0,"notBefore":"2026-03-10T00:02:00Z"}"#);
    }

    #[test]
    fn many_conversations_are_divided_among_messages_that_the_queue_takes() {
        let now = at("2026-03-10T00:00:00Z");

        let messages = EndedMessage::heard((0..=2 * MAX_ENDED_IDS).map(id), now, Duration::ZERO);

        let counts: Vec<_> = messages
            .iter()
            .map(|it| it.conversation_ids.len())
            .collect();
        assert_eq!(counts, [MAX_ENDED_IDS, MAX_ENDED_IDS, 1]);
        for message in messages {
            let outgoing = message.outgoing(now).unwrap();
            assert_eq!(outgoing.check(), Ok(()));
            assert!(outgoing.body.len() < 20_000);
        }
        assert!(EndedMessage::heard([], now, Duration::ZERO).is_empty());
    }

    #[test]
    fn a_conversation_in_progress_is_looked_up_seven_times() {
        let now = at("2026-03-10T00:00:00Z");
        let mut message = heard();
        let mut waits = Vec::new();
        while let Some(next) = message.after_lookup(ids(), now) {
            waits.push(elapsed(now, next.not_before).as_secs() / 60);
            assert_eq!(next.heard_at, message.heard_at);
            message = next;
        }

        assert_eq!(waits, [2, 5, 15, 60, 180, 480]);
        assert_eq!(message.lookups, 6);
    }

    #[test]
    fn a_later_lookup_is_reached_by_several_delays_of_the_queue() {
        let now = at("2026-03-10T00:00:00Z");
        let later_message = heard().settling(ids(), at("2026-03-10T03:00:00Z"));

        let outgoing = later_message.outgoing(now).unwrap();

        assert_eq!(outgoing.delay, Duration::from_mins(15));
        assert_eq!(outgoing.check(), Ok(()));
    }

    #[test]
    fn a_message_for_later_than_any_wait_is_due_at_once() {
        let now = at("2026-03-10T00:00:00Z");
        let is_due = |until: &str| heard().settling(ids(), at(until)).is_due(now);

        assert!(!is_due("2026-03-10T08:00:00Z"));
        assert!(is_due("2026-03-10T08:00:01Z"));
        assert!(is_due("9999-12-30T00:00:00Z"));
    }

    #[test]
    fn an_api_that_does_not_answer_costs_no_lookup_for_fourteen_days() {
        let message = heard();
        let wait = Duration::from_mins(1);

        let postponed = message.postponed(ids(), wait, at("2026-03-23T23:59:59Z"));
        let given_up = message.postponed(ids(), wait, at("2026-03-24T00:00:00Z"));

        let postponed = postponed.unwrap();
        assert_eq!(postponed.lookups, 0);
        assert_eq!(postponed.not_before, at("2026-03-24T00:00:59Z"));
        assert_eq!(given_up, None);
    }
}
