//! Settings and limits of each queue: one set of constants for the in-process queues and the template.

use std::time::Duration;

use super::{Fifo, MAX_BODY_BYTES, MAX_DELAY, OutgoingMessage, Queue};

/// The longest visibility timeout of a received message, counted from its receive: SQS's limit.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>
pub const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// The longest group or deduplication id: SQS's limit.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub(crate) const MAX_FIFO_ID_BYTES: usize = 128;

/// A duplicate within this time of the first send is dropped silently: SQS's window (same page), which cannot be
/// changed.
pub(crate) const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(5);

/// Long enough for a page that throttling slows down, short enough to notice a hung call soon.
pub const ARCHIVE_PAGE_TIMEOUT: Duration = Duration::from_mins(2);

/// Lambda's own limit: checking the ids of a large export reads all its page indexes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
pub const COMPLETE_EXPORT_TIMEOUT: Duration = Duration::from_mins(15);

/// await-ready forwards up to ten messages.
pub const AWAIT_READY_TIMEOUT: Duration = Duration::from_secs(30);

/// Enough for one delivery of at most 5 s, and for reading its content.
pub const SEND_WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Long enough to look up thousands of conversations at a part of the rate limit, and to claim them.
pub const FETCH_ENDED_TIMEOUT: Duration = Duration::from_mins(5);

/// The time for which Lambda collects messages of the ended queue, so that the conversations that end meanwhile become
/// one export: its limit.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
pub const ENDED_BATCH_WINDOW: Duration = Duration::from_mins(5);

/// The number of concurrent processes of fetch-ended, which share its part of the rate limit: the least that Lambda
/// allows.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
pub const FETCH_ENDED_PROCESSES: u32 = 2;

/// Covers a long weekend with the consumers switched off, and is ten days shorter than the retention of dead letters:
/// on a standard queue a dead letter keeps its original enqueue time.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
pub const RETENTION: Duration = Duration::from_hours(4 * 24);

/// SQS's limit (see [`MAX_DELAY`]): an operator needs time to look at dead letters.
pub const DEAD_LETTER_RETENTION: Duration = Duration::from_hours(14 * 24);

/// SQS's limit, too: no sweep sends these messages again. A dead letter keeps its enqueue time, so one of a message that
/// waited for days is kept less long; record-failure stores dead letters at once.
const ENDED_RETENTION: Duration = DEAD_LETTER_RETENTION;

/// For messages whose handler may crash. If the handler is killed each time, this takes 50 visibility timeouts, ten
/// hours for a page; if it reports permanent errors, less than an hour (`redelivery.rs`). A throttled function or a
/// store that does not respond is tolerated for at least five hours.
const MAX_RECEIVE_COUNT: u32 = 50;

/// SQS's limit, for waiting messages: their handler only forwards them, so no message can fail permanently.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue.html>
const MAX_WAITING_RECEIVE_COUNT: u32 = 1_000;

/// SQS's limit. Receives without a delivery (a throttled function, a store that does not respond) must not shorten
/// the receiver's retry schedule; the recorded deliveries end it.
const MAX_WEBHOOK_RECEIVE_COUNT: u32 = 1_000;

/// AWS recommends at least six times the consumer's timeout; otherwise a throttled consumer causes duplicates.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
const VISIBILITY_TIMEOUTS: u32 = 6;

/// The settings of one queue. Each has a dead-letter queue of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Ordered by group and deduplicated; otherwise a standard queue.
    pub fifo: bool,
    pub visibility_timeout: Duration,
    /// After this number of receives a message becomes a dead letter.
    pub max_receive_count: u32,
    /// Maximum number of messages per invocation.
    pub batch_size: u32,
    pub retention: Duration,
    /// `None` on standard queues, which deliver every duplicate.
    pub deduplication_window: Option<Duration>,
}

impl QueueSettings {
    const fn standard(consumer_timeout: Duration) -> Self {
        Self {
            fifo: false,
            visibility_timeout: consumer_timeout.saturating_mul(VISIBILITY_TIMEOUTS),
            max_receive_count: MAX_RECEIVE_COUNT,
            batch_size: 1,
            retention: RETENTION,
            deduplication_window: None,
        }
    }

