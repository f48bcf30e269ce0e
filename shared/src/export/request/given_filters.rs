//! The filters of a request by name, for messages and checks.

use super::{Category, Filters, IdRange};

impl Filters {
    /// The non-empty filters, by field name, with their values as text. Copies every value.
    pub fn non_empty(&self) -> Vec<(&'static str, String)> {
        let given = self.given().into_iter();
        given
            .map(|(name, value)| (name, value.to_string()))
            .collect()
    }

    /// The non-empty filters, by field name. Copies no value.
    pub(crate) fn given(&self) -> Vec<(&'static str, FilterValue<'_>)> {
        let lists = [
            ("conversationIds", &self.conversation_ids),
            ("sessionIds", &self.session_ids),
            ("participantIds", &self.participant_ids),
            ("mediaTypes", &self.media_types),
            ("messageTypes", &self.message_types),
            ("queueIds", &self.queue_ids),
            ("directions", &self.directions),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(name, list)| (name, FilterValue::List(list)));
        let range = self.conversation_id_range.as_ref();
        let range = range.map(|it| ("conversationIdRange", FilterValue::Range(it)));
        let category = self.category;
        let category = category.map(|it| ("category", FilterValue::Category(it)));
        lists.chain(range).chain(category).collect()
    }
}

/// The value of a filter, which is written as text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FilterValue<'a> {
    List(&'a [String]),
    Range(&'a IdRange),
    Category(Category),
}

impl std::fmt::Display for FilterValue<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::List(values) => f.write_str(&values.join(", ")),
            Self::Range(IdRange { min, max }) => write!(f, "{min}..{max}"),
            Self::Category(category) => category.fmt(f),
        }
    }
}
