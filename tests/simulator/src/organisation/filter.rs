//! The filters of a query or a job: validated once, then applied to each conversation. Unknown filters are refused,
//! because ignoring a filter would return wrong results.

use serde::Deserialize;

use super::response::ApiError;
use crate::data::{Conversation, Facet};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Filter {
    #[serde(rename = "type")]
    kind: Combination,
    clauses: Vec<Filter>,
    predicates: Vec<Predicate>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Combination {
    #[default]
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Predicate {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    dimension: Option<String>,
    #[serde(default)]
    operator: Operator,
    value: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    #[default]
    Matches,
    Exists,
    NotExists,
}

/// The conversation dimensions that the data supports.
const OF_CONVERSATIONS: [&str; 5] = [
    "conversationId",
    "conversationStart",
    "conversationEnd",
    "originatingDirection",
    "divisionId",
];
/// The segment dimensions that the data supports.
const OF_SEGMENTS: [&str; 5] = ["mediaType", "messageType", "purpose", "queueId", "userId"];

/// Refuses unsupported filters, even if no conversation has to be tested.
pub(crate) fn check(conversation: &[Filter], segment: &[Filter]) -> Result<(), ApiError> {
    let of = |filters: &[Filter], dimensions| {
        filters
            .iter()
            .try_for_each(|filter| filter.check(dimensions))
    };
    of(conversation, &OF_CONVERSATIONS)?;
    of(segment, &OF_SEGMENTS)
}

/// Whether the conversation satisfies every filter.
pub(crate) fn conversation_matches(filters: &[Filter], conversation: &Conversation) -> bool {
    filters.iter().all(|filter| {
        filter.holds(&|dimension, value| {
            let is = |found: &str| value.is_none_or(|value| value == found);
            match dimension {
                "conversationId" => is(&conversation.id),
                "conversationStart" => is(&format!("{:.3}", conversation.start)),
                "conversationEnd" => conversation.end.is_some_and(|end| is(&format!("{end:.3}"))),
                "originatingDirection" => is(conversation.direction),
                "divisionId" => conversation.divisions.iter().any(|it| is(it)),
                _ => false,
            }
        })
    })
}

/// Whether a single segment satisfies every filter.
pub(crate) fn segments_match(filters: &[Filter], facets: &[Facet]) -> bool {
    filters.is_empty()
        || facets.iter().any(|facet| {
            filters
                .iter()
                .all(|filter| filter.holds(&|dimension, value| has(facet, dimension, value)))
        })
}

fn has(facet: &Facet, dimension: &str, value: Option<&str>) -> bool {
    let found = match dimension {
        "mediaType" => Some(facet.media_type),
        "messageType" => facet.message_type,
        "purpose" => Some(facet.purpose),
        "queueId" => facet.queue.as_deref(),
        "userId" => facet.user.as_deref(),
        _ => None,
    };
    found.is_some_and(|found| value.is_none_or(|value| value == found))
}

/// Whether the dimension has this value; without a value, whether it has any.
type Test<'a> = &'a dyn Fn(&str, Option<&str>) -> bool;

impl Filter {
    fn check(&self, dimensions: &[&str]) -> Result<(), ApiError> {
        self.clauses
            .iter()
            .try_for_each(|clause| clause.check(dimensions))?;
        self.predicates
            .iter()
            .try_for_each(|predicate| predicate.check(dimensions))
    }

    fn holds(&self, test: Test<'_>) -> bool {
        let mut clauses = self.clauses.iter();
        let mut predicates = self.predicates.iter();
        match self.kind {
            Combination::And => {
                clauses.all(|it| it.holds(test)) && predicates.all(|it| it.holds(test))
            }
            Combination::Or => {
                clauses.any(|it| it.holds(test)) || predicates.any(|it| it.holds(test))
            }
        }
    }
}

impl Predicate {
    fn check(&self, dimensions: &[&str]) -> Result<(), ApiError> {
        let refuse = |why: String| Err(ApiError::bad_request(&why));
        match (self.kind.as_deref(), self.dimension.as_deref()) {
            (None | Some("dimension"), Some(dimension)) if dimensions.contains(&dimension) => {}
            (None | Some("dimension"), dimension) => {
                return refuse(format!("the dimension {dimension:?} is not simulated"));
            }
            (kind, _) => return refuse(format!("a predicate of type {kind:?} is not simulated")),
        }
        if matches!(self.operator, Operator::Matches) && self.value.is_none() {
            return refuse("a predicate with the operator matches requires a value".to_owned());
        }
        Ok(())
    }

    fn holds(&self, test: Test<'_>) -> bool {
        let dimension = self.dimension.as_deref().unwrap_or_default();
        match self.operator {
            Operator::Matches => test(dimension, self.value.as_deref()),
            Operator::Exists => test(dimension, None),
            Operator::NotExists => !test(dimension, None),
        }
    }
}
