//! Web details: the messages of a conversation from an organisation's own gateway. Not part of the public API.

use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::genesys::wire::WebDetails;
use crate::records::transcript::{Author, Message, Transcript, Via};

/// Parses the transcript of the conversation with this id. Fails when the document is about another one.
pub(crate) fn web_details(document: &RawValue, id: &str) -> Result<Transcript, DecodeError> {
    let details = WebDetails::read(document, id)?;
    let mut transcript = Transcript::new(Via::WebDetails, details.start_timestamp);
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
            direction: None,
            originating_entity: None,
            participant_id,
            purpose: None,
            kind: "Text".to_owned(),
            text: message.text,
            attachments: Vec::new(),
            content: Vec::new(),
            speech: None,
            email: None,
        });
    }
    Ok(transcript)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

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
