//! Recordings of conversations, reduced to their written content.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::messages::ConversationMessageEvent;
use crate::base::decode::DecodeError;
use crate::base::decode::object::{NotReadable, Object, ParsedList, required_elements};

/// `GET …/conversations/{conversationId}/recordings`, 200: a list of these.
#[derive(Debug)]
pub struct Recording {
    pub id: Option<String>,
    /// In lower case.
    pub media: Option<String>,
    pub session_id: Option<String>,
    pub end_time: Option<Timestamp>,
    /// Why the recording has no content, for example `EMAIL_TRANSCRIPT_TOO_LARGE`.
    pub error_status: Option<String>,
    /// Whether it is an available recording of e-mails without their list.
    pub lacks_emails: bool,
    pub email_transcript: ParsedList<RecordingEmailMessage>,
    pub file_state: Option<String>,
    /// The list that an available recording of its medium has, if this one lacks it.
    pub missing_list: Option<&'static str>,
    pub start_time: Option<Timestamp>,
    pub messaging_transcript: ParsedList<RecordingMessagingMessage>,
    pub transcript: ParsedList<ChatMessage>,
}

#[derive(Debug)]
pub struct RecordingMessagingMessage {
    pub id: Option<String>,
    pub from: Option<String>,
    pub from_user_id: Option<String>,
    pub timestamp: Option<Timestamp>,
    pub purpose: Option<String>,
    pub participant_id: Option<String>,
    pub message_text: Option<String>,
    pub message_media_attachments: ParsedList<MessageMediaAttachment>,
    pub events: ParsedList<ConversationMessageEvent>,
    pub message_receipts: ParsedList<RecordingMessageReceipt>,
    pub content_type: Option<Box<RawValue>>,
    /// Content besides text and media, each with its member's name.
    pub content: Vec<(&'static str, Box<RawValue>)>,
}

#[derive(Debug)]
pub struct MessageMediaAttachment {
    pub id: Option<String>,
    pub media_type: Option<String>,
    pub name: Option<String>,
    pub url: Option<String>,
    pub content_length: Option<u64>,
}

#[derive(Debug)]
pub struct RecordingMessageReceipt {
    pub receipt_time: Option<Timestamp>,
    pub status: Option<String>,
}

/// An e-mail.
#[derive(Debug)]
pub struct RecordingEmailMessage {
    pub id: Option<String>,
    pub time: Option<Timestamp>,
    pub subject: Option<String>,
    pub text_body: Option<String>,
    pub html_body: Option<String>,
    pub from: Option<RecordedAddress>,
    pub to: Vec<RecordedAddress>,
    pub cc: Vec<RecordedAddress>,
    pub bcc: Vec<RecordedAddress>,
    pub attachments: ParsedList<EmailAttachment>,
}

/// The API's `EmailAddress`.
#[derive(Debug)]
pub struct RecordedAddress {
    pub email: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug)]
pub struct EmailAttachment {
    pub attachment_id: Option<String>,
    pub content_type: Option<String>,
    pub name: Option<String>,
    pub content_path: Option<String>,
    pub content_length: Option<u64>,
}

/// A message of a recorded web chat.
#[derive(Debug)]
pub struct ChatMessage {
    pub id: Option<String>,
    pub from: Option<String>,
    pub utc: Option<Timestamp>,
    pub body: Option<String>,
    pub body_type: Option<String>,
    pub participant_purpose: Option<String>,
    pub user_id: Option<String>,
}

/// The `fileState` of a recording that can be read.
pub const AVAILABLE: &str = "AVAILABLE";

/// Members that identify a recording: each has some of them.
const MEMBERS: [&str; 6] = [
    "media",
    "fileState",
    "mediaUris",
    "messagingTranscript",
    "transcript",
    "emailTranscript",
];

/// In the order in which they are stored.
const CONTENT: [&str; 16] = [
    "buttonResponse",
    "buttonResponses",
    "cards",
    "datePicker",
    "form",
    "interactiveApplication",
    "listPicker",
    "messageStickerAttachments",
    "notificationResponse",
    "notificationTemplate",
    "paymentRequest",
    "paymentResponse",
    "quickReplies",
    "richLink",
    "roadsideAssistance",
    "story",
];

impl Recording {
    /// Reads the recordings of a document, which is a list. Fails if a recording names a conversation other than
    /// `id`.
    pub fn list(document: &RawValue, id: &str) -> Result<ParsedList<Self>, DecodeError> {
        let elements = required_elements(document)?;
        let conversation = |it: &&RawValue| Object::read(it).ok()?.id("conversationId");
        let mut conversations = elements.iter().filter_map(conversation);
        if conversations.any(|it| !it.eq_ignore_ascii_case(id)) {
            let problem = "a recording belongs to another conversation";
            return Err(DecodeError::Shape(problem.into()));
        }
        Ok(ParsedList::of(elements, |it| Self::read(&it)))
    }

