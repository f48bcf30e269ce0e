//! A gateway's query for the conversations of guest sessions. Bodies are checked strictly; the shape of the reply is not
//! documented, so it is a setting whether a row names its session, and whether a page has a token.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::Request;
use super::response::{ApiError, ApiResponse};
use super::{Organisation, cursor};

const MAX_SESSIONS: usize = 100;
const MAX_PAGE_SIZE: usize = 500;

/// Names the tokens of this query's pages.
const TOKENS: &str = "web-sessions";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebDetailsQuery {
    date_range: DateRange,
    entities: Entities,
    interval: String,
    #[expect(dead_code, reason = "required, and without effect on ids")]
    redact_pii: bool,
    group_by: Vec<String>,
    page_size: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DateRange {
    from: Timestamp,
    to: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entities {
    conversations: Vec<Entity>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity {
    id: String,
}

impl WebDetailsQuery {
    fn check(&self) -> Result<(), ApiError> {
        let sessions = self.entities.conversations.len();
        let problem = if !(1..=MAX_SESSIONS).contains(&sessions) {
            "entities.conversations must list 1 to 100 ids"
        } else if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            "pageSize must be between 1 and 500"
        } else if self.interval != "PT1H" {
            "interval must be PT1H"
        } else if self.group_by != ["conversationId", "sequenceId"] {
            "groupBy must be conversationId, sequenceId"
        } else if self.date_range.from >= self.date_range.to {
            "dateRange must not be empty"
        } else {
            return Ok(());
        };
        Err(ApiError::bad_request(problem))
    }
}

/// The guest session of a written conversation.
pub(crate) fn session_of(conversation_id: &str) -> String {
    format!("guest-{conversation_id}")
}

impl Organisation {
    pub(crate) fn web_sessions(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<ApiResponse, ApiError> {
        let query: WebDetailsQuery = request.json()?;
        query.check()?;
        let from = match request.parameter("nextPageToken") {
            None => 0,
            Some(token) => cursor::decode(TOKENS, token)
                .ok_or_else(|| ApiError::bad_request("nextPageToken is unknown"))?,
        };
        let rows = self.session_rows(&query, now);
        let to = rows.len().min(from + query.page_size);
        let mut page = json!({"conversations": rows.get(from..to).unwrap_or_default()});
        if to < rows.len() && self.settings.web_pages_have_tokens {
            page["nextPageToken"] = json!(cursor::encode(TOKENS, to));
        }
        Ok(ApiResponse::json(200, &page))
    }

    /// One row for each message of the conversations that started in the range.
    fn session_rows(&self, query: &WebDetailsQuery, now: Timestamp) -> Vec<Value> {
        let mut rows = Vec::new();
        for Entity { id } in &query.entities.conversations {
            let Some(conversation) = id.strip_prefix("guest-") else {
                continue;
            };
            let Some(index) = self.find_visible(conversation, now) else {
                continue;
            };
            let Some(transcript) = self.data.transcript(index, self.settings.seed) else {
                continue;
            };
            let start = self.data.conversations[index].start;
            if !(query.date_range.from..query.date_range.to).contains(&start) {
                continue;
            }
            for sequence in 1..=transcript.messages.len() {
                let mut row = json!({"conversationId": conversation, "sequenceId": sequence});
                if self.settings.web_rows_name_sessions {
                    row["sessionId"] = json!(id);
                }
                rows.push(row);
            }
        }
        rows
    }
}
