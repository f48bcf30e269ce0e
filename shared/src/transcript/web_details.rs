//! Web details: the messages of a conversation as an organisation's own gateway has them. Not part of the public API.

use serde_json::value::RawValue;

use super::{Message, Transcript, Untold, Via, Writer, parse};
use crate::genesys::wire::WebDetails;

/// The transcript of a conversation.
pub fn web_details(body: &RawValue) -> Result<Transcript, Untold> {
    let details: WebDetails = parse(body, "the web details")?;
    let mut transcript = Transcript::new(Via::WebDetails, details.start_timestamp);
    for (place, message) in details.messages.into_iter().enumerate() {
        let participant_id = message.from.map(|name| {
            transcript.takes_part(Writer {
                name: Some(name),
                ..Writer::default()
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
            text: message.text.unwrap_or_default(),
            attachments: Vec::new(),
            content: Vec::new(),
        });
    }
    Ok(transcript)
}
