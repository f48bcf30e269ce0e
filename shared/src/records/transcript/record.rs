//! The stored line of a transcript: sorted, within its limits, redacted, and with fingerprints that identify copies
//! without their texts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::document::to_readable;
use super::language::detect_language;
use super::recording::archive_key;
use super::{
    Attachment, Cut, EmailAddress, EmailHeader, Event, Limits, MAX_STORED_BYTES, Message,
    NoTranscript, Part, Participant, RecordingMetadata, Speech, Status, Transcript, Unreadable,
    Via, WebConversation, WebMessageFields,
};
use crate::base::hash::Sha256;
use crate::records::page::redact_free_text;
use crate::records::redaction::{Person, Profile, Redactor, Tally};

/// A record of the `transcript` projection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptRecord {
    conversation_id: String,
    /// `null` when unknown, because nothing of the conversation was received.
    conversation_start: Option<Timestamp>,
    status: Status,
    /// Why the transcript is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    via: Option<Via>,
    #[serde(flatten)]
    web: Option<WebConversation>,
    participants: Vec<Participant>,
    messages: Vec<MessageRecord>,
    events: Vec<Event>,
    /// The results of the media that were requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
    /// The recordings of the conversation, if they were read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<RecordingMetadata>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<Unreadable>,
    /// Number of messages by language, as ISO 639-3 codes; `und` where it cannot be determined.
    languages: BTreeMap<&'static str, u64>,
    redactions: Tally,
    /// The amounts left out because of a limit.
    #[serde(skip_serializing_if = "Cut::is_empty")]
    cut: Cut,
    /// Number of messages that were announced but not returned.
    missing: u64,
}

/// A stored message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageRecord {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_id: Option<i64>,
    time: Option<Timestamp>,
    direction: Option<String>,
    originating_entity: Option<String>,
    participant_id: Option<String>,
    purpose: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    text: String,
    language: &'static str,
    fingerprint: Sha256,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    content: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speech: Option<Speech>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<EmailHeader>,
    #[serde(flatten)]
    web: Option<WebMessageFields>,
}

/// A line and the counts for its page.
#[derive(Debug)]
pub struct RecordLine {
    pub line: Box<RawValue>,
    pub redactions: Tally,
    pub status: Status,
}

/// Builds the record of a conversation, with or without a transcript.
pub(crate) fn build_record(
    conversation_id: &str,
    transcript: Result<Transcript, NoTranscript>,
    limits: Limits,
    redactor: Option<&Redactor>,
) -> Result<RecordLine, serde_json::Error> {
    let mut redactions = Tally::default();
    let record = match transcript {
        Ok(transcript) => transcript_record(
            conversation_id,
            transcript,
            limits,
            redactor,
            &mut redactions,
        ),
        Err(no_transcript) => {
            missing_record(conversation_id, no_transcript, redactor, &mut redactions)
        }
    };
    Ok(RecordLine {
        line: RawValue::from_string(serde_json::to_string(&record)?)?,
        status: record.status,
        redactions,
    })
}

fn missing_record(
    conversation_id: &str,
    no_transcript: NoTranscript,
    redactor: Option<&Redactor>,
    redactions: &mut Tally,
) -> TranscriptRecord {
    let problem = FieldRedactor {
        redactor,
        redactions,
    }
    .redact_field(no_transcript.problem);
    TranscriptRecord {
        conversation_id: conversation_id.to_owned(),
        conversation_start: None,
        status: no_transcript.status,
        problem: Some(problem),
        via: None,
        web: None,
        participants: Vec::new(),
        messages: Vec::new(),
        events: Vec::new(),
        parts: Vec::new(),
        recordings: Vec::new(),
        unreadable: Vec::new(),
        languages: BTreeMap::new(),
        redactions: redactions.clone(),
        cut: Cut::default(),
        missing: 0,
    }
}

