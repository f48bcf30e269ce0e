//! Web details: the messages of a conversation from an organisation's own gateway. Not part of the public API.

use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::genesys::wire::WebDetails;
use crate::records::transcript::{
    Author, Message, Transcript, Via, WebConversation, WebMessageFields,
};

/// Parses the transcript of the conversation with this id. Fails when the document is about another one.
pub(crate) fn web_details(document: &RawValue, id: &str) -> Result<Transcript, DecodeError> {
    let details = WebDetails::read(document, id)?;
    let mut transcript = Transcript::new(Via::WebDetails, details.start_timestamp);
    transcript.web = Some(WebConversation {
        conversation_type: details.kind,
        conversation_end: details.end_timestamp,
        other: details.others,
    });
    let messages = transcript.take_readable("messages", details.messages);
    for (place, message) in messages.into_iter().enumerate() {
        let participant_id = message.from.map(|name| {
            transcript.add_participant(Author {
                name: Some(name),
                ..Author::default()
            })
        });
        let number = message
            .sequence_id
            .map_or_else(|| place.to_string(), |id| id.to_string());
        transcript.messages.push(Message {
            id: format!("#{number}"),
            sequence: message.sequence_id,
            time: message.timestamp,
            participant_id,
            kind: "Text".to_owned(),
            text: message.text,
            web: Some(WebMessageFields {
                to: message.to,
                metadata: message.metadata,
                other: message.others,
            }),
            ..Message::empty()
        });
    }
    Ok(transcript)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::records::redaction::{Profile, Redactor, Rules};
    use crate::records::transcript::{Limits, build_record};

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    #[test]
    fn the_error_for_malformed_web_details_names_the_field() {
        let documents = [
            (json!(null), "not an object"),
            (json!([]), "not an object"),
            (json!({}), "`id`"),
            (json!({"state": "PENDING"}), "`id`"),
            (
                json!({"message": "boom", "code": "internal", "contextId": "x"}),
                "id",
            ),
            (json!({"messages": []}), "`id`"),
            (json!({"id": "other", "messages": []}), "`id`"),
            (json!({"id": "c"}), "`messages`"),
            (json!({"id": "c", "messages": null}), "`messages`"),
            (json!({"id": "c", "messages": {}}), "`messages`"),
            (json!({"id": "c", "messages": "none"}), "`messages`"),
        ];
        for (document, field) in documents {
            let shape = web_details(&raw(&document), "c").unwrap_err();
            assert!(shape.to_string().contains(field), "{document}: {shape}");
        }
    }

    #[test]
    fn a_record_of_web_details_holds_every_member_that_the_gateway_sent() {
        let document = json!({
            "id": "c", "type": "webchat", "startTimestamp": "2026-03-02T10:00:00Z", "endTimestamp": "soon",
            "priority": 1, "guest": {"email": "mary@example.com"},
            "messages": [
                {"sequenceId": 2, "from": "Ann", "to": "mary@example.com", "text": "two", "timestamp": "2026-03-02T10:00:09Z",
                    "metadata": {"page": "mary@example.com"}, "edited": true},
                {"sequenceId": "1", "from": {"id": 7}, "to": null, "text": "one", "timestamp": 1_772_445_605, "metadata": [1]},
            ],
        });
        let transcript = web_details(&raw(&document), "c").unwrap();
        let redactor = Redactor::new(Rules::default());

        let record = build_record("c", Ok(transcript), Limits::NONE, Some(&redactor)).unwrap();

        assert_eq!(record.redactions.total(), 3);
        insta::assert_snapshot!(record.line.get(), @r##"{"conversationId":"c","conversationStart":"2026-03-02T10:00:00Z","status":"complete","via":"webDetails","conversationType":"webchat","other":{"endTimestamp":"soon","guest":{"email":"[REDACTED:EMAIL]"},"priority":1},"participants":[{"participantId":"p1","purpose":null,"name":"Ann","userId":null}],"messages":[{"messageId":"#1","sequenceId":1,"time":"2026-03-02T10:00:05Z","direction":null,"originatingEntity":null,"participantId":null,"purpose":null,"type":"Text","text":"one","language":"eng","fingerprint":"2f02bfb4197bf2e4dcad5e9b3f11ee45cd81c7cbd1c52a9ca72e85b5bd6ac7b1","metadata":[1],"other":{"from":{"id":7},"to":null}},{"messageId":"#2","sequenceId":2,"time":"2026-03-02T10:00:09Z","direction":null,"originatingEntity":null,"participantId":"p1","purpose":null,"type":"Text","text":"two","language":"und","fingerprint":"03cad3b79d061715c44f0bc01d3c601ba73e9592a2dd78ad3b4e6ca722d00883","to":"[REDACTED:EMAIL]","metadata":{"page":"[REDACTED:EMAIL]"},"other":{"edited":true}}],"events":[],"languages":{"eng":1,"und":1},"redactions":{"EMAIL":3},"missing":0}"##);
    }

    #[test]
    fn the_strict_profile_redacts_the_recipient_of_a_web_message() {
        let document =
            json!({"id": "c", "messages": [{"from": "Ann", "to": "Mary Roe", "text": "one"}]});
        let transcript = web_details(&raw(&document), "c").unwrap();
        let redactor = Redactor::new(Rules {
            profile: Profile::Strict,
            ..Rules::default()
        });

        let record = build_record("c", Ok(transcript), Limits::NONE, Some(&redactor)).unwrap();

        assert!(!record.line.get().contains("Mary"), "{}", record.line);
    }

    #[test]
    fn an_unreadable_message_loses_only_itself() {
        let cases = [
            json!(null),
            json!("lost"),
            json!([]),
            json!({}),
            json!({"sequenceId": 2, "text": {}}),
            json!({"sequenceId": 2, "text": 5}),
            json!({"sequenceId": 2, "html": "<p>lost</p>"}),
        ];
        for odd in cases {
            let messages = json!([{"sequenceId": "1", "from": "Guest", "text": "one"}, odd, {"sequenceId": 3.0, "text": "three"}]);
            let document = json!({"id": "c", "startTimestamp": "", "messages": messages});

            let transcript = web_details(&raw(&document), "c").unwrap();

            let texts: Vec<_> = transcript
                .messages
                .iter()
                .map(|it| (&*it.id, &*it.text))
                .collect();
            assert_eq!(texts, [("#1", "one"), ("#3", "three")], "{odd}");
            assert_eq!(transcript.unreadable[0].content.get(), odd.to_string());
            assert_eq!(transcript.unreadable[0].list, "messages");
        }
    }

    #[test]
    fn a_message_is_kept_with_any_value_in_its_optional_fields() {
        for value in [
            json!(null),
            json!(""),
            json!("odd"),
            json!(-1.5),
            json!(true),
            json!([1]),
            json!({"x": 1}),
        ] {
            for field in ["sequenceId", "from", "to", "timestamp", "metadata"] {
                let mut message = json!({"sequenceId": 1, "text": "one"});
                message[field] = value.clone();

                let details = web_details(&raw(&json!({"id": "c", "messages": [message]})), "c");

                let transcript = details.unwrap();
                assert_eq!(transcript.messages[0].text, "one", "{field}: {value}");
                assert!(transcript.unreadable.is_empty(), "{field}: {value}");
            }
        }
    }
}