    const fn fifo(consumer_timeout: Duration) -> Self {
        Self {
            fifo: true,
            deduplication_window: Some(DEDUPLICATION_WINDOW),
            ..Self::standard(consumer_timeout)
        }
    }
}

impl Queue {
    pub const ALL: [Self; 5] = [
        Self::Pages,
        Self::Waiting,
        Self::Completion,
        Self::Webhooks,
        Self::Ended,
    ];

    pub const fn settings(self) -> QueueSettings {
        match self {
            // One page per invocation: a page may take the whole timeout.
            Self::Pages => QueueSettings::fifo(ARCHIVE_PAGE_TIMEOUT),
            Self::Waiting => QueueSettings {
                batch_size: 10,
                max_receive_count: MAX_WAITING_RECEIVE_COUNT,
                ..QueueSettings::standard(AWAIT_READY_TIMEOUT)
            },
            Self::Completion => QueueSettings::fifo(COMPLETE_EXPORT_TIMEOUT),
            // One delivery per invocation: a slow receiver does not delay the others.
            Self::Webhooks => QueueSettings {
                max_receive_count: MAX_WEBHOOK_RECEIVE_COUNT,
                ..QueueSettings::standard(SEND_WEBHOOK_TIMEOUT)
            },
            // A received message waits for the end of the batch window before its handler begins.
            Self::Ended => {
                let settings = QueueSettings::standard(FETCH_ENDED_TIMEOUT);
                let visibility_timeout = settings
                    .visibility_timeout
                    .saturating_add(ENDED_BATCH_WINDOW);
                QueueSettings {
                    batch_size: 1_000,
                    visibility_timeout,
                    retention: ENDED_RETENTION,
                    ..settings
                }
            }
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Waiting => "waiting",
            Self::Completion => "completion",
            Self::Webhooks => "webhooks",
            Self::Ended => "ended",
        }
    }
}

/// Why a queue permanently refuses a message or a request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueRefusal {
    #[error("the body is empty")]
    EmptyBody,
    #[error("the body has {size_bytes} bytes, more than {MAX_BODY_BYTES}")]
    BodyTooLarge { size_bytes: usize },
    #[error("the body contains {character:?}, which SQS does not accept in a message")]
    ForbiddenCharacter { character: char },
    #[error("a delay of {} s is longer than {} s", delay.as_secs_f64(), limit.as_secs())]
    DelayTooLong { delay: Duration, limit: Duration },
    #[error("a FIFO queue does not support a delay of a single message")]
    DelayOnFifo,
    #[error("a FIFO queue requires a group and a deduplication id")]
    FifoFieldsMissing,
    #[error("a standard queue accepts neither a group nor a deduplication id")]
    FifoFieldsOnStandard,
    #[error("{what} must have 1 to {MAX_FIFO_ID_BYTES} printable ASCII characters and no space")]
    FifoIdMalformed { what: &'static str },
    #[error("the receipt is outdated")]
    ReceiptOutdated,
}

impl OutgoingMessage {
    /// Whether the queue accepts the message. Emulators are more lenient than SQS, so both implementations check
    /// here.
    pub fn check(&self) -> Result<(), QueueRefusal> {
        self.check_body()?;
        match (self.queue.settings().fifo, &self.fifo) {
            (true, None) => Err(QueueRefusal::FifoFieldsMissing),
            (false, Some(_)) => Err(QueueRefusal::FifoFieldsOnStandard),
            (true, Some(_)) if !self.delay.is_zero() => Err(QueueRefusal::DelayOnFifo),
            (true, Some(fifo)) => fifo.check(),
            (false, None) => check_delay(self.delay, MAX_DELAY),
        }
    }

    fn check_body(&self) -> Result<(), QueueRefusal> {
        match self.body.len() {
            0 => Err(QueueRefusal::EmptyBody),
            size_bytes if size_bytes > MAX_BODY_BYTES => {
                Err(QueueRefusal::BodyTooLarge { size_bytes })
            }
            _ => match self.body.chars().find(|character| is_forbidden(*character)) {
                Some(character) => Err(QueueRefusal::ForbiddenCharacter { character }),
                None => Ok(()),
            },
        }
    }
}

