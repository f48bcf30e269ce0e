//! Calls: the transcripts of their legs (communications), by speech and text analytics.

use jiff::Timestamp;

use crate::base::time::{elapsed, later, saturating_millis};
use crate::genesys::wire::{
    CommunicationTranscript, ConversationSessions, Phrase, SessionParticipant, SpeechParticipant,
};
use crate::records::transcript::{
    Author, Limits, Message, RecordingMetadata, Speech, Transcript, Via,
};

/// Purposes of the other side of a call; all other participants are of the organisation.
const EXTERNAL: [&str; 2] = ["external", "customer"];

/// The transcript built from the calls of a conversation.
#[derive(Debug)]
pub(crate) struct Calls<'a> {
    transcript: Transcript,
    /// The participants, if the conversation's details are known.
    participants: &'a [SessionParticipant],
}

impl<'a> Calls<'a> {
    pub(crate) fn new(sessions: Option<&'a ConversationSessions>) -> Self {
        let start = sessions.and_then(|it| it.conversation_start);
        Self {
            transcript: Transcript::new(Via::SpeechAnalytics, start),
            participants: sessions.map_or(&[], |it| &it.participants),
        }
    }

    /// Adds the phrases of a communication, in the order of the document.
    pub(crate) fn add(&mut self, communication_id: &str, document: CommunicationTranscript) {
        let CommunicationTranscript {
            organization_id,
            conversation_start,
            start,
            phrases,
            participants,
        } = document;
        let transcript = &mut self.transcript;
        transcript.start = transcript.start.or(conversation_start);
        transcript.organization_id = transcript.organization_id.take().or(organization_id);
        let phrases = transcript.take_readable("transcripts.phrases", phrases);
        for (number, phrase) in (1..).zip(phrases) {
            let time = time_of(&phrase, start);
            let speaker = self.speaker(&phrase, time, &participants);
            let message = message(communication_id, number, phrase, start, time);
            self.push(message, speaker);
        }
    }

    pub(crate) fn apply_limits(&mut self, limits: Limits) {
        self.transcript.apply_limits(limits);
    }

    /// Estimate of the size of the legs so far, in bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.transcript.stored_bytes()
    }

    /// Records why a part of the calls is missing.
    pub(crate) fn note(&mut self, problem: String) {
        self.transcript.problems.push(problem);
    }

    pub(crate) fn finish(self, recordings: Vec<RecordingMetadata>) -> Transcript {
        Transcript {
            recordings,
            ..self.transcript
        }
    }

    fn push(&mut self, message: Message, speaker: Author) {
        let purpose = speaker.purpose.clone();
        let is_external = purpose.as_deref().is_some_and(|it| EXTERNAL.contains(&it));
        let direction = if is_external { "inbound" } else { "outbound" };
        let participant_id = self.transcript.add_participant(speaker);
        self.transcript.messages.push(Message {
            participant_id: Some(participant_id),
            direction: purpose.as_ref().map(|_| direction.to_owned()),
            purpose,
            ..message
        });
    }

    /// The speaker of a phrase. A phrase names only its side; the document's participants say who was on that side at
    /// that time, and the conversation's details give the participant's id and name.
    fn speaker(
        &self,
        phrase: &Phrase,
        time: Option<Timestamp>,
        present: &[SpeechParticipant],
    ) -> Author {
        let side = phrase.participant_purpose.as_deref();
        let present = present
            .iter()
            .find(|it| is_of_side(it.participant_purpose.as_deref(), side) && was_there(it, time));
        let purpose = present
            .and_then(|it| it.participant_purpose.clone())
            .or_else(|| phrase.participant_purpose.clone());
        let user_id = present.and_then(|it| it.user_id.clone());
        let known = self.participants.iter().find(|it| match &user_id {
            Some(user_id) => it.user_id.as_ref() == Some(user_id),
            None => it.purpose.is_some() && it.purpose == purpose,
        });
        match known {
            Some(known) => Author {
                id: known.participant_id.clone(),
                purpose: known.purpose.clone().or(purpose),
                name: known.name.clone(),
                user_id: known.user_id.clone(),
            },
            None => Author {
                id: user_id.clone(),
                purpose,
                name: None,
                user_id,
            },
        }
    }
}

/// Whether a participant with this purpose may have said a phrase of this side.
fn is_of_side(purpose: Option<&str>, side: Option<&str>) -> bool {
    let (Some(purpose), Some(side)) = (purpose, side) else {
        return false;
    };
    let is_external = |it: &str| EXTERNAL.iter().any(|known| known.eq_ignore_ascii_case(it));
    is_external(purpose) == is_external(side)
}

/// Whether the participant was in the call at that time, as far as both are known.
fn was_there(participant: &SpeechParticipant, time: Option<Timestamp>) -> bool {
    let Some(time) = time else {
        return true;
    };
    participant.start_time.is_none_or(|start| start <= time)
        && participant.end_time.is_none_or(|end| time <= end)
}

