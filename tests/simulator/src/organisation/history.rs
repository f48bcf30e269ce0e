//! The history gateway: serves the export gateway's records as entities, page by page, each page with a token for the
//! next.
//!
//! It uses the path of the public API's details query, so an organisation has one or the other. Its two forms differ in
//! every field of a request; each form refuses fields that it does not have, and requests that lack one.

use super::request::Request;
use super::response::{ApiError, ApiResponse, push_array};
use super::{Organisation, cursor};
use crate::data::RecordSummary;
use crate::settings::HistoryForm;
use query::HistoryQuery;

mod query;

#[derive(Debug, Default)]
pub(crate) struct History {
    /// Tokens of earlier generations are unknown.
    generation: u32,
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
        let query = HistoryQuery::of(form, request)?;
        let from = self.history.offset(query.token.as_deref())?;
        let rows = self.history_rows(&query);
        let page = &rows[from.min(rows.len())..(from + query.size).min(rows.len())];
        let mut body = "{\"entities\":".to_owned();
        let entities = page.iter().map(|index| self.data.entity(*index, form));
        push_array(&mut body, entities);
        if from + query.size < rows.len() {
            let token = serde_json::json!(self.history.token(from + query.size));
            body.extend([",\"", form.token_name(), "\":", &token.to_string()]);
        }
        Ok(ApiResponse::raw(200, body + "}"))
    }

    fn history_rows(&self, query: &HistoryQuery) -> Vec<usize> {
        if query.is_of_another_view {
            return Vec::new();
        }
        let end = self.settings.faults.gateway_interval_end;
        let is_selected = |index: usize, summary: &RecordSummary| {
            let participant = query.participant.as_ref();
            query.selects(&summary.id, summary.start, end)
                && participant.is_none_or(|id| self.is_participant(index, id))
        };
        let summaries = self.data.gateway_summaries().iter().enumerate();
        summaries
            .filter(|(index, summary)| is_selected(*index, summary))
            .map(|(index, _)| index)
            .collect()
    }

    fn is_participant(&self, index: usize, participant: &str) -> bool {
        let id = format!("\"id\":\"{participant}\"");
        self.data.gateway_record(index, None).contains(&id)
    }
}
