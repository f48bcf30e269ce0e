//! Elements of a response that do not have the expected form. They are kept as received, and counted.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Transcript;
use crate::base::decode::object::{ParsedList, UnreadableElement};

/// An element that could not be read.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The name of the list that contained it, for example `entities`.
    pub list: &'static str,
    /// Id of the message that it is, or that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    pub content: Box<RawValue>,
}

/// Size of an element's object in the record, without its content. Counted because a list of a million nulls is large
/// too.
const ENVELOPE_BYTES: usize = 40;

impl Unreadable {
    pub(super) fn bytes(&self) -> usize {
        ENVELOPE_BYTES + self.content.get().len()
    }
}

impl Transcript {
    /// Keeps the unreadable elements of a list, and returns the others.
    pub(crate) fn take_readable<T>(&mut self, list: &'static str, listed: ParsedList<T>) -> Vec<T> {
        self.take_readable_of(list, None, listed)
    }

    /// The same for a list within a message.
    pub(crate) fn take_readable_of<T>(
        &mut self,
        list: &'static str,
        message_id: Option<&str>,
        listed: ParsedList<T>,
    ) -> Vec<T> {
        for element in listed.unreadable {
            self.keep_unreadable(list, message_id, element);
        }
        listed.read
    }

    pub(crate) fn keep_unreadable(
        &mut self,
        list: &'static str,
        message_id: Option<&str>,
        element: UnreadableElement,
    ) {
        self.unreadable.push(Unreadable {
            list,
            message_id: message_id.map(ToOwned::to_owned).or(element.id),
            content: element.raw,
        });
    }
}
