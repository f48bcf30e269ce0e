//! The two forms of a history gateway, and the requests that each form can express.

use serde::{Deserialize, Serialize};

use super::{Filters, InvalidRequest};
use crate::base::time::Interval;

/// The form of a history gateway's requests and responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryForm {
    /// `nextPageToken` in the query string; entities are selected by id, participant, channel and time.
    #[default]
    PageToken,
    /// `continuationToken` in the body; entities are selected by id and time.
    Continuation,
}

/// The channels of an entity. A filter of the form `page-token` names one of them.
const CHANNELS: [&str; 7] = [
    "voice", "chat", "email", "sms", "callback", "social", "webchat",
];

impl HistoryForm {
    /// The largest page that the contract allows, which is also the number of ids that one request names.
    pub fn page_size_max(self) -> u32 {
        match self {
            Self::PageToken => 2000,
            Self::Continuation => 1000,
        }
    }

    /// The filters that the form has.
    pub fn filters(self) -> &'static [&'static str] {
        match self {
            Self::PageToken => &["conversationIds", "participantIds", "mediaTypes"],
            Self::Continuation => &["conversationIds", "category"],
        }
    }

    /// Checks that the form can express the filters and the interval, and that each id is one. `None` means any time.
    pub fn check(
        self,
        filters: &Filters,
        interval: Option<Interval>,
    ) -> Result<(), InvalidRequest> {
        self.check_query(filters, interval)?;
        match filters.conversation_ids.iter().position(String::is_empty) {
            Some(index) => {
                let field = format!("filters.conversationIds[{index}]");
                Err(InvalidRequest::new(field, "empty", "expected an id"))
            }
            None => Ok(()),
        }
    }

    /// Checks that the form can express the filters and the interval. Reads no conversation id, so that it can be repeated
    /// for each page of an export of many.
    pub(crate) fn check_query(
        self,
        filters: &Filters,
        interval: Option<Interval>,
    ) -> Result<(), InvalidRequest> {
        self.check_names(filters)?;
        match self {
            Self::PageToken => self.check_page_token(filters),
            Self::Continuation => self.check_continuation(filters, interval),
        }
    }

    fn check_names(self, filters: &Filters) -> Result<(), InvalidRequest> {
        let supported = self.filters();
        let mut given = filters.given().into_iter();
        let Some((name, value)) = given.find(|(name, _)| !supported.contains(name)) else {
            return Ok(());
        };
        let rule = format!(
            "a history gateway of the form {self} has only the filters {} (GATEWAY_HISTORY_FORM)",
            supported.join(", ")
        );
        Err(InvalidRequest::new(format!("filters.{name}"), value, rule))
    }

    fn check_page_token(self, filters: &Filters) -> Result<(), InvalidRequest> {
        if filters.is_empty() {
            let rule = format!(
                "a history gateway of the form {self} needs at least one of {}",
                self.filters().join(", ")
            );
            return Err(InvalidRequest::new("filters", "missing", rule));
        }
        check_single(self, "participantIds", &filters.participant_ids)?;
        check_single(self, "mediaTypes", &filters.media_types)?;
        let mut channels = filters.media_types.iter();
        match channels.find(|it| !CHANNELS.contains(&it.as_str())) {
            Some(channel) => Err(InvalidRequest::new(
                "filters.mediaTypes[0]",
                channel,
                format!("a history gateway has {}", CHANNELS.join(", ")),
            )),
            None => Ok(()),
        }
    }

    fn check_continuation(
        self,
        filters: &Filters,
        interval: Option<Interval>,
    ) -> Result<(), InvalidRequest> {
        if filters.conversation_ids.is_empty() {
            let rule = format!(
                "a history gateway of the form {self} returns conversations by id only; list their ids"
            );
            return Err(InvalidRequest::new(
                "filters.conversationIds",
                "missing",
                rule,
            ));
        }
        match interval {
            Some(_) => Ok(()),
            None => Err(self.without_interval()),
        }
    }

    /// The refusal of a request without an interval.
    pub(crate) fn without_interval(self) -> InvalidRequest {
        let rule = format!(
            "a history gateway of the form {self} needs one with ids, too; give one in which the conversations started"
        );
        InvalidRequest::new("interval", "missing", rule)
    }
}

/// Refuses several values of a filter that holds one.
fn check_single(form: HistoryForm, name: &str, values: &[String]) -> Result<(), InvalidRequest> {
    let field = format!("filters.{name}");
    if values.len() > 1 {
        let rule = format!(
            "a history gateway of the form {form} takes one value; use one export for each"
        );
        return Err(InvalidRequest::new(
            field,
            format!("{} values", values.len()),
            rule,
        ));
    }
    if values.iter().any(String::is_empty) {
        return Err(InvalidRequest::new(
            field + "[0]",
            "empty",
            "expected a value",
        ));
    }
    Ok(())
}

impl std::fmt::Display for HistoryForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PageToken => "page-token",
            Self::Continuation => "continuation",
        })
    }
}

impl std::str::FromStr for HistoryForm {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "page-token" => Ok(Self::PageToken),
            "continuation" => Ok(Self::Continuation),
            _ => Err(UnknownForm(text.to_owned())),
        }
    }
}

