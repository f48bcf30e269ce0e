//! Excuses for transcripts: which messages may be missing, and which statuses a transcript may have.
//!
//! By their contracts, a message conversation has the requested id and a list of participants, each with an optional
//! list of messages; a bulk response has a list of entities; recordings are a list, each with a list of messages and
//! the id of the requested conversation; web details have the requested id and a list of messages.
//!
//! - A message that such a response does not list may be absent, but a message that was listed and is missing from the
//!   bulk response makes the transcript partial.
//! - A message that was sent in another form may be archived in any form.
//! - A file without an altered response is stored unchanged, if it still exists.
//! - A conversation with an altered response may have any status except complete; `gone` only if a response refused it
//!   with a 3xx or 4xx, also in an error body, or listed no message.

use std::collections::{BTreeMap, BTreeSet};

use genesys_simulator::{ApiResponse, Route, ServedRequest};

use super::json::{Node, Shape, parse};
use super::page::complete_body;

#[derive(Clone, Debug, Default)]
pub(super) struct TranscriptExcuses {
    by_conversation: BTreeMap<String, TranscriptExcuse>,
    /// Files with an altered response.
    files: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct TranscriptExcuse {
    pub(super) may_be_gone: bool,
    /// Messages that may be absent or changed: by id, or by number where they have none.
    pub(super) excused: BTreeSet<String>,
}

/// Messages in document order, each with its id and bytes, and whether the response satisfies its contract.
struct ListedMessages<'a> {
    messages: Vec<(Option<String>, &'a [u8])>,
    is_valid: bool,
}

impl TranscriptExcuses {
    /// Returns the excuses of altered responses; `None` when no response about the conversation was altered.
    pub(super) fn of(&self, conversation: &str) -> Option<&TranscriptExcuse> {
        self.by_conversation.get(conversation)
    }

    /// Whether a response to a request for this file was altered.
    pub(super) fn has_altered_file(&self, id: &str) -> bool {
        self.files.contains(id)
    }

    pub(super) fn record(
        &mut self,
        request: &ServedRequest<'_>,
        genuine: &ApiResponse,
        sent: &ApiResponse,
        is_altered: bool,
    ) {
        if is_altered && matches!(request.route, Route::Download | Route::Media) {
            let id = request.path.rsplit('/').next().unwrap_or_default();
            self.files.insert(id.to_owned());
        }
        let Some(id) = conversation(request).filter(|_| is_altered) else {
            return;
        };
        let excuse = self.by_conversation.entry(id.to_owned()).or_default();
        excuse.may_be_gone |= (300..500).contains(&refusal(sent));
        let Some(sent_body) = complete_body(sent, 200) else {
            return;
        };
        let (Some(genuine_root), Some(sent_root)) = (parse(&genuine.body), parse(sent_body)) else {
            return;
        };
        let genuine_messages = list_messages(request.route, id, &genuine_root, &genuine.body);
        let sent_messages = list_messages(request.route, id, &sent_root, sent_body);
        excuse.may_be_gone |= sent_messages.is_valid && sent_messages.messages.is_empty();
        let same_length = genuine_messages.messages.len() == sent_messages.messages.len();
        for (place, (key, bytes)) in genuine_messages.messages.iter().enumerate() {
            let Some(key) = key else { continue };
            let same_id = sent_messages
                .messages
                .iter()
                .find(|it| it.0.as_ref() == Some(key));
            let same_place = sent_messages.messages.get(place).filter(|_| same_length);
            let is_excused = match (request.route, same_id) {
                (Route::MessageConversation, found) => found.is_none() && sent_messages.is_valid,
                (_, Some((_, other))) => other != bytes,
                // A listed message that is not in the bulk response is missing, not excused.
                (Route::MessagesBulk, None) => false,
                (_, None) => sent_messages.is_valid || same_place.is_some(),
            };
            if is_excused {
                excuse.excused.insert(key.clone());
            }
        }
    }
}

/// The status that a response states: an error body takes precedence over the HTTP status.
fn refusal(sent: &ApiResponse) -> u64 {
    let status = u64::from(sent.status);
    let stated = complete_body(sent, sent.status).filter(|_| sent.status < 300);
    let stated = stated.and_then(|text| parse(text)?.all(text, "status").first()?.count(text));
    stated.unwrap_or(status)
}

fn conversation<'a>(request: &ServedRequest<'a>) -> Option<&'a str> {
    let mut segments = request.path.rsplit('/');
    match request.route {
        Route::MessageConversation | Route::WebDetails => segments.next(),
        Route::MessagesBulk => segments.nth(2),
        Route::Recordings => segments.nth(1),
        _ => None,
    }
}

fn list_messages<'a>(route: Route, id: &str, root: &Node, text: &'a [u8]) -> ListedMessages<'a> {
    let mut listed = ListedMessages {
        messages: Vec::new(),
        is_valid: true,
    };
    match route {
        Route::MessageConversation => {
            listed.is_valid = is_single_value(root, text, "id", id);
            for participant in listed.list_of(root, text, "participants", Absent::Invalid) {
                for message in listed.list_of(participant, text, "messages", Absent::Empty) {
                    listed.add(message, text, "messageId");
                }
            }
        }
        Route::MessagesBulk => {
            for message in listed.list_of(root, text, "entities", Absent::Invalid) {
                listed.add(message, text, "id");
            }
        }
        Route::Recordings => {
            listed.is_valid = root.elements().is_some();
            for recording in root.elements().unwrap_or_default() {
                listed.is_valid &= is_single_value(recording, text, "conversationId", id);
                for message in
                    listed.list_of(recording, text, "messagingTranscript", Absent::Invalid)
                {
                    listed.add(message, text, "id");
                }
            }
        }
        _ => {
            listed.is_valid = is_single_value(root, text, "id", id);
            for message in listed.list_of(root, text, "messages", Absent::Invalid) {
                listed.add(message, text, "sequenceId");
            }
        }
    }
    listed
}

/// Meaning of a list that is absent or null.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    Empty,
    Invalid,
}

impl<'a> ListedMessages<'a> {
    fn list_of<'n>(
        &mut self,
        node: &'n Node,
        text: &[u8],
        name: &str,
        absent: Absent,
    ) -> &'n [Node] {
        let lists = node.all(text, name);
        match lists.first().map(|list| &list.shape) {
            Some(Shape::List(elements)) if lists.len() == 1 => return elements,
            None | Some(Shape::Null) if lists.len() < 2 => {
                self.is_valid &= absent == Absent::Empty && node.members().is_some();
            }
            _ => self.is_valid = false,
        }
        &[]
    }

    fn add(&mut self, message: &Node, text: &'a [u8], id_name: &str) {
        let ids = message.all(text, id_name);
        let id = ids.first().and_then(|id| id.id(text));
        self.is_valid &= ids.len() == 1 && id.is_some();
        self.messages.push((id, &text[message.span.clone()]));
    }
}

/// Whether this member occurs exactly once, with this value.
fn is_single_value(node: &Node, text: &[u8], name: &str, value: &str) -> bool {
    let values = node.all(text, name);
    values.len() == 1 && values[0].text(text).as_deref() == Some(value)
}