fn transcript_record(
    conversation_id: &str,
    mut transcript: Transcript,
    limits: Limits,
    redactor: Option<&Redactor>,
    redactions: &mut Tally,
) -> TranscriptRecord {
    transcript.apply_limits(limits);
    let (status, problem) = status_and_problem(&transcript);
    let Transcript {
        via,
        start,
        participants,
        messages,
        events,
        unreadable,
        missing,
        recordings,
        parts,
        organization_id,
        web,
        cut,
        ..
    } = transcript;
    let conversation_start = start.or_else(|| first_time(&recordings, &messages));
    let mut field_redactor = FieldRedactor {
        redactor,
        redactions,
    };
    let problem = field_redactor.redact_optional(problem);
    let web = web.map(|it| field_redactor.redact_web(it));
    let participants = participants
        .into_iter()
        .map(|it| field_redactor.redact_participant(it))
        .collect();
    let messages: Vec<MessageRecord> = messages
        .into_iter()
        .map(|it| field_redactor.redact_message(conversation_id, it))
        .collect();
    let unreadable = unreadable
        .into_iter()
        .map(|it| field_redactor.redact_unreadable(it))
        .collect();
    let events = events
        .into_iter()
        .map(|it| field_redactor.redact_event(it))
        .collect();
    let parts = parts
        .into_iter()
        .map(|it| field_redactor.redact_part(it))
        .collect();
    let recordings = recordings
        .into_iter()
        .map(|it| with_archive_key(it, conversation_id, start, organization_id.as_deref()))
        .map(|it| field_redactor.redact_recording(it))
        .collect();
    let mut languages = BTreeMap::new();
    for message in messages.iter().filter(|message| !message.text.is_empty()) {
        *languages.entry(message.language).or_default() += 1;
    }
    TranscriptRecord {
        conversation_id: conversation_id.to_owned(),
        conversation_start,
        status,
        problem,
        via: Some(via),
        web,
        participants,
        messages,
        events,
        parts,
        recordings,
        unreadable,
        languages,
        redactions: redactions.clone(),
        cut,
        missing,
    }
}

/// The earliest known time of a conversation whose start is unknown: when its first recording began, or its first message
/// was sent.
fn first_time(recordings: &[RecordingMetadata], messages: &[Message]) -> Option<Timestamp> {
    let recorded = recordings.iter().filter_map(|it| it.start_time).min();
    recorded.or_else(|| messages.iter().filter_map(|it| it.time).min())
}

/// Whether the transcript is complete, and if not, why.
pub(super) fn status_and_problem(transcript: &Transcript) -> (Status, Option<String>) {
    let Transcript {
        messages,
        unreadable,
        missing,
        cut,
        ..
    } = transcript;
    if cut.is_beyond_archive_limit() {
        let problem = format!(
            "it is larger than the {MAX_STORED_BYTES} bytes that are kept of a conversation; a request with contextWindow or maxTranscriptBytes keeps its newest messages"
        );
        return (Status::TooLarge, Some(problem));
    }
    if messages.is_empty() && cut.messages > 0 {
        let problem = "its newest message alone is larger than maxTranscriptBytes";
        return (Status::TooLarge, Some(problem.to_owned()));
    }
    let unreadable = unreadable.len() as u64 + cut.unreadable;
    let mut problems = Vec::new();
    if *missing > 0 {
        let reason = if transcript.problems.is_empty() {
            "can no longer be found"
        } else {
            "were not returned"
        };
        problems.push(format!("{missing} messages {reason}"));
    }
    problems.extend(transcript.problems.iter().cloned());
    if unreadable > 0 {
        problems.push(format!(
            "{unreadable} elements of the responses cannot be read"
        ));
    }
    let status = match (problems.is_empty(), cut.messages) {
        (true, 0) => return (Status::Complete, None),
        (true, _) => Status::Truncated,
        (false, _) => Status::Partial,
    };
    if cut.messages > 0 {
        let by: Vec<_> = cut.by.iter().copied().collect();
        let (messages, by) = (cut.messages, by.join(" and "));
        problems.push(format!("{messages} older messages were left out by {by}"));
    }
    (status, Some(problems.join("; ")))
}

/// The recording with the key that follows from the conversation.
fn with_archive_key(
    recording: RecordingMetadata,
    conversation_id: &str,
    start: Option<Timestamp>,
    organization_id: Option<&str>,
) -> RecordingMetadata {
    let archive_key = archive_key(organization_id, conversation_id, start, &recording.id);
    RecordingMetadata {
        archive_key,
        ..recording
    }
}

type Redact = for<'t> fn(&Redactor, &'t str, &mut Tally) -> Cow<'t, str>;

