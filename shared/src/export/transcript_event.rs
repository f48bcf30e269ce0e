//! `transcript.archived`: the event published for a transcript when its page is committed. Contains ids, counts and
//! times, but no text and no names.
//!
//! The event depends only on the page record and the stored lines, so that repeated deliveries are identical.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::PageId;
use crate::base::json::message_body;
use crate::base::time::{elapsed, saturating_millis};
use crate::export::page_record::{PageRecord, StoredObject};
use crate::records::page::is_zero;
use crate::records::redaction::Tally;
use crate::records::transcript::{Status, Via};

const EVENT: &str = "transcript.archived";

/// The fields of a committed page that the events use.
#[derive(Clone, Copy, Debug)]
pub struct CommittedPage<'a> {
    pub id: &'a PageId,
    /// The export's global id, see [`ExportPlan::global_id`](crate::export::plan::ExportPlan::global_id).
    pub global_id: &'a str,
    pub at: Timestamp,
    pub object: &'a StoredObject,
}

/// A stored line that is not a transcript. Contains its location, but not its content.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of {key} is not a transcript: {:?} error in column {}", .source.classify(), .source.column())]
pub struct UnreadableTranscript {
    pub key: String,
    pub line: u64,
    source: serde_json::Error,
}

/// A notification to publish. It may be published more than once, each time with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Id by which receivers detect duplicates: at most 80 letters, digits, `-` or `_`.
    pub id: String,
    /// JSON.
    pub body: String,
    /// Message attributes, for filter policies of subscriptions.
    pub attributes: Vec<(&'static str, String)>,
}

/// The event body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArchivedEvent<'a> {
    format_version: FormatVersion,
    event_id: &'a str,
    event: &'static str,
    #[serde(flatten)]
    page: &'a PageId,
    /// Starts at 1, like page numbers.
    line: u64,
    conversation_id: String,
    conversation_start: Option<Timestamp>,
    status: Status,
    via: Option<Via>,
    counts: Counts,
    languages: BTreeMap<String, u64>,
    redactions: Tally,
    page_key: &'a str,
    #[serde(rename = "archivedAt")]
    committed_at: Timestamp,
    latency_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    participants: usize,
    messages: usize,
    events: usize,
    attachments: usize,
    missing: u64,
    cut_messages: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
}

/// The fields of a stored transcript that the events use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    conversation_id: String,
    conversation_start: Option<Timestamp>,
    status: Status,
    via: Option<Via>,
    participants: Vec<IgnoredAny>,
    messages: Vec<LineMessage>,
    events: Vec<IgnoredAny>,
    #[serde(default)]
    unreadable: Vec<IgnoredAny>,
    languages: BTreeMap<String, u64>,
    redactions: Tally,
    #[serde(default)]
    cut: Cut,
    missing: u64,
}

#[derive(Debug, Deserialize)]
struct LineMessage {
    time: Option<Timestamp>,
    #[serde(default)]
    attachments: Vec<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
struct Cut {
    messages: u64,
    #[serde(default)]
    unreadable: u64,
}

impl<'a> CommittedPage<'a> {
    /// `None` for a page without records.
    pub fn of(record: &'a PageRecord, global_id: &'a str) -> Option<Self> {
        let objects = record.content.objects.as_ref()?;
        Some(Self {
            id: &record.id,
            global_id,
            at: record.committed_at,
            object: &objects.page,
        })
    }
}

/// Builds one event per line of the page.
pub fn transcript_notifications(
    page: CommittedPage<'_>,
    lines: &str,
) -> Result<Vec<Notification>, UnreadableTranscript> {
    let numbered = (1..).zip(lines.lines());
    let notifications = numbered.map(|(line, text)| {
        notification(page, line, text).map_err(|source| UnreadableTranscript {
            key: page.object.key.clone(),
            line,
            source,
        })
    });
    notifications.collect()
}

fn notification(
    page: CommittedPage<'_>,
    line: u64,
    text: &str,
) -> Result<Notification, serde_json::Error> {
    let transcript: Line = serde_json::from_str(text)?;
    let id = event_id(page, line);
    let (counts, latency_ms) = (transcript.counts(), transcript.latency_ms(page.at));
    let body = message_body(&ArchivedEvent {
        format_version: FormatVersion,
        event_id: &id,
        event: EVENT,
        page: page.id,
        line,
        conversation_id: transcript.conversation_id,
        conversation_start: transcript.conversation_start,
        status: transcript.status,
        via: transcript.via,
        counts,
        languages: transcript.languages,
        redactions: transcript.redactions,
        page_key: &page.object.key,
        committed_at: page.at,
        latency_ms,
    })?;
    let attributes = vec![
        ("event", EVENT.to_owned()),
        ("status", transcript.status.as_str().to_owned()),
        ("exportId", page.id.run.export_id.to_string()),
    ];
    Ok(Notification {
        id,
        body,
        attributes,
    })
}

/// The event id: the same each time a line is published, and different for a line of any other archive.
fn event_id(committed: CommittedPage<'_>, line: u64) -> String {
    let PageId { run, page } = committed.id;
    let (id, slice, run) = (committed.global_id, run.slice, run.run);
    let named = format!("{id}\n{EVENT}\n{slice}\n{run}\n{page}\n{line}");
    format!("evt_{}", Sha256::of(named).short(32))
}

impl Line {
    fn counts(&self) -> Counts {
        let attachments = self
            .messages
            .iter()
            .map(|message| message.attachments.len());
        Counts {
            participants: self.participants.len(),
            messages: self.messages.len(),
            events: self.events.len(),
            attachments: attachments.sum(),
            missing: self.missing,
            cut_messages: self.cut.messages,
            unreadable: self.unreadable.len() as u64 + self.cut.unreadable,
        }
    }

