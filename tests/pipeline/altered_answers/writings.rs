//! The same for what was written in conversations: which messages a transcript may lack, and what may be said of it.
//!
//! By their contracts, a message conversation has the id that was asked for and a list of participants, each with a list
//! of messages or none; a bulk of messages has a list of entities; recordings are a list, each with a list of messages and
//! of the conversation that was asked for; web details have the id that was asked for and a list of messages.
//!
//! - A message that such an answer does not list need not be there, but one that was listed and that the bulk does not hold
//!   makes the transcript partial.
//! - A message that came in another form may be anything.
//! - A file of which no answer was altered is stored as it is, if it is still there.
//! - A conversation of which some answer was altered may have any status but complete; `gone` only if an answer refused it
//!   with a 3xx or 4xx, be it in an error body, or listed no message.

use std::collections::{BTreeMap, BTreeSet};

use genesys_simulator::{Answer, Route, ServedRequest};

use super::json::{Node, Shape, parse};
use super::page::received;

#[derive(Clone, Debug, Default)]
pub(super) struct Writings {
    by_conversation: BTreeMap<String, Writing>,
    /// Files of which some answer was altered.
    files: BTreeSet<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Writing {
    pub(super) may_be_gone: bool,
    /// Messages that need not be there, or as they were: by id, or by number where they have none.
    pub(super) excused: BTreeSet<String>,
}

/// Messages in their order, each with its id and its bytes, and whether the answer is as its contract says.
struct Listed<'a> {
    messages: Vec<(Option<String>, &'a [u8])>,
    is_sound: bool,
}

impl Writings {
    /// What altered answers excuse; `None` when no answer about the conversation was altered.
    pub(super) fn of(&self, conversation: &str) -> Option<&Writing> {
        self.by_conversation.get(conversation)
    }

    /// Whether an answer to the request for this file was altered.
    pub(super) fn has_altered_file(&self, id: &str) -> bool {
        self.files.contains(id)
    }

    pub(super) fn note(
        &mut self,
        request: &ServedRequest<'_>,
        genuine: &Answer,
        sent: &Answer,
        is_altered: bool,
    ) {
        if is_altered && matches!(request.route, Route::Download | Route::Media) {
            let id = request.path.rsplit('/').next().unwrap_or_default();
            self.files.insert(id.to_owned());
        }
        let Some(id) = conversation(request).filter(|_| is_altered) else {
            return;
        };
        let writing = self.by_conversation.entry(id.to_owned()).or_default();
        writing.may_be_gone |= (300..500).contains(&refusal(sent));
        let Some(told) = received(sent, 200) else {
            return;
        };
        let (Some(good_root), Some(told_root)) = (parse(&genuine.body), parse(told)) else {
            return;
        };
        let good = listed(request.route, id, &good_root, &genuine.body);
        let told = listed(request.route, id, &told_root, told);
        writing.may_be_gone |= told.is_sound && told.messages.is_empty();
        let same_length = good.messages.len() == told.messages.len();
        for (place, (key, bytes)) in good.messages.iter().enumerate() {
            let Some(key) = key else { continue };
            let same_id = told.messages.iter().find(|it| it.0.as_ref() == Some(key));
            let same_place = told.messages.get(place).filter(|_| same_length);
            let is_excused = match (request.route, same_id) {
                (Route::MessageConversation, found) => found.is_none() && told.is_sound,
                (_, Some((_, other))) => other != bytes,
                // What does not come of what was listed is missing.
                (Route::MessagesBulk, None) => false,
                (_, None) => told.is_sound || same_place.is_some(),
            };
            if is_excused {
                writing.excused.insert(key.clone());
            }
        }
    }
}

/// The status that an answer says it has: an error body counts as what it says.
fn refusal(sent: &Answer) -> u64 {
    let status = u64::from(sent.status);
    let told = received(sent, sent.status).filter(|_| sent.status < 300);
    let told = told.and_then(|text| parse(text)?.all(text, "status").first()?.count(text));
    told.unwrap_or(status)
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

fn listed<'a>(route: Route, id: &str, root: &Node, text: &'a [u8]) -> Listed<'a> {
    let mut listed = Listed {
        messages: Vec::new(),
        is_sound: true,
    };
    match route {
        Route::MessageConversation => {
            listed.is_sound = is_only(root, text, "id", id);
            for participant in listed.list_of(root, text, "participants", Absent::Unsound) {
                for message in listed.list_of(participant, text, "messages", Absent::Empty) {
                    listed.add(message, text, "messageId");
                }
            }
        }
        Route::MessagesBulk => {
            for message in listed.list_of(root, text, "entities", Absent::Unsound) {
                listed.add(message, text, "id");
            }
        }
        Route::Recordings => {
            listed.is_sound = root.elements().is_some();
            for recording in root.elements().unwrap_or_default() {
                listed.is_sound &= is_only(recording, text, "conversationId", id);
                for message in
                    listed.list_of(recording, text, "messagingTranscript", Absent::Unsound)
                {
                    listed.add(message, text, "id");
                }
            }
        }
        _ => {
            listed.is_sound = is_only(root, text, "id", id);
            for message in listed.list_of(root, text, "messages", Absent::Unsound) {
                listed.add(message, text, "sequenceId");
            }
        }
    }
    listed
}

/// What it means when a list is absent or null.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Absent {
    Empty,
    Unsound,
}

impl<'a> Listed<'a> {
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
                self.is_sound &= absent == Absent::Empty && node.members().is_some();
            }
            _ => self.is_sound = false,
        }
        &[]
    }

    fn add(&mut self, message: &Node, text: &'a [u8], id_name: &str) {
        let ids = message.all(text, id_name);
        let id = ids.first().and_then(|id| id.id(text));
        self.is_sound &= ids.len() == 1 && id.is_some();
        self.messages.push((id, &text[message.span.clone()]));
    }
}

/// Whether this member stands there once with this value, or, in something without an id, not at all.
fn is_only(node: &Node, text: &[u8], name: &str, value: &str) -> bool {
    let values = node.all(text, name);
    values.len() == 1 && values[0].text(text).as_deref() == Some(value)
}
