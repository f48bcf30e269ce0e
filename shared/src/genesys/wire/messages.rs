//! Messages of conversations, as the API and gateways send them. Everything but ids may be absent.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// `GET …/conversations/messages/{conversationId}`: who took part, and which messages there are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageConversation {
    #[serde(default, deserialize_with = "list")]
    pub participants: Vec<MessageMediaParticipant>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageMediaParticipant {
    pub id: String,
    pub name: Option<String>,
    pub purpose: Option<String>,
    pub user: Option<EntityRef>,
    pub start_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "list")]
    pub messages: Vec<MessageDetails>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageDetails {
    pub message_id: String,
}

#[derive(Debug, Deserialize)]
pub struct EntityRef {
    pub id: Option<String>,
}

/// `POST …/messages/{conversationId}/messages/bulk`: what messages say.
#[derive(Debug, Deserialize)]
pub struct TextMessageListing {
    #[serde(default, deserialize_with = "list")]
    pub entities: Vec<MessageData>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageData {
    pub id: String,
    pub timestamp: Option<Timestamp>,
    pub direction: Option<String>,
    pub status: Option<String>,
    pub normalized_message: Option<ConversationNormalizedMessage>,
    #[serde(default, deserialize_with = "list")]
    pub normalized_receipts: Vec<ConversationNormalizedMessage>,
    /// Deprecated in favour of the normalized message, and all there is where that was not asked for.
    pub text_body: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationNormalizedMessage {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub text: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub content: Vec<Box<RawValue>>,
    #[serde(default, deserialize_with = "list")]
    pub events: Vec<ConversationMessageEvent>,
    pub status: Option<String>,
    pub originating_entity: Option<String>,
    pub direction: Option<String>,
    pub channel: Option<ConversationMessagingChannel>,
}

#[derive(Debug, Deserialize)]
pub struct ConversationMessagingChannel {
    pub time: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationMessageEvent {
    pub event_type: Option<String>,
}

/// An element of a message's `content`, as far as it is an attachment.
#[derive(Debug, Deserialize)]
pub struct ConversationMessageContent {
    pub attachment: Option<ConversationContentAttachment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationContentAttachment {
    pub id: Option<String>,
    pub media_type: Option<String>,
    pub mime: Option<String>,
    pub url: Option<String>,
    pub filename: Option<String>,
    /// What was written beside it.
    pub text: Option<String>,
    pub content_size_bytes: Option<u64>,
}

/// `GET …/conversations/{conversationId}/recordings`, 200.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    pub media: Option<String>,
    pub file_state: Option<String>,
    pub start_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "list")]
    pub messaging_transcript: Vec<RecordingMessagingMessage>,
    #[serde(default, deserialize_with = "list")]
    pub transcript: Vec<ChatMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingMessagingMessage {
    pub id: Option<String>,
    pub from: Option<String>,
    pub from_user: Option<EntityRef>,
    pub timestamp: Option<Timestamp>,
    pub purpose: Option<String>,
    pub participant_id: Option<String>,
    pub message_text: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub message_media_attachments: Vec<MessageMediaAttachment>,
    #[serde(default, deserialize_with = "list")]
    pub events: Vec<ConversationMessageEvent>,
    #[serde(default, deserialize_with = "list")]
    pub message_receipts: Vec<RecordingMessageReceipt>,
    pub content_type: Option<Box<RawValue>>,
    button_response: Option<Box<RawValue>>,
    button_responses: Option<Box<RawValue>>,
    cards: Option<Box<RawValue>>,
    date_picker: Option<Box<RawValue>>,
    form: Option<Box<RawValue>>,
    interactive_application: Option<Box<RawValue>>,
    list_picker: Option<Box<RawValue>>,
    message_sticker_attachments: Option<Box<RawValue>>,
    notification_response: Option<Box<RawValue>>,
    notification_template: Option<Box<RawValue>>,
    payment_request: Option<Box<RawValue>>,
    payment_response: Option<Box<RawValue>>,
    quick_replies: Option<Box<RawValue>>,
    rich_link: Option<Box<RawValue>>,
    roadside_assistance: Option<Box<RawValue>>,
    story: Option<Box<RawValue>>,
}

impl RecordingMessagingMessage {
    /// What it holds beside text and media, each behind its field's name. Taken, so that it is told once.
    pub fn take_content(&mut self) -> Vec<(&'static str, Box<RawValue>)> {
        let fields = [
            ("buttonResponse", &mut self.button_response),
            ("buttonResponses", &mut self.button_responses),
            ("cards", &mut self.cards),
            ("datePicker", &mut self.date_picker),
            ("form", &mut self.form),
            ("interactiveApplication", &mut self.interactive_application),
            ("listPicker", &mut self.list_picker),
            (
                "messageStickerAttachments",
                &mut self.message_sticker_attachments,
            ),
            ("notificationResponse", &mut self.notification_response),
            ("notificationTemplate", &mut self.notification_template),
            ("paymentRequest", &mut self.payment_request),
            ("paymentResponse", &mut self.payment_response),
            ("quickReplies", &mut self.quick_replies),
            ("richLink", &mut self.rich_link),
            ("roadsideAssistance", &mut self.roadside_assistance),
            ("story", &mut self.story),
        ];
        let held = fields.into_iter();
        held.filter_map(|(name, field)| Some((name, field.take()?)))
            .collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageMediaAttachment {
    pub id: Option<String>,
    pub media_type: Option<String>,
    pub name: Option<String>,
    pub url: Option<String>,
    pub content_length: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordingMessageReceipt {
    pub receipt_time: Option<Timestamp>,
    pub status: Option<String>,
}

/// A message of a recorded web chat.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    pub id: Option<String>,
    pub from: Option<String>,
    pub utc: Option<Timestamp>,
    pub body: Option<String>,
    pub body_type: Option<String>,
    pub participant_purpose: Option<String>,
    pub user: Option<EntityRef>,
}

/// `GET …/conversations/web/details/{id}` of a gateway. Not an endpoint of the public API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebDetails {
    pub start_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "list")]
    pub messages: Vec<WebMessage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebMessage {
    pub sequence_id: Option<i64>,
    pub from: Option<String>,
    pub text: Option<String>,
    pub timestamp: Option<Timestamp>,
}

/// A list that is null is one that is absent.
fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
