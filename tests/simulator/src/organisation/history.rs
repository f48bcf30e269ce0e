//! The history gateway: serves the export gateway's records page by page, each page with a token for the next.
//!
//! It uses the path of the public API's details query, so an organisation has one or the other.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::request::Request;
use super::response::{ApiError, ApiResponse, push_array};
use super::{Organisation, cursor};
use crate::settings::HistoryForm;

/// Applies when the query names no size.
const DEFAULT_PAGE_SIZE: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct History {
    /// Tokens of earlier generations are unknown.
    generation: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HistoryQuery {
    #[serde(default)]
    filter: HistoryFilter,
    #[serde(default)]
    category: Category,
    page_size: Option<usize>,
    continuation_token: Option<String>,
}

/// An empty list restricts nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct HistoryFilter {
    interaction_id: Vec<String>,
    participant_id: Vec<String>,
    channel_type: Vec<String>,
    date_range: DateRange,
}

/// Half-open, applied to `startTime`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DateRange {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Category {
    #[default]
    Conversation,
    /// This and the following categories have no records here.
    Wrapup,
    Disposition,
    Routing,
}

impl History {
    pub(crate) fn forget_tokens(&mut self) {
        self.generation += 1;
    }

    fn token(&self, offset: usize) -> String {
        cursor::encode(&self.name(), offset)
    }

    fn offset(&self, token: Option<&str>) -> Result<usize, ApiError> {
        match token {
            None => Ok(0),
            Some(token) => cursor::decode(&self.name(), token)
                .ok_or_else(|| ApiError::not_found("The token is unknown or has expired.")),
        }
    }

    fn name(&self) -> String {
        format!("history-{}", self.generation)
    }
}

impl Organisation {
    pub(crate) fn history(
        &mut self,
        form: HistoryForm,
        request: &Request,
    ) -> Result<ApiResponse, ApiError> {
        let query: HistoryQuery = request.json()?;
        let most = form.page_size_max();
        let size = query.page_size.unwrap_or(DEFAULT_PAGE_SIZE.min(most));
        if !(1..=most).contains(&size) {
            let message = format!("pageSize must be between 1 and {most}");
            return Err(ApiError::bad_request(&message));
        }
        let token = match form {
            HistoryForm::PageToken => request.parameter("nextPageToken"),
            HistoryForm::Continuation => query.continuation_token.as_deref(),
        };
        let from = self.history.offset(token)?;
        let rows = self.history_rows(&query);
        let page = &rows[from.min(rows.len())..(from + size).min(rows.len())];
        let mut body = "{\"entities\":".to_owned();
        let every = self.settings.faults.malformed_every;
        push_array(
            &mut body,
            page.iter()
                .map(|index| self.data.gateway_record(*index, every)),
        );
        if from + size < rows.len() {
            let token = json!(self.history.token(from + size));
            body.extend([",\"", form.token_name(), "\":", &token.to_string()]);
        }
        Ok(ApiResponse::raw(200, body + "}"))
    }

    fn history_rows(&self, query: &HistoryQuery) -> Vec<usize> {
        if query.category != Category::Conversation {
            return Vec::new();
        }
        let HistoryFilter {
            interaction_id,
            participant_id,
            channel_type,
            date_range,
        } = &query.filter;
        let any = |list: &[String], is: &dyn Fn(&str) -> bool| {
            list.is_empty() || list.iter().any(|value| is(value))
        };
        let is_webchat = |channel: &str| channel.eq_ignore_ascii_case("webchat");
        let summaries = self.data.gateway_summaries().iter().enumerate();
        summaries
            .filter(|(_, summary)| any(interaction_id, &|id| id == summary.id))
            .filter(|_| any(channel_type, &is_webchat))
            .filter(|(_, summary)| date_range.start.is_none_or(|start| start <= summary.start))
            .filter(|(_, summary)| date_range.end.is_none_or(|end| summary.start < end))
            .map(|(index, _)| index)
            .filter(|index| any(participant_id, &|id| self.is_participant(*index, id)))
            .collect()
    }

    fn is_participant(&self, index: usize, participant: &str) -> bool {
        let id = format!("\"id\":\"{participant}\"");
        self.data.gateway_record(index, None).contains(&id)
    }
}
