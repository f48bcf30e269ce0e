//! The bulk route: a message conversation lists its message ids, and one further request per thousand ids returns the
//! messages.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::base::decode::object::{NotReadable, UnreadableElement};
use crate::genesys::wire::{
    ConversationContentAttachment, ConversationNormalizedMessage, MessageConversation, MessageData,
    MessageMediaParticipant, TextMessageListing,
};
use crate::records::transcript::{
    Attachment, Event, Limits, Message, Participant, Transcript, Via, lower,
};

/// Limit on the elements that the API returns without having been requested.
const MAX_UNLISTED_BYTES: usize = 1_000_000;

/// The messages of a conversation that lists their ids.
#[derive(Debug)]
pub(crate) struct Messages {
    /// Distinct ids in the order in which the API lists them.
    pub ids: Vec<String>,
    transcript: Transcript,
    /// Index of the participant who wrote each message. Holds only messages that were not received yet.
    writers: HashMap<String, usize>,
    /// Ids by their lower-case form, since the API may return an id in another case.
    spellings: HashMap<String, String>,
    /// Unreadable elements that were kept.
    kept: HashSet<String>,
    /// Elements that were not requested.
    unlisted: Vec<UnreadableElement>,
    unlisted_bytes: usize,
    is_again: bool,
}

impl Messages {
    /// Fails when the document is not the conversation with this id.
    pub(crate) fn of(document: &RawValue, id: &str) -> Result<Self, DecodeError> {
        let conversation = MessageConversation::read(document, id)?;
        let mut transcript = Transcript::new(Via::Messages, None);
        let participants = transcript.take_readable("participants", conversation.participants);
        transcript.start = participants.iter().filter_map(|it| it.start_time).min();
        let mut messages = Self {
            ids: Vec::new(),
            transcript,
            writers: HashMap::new(),
            spellings: HashMap::new(),
            kept: HashSet::new(),
            unlisted: Vec::new(),
            unlisted_bytes: 0,
            is_again: false,
        };
        for participant in participants {
            messages.add_participant(participant);
        }
        Ok(messages)
    }

    fn add_participant(&mut self, participant: MessageMediaParticipant) {
        let transcript = &mut self.transcript;
        let place = transcript.participants.len();
        for message in transcript.take_readable("participants.messages", participant.messages) {
            // Several participants may list the same message; the first one is its author.
            if !self.writers.contains_key(&message.message_id) {
                self.ids.push(message.message_id.clone());
                let small = message.message_id.to_ascii_lowercase();
                self.spellings
                    .entry(small)
                    .or_insert_with(|| message.message_id.clone());
                self.writers.insert(message.message_id, place);
            }
        }
        let number = place + 1;
        transcript.participants.push(Participant {
            participant_id: participant.id.unwrap_or_else(|| format!("p{number}")),
            purpose: participant.purpose,
            name: participant.name,
            user_id: participant.user_id,
        });
    }

    /// Adds the messages of a bulk response, within the limits. Returns the number of requested messages received.
    pub(crate) fn add(&mut self, listing: TextMessageListing, limits: Limits) -> usize {
        let left = self.writers.len();
        let mut unreadable = Vec::new();
        for element in listing.entities {
            match MessageData::read(&element) {
                Ok(data) => self.add_message(data, &element),
                Err(NotReadable) => unreadable.push(UnreadableElement::of(&element)),
            }
        }
        // After the others: of two copies of a message, the readable one is used.
        for element in unreadable {
            self.add_unreadable(element);
        }
        self.transcript.apply_limits(limits);
        left - self.writers.len()
    }

    fn add_message(&mut self, data: MessageData, element: &RawValue) {
        match self.writer_of(&data.id) {
            Some(writer) => self.transcribe(data, writer),
            None => self.add_unlisted(UnreadableElement::of(element)),
        }
    }

    /// Removes and returns the author of a message that was not received yet.
    fn writer_of(&mut self, id: &str) -> Option<usize> {
        self.writers.remove(id).or_else(|| {
            let listed = self.spellings.get(&id.to_ascii_lowercase())?;
            self.writers.remove(listed)
        })
    }

    fn add_unreadable(&mut self, element: UnreadableElement) {
        let is_waited_for = |id: &String| self.writer_of(id).is_some();
        if element.id.as_ref().is_none_or(is_waited_for) {
            self.keep_once(element);
        } else {
            self.add_unlisted(element);
        }
    }

    /// Keeps an element that was not expected. A second copy of a requested message is ignored. An element that was not
    /// requested may be a missing message under another id.
    fn add_unlisted(&mut self, element: UnreadableElement) {
        let small = element.id.as_ref().map(|id| id.to_ascii_lowercase());
        let bytes = self.unlisted_bytes + element.raw.get().len();
        if bytes <= MAX_UNLISTED_BYTES && small.is_some_and(|it| !self.spellings.contains_key(&it))
        {
            self.unlisted_bytes = bytes;
            self.unlisted.push(element);
        }
    }

    /// Keeps each element once, since it may be returned again when messages are requested again.
    fn keep_once(&mut self, element: UnreadableElement) {
        let is_new = self.kept.insert(element.raw.get().to_owned());
        if is_new || !self.is_again {
            self.transcript.keep_unreadable("entities", None, element);
        }
    }

    /// The ids of the messages not received, in the order of [`ids`](Self::ids). Later responses are to repeated
    /// requests.
    pub(crate) fn again(&mut self) -> Vec<String> {
        self.is_again = true;
        let missing = self.ids.iter().filter(|id| self.writers.contains_key(*id));
        missing.cloned().collect()
    }