struct FieldRedactor<'a> {
    redactor: Option<&'a Redactor>,
    redactions: &'a mut Tally,
}

impl FieldRedactor<'_> {
    fn redact_message(&mut self, conversation_id: &str, message: Message) -> MessageRecord {
        let text = self.redact_text(message.text);
        let fingerprinted = format!("{conversation_id}\n{}\n{text}", message.id);
        MessageRecord {
            language: detect_language(&text),
            fingerprint: Sha256::of(fingerprinted),
            message_id: self.redact_field(message.id),
            sequence_id: message.sequence,
            time: message.time,
            direction: self.redact_optional(message.direction),
            originating_entity: self.redact_optional(message.originating_entity),
            participant_id: self.redact_optional(message.participant_id),
            purpose: self.redact_optional(message.purpose),
            kind: self.redact_field(message.kind),
            text,
            attachments: message
                .attachments
                .into_iter()
                .map(|it| self.redact_attachment(it))
                .collect(),
            content: message
                .content
                .into_iter()
                .map(|it| self.redact_content(it))
                .collect(),
            speech: message.speech.map(|it| self.redact_speech(it)),
            email: message.email.map(|it| self.redact_header(it)),
            web: message.web.map(|it| self.redact_web_message(it)),
        }
    }

    fn redact_web(&mut self, web: WebConversation) -> WebConversation {
        WebConversation {
            conversation_type: self.redact_optional(web.conversation_type),
            conversation_end: web.conversation_end,
            other: web.other.map(|it| self.redact_content(it)),
        }
    }

    fn redact_web_message(&mut self, web: WebMessageFields) -> WebMessageFields {
        WebMessageFields {
            to: web.to.map(|name| self.redact_name(name)),
            metadata: web.metadata.map(|it| self.redact_content(it)),
            other: web.other.map(|it| self.redact_content(it)),
        }
    }

    fn redact_speech(&mut self, speech: Speech) -> Speech {
        Speech {
            communication_id: self.redact_field(speech.communication_id),
            ..speech
        }
    }

    fn redact_header(&mut self, header: EmailHeader) -> EmailHeader {
        EmailHeader {
            subject: header.subject.map(|it| self.redact_text(it)),
            from: header.from.map(|it| self.redact_address(it)),
            to: self.redact_addresses(header.to),
            cc: self.redact_addresses(header.cc),
            bcc: self.redact_addresses(header.bcc),
        }
    }

    fn redact_addresses(&mut self, addresses: Vec<EmailAddress>) -> Vec<EmailAddress> {
        let addresses = addresses.into_iter();
        addresses.map(|it| self.redact_address(it)).collect()
    }

    fn redact_address(&mut self, address: EmailAddress) -> EmailAddress {
        EmailAddress {
            email: address
                .email
                .map(|it| self.redact_person(Person::Address, it)),
            name: address.name.map(|it| self.redact_name(it)),
        }
    }

    fn redact_part(&mut self, part: Part) -> Part {
        Part {
            problem: self.redact_optional(part.problem),
            ..part
        }
    }

    fn redact_recording(&mut self, recording: RecordingMetadata) -> RecordingMetadata {
        RecordingMetadata {
            id: self.redact_field(recording.id),
            media: self.redact_optional(recording.media),
            communication_id: self.redact_optional(recording.communication_id),
            file_state: self.redact_optional(recording.file_state),
            archive_key: self.redact_optional(recording.archive_key),
            ..recording
        }
    }

    /// Redacts a value of a person: all of it with the strict profile, the personal values in it with another one.
    fn redact_person(&mut self, person: Person, value: String) -> String {
        match self.redactor {
            Some(redactor) if redactor.profile() == Profile::Strict => redactor
                .redact_person(person, &value, self.redactions)
                .into_owned(),
            _ => self.redact_text(value),
        }
    }

    fn redact_participant(&mut self, participant: Participant) -> Participant {
        Participant {
            participant_id: self.redact_field(participant.participant_id),
            purpose: self.redact_optional(participant.purpose),
            name: participant.name.map(|name| self.redact_name(name)),
            user_id: self.redact_optional(participant.user_id),
        }
    }

    /// With the strict profile, the whole name. With another one, a name is a text: a customer may have chosen an e-mail
    /// address.
    fn redact_name(&mut self, name: String) -> String {
        self.redact_person(Person::Name, name)
    }

    fn redact_event(&mut self, event: Event) -> Event {
        Event {
            message_id: self.redact_optional(event.message_id),
            time: event.time,
            kind: self.redact_field(event.kind),
            status: self.redact_optional(event.status),
        }
    }

    fn redact_attachment(&mut self, attachment: Attachment) -> Attachment {
        let filename = attachment.filename.map(|name| self.redact_text(name));
        Attachment {
            id: self.redact_optional(attachment.id),
            mime: self.redact_optional(attachment.mime),
            filename,
            ..attachment
        }
    }

    fn redact_unreadable(&mut self, element: Unreadable) -> Unreadable {
        Unreadable {
            list: element.list,
            message_id: self.redact_optional(element.message_id),
            content: self.redact_content(element.content),
        }
    }

    fn redact_content(&mut self, content: Box<RawValue>) -> Box<RawValue> {
        to_readable(match self.redactor {
            Some(redactor) => redact_free_text(&content, redactor, self.redactions),
            None => content,
        })
    }

    fn redact_text(&mut self, text: String) -> String {
        self.redact_with(text, Redactor::redact)
    }

    /// Redacts a field that is not a text of a person: only values that can be proved.
    fn redact_field(&mut self, field: String) -> String {
        self.redact_with(field, Redactor::redact_proved)
    }

    fn redact_optional(&mut self, field: Option<String>) -> Option<String> {
        field.map(|field| self.redact_field(field))
    }

    fn redact_with(&mut self, text: String, redact: Redact) -> String {
        match self
            .redactor
            .map(|redactor| redact(redactor, &text, self.redactions))
        {
            Some(Cow::Owned(redacted)) => redacted,
            Some(Cow::Borrowed(_)) | None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::redaction::Rules;

    const ALL: Limits = Limits {
        max_transcript_bytes: 1 << 20,
        context_window: None,
    };

    fn message(id: &str, sequence: Option<i64>, time: Option<&str>, text: &str) -> Message {
        Message {
            id: id.to_owned(),
            sequence,
            time: time.map(|time| format!("2026-03-02T{time}Z").parse().unwrap()),
            direction: Some("inbound".to_owned()),
            participant_id: Some("p1".to_owned()),
            purpose: Some("customer".to_owned()),
            kind: "Text".to_owned(),
            text: text.to_owned(),
            ..Message::empty()
        }
    }

    fn transcript(messages: Vec<Message>) -> Transcript {
        Transcript {
            messages,
            ..Transcript::new(Via::Messages, None)
        }
    }

    fn ids(messages: Vec<Message>, limits: Limits) -> (Vec<String>, serde_json::Value) {
        let output = build_record("c", Ok(transcript(messages)), limits, None).unwrap();
        let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
        let messages = line["messages"].as_array().unwrap().iter();
        let ids = messages.map(|it| it["messageId"].as_str().unwrap().to_owned());
        (ids.collect(), line["cut"].clone())
    }

    fn redactor() -> Redactor {
        Redactor::new(Rules::default())
    }

    #[test]
    fn messages_are_ordered_by_their_numbers_or_times() {
        let by_time = vec![
            message("b", None, Some("10:00:02"), ""),
            message("c", None, Some("10:00:02"), ""),
            message("d", None, None, ""),
            message("a", None, Some("10:00:01"), ""),
        ];
        let by_number = vec![
            message("b", Some(2), Some("10:00:01"), ""),
            message("a", Some(1), Some("10:00:02"), ""),
        ];

        assert_eq!(ids(by_time, ALL).0, ["a", "b", "c", "d"]);
        assert_eq!(ids(by_number, ALL).0, ["a", "b"]);
    }

    #[test]
    fn only_the_start_of_the_conversation_gives_a_recording_its_archive_key() {
        let recording = RecordingMetadata {
            id: "r".to_owned(),
            media: None,
            communication_id: None,
            start_time: "2026-03-02T09:59:00Z".parse().ok(),
            end_time: None,
            file_state: None,
            archive_key: None,
        };
        let keys = |start: Option<&str>| {
            let input = Transcript {
                start: start.map(|it| it.parse().unwrap()),
                recordings: vec![recording.clone()],
                ..transcript(vec![message("m", None, Some("10:00:00"), "")])
            };
            let output = build_record("c", Ok(input), ALL, None).unwrap();
            let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
            let key = line["recordings"][0]["archiveKey"].clone();
            (line["conversationStart"].clone(), key)
        };

        assert_eq!(
            keys(Some("2026-03-01T08:00:00Z")),
            (
                "2026-03-01T08:00:00Z".into(),
                "year=2026/month=03/day=01/hour=08/conversation_id=c/r".into()
            )
        );
        assert_eq!(
            keys(None),
            ("2026-03-02T09:59:00Z".into(), serde_json::Value::Null)
        );
    }

    #[test]
    fn the_oldest_messages_are_cut_and_the_cut_is_recorded() {
        let messages = || {
            let of = |second: u32| {
                message(
                    &second.to_string(),
                    None,
                    Some(&format!("10:00:0{second}")),
                    "12345",
                )
            };
            (1..=5).map(of).collect::<Vec<_>>()
        };
        let limits = |max_transcript_bytes, context_window| Limits {
            max_transcript_bytes,
            context_window,
        };

        let (kept, cut) = ids(messages(), limits(100, Some(3)));
        assert_eq!(kept, ["3", "4", "5"]);
        assert_eq!(
            cut.to_string(),
            r#"{"messages":2,"events":0,"bytes":10,"by":["contextWindow"]}"#
        );
        let (kept, cut) = ids(messages(), limits(14, Some(4)));
        assert_eq!(kept, ["4", "5"]);
        assert_eq!(
            cut["by"].to_string(),
            r#"["contextWindow","maxTranscriptBytes"]"#
        );
        let (kept, cut) = ids(messages(), limits(25, None));
        assert_eq!((kept.len(), cut), (5, serde_json::Value::Null));
    }

    #[test]
    fn a_transcript_that_the_request_cuts_is_truncated_and_otherwise_complete() {
        let status = |context_window, missing| {
            let messages = (1..=3).map(|second| {
                let time = format!("10:00:0{second}");
                message(&second.to_string(), None, Some(&time), "12345")
            });
            let mut input = transcript(messages.collect());
            input.missing = missing;
            let limits = Limits {
                context_window,
                ..Limits::NONE
            };
            let output = build_record("c", Ok(input), limits, None).unwrap();
            let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
            assert_eq!(line["status"], output.status.as_str());
            let problem = line["problem"].as_str().unwrap_or("none");
            format!("{}: {problem}", output.status.as_str())
        };

        assert_eq!(status(None, 0), "complete: none");
        assert_eq!(status(Some(3), 0), "complete: none");
        assert_eq!(
            status(Some(1), 0),
            "truncated: 2 older messages were left out by contextWindow"
        );
        assert_eq!(
            status(Some(1), 4),
            "partial: 4 messages can no longer be found; 2 older messages were left out by contextWindow"
        );
    }

    #[test]
    fn a_transcript_beyond_the_archive_limit_is_too_large_with_counts() {
        let mut input = transcript(vec![message("m", None, None, "12345")]);
        input.missing = 2;
        input.leave_out_all();

        let output = build_record("c", Ok(input), Limits::NONE, None).unwrap();

        assert_eq!(output.status, Status::TooLarge);
        let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
        assert_eq!(
            (&line["cut"]["messages"], &line["missing"]),
            (&3.into(), &0.into())
        );
        assert!(
            line["problem"]
                .as_str()
                .is_some_and(|it| it.contains("32000000"))
        );
    }

    #[test]
    fn a_newest_message_over_the_limit_makes_the_record_too_large() {
        let limits = Limits {
            max_transcript_bytes: 4,
            context_window: None,
        };
        let first = message("m", None, Some("10:00:00"), "12345");

        let output = build_record("c", Ok(transcript(vec![first])), limits, None).unwrap();

        assert_eq!(output.status, Status::TooLarge);
        let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
        assert_eq!(line["cut"]["messages"], 1);
        assert!(
            line["problem"]
                .as_str()
                .unwrap()
                .contains("maxTranscriptBytes")
        );
    }

    #[test]
    fn a_line_is_redacted_before_its_fingerprint_is_taken() {
        let mut first = message("m", None, Some("10:00:00"), "write to mary@example.com");
        first.content = vec![
            RawValue::from_string(r#"{"quickReply":{"text":"mary@example.com"}}"#.to_owned())
                .unwrap(),
        ];
        let mut input = transcript(vec![first]);
        input.participants.push(Participant {
            participant_id: "p1".to_owned(),
            purpose: Some("customer".to_owned()),
            name: Some("mary@example.com".to_owned()),
            user_id: None,
        });

        let output = build_record("c", Ok(input), ALL, Some(&redactor())).unwrap();

        assert_eq!(output.redactions.total(), 3);
        insta::assert_snapshot!(output.line.get(), @r#"{"conversationId":"c","conversationStart":"2026-03-02T10:00:00Z","status":"complete","via":"messages","participants":[{"participantId":"p1","purpose":"customer","name":"[REDACTED:EMAIL]","userId":null}],"messages":[{"messageId":"m","time":"2026-03-02T10:00:00Z","direction":"inbound","originatingEntity":null,"participantId":"p1","purpose":"customer","type":"Text","text":"write to [REDACTED:EMAIL]","language":"und","fingerprint":"01fd3b3e7c8caeb75c96ff3d39b591d237b4e0f253434909235627524ae61920","content":[{"quickReply":{"text":"[REDACTED:EMAIL]"}}]}],"events":[],"languages":{"und":1},"redactions":{"EMAIL":3},"missing":0}"#);
        assert!(
            output
                .line
                .get()
                .contains(&Sha256::of("c\nm\nwrite to [REDACTED:EMAIL]").to_string())
        );
    }

    #[test]
    fn proved_values_are_redacted_in_every_field_of_a_transcript() {
        let card = || "4111 1111 1111 1111".to_owned();
        let first = Message {
            id: card(),
            direction: Some(card()),
            originating_entity: Some(card()),
            participant_id: Some(card()),
            purpose: Some(card()),
            kind: card(),
            attachments: vec![Attachment {
                id: Some(card()),
                mime: Some(card()),
                filename: Some(card()),
                size_bytes: None,
                url: None,
                file: None,
            }],
            ..message("m", None, Some("10:00:00"), &card())
        };
        let mut input = transcript(vec![first]);
        input.participants.push(Participant {
            participant_id: card(),
            purpose: Some(card()),
            name: Some(card()),
            user_id: Some(card()),
        });
        input.events.push(Event {
            message_id: Some(card()),
            time: None,
            kind: card(),
            status: Some(card()),
        });

        let output = build_record("c", Ok(input), ALL, Some(&redactor())).unwrap();

        assert!(!output.line.get().contains("4111"), "{}", output.line.get());
        assert_eq!(output.redactions.total(), 17);
    }

    #[test]
    fn proved_values_are_redacted_in_the_problem_of_a_transcript() {
        let problem = || "refused for mary.roe@example.com".to_owned();
        let none = NoTranscript::new(Status::Forbidden, problem());
        let mut partial = transcript(Vec::new());
        partial.problems.push(problem());

        for result in [Err(none), Ok(partial)] {
            let output = build_record("c", result, ALL, Some(&redactor())).unwrap();

            let line = output.line.get();
            assert!(line.contains("refused for [REDACTED:EMAIL]"), "{line}");
            assert!(line.contains(r#""redactions":{"EMAIL":1}"#), "{line}");
        }
    }

    #[test]
    fn a_conversation_without_texts_still_has_a_record() {
        let no_transcript = NoTranscript::new(
            Status::Forbidden,
            "the client may not read the conversation",
        );

        let output = build_record("c", Err(no_transcript), ALL, None).unwrap();

        insta::assert_snapshot!(output.line.get(), @r#"{"conversationId":"c","conversationStart":null,"status":"forbidden","problem":"the client may not read the conversation","via":null,"participants":[],"messages":[],"events":[],"languages":{},"redactions":{},"missing":0}"#);
    }

    fn unreadable(content: &str) -> Unreadable {
        Unreadable {
            list: "entities",
            message_id: None,
            content: RawValue::from_string(content.to_owned()).unwrap(),
        }
    }

    fn with_unreadable(contents: &[&str]) -> Transcript {
        Transcript {
            unreadable: contents.iter().map(|content| unreadable(content)).collect(),
            ..transcript(vec![message("m", None, Some("10:00:00"), "Hi")])
        }
    }

    #[test]
    fn unreadable_elements_are_redacted_and_make_it_partial() {
        let mut input =
            with_unreadable(&[r#"{"id":"a","text":{"de":"mary@example.com"}}"#, "null"]);
        input.unreadable[0].message_id = Some("a".to_owned());

        let output = build_record("c", Ok(input), ALL, Some(&redactor())).unwrap();

        assert_eq!(output.status, Status::Partial);
        insta::assert_snapshot!(output.line.get(), @r#"{"conversationId":"c","conversationStart":"2026-03-02T10:00:00Z","status":"partial","problem":"2 elements of the responses cannot be read","via":"messages","participants":[],"messages":[{"messageId":"m","time":"2026-03-02T10:00:00Z","direction":"inbound","originatingEntity":null,"participantId":"p1","purpose":"customer","type":"Text","text":"Hi","language":"eng","fingerprint":"d5c2a971d4a75e16bba0144deea4083fc53b984458e9c5bd5230dff663bccdf5"}],"events":[],"unreadable":[{"list":"entities","messageId":"a","content":{"id":"a","text":{"de":"[REDACTED:EMAIL]"}}},{"list":"entities","content":null}],"languages":{"eng":1},"redactions":{"EMAIL":1},"missing":0}"#);
    }

    #[test]
    fn the_strict_profile_redacts_names_in_unreadable_elements() {
        let strict = Redactor::new(Rules {
            profile: Profile::Strict,
            ..Rules::default()
        });
        let input = with_unreadable(&[
            r#"{"id":"p","name":"Mary Roe","messages":"lost"}"#,
            r#"{"normalizedMessage":{"channel":{"from":{"nickname":"Mary Roe"}},"text":5}}"#,
            r#"{"from":"Mary Roe","messageText":[1E+400]}"#,
        ]);

        let output = build_record("c", Ok(input), ALL, Some(&strict)).unwrap();

        assert!(!output.line.get().contains("Mary"), "{}", output.line);
        assert!(serde_json::from_str::<serde_json::Value>(output.line.get()).is_ok());
    }

    #[test]
    fn unreadable_elements_are_cut_by_the_same_limits_and_counted() {
        let long = format!("\"{}\"", "x".repeat(100));
        let cut = |limits| {
            let input = with_unreadable(&[&long, &long, "1", "2", "3"]);
            let output = build_record("c", Ok(input), limits, None).unwrap();
            let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
            assert_eq!(line["status"], "partial");
            assert_eq!(
                line["problem"],
                "5 elements of the responses cannot be read"
            );
            let kept = line["unreadable"].as_array().map_or(0, Vec::len);
            (kept, line["cut"].to_string())
        };

        assert_eq!(cut(ALL), (5, "null".to_owned()));
        assert_eq!(
            cut(Limits {
                max_transcript_bytes: 300,
                context_window: None
            }),
            (
                4,
                r#"{"messages":0,"events":0,"bytes":0,"unreadable":1,"by":["maxTranscriptBytes"]}"#
                    .to_owned()
            )
        );
        assert_eq!(
            cut(Limits {
                max_transcript_bytes: 300,
                context_window: Some(2)
            }),
            (
                2,
                r#"{"messages":0,"events":0,"bytes":0,"unreadable":3,"by":["contextWindow"]}"#
                    .to_owned()
            )
        );
        assert_eq!(
            cut(Limits {
                max_transcript_bytes: 2,
                context_window: None
            })
            .0,
            0
        );
    }

    #[test]
    fn a_partial_transcript_lists_everything_it_lacks() {
        let problem = |missing, problems: &[&str], contents: &[&str]| {
            let input = Transcript {
                missing,
                problems: problems.iter().map(ToString::to_string).collect(),
                ..with_unreadable(contents)
            };
            let output = build_record("c", Ok(input), ALL, None).unwrap();
            let line: serde_json::Value = serde_json::from_str(output.line.get()).unwrap();
            line["problem"].as_str().unwrap_or("none").to_owned()
        };

        assert_eq!(problem(0, &[], &[]), "none");
        assert_eq!(problem(3, &[], &[]), "3 messages can no longer be found");
        assert_eq!(
            problem(
                3,
                &["the API refuses messages with the status 413"],
                &["null"]
            ),
            "3 messages were not returned; the API refuses messages with the status 413; 1 elements of the responses cannot be read"
        );
    }
}