fn time_of(phrase: &Phrase, start: Option<Timestamp>) -> Option<Timestamp> {
    let by_offset = || {
        let offset = std::time::Duration::from_millis(phrase.offset_ms?);
        Some(later(start?, offset))
    };
    phrase.start_time.or_else(by_offset)
}

fn message(
    communication_id: &str,
    number: u32,
    phrase: Phrase,
    start: Option<Timestamp>,
    time: Option<Timestamp>,
) -> Message {
    let since_start = || {
        let (start, time) = (start?, time?);
        (start <= time).then(|| saturating_millis(elapsed(start, time)))
    };
    Message {
        id: format!("{communication_id}/{number}"),
        time,
        kind: "Phrase".to_owned(),
        text: phrase.text,
        speech: Some(Speech {
            communication_id: communication_id.to_owned(),
            offset_ms: phrase.offset_ms.or_else(since_start),
            duration_ms: phrase.duration_ms,
            confidence: phrase.confidence,
        }),
        ..Message::empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;
    use crate::base::decode::DecodeError;
    use crate::genesys::wire::TranscriptUrl;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn document(value: &Value) -> Result<CommunicationTranscript, DecodeError> {
        CommunicationTranscript::read(&raw(value), "c", "s")
    }

    fn read(value: &Value) -> Transcript {
        let mut calls = Calls::new(None);
        calls.add("s", document(value).unwrap());
        calls.finish(Vec::new())
    }

    /// 2026-03-02T14:03:10Z.
    const START: i64 = 1_772_460_190_000;

    fn with_phrase(phrase: &Value) -> Value {
        json!({"startTime": START, "transcripts": [{"phrases": [phrase]}]})
    }

    #[test]
    fn a_phrase_has_its_place_its_speaker_and_its_confidence() {
        let document = json!({
            "organizationId": "o", "conversationId": "C", "communicationId": "S", "startTime": START,
            "conversationStartTime": START - 1_000,
            "transcripts": [{"phrases": [
                {"text": "hello", "decoratedText": "Hello.", "participantPurpose": "external", "startTimeMs": START + 500,
                 "offset": {"milliseconds": 500}, "duration": {"milliseconds": 900}, "confidence": 0.87, "stability": 1},
            ]}],
            "participants": [{"participantPurpose": "customer", "ani": "tel:+12025550100"}],
        });

        let transcript = read(&document);

        let message = &transcript.messages[0];
        let speech = message.speech.as_ref().unwrap();
        assert_eq!(
            (&*message.id, &*message.kind, &*message.text),
            ("s/1", "Phrase", "Hello.")
        );
        assert_eq!(message.direction.as_deref(), Some("inbound"));
        assert_eq!(message.purpose.as_deref(), Some("customer"));
        assert_eq!(
            (speech.offset_ms, speech.duration_ms, speech.confidence),
            (Some(500), Some(900), Some(0.87))
        );
        assert_eq!(transcript.organization_id.as_deref(), Some("o"));
        assert_eq!(message.time.unwrap().to_string(), "2026-03-02T14:03:10.5Z");
    }

    #[test]
    fn lengths_of_time_are_read_in_every_form() {
        for length in [
            json!(1500),
            json!("1500"),
            json!("PT1.5S"),
            json!({"milliseconds": 1500}),
            json!({"millis": 1500}),
            json!({"seconds": 1, "nanos": 500_000_000}),
        ] {
            let transcript = read(&with_phrase(
                &json!({"text": "x", "offset": length, "duration": length}),
            ));

            let speech = transcript.messages[0].speech.as_ref().unwrap();
            assert_eq!(
                (speech.offset_ms, speech.duration_ms),
                (Some(1500), Some(1500)),
                "{length}"
            );
            let time = transcript.messages[0].time.unwrap();
            assert_eq!(time.as_millisecond(), START + 1500, "{length}");
        }
    }

    #[test]
    fn a_start_is_a_time_or_an_offset_by_its_size() {
        for start in [json!(START + 700), json!(700)] {
            let transcript = read(&with_phrase(&json!({"text": "x", "startTimeMs": start})));

            let message = &transcript.messages[0];
            assert_eq!(
                message.time.unwrap().as_millisecond(),
                START + 700,
                "{start}"
            );
            assert_eq!(
                message.speech.as_ref().unwrap().offset_ms,
                Some(700),
                "{start}"
            );
        }
    }

    #[test]
    fn the_speaker_is_the_participant_of_the_side_at_that_time() {
        let sessions = json!({"conversationId": "c", "conversationStart": "2026-03-02T14:03:00Z", "participants": [
            {"participantId": "P1", "purpose": "customer", "participantName": "Mary", "sessions": []},
            {"participantId": "P2", "purpose": "agent", "userId": "u1", "participantName": "Ann", "sessions": []},
            {"participantId": "P3", "purpose": "agent", "userId": "u2", "sessions": []},
        ]});
        let sessions = ConversationSessions::read(&raw(&sessions), "c").unwrap();
        let phrase = |purpose: &str, second: i64| json!({"text": "x", "participantPurpose": purpose, "startTimeMs": START + second * 1_000});
        let body = json!({"startTime": START,
            "participants": [
                {"participantPurpose": "customer", "startTimeMs": START, "endTimeMs": START + 60_000},
                {"participantPurpose": "agent", "userId": "u1", "startTimeMs": START, "endTimeMs": START + 20_000},
                {"participantPurpose": "agent", "userId": "u2", "startTimeMs": START + 20_001, "endTimeMs": START + 60_000},
            ],
            "transcripts": [{"phrases": [phrase("external", 1), phrase("internal", 2), phrase("internal", 30), phrase("internal", 90)]}],
        });
        let mut calls = Calls::new(Some(&sessions));

        calls.add("s", document(&body).unwrap());

        let transcript = calls.finish(Vec::new());
        let speakers: Vec<_> = transcript
            .messages
            .iter()
            .map(|it| it.participant_id.as_deref().unwrap())
            .collect();
        assert_eq!(speakers, ["P1", "P2", "P3", "p4"]);
        assert_eq!(transcript.participants[1].name.as_deref(), Some("Ann"));
        assert_eq!(transcript.messages[3].purpose.as_deref(), Some("internal"));
    }

    #[test]
    fn the_error_for_a_malformed_transcript_names_the_field() {
        let documents = [
            (json!(null), "not an object"),
            (json!([]), "not an object"),
            (json!({}), "`transcripts`"),
            (json!({"transcripts": null}), "`transcripts`"),
            (json!({"transcripts": "lost"}), "`transcripts`"),
            (
                json!({"transcripts": [], "conversationId": "other"}),
                "`conversationId`",
            ),
            (
                json!({"transcripts": [], "communicationId": "other"}),
                "`communicationId`",
            ),
        ];
        for (body, field) in documents {
            let error = document(&body).unwrap_err().to_string();
            assert!(error.contains(field), "{body}: {error}");
        }
        assert!(document(&json!({"transcripts": []})).is_ok());
    }

    #[test]
    fn an_unreadable_phrase_loses_only_itself() {
        for odd in [
            json!(null),
            json!("lost"),
            json!([]),
            json!({}),
            json!({"text": 5}),
            json!({"words": [{"word": "lost"}]}),
        ] {
            let phrases = json!([{"text": "one"}, odd, {"text": "two"}]);

            let transcript = read(&json!({"transcripts": [{"phrases": phrases}]}));

            let texts: Vec<_> = transcript.messages.iter().map(|it| &*it.text).collect();
            assert_eq!(texts, ["one", "two"], "{odd}");
            assert_eq!(transcript.unreadable[0].content.get(), odd.to_string());
        }
        let transcript =
            read(&json!({"transcripts": [{"phrases": "lost"}, {"phrases": [{"text": "one"}]}]}));
        assert_eq!(
            (transcript.messages.len(), transcript.unreadable.len()),
            (1, 1)
        );
    }

    #[test]
    fn a_phrase_is_kept_with_any_value_in_optional_fields() {
        for value in [
            json!(null),
            json!(""),
            json!("odd"),
            json!(-1.5),
            json!(true),
            json!([1]),
            json!({"x": 1}),
            json!(9_007_199_254_740_993_u64),
        ] {
            for field in [
                "participantPurpose",
                "startTimeMs",
                "offset",
                "duration",
                "confidence",
                "stability",
                "words",
                "alternatives",
                "phraseIndex",
            ] {
                let mut phrase = json!({"text": "one"});
                phrase[field] = value.clone();
                let mut body = with_phrase(&phrase);
                for name in [
                    "startTime",
                    "conversationStartTime",
                    "participants",
                    "organizationId",
                ] {
                    body[name] = value.clone();
                }

                let transcript = read(&body);

                assert_eq!(transcript.messages[0].text, "one", "{field}: {value}");
                assert!(transcript.unreadable.is_empty(), "{field}: {value}");
            }
        }
    }

    #[test]
    fn a_url_is_read_or_absent_or_malformed() {
        let read = |value: Value| {
            TranscriptUrl::read(&raw(&value)).map(|it| it.map(|it| it.url.to_string()))
        };

        assert_eq!(
            read(json!({"url": "https://a.example/x?y=1"})),
            Ok(Some("https://a.example/x?y=1".to_owned()))
        );
        assert_eq!(read(json!({})), Ok(None));
        assert_eq!(read(json!({"url": null})), Ok(None));
        for malformed in [
            json!({"url": 5}),
            json!({"url": "no url"}),
            json!([]),
            json!({"message": "boom"}),
        ] {
            assert!(read(malformed.clone()).is_err(), "{malformed}");
        }
    }
}