    /// Whether any content of the conversation was received.
    pub(crate) fn is_any(&self) -> bool {
        let Transcript {
            messages,
            unreadable,
            cut,
            ..
        } = &self.transcript;
        let is_any = !messages.is_empty() || !cut.is_empty() || !unreadable.is_empty();
        is_any || !self.unlisted.is_empty()
    }

    /// Estimate of the stored size of the messages received so far, in bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.transcript.stored_bytes()
    }

    /// Records why some messages were not received.
    pub(crate) fn note(&mut self, problem: &str) {
        let problems = &mut self.transcript.problems;
        if !problems.iter().any(|known| known == problem) {
            problems.push(problem.to_owned());
        }
    }

    /// The transcript, after all messages were requested.
    pub(crate) fn finish(mut self) -> Transcript {
        let missing = self.writers.len() as u64;
        if missing > 0 {
            for element in std::mem::take(&mut self.unlisted) {
                self.keep_once(element);
            }
        }
        Transcript {
            missing,
            ..self.transcript
        }
    }

    fn transcribe(&mut self, mut data: MessageData, writer: usize) {
        self.add_receipts(&mut data);
        let mut said = data.normalized_message.take();
        if let Some(said) = &mut said {
            for element in std::mem::take(&mut said.events.unreadable) {
                let list = "entities.normalizedMessage.events";
                self.transcript
                    .keep_unreadable(list, Some(&data.id), element);
            }
        }
        let text_body = data.text_body.take().filter(|text| !text.is_empty());
        match said.as_ref().filter(|said| is_event(said)) {
            Some(event) if text_body.is_none() => {
                self.transcript.events.push(event_of(event, data.timestamp));
            }
            _ => self.add_spoken(data, said, text_body, writer),
        }
    }

    fn add_receipts(&mut self, data: &mut MessageData) {
        let list = "entities.normalizedReceipts";
        let receipts = std::mem::take(&mut data.normalized_receipts);
        for receipt in self
            .transcript
            .take_readable_of(list, Some(&data.id), receipts)
        {
            self.transcript.events.push(Event {
                message_id: Some(data.id.clone()),
                time: receipt.time,
                kind: "Receipt".to_owned(),
                status: receipt.status,
            });
        }
    }

    /// Adds a message with a text or other content.
    fn add_spoken(
        &mut self,
        data: MessageData,
        said: Option<ConversationNormalizedMessage>,
        text_body: Option<String>,
        writer: usize,
    ) {
        let participant = &self.transcript.participants[writer];
        let said = said.unwrap_or_default();
        let mut message = Message {
            id: data.id,
            time: data.timestamp,
            direction: data.direction.or_else(|| lower(said.direction)),
            originating_entity: lower(said.originating_entity),
            participant_id: Some(participant.participant_id.clone()),
            purpose: participant.purpose.clone(),
            kind: said.kind.unwrap_or_else(|| "Text".to_owned()),
            text: said
                .text
                .filter(|text| !text.is_empty())
                .or(text_body)
                .unwrap_or_default(),
            ..Message::empty()
        };
        for element in add_content(&mut message, said.content) {
            let list = "entities.normalizedMessage.content";
            self.transcript
                .keep_unreadable(list, Some(&message.id), element);
        }
        self.transcript.messages.push(message);
    }
}

/// The event of a message that is one; its kinds in one text, or the message's own kind.
fn event_of(said: &ConversationNormalizedMessage, time: Option<Timestamp>) -> Event {
    let kinds = said.events.read.iter();
    let kinds: Vec<_> = kinds.filter_map(|event| event.event_type.clone()).collect();
    let kind = if kinds.is_empty() {
        said.kind.clone()
    } else {
        Some(kinds.join(" "))
    };
    Event {
        message_id: None,
        time,
        kind: kind.unwrap_or_default(),
        status: said.status.clone(),
    }
}

/// Whether the message is a receipt or an event without content.
fn is_event(said: &ConversationNormalizedMessage) -> bool {
    let has_text =
        said.text.as_ref().is_some_and(|text| !text.is_empty()) || !said.content.is_empty();
    let kind = said.kind.as_deref();
    !has_text && (matches!(kind, Some("Event" | "Receipt")) || !said.events.read.is_empty())
}

/// Adds content: attachments are parsed, everything else is kept as received. Returns attachments that cannot be read.
fn add_content(message: &mut Message, content: Vec<Box<RawValue>>) -> Vec<UnreadableElement> {
    let mut unreadable = Vec::new();
    for element in content {
        match ConversationContentAttachment::of_content(&element) {
            Ok(Some(attachment)) => add_attachment(message, attachment),
            Ok(None) => message.content.push(element),
            Err(NotReadable) => unreadable.push(UnreadableElement::of(&element)),
        }
    }
    unreadable
}

fn add_attachment(message: &mut Message, it: ConversationContentAttachment) {
    let caption = it.text.unwrap_or_default();
    if !caption.is_empty() && message.text != caption {
        if !message.text.is_empty() {
            message.text.push('\n');
        }
        message.text.push_str(&caption);
    }
    message.attachments.push(Attachment {
        id: it.id,
        mime: it.mime.or(it.media_type),
        filename: it.filename,
        size_bytes: it.content_size_bytes,
        url: it.url.map(Into::into),
        file: None,
    });
}

#[cfg(test)]
mod tests;
