//! A batch of frames: one of each identity, sorted, and encoded as a frame object with its index.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::AddAssign;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FrameIndexEntry, Quarantined, StoredFrame, TopicTemplate};
use crate::base::hash::Sha256;
use crate::base::ids::ConversationId;
use crate::records::page::{GzipWriter, infallible};
use crate::records::redaction::Tally;

/// The texts that a batch holds at most. A frame object is decompressed as a whole by those that read it.
pub const MAX_BATCH_BYTES: u64 = 64 << 20;

/// Events repeat the names of their members like records; the same level suits them.
const OBJECT_LEVEL: u32 = 5;

/// Identities and ids do not repeat, so higher levels gain nothing.
const INDEX_LEVEL: u32 = 2;

/// The number of frames by outcome: `stored`, `repeated` and `quarantined` add up to `received`. The last four count
/// stored frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrameCounts {
    pub received: u64,
    pub stored: u64,
    pub repeated: u64,
    pub quarantined: u64,
    pub other_version: u64,
    pub other_topic: u64,
    pub time_of_arrival: u64,
    pub implausible_time: u64,
}

impl AddAssign for FrameCounts {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.stored += other.stored;
        self.repeated += other.repeated;
        self.quarantined += other.quarantined;
        self.other_version += other.other_version;
        self.other_topic += other.other_topic;
        self.time_of_arrival += other.time_of_arrival;
        self.implausible_time += other.implausible_time;
    }
}

/// Frames that are stored together.
#[derive(Debug, Default)]
pub struct Batch {
    frames: BTreeMap<Sha256, StoredFrame>,
    quarantined: Vec<Quarantined>,
    repeated: u64,
    size_bytes: u64,
    ended: BTreeSet<ConversationId>,
}

/// A batch as it is stored. Equal frames give equal bytes.
#[derive(Debug)]
pub struct EncodedBatch {
    /// `None` if no frame could be read.
    pub frames: Option<EncodedFrames>,
    pub quarantined: Vec<Quarantined>,
    pub counts: FrameCounts,
    /// Number of stored frames by topic template.
    pub topics: Tally,
    /// Number of redacted values by label.
    pub redactions: Tally,
    /// The conversations that may have ended.
    pub ended: BTreeSet<ConversationId>,
    /// The earliest event time; `None` if no stored frame has a plausible time of its own.
    pub oldest_event_time: Option<Timestamp>,
}

/// The frame object and its index, as gzip NDJSON.
#[derive(Debug)]
pub struct EncodedFrames {
    pub object: Bytes,
    pub index: Bytes,
    pub first_event_time: Timestamp,
    pub last_event_time: Timestamp,
}

impl Batch {
    /// Adds a frame, or counts it as repeated. Of two frames with one identity, the one with the earlier time is kept.
    pub fn add(&mut self, frame: StoredFrame) {
        self.ended.extend(frame.ended.clone());
        let size_bytes = frame.size_bytes();
        match self.frames.get_mut(&frame.identity) {
            None => {
                self.size_bytes += size_bytes;
                self.frames.insert(frame.identity, frame);
            }
            Some(known) => {
                self.repeated += 1;
                if (frame.event_time, &frame.line) < (known.event_time, &known.line) {
                    self.size_bytes = self.size_bytes - known.size_bytes() + size_bytes;
                    *known = frame;
                }
            }
        }
    }

    pub fn quarantine(&mut self, quarantined: Quarantined) {
        self.size_bytes += quarantined.text.as_ref().map_or(0, String::len) as u64;
        self.quarantined.push(quarantined);
    }

    /// Whether a text of this size still fits. Everything fits into an empty batch.
    pub fn has_room_for(&self, size_bytes: u64) -> bool {
        self.is_empty() || self.size_bytes.saturating_add(size_bytes) <= MAX_BATCH_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.quarantined.is_empty()
    }

    /// Number of texts that are not frames. Each becomes an object of its own.
    pub fn quarantined(&self) -> usize {
        self.quarantined.len()
    }