    /// An object without any member of a recording is not readable: it may hold texts in another form.
    fn read(recording: &Object<'_>) -> Result<Self, NotReadable> {
        if !MEMBERS.iter().any(|name| recording.member(name).is_some()) {
            return Err(NotReadable);
        }
        let file_state = recording.text("fileState");
        let is_available = file_state
            .as_deref()
            .is_none_or(|it| it.eq_ignore_ascii_case(AVAILABLE));
        let media = recording.text("media").map(|it| it.to_ascii_lowercase());
        let list = match media.as_deref() {
            Some("message") => Some("messagingTranscript"),
            Some("chat") => Some("transcript"),
            _ => None,
        };
        let are_emails = media.as_deref() == Some("email");
        let email_transcript =
            recording.parse_list("emailTranscript", |it| RecordingEmailMessage::read(&it));
        Ok(Self {
            id: recording.id("id"),
            session_id: recording.id("sessionId"),
            end_time: recording.timestamp("endTime"),
            error_status: recording.text("recordingErrorStatus"),
            lacks_emails: are_emails
                && is_available
                && recording.member("emailTranscript").is_none(),
            email_transcript,
            media,
            file_state,
            missing_list: list.filter(|list| is_available && recording.member(list).is_none()),
            start_time: recording.timestamp("startTime"),
            messaging_transcript: recording.parse_list("messagingTranscript", |it| {
                RecordingMessagingMessage::read(&it)
            }),
            transcript: recording.parse_list("transcript", |it| ChatMessage::read(&it)),
        })
    }
}

impl RecordingMessagingMessage {
    /// A message without any known content is not readable: its content may be in another form.
    fn read(message: &Object<'_>) -> Result<Self, NotReadable> {
        let has_content = [
            "messageText",
            "messageMediaAttachments",
            "contentType",
            "events",
            "messageReceipts",
        ];
        let mut has_content = has_content.iter().chain(&CONTENT);
        if !has_content.any(|name| message.member(name).is_some()) {
            return Err(NotReadable);
        }
        let mut content = Vec::new();
        for name in CONTENT {
            if let Some(value) = message.content(name)? {
                content.push((name, value.to_owned()));
            }
        }
        Ok(Self {
            id: message.id("id"),
            from: message.text("from"),
            from_user_id: message.object("fromUser").and_then(|user| user.id("id")),
            timestamp: message.timestamp("timestamp"),
            purpose: message.text("purpose"),
            participant_id: message.id("participantId"),
            message_text: message.content_text("messageText")?,
            message_media_attachments: message.parse_list("messageMediaAttachments", |it| {
                Ok(MessageMediaAttachment::read(&it))
            }),
            events: message.parse_list("events", |it| Ok(ConversationMessageEvent::read(&it))),
            message_receipts: message.parse_list("messageReceipts", |it| {
                Ok(RecordingMessageReceipt::read(&it))
            }),
            content_type: message.content("contentType")?.map(ToOwned::to_owned),
            content,
        })
    }
}

impl RecordingEmailMessage {
    /// An e-mail without a body is not readable unless it has a subject: its content may be in another form.
    fn read(email: &Object<'_>) -> Result<Self, NotReadable> {
        let text_body = email.content_text("textBody")?;
        let html_body = email.content_text("htmlBody")?;
        let subject = email.content_text("subject")?;
        if text_body.is_none() && html_body.is_none() && subject.is_none() {
            return Err(NotReadable);
        }
        Ok(Self {
            id: email.id("id"),
            time: email.timestamp("time"),
            from: email.object("from").map(|it| RecordedAddress::read(&it)),
            to: RecordedAddress::list(email, "to"),
            cc: RecordedAddress::list(email, "cc"),
            bcc: RecordedAddress::list(email, "bcc"),
            attachments: email.parse_list("attachments", |it| Ok(EmailAttachment::read(&it))),
            text_body,
            html_body,
            subject,
        })
    }
}

impl RecordedAddress {
    fn read(address: &Object<'_>) -> Self {
        Self {
            email: address.text("email"),
            name: address.text("name"),
        }
    }

    /// Addresses of another form than an object are left out, as any optional value of another type is.
    fn list(email: &Object<'_>, name: &str) -> Vec<Self> {
        email.parse_list(name, |it| Ok(Self::read(&it))).read
    }
}

impl EmailAttachment {
    fn read(attachment: &Object<'_>) -> Self {
        Self {
            attachment_id: attachment.id("attachmentId"),
            content_type: attachment.text("contentType"),
            name: attachment.text("name"),
            content_path: attachment.text("contentPath"),
            content_length: attachment.integer("contentLength"),
        }
    }
}

impl MessageMediaAttachment {
    fn read(attachment: &Object<'_>) -> Self {
        Self {
            id: attachment.id("id"),
            media_type: attachment.text("mediaType"),
            name: attachment.text("name"),
            url: attachment.text("url"),
            content_length: attachment.integer("contentLength"),
        }
    }
}

impl RecordingMessageReceipt {
    fn read(receipt: &Object<'_>) -> Self {
        Self {
            receipt_time: receipt.timestamp("receiptTime"),
            status: receipt.text("status"),
        }
    }
}

impl ChatMessage {
    fn read(message: &Object<'_>) -> Result<Self, NotReadable> {
        let (body, body_type) = (message.content_text("body")?, message.text("bodyType"));
        // Only an event or a notice is content by its type alone.
        if body.is_none() && matches!(body_type.as_deref(), None | Some("" | "STANDARD")) {
            return Err(NotReadable);
        }
        Ok(Self {
            id: message.id("id"),
            from: message.text("from"),
            utc: message.timestamp("utc"),
            body,
            body_type,
            participant_purpose: message.text("participantPurpose"),
            user_id: message.object("user").and_then(|user| user.id("id")),
        })
    }
}
