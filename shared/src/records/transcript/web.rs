//! Fields that only a gateway's web details have. Nothing that a gateway sends is lost: what has no field of its own is
//! kept as received.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// The fields of a web conversation beside its messages.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebConversation {
    /// The document's `type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_end: Option<Timestamp>,
    /// An object of the members that have no field of their own, or whose value is not of the expected form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Box<RawValue>>,
}

/// The fields of a web message beside its text, time and author.
#[derive(Debug, Default, Serialize)]
pub struct WebMessageFields {
    /// The recipient, a name or an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Any JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// As in [`WebConversation::other`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Box<RawValue>>,
}

impl WebConversation {
    pub(super) fn bytes(&self) -> usize {
        raw_bytes(self.other.as_deref())
    }
}

impl WebMessageFields {
    pub(super) fn bytes(&self) -> usize {
        let to = self.to.as_ref().map_or(0, String::len);
        to + raw_bytes(self.metadata.as_deref()) + raw_bytes(self.other.as_deref())
    }
}

fn raw_bytes(value: Option<&RawValue>) -> usize {
    value.map_or(0, |value| value.get().len())
}