    /// Size of the texts in the batch.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub fn encode(self) -> EncodedBatch {
        let mut counts = self.counts();
        let (mut topics, mut redactions) = (Tally::default(), Tally::default());
        for frame in self.frames.values() {
            counts.add_stored(frame);
            topics.count(frame.topic.as_str());
            redactions.add(&frame.redactions);
        }
        let quarantined = without_repeats(self.quarantined);
        for text in &quarantined {
            redactions.add(&text.redactions);
        }
        let timed = self.frames.values().filter(|frame| frame.has_own_time());
        let oldest_event_time = timed.map(|frame| frame.event_time).min();
        EncodedBatch {
            oldest_event_time,
            frames: encode_frames(self.frames.into_values().collect()),
            quarantined,
            counts,
            topics,
            redactions,
            ended: self.ended,
        }
    }

    fn counts(&self) -> FrameCounts {
        let stored = self.frames.len() as u64;
        let quarantined = self.quarantined.len() as u64;
        FrameCounts {
            received: stored + self.repeated + quarantined,
            stored,
            repeated: self.repeated,
            quarantined,
            ..FrameCounts::default()
        }
    }
}

impl EncodedBatch {
    pub fn is_empty(&self) -> bool {
        self.frames.is_none() && self.quarantined.is_empty()
    }
}

impl FrameCounts {
    fn add_stored(&mut self, frame: &StoredFrame) {
        self.other_version += u64::from(frame.has_other_version);
        self.other_topic += u64::from(frame.topic == TopicTemplate::OTHER);
        self.time_of_arrival += u64::from(frame.has_time_of_arrival);
        self.implausible_time += u64::from(frame.has_implausible_time);
    }
}

/// One of each text and reason, in an order that does not depend on that of arrival.
fn without_repeats(mut quarantined: Vec<Quarantined>) -> Vec<Quarantined> {
    let order = |one: &Quarantined, other: &Quarantined| {
        let key = |it: &Quarantined| (it.problem, it.size_bytes);
        key(one)
            .cmp(&key(other))
            .then_with(|| one.text.cmp(&other.text))
    };
    quarantined.sort_by(order);
    quarantined.dedup();
    quarantined
}

