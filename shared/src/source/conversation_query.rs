//! Request body of the analytics conversation queries: an interval and the request's filters in the API's terms. Some
//! dimensions are conversation filters, others segment filters:
//! <https://github.com/MyPureCloud/platform-client-sdk-java/blob/HEAD/build/docs/SegmentDetailQueryPredicate.md>

use serde::Serialize;

use crate::base::time::Interval;
use crate::export::request::Filters;

/// The body of a query or of a job submission, with the API's field names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationQuery<'a> {
    interval: Interval,
    order: Order,
    order_by: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conversation_filters: Vec<Filter<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    segment_filters: Vec<Filter<'a>>,
    /// For a query; a job has no paging.
    #[serde(skip_serializing_if = "Option::is_none")]
    paging: Option<Paging>,
}

/// Sort order by conversation start.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Asc,
    Desc,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paging {
    pub(super) page_size: u32,
    /// Starts at 1.
    pub(super) page_number: u32,
}

impl<'a> ConversationQuery<'a> {
    pub(super) fn new(interval: Interval, order: Order, filters: &'a Filters) -> Self {
        Self {
            interval,
            order,
            order_by: "conversationStart",
            conversation_filters: conversation_filters(filters),
            segment_filters: segment_filters(filters),
            paging: None,
        }
    }

    pub(super) fn page(self, paging: Paging) -> Self {
        Self {
            paging: Some(paging),
            ..self
        }
    }
}

/// One group of predicates; all groups of a query must match.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Filter<'a> {
    #[serde(rename = "type")]
    combination: &'static str,
    predicates: Vec<Predicate<'a>>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Predicate<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dimension: &'static str,
    operator: &'static str,
    value: &'a str,
}

fn conversation_filters(filters: &Filters) -> Vec<Filter<'_>> {
    groups([
        ("conversationId", &filters.conversation_ids),
        ("originatingDirection", &filters.directions),
    ])
}

fn segment_filters(filters: &Filters) -> Vec<Filter<'_>> {
    groups([
        ("mediaType", &filters.media_types),
        ("messageType", &filters.message_types),
        ("queueId", &filters.queue_ids),
        ("userId", &filters.participant_ids),
    ])
}

fn groups<'a, const N: usize>(dimensions: [(&'static str, &'a Vec<String>); N]) -> Vec<Filter<'a>> {
    dimensions
        .into_iter()
        .filter_map(|(dimension, values)| any_of(dimension, values))
        .collect()
}

fn any_of<'a>(dimension: &'static str, values: &'a [String]) -> Option<Filter<'a>> {
    let predicate = |value| Predicate {
        kind: "dimension",
        dimension,
        operator: "matches",
        value,
    };
    let predicates: Vec<_> = values
        .iter()
        .map(|value| predicate(value.as_str()))
        .collect();
    (!predicates.is_empty()).then_some(Filter {
        combination: "or",
        predicates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dimension_is_in_the_filter_that_the_api_supports() {
        let filters = Filters {
            conversation_ids: vec!["c1".to_owned(), "c2".to_owned()],
            media_types: vec!["message".to_owned()],
            queue_ids: vec!["q".to_owned()],
            directions: vec!["inbound".to_owned()],
            ..Filters::default()
        };

        let conversations = serde_json::to_string(&conversation_filters(&filters)).unwrap();
        let segments = serde_json::to_string(&segment_filters(&filters)).unwrap();

        insta::assert_snapshot!(conversations, @r#"[{"type":"or","predicates":[{"type":"dimension","dimension":"conversationId","operator":"matches","value":"c1"},{"type":"dimension","dimension":"conversationId","operator":"matches","value":"c2"}]},{"type":"or","predicates":[{"type":"dimension","dimension":"originatingDirection","operator":"matches","value":"inbound"}]}]"#);
        insta::assert_snapshot!(segments, @r#"[{"type":"or","predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"message"}]},{"type":"or","predicates":[{"type":"dimension","dimension":"queueId","operator":"matches","value":"q"}]}]"#);
    }

    #[test]
    fn a_query_has_paging_and_a_job_has_none() {
        let interval = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z".parse().unwrap();
        let filters = Filters::default();
        let query = || ConversationQuery::new(interval, Order::Desc, &filters);
        let paging = Paging {
            page_size: 100,
            page_number: 1,
        };

        let texts =
            [query(), query().page(paging)].map(|query| serde_json::to_string(&query).unwrap());

        insta::assert_snapshot!(texts.join("\n"), @r#"
        {"interval":"2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z","order":"desc","orderBy":"conversationStart"}
        {"interval":"2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z","order":"desc","orderBy":"conversationStart","paging":{"pageSize":100,"pageNumber":1}}
        "#);
    }
}
