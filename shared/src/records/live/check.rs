//! Checks that a frame object and its frame index match, and that each line is what the format says, using the object
//! alone.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{EventTimeSource, FrameCounts, FrameIndexEntry, FrameLine, TopicTemplate};
use crate::base::decode::{self, DecodeError};
use crate::base::hash::Sha256;
use crate::records::page::CodecError;
use crate::records::redaction::Tally;

/// The counts and times of the lines of a frame object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CheckedFrames {
    /// `None` without lines.
    pub(crate) first_event_time: Option<Timestamp>,
    pub(crate) last_event_time: Option<Timestamp>,
    /// The counts of stored frames. Only the process knew how many were repeated, or had an implausible time.
    pub(crate) counts: FrameCounts,
    pub(crate) topics: Tally,
}

/// The first mismatch. Line numbers start at 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameMismatch {
    #[error("the frame index cannot be read")]
    Index(#[from] CodecError),
    #[error("line {line} of the frame object is cut off")]
    CutOff { line: u64 },
    #[error("line {line} of the frame object is not a frame")]
    NotAFrame {
        line: u64,
        #[source]
        source: DecodeError,
    },
    #[error("line {line} of the frame object does not have the identity of its topic and body")]
    Identity { line: u64 },
    #[error("line {line} of the frame object repeats the identity of an earlier line")]
    Repeated { line: u64 },
    #[error(
        "line {line} of the frame object does not follow the line before it by time and identity"
    )]
    NotSorted { line: u64 },
    #[error("line {line} of the frame object is not in the frame index")]
    NotIndexed { line: u64 },
    #[error("the frame index names line {line}, which the frame object does not have")]
    NoSuchLine { line: u64 },
    #[error("line {line} of the frame object and its index entry differ in `{field}`")]
    Differs { line: u64, field: &'static str },
}

impl FrameMismatch {
    /// Whether the index is at fault, rather than the object.
    pub(crate) fn is_of_index(&self) -> bool {
        match self {
            Self::Index(_)
            | Self::NotIndexed { .. }
            | Self::NoSuchLine { .. }
            | Self::Differs { .. } => true,
            Self::CutOff { .. }
            | Self::NotAFrame { .. }
            | Self::Identity { .. }
            | Self::Repeated { .. }
            | Self::NotSorted { .. } => false,
        }
    }
}

/// The lines that were checked so far.
#[derive(Default)]
struct Lines {
    count: u64,
    last: Option<(Timestamp, Sha256)>,
    identities: HashSet<Sha256>,
    counts: FrameCounts,
    topics: Tally,
}

/// Checks every line, and compares it with its index entry. Calls `visit` with each.
pub(crate) fn check_frames(
    object_ndjson: &[u8],
    entries: impl IntoIterator<Item = Result<FrameIndexEntry<'static>, CodecError>>,
    mut visit: impl FnMut(&FrameLine<'_>),
) -> Result<CheckedFrames, FrameMismatch> {
    let mut entries = entries.into_iter();
    let mut lines = Lines::default();
    let (mut first_event_time, mut offset) = (None, 0);
    for terminated in object_ndjson.split_inclusive(|byte| *byte == b'\n') {
        let line = lines.count + 1;
        let text = terminated.strip_suffix(b"\n");
        let text = text.ok_or(FrameMismatch::CutOff { line })?;
        let frame = parse(text, line)?;
        lines.add(&frame)?;
        first_event_time.get_or_insert(frame.event_time);
        let entry = entries.next().ok_or(FrameMismatch::NotIndexed { line })??;
        let expected = FrameIndexEntry::of_line(&frame, offset, text.len() as u64);
        compare(&entry, &expected, line)?;
        visit(&frame);
        offset += terminated.len() as u64;
    }
    if entries.next().transpose()?.is_some() {
        let line = lines.count + 1;
        return Err(FrameMismatch::NoSuchLine { line });
    }
    Ok(CheckedFrames {
        first_event_time,
        last_event_time: lines.last.map(|(time, _)| time),
        counts: lines.counts,
        topics: lines.topics,
    })
}

fn parse(text: &[u8], line: u64) -> Result<FrameLine<'_>, FrameMismatch> {
    // serde's own error quotes values; finding the field costs time, so it is found only for an error.
    serde_json::from_slice(text)
        .or_else(|_| decode::json_borrowed(text))
        .map_err(|source| FrameMismatch::NotAFrame { line, source })
}