fn encode_frames(mut frames: Vec<StoredFrame>) -> Option<EncodedFrames> {
    frames.sort_by_key(|frame| (frame.event_time, frame.identity));
    let first_event_time = frames.first()?.event_time;
    let last_event_time = frames.last()?.event_time;
    let mut object = GzipWriter::new(OBJECT_LEVEL);
    let mut index = GzipWriter::new(INDEX_LEVEL);
    let mut offset = 0;
    for frame in frames {
        let entry = FrameIndexEntry::of(&frame, offset);
        let mut entry = infallible(serde_json::to_vec(&entry));
        entry.push(b'\n');
        index.write(&entry);
        offset += frame.size_bytes();
        object.write(frame.line.as_bytes());
        object.write(b"\n");
    }
    Some(EncodedFrames {
        object: object.finish().into(),
        index: index.finish().into(),
        first_event_time,
        last_event_time,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, Problem};
    use super::*;
    use crate::records::redaction::{Redactor, Rules};

    fn frame(text: &str, arrived_at: &str) -> StoredFrame {
        let redactor = Redactor::new(Rules::default());
        let frame = Frame::of_socket(text, arrived_at.parse().unwrap()).unwrap();
        frame.redacted(&redactor)
    }

    const FIRST: &str = "2026-11-30T10:00:00Z";
    const SECOND: &str = "2026-11-30T10:00:01Z";

    #[test]
    fn of_two_deliveries_without_a_time_the_earlier_arrival_is_kept() {
        let text = r#"{"topicName":"t","eventBody":{"a":1}}"#;
        for arrivals in [[FIRST, SECOND], [SECOND, FIRST]] {
            let mut batch = Batch::default();
            for arrival in arrivals {
                batch.add(frame(text, arrival));
            }

            let encoded = batch.encode();

            assert_eq!((encoded.counts.stored, encoded.counts.repeated), (1, 1));
            let frames = encoded.frames.unwrap();
            assert_eq!(frames.first_event_time, FIRST.parse().unwrap());
            assert_eq!(frames.last_event_time, FIRST.parse().unwrap());
        }
    }

    #[test]
    fn frames_with_something_unusual_are_stored_and_counted() {
        let body = r#""eventBody":{"eventTime":"2026-11-30T10:00:00Z"}"#;
        let acw = r#""topicName":"v2.detail.events.conversation.a.acw""#;
        let mut batch = Batch::default();
        for text in [
            format!(r#"{{{acw},"version":"2",{body}}}"#),
            format!(r#"{{"topicName":"v2.users.a.conversations","version":"3",{body}}}"#),
            format!(r#"{{"topicName":"v2.unknown","version":2,{body}}}"#),
            format!(r#"{{{acw},"eventBody":{{}}}}"#),
            format!(r#"{{{acw},"eventBody":{{"eventTime":1}}}}"#),
        ] {
            batch.add(frame(&text, FIRST));
        }

        let encoded = batch.encode();

        let expected = FrameCounts {
            received: 5,
            stored: 5,
            other_version: 1,
            other_topic: 1,
            time_of_arrival: 1,
            implausible_time: 1,
            ..FrameCounts::default()
        };
        assert_eq!(encoded.counts, expected);
        let topics: Vec<_> = encoded.topics.by_label().collect();
        assert_eq!(
            topics,
            [
                ("other", 1),
                ("v2.detail.events.conversation.{id}.acw", 3),
                ("v2.users.{id}.conversations", 1)
            ]
        );
    }

    #[test]
    fn the_oldest_event_is_one_with_a_plausible_time_of_its_own() {
        let oldest = |bodies: &[&str]| {
            let mut batch = Batch::default();
            for body in bodies {
                let text = format!(r#"{{"topicName":"t","eventBody":{body}}}"#);
                batch.add(frame(&text, SECOND));
            }
            batch.encode().oldest_event_time
        };
        let (arrival, ancient) = ("{}", r#"{"eventTime":1}"#);
        let first = r#"{"eventTime":"2026-11-30T10:00:00Z"}"#;
        let later = r#"{"eventTime":"2026-11-30T10:00:01Z"}"#;

        assert_eq!(oldest(&[later, arrival, ancient]), SECOND.parse().ok());
        assert_eq!(oldest(&[later, first]), FIRST.parse().ok());
        assert_eq!(oldest(&[arrival, ancient]), None);
        assert_eq!(oldest(&[]), None);
    }

    #[test]
    fn a_repeated_quarantined_text_is_kept_once_and_counted_twice() {
        let redactor = Redactor::new(Rules::default());
        let mut batch = Batch::default();
        for text in ["{b", "{a mary@example.com", "{b"] {
            batch.quarantine(Quarantined::new(Problem::NotJson, text, &redactor));
        }

        let encoded = batch.encode();

        assert!(encoded.frames.is_none());
        assert_eq!(
            (encoded.counts.received, encoded.counts.quarantined),
            (3, 3)
        );
        let texts: Vec<_> = encoded
            .quarantined
            .iter()
            .map(|it| it.text.as_deref())
            .collect();
        assert_eq!(texts, [Some("{b"), Some("{a [REDACTED:EMAIL]")]);
        assert_eq!(encoded.redactions.of("EMAIL"), 1);
    }

    #[test]
    fn repeats_suggest_ends_too_and_count_redactions_once() {
        let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let text = format!(
            r#"{{"topicName":"v2.detail.events.conversation.{id}.acw","eventBody":{{"conversationId":"{id}","wrapupNotes":"mary@example.com"}}}}"#
        );
        let mut batch = Batch::default();
        batch.add(frame(&text, FIRST));
        batch.add(frame(&text, SECOND));

        let encoded = batch.encode();

        assert_eq!(encoded.ended, BTreeSet::from([id.parse().unwrap()]));
        assert_eq!(encoded.redactions.of("EMAIL"), 1);
    }

    #[test]
    fn a_batch_has_room_up_to_its_limit_and_an_empty_one_for_anything() {
        let mut batch = Batch::default();
        assert!(batch.has_room_for(u64::MAX) && batch.is_empty());

        batch.add(frame(r#"{"topicName":"t","eventBody":{}}"#, FIRST));

        let left = MAX_BATCH_BYTES - batch.size_bytes();
        assert!(batch.has_room_for(left) && !batch.has_room_for(left + 1));
        assert!(!batch.has_room_for(u64::MAX) && !batch.is_empty());
    }
}
