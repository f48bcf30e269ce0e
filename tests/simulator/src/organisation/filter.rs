//! Which conversations a job is about: its interval, its filters, its order.
//!
//! A conversation belongs to an interval when one of its stretches of activity touches it, both ends included: what ended on the
//! stroke of midnight belongs to both days. One that merely exists meanwhile, idle between two stretches, does not.

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::ApiError;
use crate::data::{Conversation, Facet};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Filter {
    #[serde(rename = "type")]
    kind: Combination,
    clauses: Vec<Filter>,
    predicates: Vec<Predicate>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Combination {
    #[default]
    And,
    Or,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    dimension: Option<String>,
    #[serde(default)]
    operator: Operator,
    value: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    #[default]
    Matches,
    Exists,
    NotExists,
}

pub(crate) fn is_active(conversation: &Conversation, interval: (Timestamp, Timestamp)) -> bool {
    conversation
        .active
        .iter()
        .any(|(from, to)| *from <= interval.1 && to.is_none_or(|to| interval.0 <= to))
}

/// Every filter has to hold for the conversation.
pub(crate) fn conversation_matches(
    filters: &[Filter],
    conversation: &Conversation,
) -> Result<bool, ApiError> {
    all(filters, &|dimension| {
        Some(match dimension {
            "conversationId" => vec![conversation.id.clone()],
            "conversationStart" => vec![format!("{:.3}", conversation.start)],
            "conversationEnd" => conversation
                .end
                .iter()
                .map(|end| format!("{end:.3}"))
                .collect(),
            "originatingDirection" => vec![conversation.direction.to_owned()],
            "divisionId" => conversation.divisions.clone(),
            _ => return None,
        })
    })
}

/// Some one segment has to satisfy every filter.
pub(crate) fn segments_match(filters: &[Filter], facets: &[Facet]) -> Result<bool, ApiError> {
    if filters.is_empty() {
        return Ok(true);
    }
    for facet in facets {
        if all(filters, &|dimension| values_of(facet, dimension))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn values_of(facet: &Facet, dimension: &str) -> Option<Vec<String>> {
    let value = match dimension {
        "mediaType" => Some(facet.media_type.to_owned()),
        "messageType" => facet.message_type.map(str::to_owned),
        "purpose" => Some(facet.purpose.to_owned()),
        "queueId" => facet.queue.clone(),
        "userId" => facet.user.clone(),
        _ => return None,
    };
    Some(value.into_iter().collect())
}

type Values<'a> = &'a dyn Fn(&str) -> Option<Vec<String>>;

fn all(filters: &[Filter], values: Values<'_>) -> Result<bool, ApiError> {
    filters
        .iter()
        .map(|filter| filter.holds(values))
        .try_fold(true, |so_far, holds| Ok(so_far && holds?))
}

impl Filter {
    fn holds(&self, values: Values<'_>) -> Result<bool, ApiError> {
        let clauses = self.clauses.iter().map(|clause| clause.holds(values));
        let parts: Vec<bool> = clauses
            .chain(self.predicates.iter().map(|it| it.holds(values)))
            .collect::<Result<_, _>>()?;
        Ok(match self.kind {
            Combination::And => parts.iter().all(|holds| *holds),
            Combination::Or => parts.iter().any(|holds| *holds),
        })
    }
}

impl Predicate {
    fn holds(&self, values: Values<'_>) -> Result<bool, ApiError> {
        let dimension = match (self.kind.as_deref(), self.dimension.as_deref()) {
            (None | Some("dimension"), Some(dimension)) => dimension,
            (kind, _) => {
                return Err(ApiError::bad_request(&format!(
                    "a predicate of type {kind:?} is not simulated"
                )));
            }
        };
        let found = values(dimension).ok_or_else(|| {
            ApiError::bad_request(&format!("the dimension {dimension} is not simulated here"))
        })?;
        match (self.operator, &self.value) {
            (Operator::Exists, _) => Ok(!found.is_empty()),
            (Operator::NotExists, _) => Ok(found.is_empty()),
            (Operator::Matches, Some(value)) => Ok(found.contains(value)),
            (Operator::Matches, None) => Err(ApiError::bad_request(
                "a predicate that matches has to have a value",
            )),
        }
    }
}
