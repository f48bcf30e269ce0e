//! The conversations of guest sessions, as a gateway named them when the export was planned.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ExportPlan;
use crate::export::request::SourceKind;
use crate::records::page::is_zero;

/// The answer to the sessions of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionConversations {
    /// Each once, in the order in which the gateway named them.
    pub conversation_ids: Vec<String>,
    /// The requested sessions of which the gateway named no conversation.
    pub sessions_without: Vec<String>,
    /// Number of requested sessions of which it is unknown whether they have a conversation: a row of the reply about them
    /// names no session.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sessions_unknown: u64,
    /// The requested sessions that may have more conversations: the gateway returned a full page of one hour, and no token
    /// for the next page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions_incomplete: Vec<String>,
}

impl SessionConversations {
    /// Warnings about the sessions whose conversations are not certain.
    fn warnings(&self) -> impl Iterator<Item = String> {
        let unknown = (self.sessions_unknown > 0).then(|| {
            format!(
                "filters.sessionIds: the gateway's rows name no session, so it is unknown which of {} sessions have no conversation",
                self.sessions_unknown
            )
        });
        let incomplete = self.sessions_incomplete.len();
        let incomplete = (incomplete > 0).then(|| {
            format!(
                "filters.sessionIds: {incomplete} sessions may have more conversations: the gateway returned a full page of one hour without a token for the next page (sessionsIncomplete in the plan)"
            )
        });
        unknown.into_iter().chain(incomplete)
    }
}

impl ExportPlan {
    /// Warnings about sessions whose conversations are not certain, for the manifest.
    pub(crate) fn session_warnings(&self) -> impl Iterator<Item = String> {
        self.sessions
            .iter()
            .flat_map(SessionConversations::warnings)
    }

    /// The conversations that the export requests by id.
    pub(crate) fn conversation_ids(&self) -> &[String] {
        match &self.sessions {
            Some(sessions) => &sessions.conversation_ids,
            None => &self.filters.conversation_ids,
        }
    }

    /// The ids that are requested one by one. Each is the id of a record or missing: conversations, and sessions of which
    /// the gateway named no conversation. Earlier versions did not compare the ids of a history gateway.
    pub fn requested_ids(&self) -> Cow<'_, [String]> {
        match &self.sessions {
            Some(SessionConversations {
                conversation_ids,
                sessions_without,
                ..
            }) => [conversation_ids.as_slice(), sessions_without]
                .concat()
                .into(),
            None if self.source == SourceKind::HistoryGateway && self.history_form.is_none() => {
                Cow::default()
            }
            None => self.filters.conversation_ids.as_slice().into(),
        }
    }
}
