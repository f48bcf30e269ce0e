//! The conversations of guest sessions, as a gateway named them when the export was planned.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ExportPlan;
use crate::export::request::SourceKind;

/// The answer to the sessions of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionConversations {
    /// Each once, in the order in which the gateway named them.
    pub conversation_ids: Vec<String>,
    /// The requested sessions of which the gateway named no conversation.
    pub sessions_without: Vec<String>,
}

impl ExportPlan {
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
