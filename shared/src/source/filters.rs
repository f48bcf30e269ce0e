//! The filters of a request in the terms of the analytics API: some dimensions belong to conversations, others to segments.

use serde::Serialize;

use crate::request::Filters;

/// One group of predicates; the groups of a query must all hold.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Filter<'a> {
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

/// `conversationFilters`.
pub(super) fn conversation_filters(filters: &Filters) -> Vec<Filter<'_>> {
    any_of("conversationId", &filters.conversation_ids)
        .into_iter()
        .collect()
}

/// `segmentFilters`.
pub(super) fn segment_filters(filters: &Filters) -> Vec<Filter<'_>> {
    let dimensions = [
        ("mediaType", &filters.media_types),
        ("messageType", &filters.message_types),
        ("queueId", &filters.queue_ids),
        ("userId", &filters.participant_ids),
    ];
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
    fn each_dimension_is_asked_where_the_api_knows_it() {
        let filters = Filters {
            conversation_ids: vec!["c1".to_owned(), "c2".to_owned()],
            media_types: vec!["message".to_owned()],
            queue_ids: vec!["q".to_owned()],
            ..Filters::default()
        };

        let conversations = serde_json::to_string(&conversation_filters(&filters)).unwrap();
        let segments = serde_json::to_string(&segment_filters(&filters)).unwrap();

        insta::assert_snapshot!(conversations, @r#"[{"type":"or","predicates":[{"type":"dimension","dimension":"conversationId","operator":"matches","value":"c1"},{"type":"dimension","dimension":"conversationId","operator":"matches","value":"c2"}]}]"#);
        insta::assert_snapshot!(segments, @r#"[{"type":"or","predicates":[{"type":"dimension","dimension":"mediaType","operator":"matches","value":"message"}]},{"type":"or","predicates":[{"type":"dimension","dimension":"queueId","operator":"matches","value":"q"}]}]"#);
    }
}
