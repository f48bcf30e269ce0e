//! The participants and sessions of a conversation, from its analytics details.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::base::decode::object::{Object, required_object};

/// `GET …/analytics/conversations/{conversationId}/details`, 200: who took part, and by which media.
#[derive(Debug)]
pub struct ConversationSessions {
    pub conversation_start: Option<Timestamp>,
    pub participants: Vec<SessionParticipant>,
}

#[derive(Debug)]
pub struct SessionParticipant {
    pub participant_id: Option<String>,
    pub purpose: Option<String>,
    pub name: Option<String>,
    pub user_id: Option<String>,
    pub sessions: Vec<AnalyticsSession>,
}

#[derive(Debug)]
pub struct AnalyticsSession {
    pub session_id: Option<String>,
    /// In lower case.
    pub media_type: Option<String>,
    /// Whether a recording was started.
    pub recording: bool,
}

impl ConversationSessions {
    /// Reads the conversation with this id; any other document is an error. Elements of another form are left out: they
    /// name no session.
    pub fn read(document: &RawValue, id: &str) -> Result<Self, DecodeError> {
        let conversation = required_object(document)?;
        conversation.require_id(id)?;
        conversation.required_list("participants")?;
        let participants =
            conversation.parse_list("participants", |it| Ok(SessionParticipant::read(&it)));
        Ok(Self {
            conversation_start: conversation.timestamp("conversationStart"),
            participants: participants.read,
        })
    }
}

impl SessionParticipant {
    fn read(participant: &Object<'_>) -> Self {
        let sessions = participant.parse_list("sessions", |it| Ok(AnalyticsSession::read(&it)));
        Self {
            participant_id: participant.id("participantId"),
            purpose: participant.text("purpose"),
            name: participant.text("participantName"),
            user_id: participant.id("userId"),
            sessions: sessions.read,
        }
    }
}

impl AnalyticsSession {
    fn read(session: &Object<'_>) -> Self {
        Self {
            session_id: session.id("sessionId"),
            media_type: session.text("mediaType").map(|it| it.to_ascii_lowercase()),
            recording: session
                .member("recording")
                .is_some_and(|it| it.get() == "true"),
        }
    }
}