impl Fifo {
    fn check(&self) -> Result<(), QueueRefusal> {
        check_fifo_id("the group", &self.group)?;
        check_fifo_id("the deduplication id", &self.deduplication_id)
    }
}

/// Characters that an XML document cannot contain (<https://www.w3.org/TR/REC-xml/#charsets>): SQS refuses them.
fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn check_fifo_id(what: &'static str, id: &str) -> Result<(), QueueRefusal> {
    let well_formed =
        (1..=MAX_FIFO_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if well_formed {
        Ok(())
    } else {
        Err(QueueRefusal::FifoIdMalformed { what })
    }
}

pub(super) fn check_delay(delay: Duration, limit: Duration) -> Result<(), QueueRefusal> {
    if delay > limit {
        Err(QueueRefusal::DelayTooLong { delay, limit })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(group: &str, delay: Duration) -> OutgoingMessage {
        let fifo = Fifo {
            group: group.into(),
            deduplication_id: "d".into(),
        };
        OutgoingMessage {
            queue: Queue::Pages,
            body: "{}".into(),
            fifo: Some(fifo),
            delay,
        }
    }

    #[test]
    fn a_message_stays_invisible_for_six_timeouts_of_its_consumer() {
        let seconds = Queue::ALL.map(|queue| queue.settings().visibility_timeout.as_secs());

        // Of the ended queue, the batch window is added.
        assert_eq!(seconds, [720, 180, 5400, 180, 1800 + 300]);
    }

    #[test]
    fn only_the_ordered_queues_deduplicate() {
        for queue in Queue::ALL {
            let settings = queue.settings();

            assert_eq!(
                settings.fifo,
                settings.deduplication_window.is_some(),
                "{}",
                queue.name()
            );
        }
    }

    #[test]
    fn a_dead_letter_of_an_export_is_kept_longer_than_its_message() {
        let of_exports = Queue::ALL
            .into_iter()
            .filter(|queue| *queue != Queue::Ended);
        for queue in of_exports {
            assert!(
                queue.settings().retention < DEAD_LETTER_RETENTION,
                "{}",
                queue.name()
            );
        }
    }

    #[test]
    fn a_message_becomes_a_dead_letter_before_it_expires() {
        let hours = Queue::ALL.map(|queue| {
            let settings = queue.settings();
            let lasts = settings.visibility_timeout * settings.max_receive_count;
            assert!(lasts < settings.retention, "{}", queue.name());
            lasts.as_secs() / 3600
        });

        assert_eq!(hours, [10, 50, 75, 50, 29]);
    }

    #[test]
    fn a_group_id_has_at_most_128_characters() {
        let longest = page(&"g".repeat(128), Duration::ZERO);
        let longer = page(&"g".repeat(129), Duration::ZERO);

        assert_eq!(longest.check(), Ok(()));
        assert_eq!(
            longer.check(),
            Err(QueueRefusal::FifoIdMalformed { what: "the group" })
        );
    }

    #[test]
    fn a_body_with_characters_that_xml_forbids_is_refused() {
        let with = |body: &str| OutgoingMessage {
            body: body.into(),
            ..page("g", Duration::ZERO)
        };

        assert_eq!(with("\t\n\r\u{7f}\u{fffd}👍").check(), Ok(()));
        for character in ['\0', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
            let refused = with(&format!("a{character}")).check();

            assert_eq!(refused, Err(QueueRefusal::ForbiddenCharacter { character }));
        }
    }

    #[test]
    fn an_ordered_queue_refuses_any_delay() {
        let delayed = page("g", Duration::from_millis(1));

        assert_eq!(delayed.check(), Err(QueueRefusal::DelayOnFifo));
    }

    #[test]
    fn a_refusal_names_the_value_and_the_limit() {
        let waiting = OutgoingMessage {
            queue: Queue::Waiting,
            body: "{}".into(),
            fifo: None,
            delay: Duration::from_secs(901),
        };

        let refused = waiting.check().unwrap_err();

        insta::assert_snapshot!(refused, @"a delay of 901 s is longer than 900 s");
    }
}