impl Lines {
    fn add(&mut self, frame: &FrameLine<'_>) -> Result<(), FrameMismatch> {
        self.count += 1;
        let line = self.count;
        if frame.identity != frame.expected_identity() {
            return Err(FrameMismatch::Identity { line });
        }
        if !self.identities.insert(frame.identity) {
            return Err(FrameMismatch::Repeated { line });
        }
        let order = (frame.event_time, frame.identity);
        if self.last.is_some_and(|last| last >= order) {
            return Err(FrameMismatch::NotSorted { line });
        }
        self.last = Some(order);
        let topic = frame.topic();
        let has_time_of_arrival = frame.event_time_source == Some(EventTimeSource::Arrival);
        self.counts += FrameCounts {
            stored: 1,
            other_version: u64::from(frame.has_other_version()),
            other_topic: u64::from(topic == TopicTemplate::OTHER),
            time_of_arrival: u64::from(has_time_of_arrival),
            ..FrameCounts::default()
        };
        self.topics.count(topic.as_str());
        Ok(())
    }
}

fn compare(
    entry: &FrameIndexEntry<'_>,
    expected: &FrameIndexEntry<'_>,
    line: u64,
) -> Result<(), FrameMismatch> {
    let fields = [
        ("identity", entry.identity == expected.identity),
        ("topic", entry.topic == expected.topic),
        (
            "conversationId",
            entry.conversation_id == expected.conversation_id,
        ),
        ("eventTime", entry.event_time == expected.event_time),
        ("offset", entry.offset == expected.offset),
        ("length", entry.length == expected.length),
    ];
    match fields.into_iter().find(|(_, equal)| !equal) {
        None => Ok(()),
        Some((field, _)) => Err(FrameMismatch::Differs { line, field }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Frame, read_frame_index};
    use super::*;
    use crate::records::page::page_text;
    use crate::records::redaction::{Redactor, Rules};

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    /// The lines of a frame object of three frames, and its index entries.
    fn encoded() -> (Vec<String>, Vec<FrameIndexEntry<'static>>) {
        let redactor = Redactor::new(Rules::default());
        let mut batch = Batch::default();
        for (version, body) in [
            (
                "2",
                r#"{"eventTime":"2026-11-30T10:00:00Z","conversationId":"ID"}"#,
            ),
            ("3", r#"{"eventTime":"2026-11-30T10:00:00Z"}"#),
            ("2", r#"{"eventTime":"?"}"#),
        ] {
            let body = body.replace("ID", ID);
            let topic = format!("v2.detail.events.conversation.{ID}.acw");
            let text =
                format!(r#"{{"topicName":"{topic}","version":"{version}","eventBody":{body}}}"#);
            let frame = Frame::of_socket(&text, "2026-11-30T11:00:00Z".parse().unwrap());
            batch.add(frame.unwrap().redacted(&redactor));
        }
        let frames = batch.encode().frames.unwrap();
        let lines = page_text(&frames.object).unwrap();
        let lines = lines.lines().map(ToOwned::to_owned).collect();
        let entries = read_frame_index(&frames.index).map(Result::unwrap);
        (lines, entries.collect())
    }

    fn check(
        lines: &[String],
        entries: &[FrameIndexEntry<'static>],
    ) -> Result<CheckedFrames, FrameMismatch> {
        let object = lines.join("\n") + "\n";
        check_frames(object.as_bytes(), entries.iter().cloned().map(Ok), |_| {})
    }

    fn mismatch(lines: &[String], entries: &[FrameIndexEntry<'static>]) -> (String, bool) {
        let mismatch = check(lines, entries).unwrap_err();
        (mismatch.to_string(), mismatch.is_of_index())
    }

    #[test]
    fn an_encoded_batch_is_counted_as_it_was_written() {
        let (lines, entries) = encoded();

        let checked = check(&lines, &entries).unwrap();

        let expected = FrameCounts {
            stored: 3,
            other_version: 1,
            time_of_arrival: 1,
            ..FrameCounts::default()
        };
        assert_eq!(checked.counts, expected);
        assert_eq!(
            checked.topics.of("v2.detail.events.conversation.{id}.acw"),
            3
        );
        let times = [checked.first_event_time, checked.last_event_time];
        assert_eq!(
            times.map(|time| time.unwrap().to_string()),
            ["2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z"]
        );
    }

    #[test]
    fn a_line_that_is_not_as_documented_is_a_mismatch_of_the_object() {
        let (lines, entries) = encoded();
        let with = |line: &str| [line.to_owned(), lines[1].clone(), lines[2].clone()];
        let identity = entries[0].identity.to_string();
        let cases = [
            (with("{}"), "line 1 of the frame object is not a frame"),
            (
                with(&lines[0].replace(ID, &ID.replace('0', "1"))),
                "line 1 of the frame object does not have the identity of its topic and body",
            ),
            (
                with(&lines[0].replace(&identity, &entries[1].identity.to_string())),
                "line 1 of the frame object does not have the identity of its topic and body",
            ),
            (
                [lines[0].clone(), lines[0].clone(), lines[2].clone()],
                "line 2 of the frame object repeats the identity of an earlier line",
            ),
            (
                [lines[1].clone(), lines[0].clone(), lines[2].clone()],
                "line 2 of the frame object does not follow the line before it by time and identity",
            ),
        ];
        for (lines, expected) in cases {
            // An index that fits the lines where they can be parsed.
            let mut fitting = entries.clone();
            for (entry, line) in fitting.iter_mut().zip(&lines) {
                if let Ok(frame) = parse(line.as_bytes(), 1) {
                    *entry = FrameIndexEntry::of_line(&frame, 0, line.len() as u64);
                }
            }
            fitting[1].offset = lines[0].len() as u64 + 1;

            assert_eq!(mismatch(&lines, &fitting), (expected.to_owned(), false));
        }
        let cut_off = check_frames(lines[0].as_bytes(), entries.into_iter().map(Ok), |_| {});
        assert!(matches!(cut_off, Err(FrameMismatch::CutOff { line: 1 })));
    }

    #[test]
    fn each_field_of_an_entry_is_compared() {
        type Change = fn(&mut FrameIndexEntry<'_>);
        let (lines, entries) = encoded();
        let changes: [(&str, Change); 6] = [
            ("identity", |entry| entry.identity = Sha256::of("x")),
            ("topic", |entry| entry.topic = "other".into()),
            ("conversationId", |entry| {
                entry.conversation_id = match entry.conversation_id {
                    None => ID.parse().ok(),
                    Some(_) => None,
                };
            }),
            ("eventTime", |entry| {
                entry.event_time = Timestamp::UNIX_EPOCH;
            }),
            ("offset", |entry| entry.offset += 1),
            ("length", |entry| entry.length += 1),
        ];
        for (field, change) in changes {
            let mut entries = entries.clone();
            change(&mut entries[2]);

            let expected =
                format!("line 3 of the frame object and its index entry differ in `{field}`");
            assert_eq!(mismatch(&lines, &entries), (expected, true));
        }
    }

    #[test]
    fn lines_and_index_entries_must_be_equal_in_number() {
        let (lines, entries) = encoded();

        let fewer = mismatch(&lines, &entries[..2]);
        let more = mismatch(&lines[..2], &entries);

        assert_eq!(
            fewer,
            (
                "line 3 of the frame object is not in the frame index".to_owned(),
                true
            )
        );
        assert_eq!(
            more,
            (
                "the frame index names line 3, which the frame object does not have".to_owned(),
                true
            )
        );
    }
}