/// The text is not a valid form of the history gateway.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a form of a history gateway: expected page-token or continuation")]
pub struct UnknownForm(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: HistoryForm, filters: &str, interval: Option<&str>) -> Option<String> {
        let filters: Filters = serde_json::from_str(filters).unwrap();
        let interval = interval.map(|interval| interval.parse().unwrap());
        form.check(&filters, interval)
            .err()
            .map(|refusal| refusal.to_string())
    }

    const DAY: Option<&str> = Some("2026-03-01T00:00:00Z/2026-03-02T00:00:00Z");

    #[test]
    fn the_check_for_each_page_reads_no_conversation_id() {
        let filters: Filters = serde_json::from_str(r#"{"conversationIds":["a",""]}"#).unwrap();
        let day = DAY.map(|interval| interval.parse().unwrap());

        for form in [HistoryForm::PageToken, HistoryForm::Continuation] {
            assert_eq!(form.check_query(&filters, day), Ok(()));
            assert!(form.check(&filters, day).is_err(), "the plan is checked");
        }
    }

    #[test]
    fn each_form_accepts_the_requests_that_it_can_express() {
        let page_token = [
            (r#"{"conversationIds":["a","b"]}"#, None),
            (r#"{"conversationIds":["a"]}"#, DAY),
            (r#"{"participantIds":["p"]}"#, DAY),
            (r#"{"mediaTypes":["callback"]}"#, DAY),
            (
                r#"{"conversationIds":["a"],"participantIds":["p"],"mediaTypes":["sms"]}"#,
                DAY,
            ),
        ];
        let continuation = [
            (r#"{"conversationIds":["a","b"]}"#, DAY),
            (r#"{"conversationIds":["a"],"category":"wrapup"}"#, DAY),
        ];

        for (filters, interval) in page_token {
            assert_eq!(check(HistoryForm::PageToken, filters, interval), None);
        }
        for (filters, interval) in continuation {
            assert_eq!(check(HistoryForm::Continuation, filters, interval), None);
        }
    }

    #[test]
    fn a_request_that_the_form_cannot_express_is_refused_by_field() {
        let refusals = [
            (HistoryForm::PageToken, "{}", DAY),
            (
                HistoryForm::PageToken,
                r#"{"participantIds":["p","q"]}"#,
                DAY,
            ),
            (
                HistoryForm::PageToken,
                r#"{"mediaTypes":["voice","sms"]}"#,
                DAY,
            ),
            (HistoryForm::PageToken, r#"{"mediaTypes":["message"]}"#, DAY),
            (
                HistoryForm::PageToken,
                r#"{"conversationIds":["a",""]}"#,
                DAY,
            ),
            (HistoryForm::PageToken, r#"{"participantIds":[""]}"#, DAY),
            (
                HistoryForm::PageToken,
                r#"{"conversationIds":["a"],"category":"wrapup"}"#,
                DAY,
            ),
            (HistoryForm::PageToken, r#"{"queueIds":["q"]}"#, DAY),
            (HistoryForm::Continuation, "{}", DAY),
            (HistoryForm::Continuation, r#"{"category":"wrapup"}"#, DAY),
            (
                HistoryForm::Continuation,
                r#"{"conversationIds":["a"],"participantIds":["p"]}"#,
                DAY,
            ),
            (
                HistoryForm::Continuation,
                r#"{"mediaTypes":["voice"]}"#,
                DAY,
            ),
            (
                HistoryForm::Continuation,
                r#"{"conversationIds":["a"]}"#,
                None,
            ),
        ];

        let messages = refusals.map(|(form, filters, interval)| {
            check(form, filters, interval).unwrap_or_else(|| panic!("{form} {filters}"))
        });

        insta::assert_snapshot!(messages.join("\n"), @r"
        `filters` is missing: a history gateway of the form page-token needs at least one of conversationIds, participantIds, mediaTypes
        `filters.participantIds` is 2 values: a history gateway of the form page-token takes one value; use one export for each
        `filters.mediaTypes` is 2 values: a history gateway of the form page-token takes one value; use one export for each
        `filters.mediaTypes[0]` is message: a history gateway has voice, chat, email, sms, callback, social, webchat
        `filters.conversationIds[1]` is empty: expected an id
        `filters.participantIds[0]` is empty: expected a value
        `filters.category` is wrapup: a history gateway of the form page-token has only the filters conversationIds, participantIds, mediaTypes (GATEWAY_HISTORY_FORM)
        `filters.queueIds` is q: a history gateway of the form page-token has only the filters conversationIds, participantIds, mediaTypes (GATEWAY_HISTORY_FORM)
        `filters.conversationIds` is missing: a history gateway of the form continuation returns conversations by id only; list their ids
        `filters.conversationIds` is missing: a history gateway of the form continuation returns conversations by id only; list their ids
        `filters.participantIds` is p: a history gateway of the form continuation has only the filters conversationIds, category (GATEWAY_HISTORY_FORM)
        `filters.mediaTypes` is voice: a history gateway of the form continuation has only the filters conversationIds, category (GATEWAY_HISTORY_FORM)
        `interval` is missing: a history gateway of the form continuation needs one with ids, too; give one in which the conversations started
        ");
    }
}