    /// Time in milliseconds since the newest message, or since the conversation's start if no message has a time. Clock
    /// skew cannot make it negative.
    fn latency_ms(&self, archived_at: Timestamp) -> Option<u64> {
        let newest = self
            .messages
            .iter()
            .filter_map(|message| message.time)
            .max();
        let since = newest.or(self.conversation_start)?;
        Some(saturating_millis(elapsed(since, archived_at)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::ids::RunId;
    use crate::records::transcript::{
        Attachment, Event, Limits, Message, NoTranscript, Participant, Transcript, build_record,
    };

    const LIMITS: Limits = Limits {
        max_transcript_bytes: 1 << 20,
        context_window: Some(2),
    };

    fn at(time: &str) -> Timestamp {
        format!("2026-03-02T{time}Z").parse().unwrap()
    }

    fn try_events(lines: &str) -> Result<Vec<Notification>, UnreadableTranscript> {
        try_events_of("texts", lines)
    }

    /// Events of the same page, for an export with the given global id.
    fn try_events_of(
        global_id: &str,
        lines: &str,
    ) -> Result<Vec<Notification>, UnreadableTranscript> {
        let run = RunId {
            export_id: "texts".parse().unwrap(),
            slice: 1,
            run: 1,
        };
        let object = StoredObject {
            key: "exports/texts/slices/0001/r01/page-000002-0123abcd.ndjson.gz".to_owned(),
            size_bytes: 1,
            sha256: Sha256::of("any"),
        };
        let page = CommittedPage {
            id: &run.page(2),
            global_id,
            at: at("12:00:00.5"),
            object: &object,
        };
        transcript_notifications(page, lines)
    }

    fn events_for(lines: &str) -> Vec<Notification> {
        try_events(lines).unwrap()
    }

    fn body(notification: &Notification) -> Value {
        serde_json::from_str(&notification.body).unwrap()
    }

    fn message(id: &str, time: Option<&str>, text: &str) -> Message {
        let scan = Attachment {
            id: None,
            mime: Some("image/png".to_owned()),
            filename: Some("passport-of-mary.png".to_owned()),
            size_bytes: None,
            url: None,
            file: None,
        };
        Message {
            id: id.to_owned(),
            time: time.map(at),
            direction: Some("inbound".to_owned()),
            participant_id: Some("p1".to_owned()),
            purpose: Some("customer".to_owned()),
            kind: "Text".to_owned(),
            text: text.to_owned(),
            attachments: vec![scan],
            ..Message::empty()
        }
    }

    /// A stored line.
    fn line(id: &str, messages: Vec<Message>) -> String {
        let mary = Participant {
            participant_id: "p1".to_owned(),
            purpose: Some("customer".to_owned()),
            name: Some("Mary Miller".to_owned()),
            user_id: Some("u1".to_owned()),
        };
        let receipt = Event {
            message_id: None,
            time: None,
            kind: "Receipt".to_owned(),
            status: Some("Read".to_owned()),
        };
        let transcript = Transcript {
            participants: vec![mary],
            messages,
            events: vec![receipt],
            missing: 1,
            ..Transcript::new(Via::Messages, None)
        };
        stored(id, Ok(transcript))
    }

    fn stored(id: &str, transcript: Result<Transcript, NoTranscript>) -> String {
        let output = build_record(id, transcript, LIMITS, None).unwrap();
        format!("{}\n", output.line)
    }

    #[test]
    fn an_event_holds_ids_counts_and_times_but_no_text() {
        let messages = vec![
            message("a", Some("11:00:00"), "cut"),
            message("b", Some("11:58:30"), "Hello, where is my refund please?"),
            message("c", Some("11:59:00"), "ok"),
        ];

        let notifications = events_for(&line("c-1", messages));

        insta::assert_snapshot!(notifications[0].body, @r#"{"formatVersion":1,"eventId":"evt_d3a6d9f9de8e5910f9a5de8e7a0c4642","event":"transcript.archived","exportId":"texts","slice":1,"run":1,"page":2,"line":1,"conversationId":"c-1","conversationStart":"2026-03-02T11:58:30Z","status":"partial","via":"messages","counts":{"participants":1,"messages":2,"events":1,"attachments":2,"missing":1,"cutMessages":1},"languages":{"eng":1,"und":1},"redactions":{},"pageKey":"exports/texts/slices/0001/r01/page-000002-0123abcd.ndjson.gz","archivedAt":"2026-03-02T12:00:00.5Z","latencyMs":60500}"#);
        let attributes = json!(notifications[0].attributes).to_string();
        insta::assert_snapshot!(attributes, @r#"[["event","transcript.archived"],["status","partial"],["exportId","texts"]]"#);
    }

    #[test]
    fn an_event_is_made_for_a_missing_transcript_too() {
        let gone = NoTranscript::new(Status::Gone, "the API knows nothing of it");

        let notifications = events_for(&stored("c-1", Err(gone)));

        let body = body(&notifications[0]);
        assert_eq!(body["status"], "gone");
        assert_eq!(
            notifications[0].attributes[1],
            ("status", "gone".to_owned())
        );
        let unknown = ["via", "conversationStart", "latencyMs"];
        assert!(unknown.iter().all(|field| body[field].is_null()), "{body}");
    }

    #[test]
    fn unreadable_elements_are_counted_with_those_that_were_cut() {
        let line = r#"{"conversationId":"c","conversationStart":null,"status":"partial","via":"messages","participants":[],"messages":[],"events":[],"unreadable":[{"list":"entities","content":1E+400},{}],"languages":{},"redactions":{},"cut":{"messages":0,"unreadable":3},"missing":0}"#;

        let counts = body(&events_for(line)[0])["counts"].clone();

        assert_eq!(counts["unreadable"], 5);
    }

    #[test]
    fn each_line_has_its_own_stable_event_id() {
        let lines: String = (0..3)
            .map(|number| line(&format!("c-{number}"), Vec::new()))
            .collect();

        let notifications = events_for(&lines);

        assert_eq!(notifications, events_for(&lines));
        let lines: Vec<_> = notifications
            .iter()
            .map(|it| body(it)["line"].clone())
            .collect();
        assert_eq!(lines, [1, 2, 3]);
        let ids: std::collections::BTreeSet<_> = notifications.iter().map(|it| &it.id).collect();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn the_same_line_in_two_archives_has_two_event_ids() {
        let line = line("c", Vec::new());

        let here = try_events_of("archive-1\n2026-03-02T11:00:00Z\ntexts", &line).unwrap();
        let there = try_events_of("archive-2\n2026-03-02T11:00:00Z\ntexts", &line).unwrap();

        assert_ne!(here[0].id, there[0].id);
        assert_eq!(body(&here[0])["exportId"], body(&there[0])["exportId"]);
    }

    #[test]
    fn latency_counts_from_the_newest_message_and_is_never_negative() {
        let latency = |messages: Vec<Message>, start: Option<&str>| {
            let mut transcript = Transcript::new(Via::Messages, start.map(at));
            transcript.messages = messages;
            body(&events_for(&stored("c", Ok(transcript)))[0])["latencyMs"].clone()
        };

        let timed = |time| vec![message("m", Some(time), "")];
        assert_eq!(latency(timed("11:59:59"), Some("11:00:00")), 1_500);
        assert_eq!(
            latency(vec![message("m", None, "")], Some("11:59:00")),
            60_500
        );
        assert_eq!(latency(timed("12:00:01"), None), 0);
        assert_eq!(latency(Vec::new(), None), Value::Null);
    }

    #[test]
    fn an_event_is_made_for_a_transcript_with_unparsable_content() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let odd = format!(r#"{{"half":"\ud800","\udc00":1E+400,"":{deep},"a":1,"a":2}}"#);
        let mut message = message("m\u{0}\u{ffff}", Some("11:59:00"), "\u{0}\u{fffe}");
        message.content = vec![serde_json::value::RawValue::from_string(odd).unwrap()];

        let notifications = events_for(&line("c\u{ffff}", vec![message]));

        assert_eq!(body(&notifications[0])["conversationId"], "c\u{ffff}");
        assert_eq!(body(&notifications[0])["counts"]["messages"], 1);
        assert!(!notifications[0].body.contains('\u{ffff}'));
    }

    #[test]
    fn the_error_for_a_malformed_transcript_line_does_not_quote_it() {
        let error = try_events(r#"{"conversationId":"secret","status":"secret"}"#).unwrap_err();

        assert_eq!(
            error.to_string(),
            "line 1 of exports/texts/slices/0001/r01/page-000002-0123abcd.ndjson.gz is not a transcript: Data error in column 44"
        );
    }
}
