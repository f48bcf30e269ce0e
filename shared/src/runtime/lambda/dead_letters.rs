//! Dead letters, and the queues that they come from.
//!
//! The naming rule: the name of a dead-letter queue contains the name of its queue ([`Queue::name`]) as a word; words
//! are separated by anything but letters and digits: `orders-pages-dead-letters.fifo`. The last such word counts, so
//! that a stack may be called `pages`. Messages of a queue without such a word, and failed invocations of
//! start-export, are stored but belong to no run.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::base::json::JsonText;
use crate::storage::queue::Queue;

/// The event of record-failure.
#[derive(Clone, Debug)]
pub enum FailureEvent {
    /// From the event source mapping of a queue.
    Messages(SqsEvent),
    /// From Lambda itself: record-failure is the on-failure destination of start-export. It holds the payload that
    /// start-export could not handle, which a parser may reject.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
    Invocation(Box<RawValue>),
}

impl<'de> Deserialize<'de> for FailureEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Box::<RawValue>::deserialize(deserializer)?;
        if JsonText::of(&event).get("Records").is_none() {
            return Ok(Self::Invocation(event));
        }
        let messages = serde_json::from_str(event.get()).map_err(serde::de::Error::custom)?;
        Ok(Self::Messages(messages))
    }
}

/// The queue whose dead-letter queue held the message.
pub fn dead_letter_queue(record: &SqsMessage) -> Option<Queue> {
    let name = record.event_source_arn.as_deref()?.rsplit(':').next()?;
    let mut words = name.rsplit(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|word| {
        let is_named = |queue: &Queue| queue.name().eq_ignore_ascii_case(word);
        Queue::ALL.into_iter().find(is_named)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str) -> Option<Queue> {
        let mut record = SqsMessage::default();
        record.event_source_arn = Some(format!("arn:aws:sqs:eu-central-1:123456789012:{name}"));
        dead_letter_queue(&record)
    }

    #[test]
    fn a_dead_letter_queue_is_recognised_by_its_name() {
        for known in Queue::ALL {
            assert_eq!(
                queue(&format!("archive-{}-dead-letters", known.name())),
                Some(known)
            );
            assert_eq!(
                queue(&format!("archive_dead_{}.fifo", known.name())),
                Some(known)
            );
        }
    }

    #[test]
    fn the_last_queue_name_in_a_dead_letter_queue_name_counts() {
        assert_eq!(queue("pages-waiting-dead-letters"), Some(Queue::Waiting));
    }

    #[test]
    fn other_queue_names_are_not_recognised() {
        for name in [
            "archive-start-failures",
            "homepages-dead-letters",
            "awaiting",
        ] {
            assert_eq!(queue(name), None, "{name}");
        }
        assert_eq!(dead_letter_queue(&SqsMessage::default()), None);
    }

    #[test]
    fn an_unparsable_payload_is_kept_verbatim() {
        let deep = format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000));
        let event = format!(
            r#"{{"version":"1.0","requestPayload":{{"exportId":"\ud800","quotaMb":1E+400,"deep":{deep}}}}}"#
        );

        // The way in which the Lambda runtime reads it.
        let mut json = serde_json::Deserializer::from_str(&event);
        let failure_event: FailureEvent = serde_path_to_error::deserialize(&mut json).unwrap();

        assert!(matches!(failure_event, FailureEvent::Invocation(kept) if kept.get() == event));
    }

    #[test]
    fn queue_messages_and_failed_invocations_are_distinguished() {
        let messages = r#"{"Records":[{"messageId":"a","body":"x"}]}"#;
        let invocation = r#"{"version":"1.0","requestPayload":{},"responsePayload":{}}"#;

        assert!(
            matches!(serde_json::from_str(messages).unwrap(), FailureEvent::Messages(event) if event.records.len() == 1)
        );
        assert!(matches!(
            serde_json::from_str(invocation).unwrap(),
            FailureEvent::Invocation(_)
        ));
    }
}
