//! Selects and orders the conversations of a query or a job.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::filter::{self, Filter, conversation_matches, segments_match};
use super::interval::Interval;
use super::response::ApiError;
use crate::data::{Conversation, Dataset};

/// The fields that the request bodies of both share.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Criteria {
    pub(crate) interval: Option<String>,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    order_by: OrderBy,
    #[serde(default)]
    conversation_filters: Vec<Filter>,
    #[serde(default)]
    segment_filters: Vec<Filter>,
    #[serde(default)]
    evaluation_filters: Vec<IgnoredAny>,
    #[serde(default)]
    survey_filters: Vec<IgnoredAny>,
    #[serde(default)]
    resolution_filters: Vec<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Order {
    #[default]
    Asc,
    Desc,
    Unordered,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OrderBy {
    #[default]
    ConversationStart,
    ConversationEnd,
    SegmentStart,
    SegmentEnd,
}

impl Criteria {
    /// Refuses criteria that the data does not support, instead of ignoring them.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let unknown = [
            ("evaluationFilters", &self.evaluation_filters),
            ("surveyFilters", &self.survey_filters),
            ("resolutionFilters", &self.resolution_filters),
        ];
        if let Some((name, _)) = unknown.iter().find(|(_, filters)| !filters.is_empty()) {
            return Err(ApiError::bad_request(&format!("{name} are not simulated")));
        }
        filter::check(&self.conversation_filters, &self.segment_filters)
    }

    /// Returns the candidates that are active in the interval and pass the filters, in the requested order.
    pub(crate) fn rows(
        &self,
        data: &Dataset,
        candidates: impl Iterator<Item = usize>,
        interval: Interval,
    ) -> Vec<usize> {
        let mut rows: Vec<usize> = candidates
            .filter(|index| {
                let conversation = &data.conversations[*index];
                interval.is_touched_by(conversation)
                    && conversation_matches(&self.conversation_filters, conversation)
                    && segments_match(&self.segment_filters, &conversation.facets)
            })
            .collect();
        self.sort(&mut rows, &data.conversations);
        rows
    }

    /// The data is already sorted by start. The sort is stable, so that rows with equal keys stay sorted by start.
    fn sort(&self, rows: &mut [usize], conversations: &[Conversation]) {
        let key = |index: &usize| self.order_by.key(&conversations[*index]);
        match (self.order, self.order_by) {
            (Order::Unordered, _) | (Order::Asc, OrderBy::ConversationStart) => {}
            (Order::Desc, OrderBy::ConversationStart) => rows.reverse(),
            (Order::Asc, _) => rows.sort_by_key(key),
            (Order::Desc, _) => rows.sort_by_key(|index| Reverse(key(index))),
        }
    }
}

impl OrderBy {
    /// Conversations that have not ended come after those that have.
    fn key(self, conversation: &Conversation) -> Timestamp {
        let (first, last) = (conversation.active.first(), conversation.active.last());
        match self {
            Self::ConversationStart => conversation.start,
            Self::ConversationEnd => conversation.end.unwrap_or(Timestamp::MAX),
            Self::SegmentStart => first.map_or(conversation.start, |(from, _)| *from),
            Self::SegmentEnd => last.and_then(|(_, to)| *to).unwrap_or(Timestamp::MAX),
        }
    }
}
