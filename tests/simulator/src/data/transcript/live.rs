//! The messages of a live conversation, which are written one after the other.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{CUSTOMER, Form, Message, Transcript, Writer};
use crate::data::files::{FILE_BYTES, download_url};
use crate::data::ids::uuid;
use crate::data::moment::Moment;
use crate::data::random::one_in;

impl Transcript {
    /// Nothing has been written yet.
    pub(crate) fn begin(conversation_id: String) -> Self {
        Self {
            conversation_id,
            participants: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Adds a participant that may write. Customer, workflow and agent join in this order; a participant that is known
    /// already is not added again, and one of a queue does not write.
    pub(crate) fn add_writer(
        &mut self,
        participant_id: &str,
        name: &str,
        purpose: &'static str,
        user: Option<String>,
    ) {
        let is_known = self.participants.iter().any(|it| it.purpose == purpose);
        if is_known || !matches!(purpose, "customer" | "workflow" | "agent") {
            return;
        }
        self.participants.push(Writer {
            id: participant_id.to_owned(),
            name: name.to_owned(),
            purpose,
            user,
        });
    }

    pub(crate) fn write(&mut self, rng: &mut Rng, purpose: &str, time: Moment, text: String) {
        let mut writers = self.participants.iter();
        let writer = writers.position(|it| it.purpose == purpose);
        self.messages.push(Message {
            id: uuid(rng).replace('-', ""),
            time,
            text,
            writer: writer.unwrap_or(CUSTOMER),
            form: if one_in(rng, 6) {
                Form::Attachment
            } else {
                Form::Text
            },
            is_read: one_in(rng, 3),
        });
    }

    /// The messages of one participant as a snapshot shows them: `MessageDetails`, without texts.
    pub(crate) fn details_by(&self, purpose: &str, host: &str) -> Value {
        let is_by = |it: &&Message| self.participants[it.writer].purpose == purpose;
        let messages = self.messages.iter().filter(is_by);
        messages.map(|it| it.snapshot(host)).collect()
    }

    /// The newest message as the data of a direct event.
    pub(crate) fn newest(&self) -> Option<Value> {
        let message = self.messages.last()?;
        let writer = &self.participants[message.writer];
        Some(json!({
            "sequenceId": self.messages.len(), "id": message.id, "participantId": writer.id, "purpose": writer.purpose,
            "from": writer.name, "text": message.text, "timestamp": message.time,
        }))
    }
}

impl Message {
    fn snapshot(&self, host: &str) -> Value {
        let status = if self.writer == CUSTOMER {
            "received"
        } else {
            "sent"
        };
        let mut details = json!({
            "message": { "id": self.id }, "messageTime": self.time, "messageSegmentCount": 1, "messageStatus": status,
            "media": [], "messageMetadata": { "type": "Text", "events": [], "content": [] },
        });
        if self.form == Form::Attachment {
            details["media"] = json!([{
                "id": self.id, "mediaType": "image/png", "name": "photo.png", "contentLengthBytes": FILE_BYTES,
                "url": download_url(host, &self.id),
            }]);
        }
        details
    }
}
