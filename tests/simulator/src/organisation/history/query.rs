//! The requests of a history gateway, in both forms.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::faults::IntervalEnd;
use crate::organisation::gateway::is_within;
use crate::organisation::request::Request;
use crate::organisation::response::ApiError;
use crate::settings::HistoryForm;

/// What a request asks for, in either form.
#[derive(Debug)]
pub(super) struct HistoryQuery {
    /// `None` for all ids.
    ids: Option<Vec<String>>,
    pub(super) participant: Option<String>,
    channel: Option<Channel>,
    /// Half-open, applied to the start; `None` for any time.
    time: Option<(Timestamp, Timestamp)>,
    pub(super) is_of_another_view: bool,
    pub(super) size: usize,
    pub(super) token: Option<String>,
}

/// The body of the form `page-token`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PageTokenBody {
    filter: Filter,
    #[serde(default, deserialize_with = "present")]
    time_range: Option<TimeRange>,
    size: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    #[serde(default, deserialize_with = "present")]
    interaction_id: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    participant_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    channel_type: Option<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TimeRange {
    start_time: Timestamp,
    end_time: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Channel {
    Voice,
    Chat,
    Email,
    Sms,
    Callback,
    Social,
    Webchat,
}

/// The body of the form `continuation`. All fields are required; the token is null for the first page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContinuationBody {
    date_from: Timestamp,
    date_to: Timestamp,
    view: View,
    filter: [IdFilter; 1],
    size: usize,
    #[serde(deserialize_with = "Option::deserialize")]
    continuation_token: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum View {
    Conversation,
    /// This and the following views have no entities here.
    Wrapup,
    Disposition,
    Routing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdFilter {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    op: String,
    value: Vec<String>,
}

/// Refuses null for a field that may be absent.
fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl HistoryQuery {
    pub(super) fn of(form: HistoryForm, request: &Request) -> Result<Self, ApiError> {
        let query = match form {
            HistoryForm::PageToken => Self::by_page_token(request)?,
            HistoryForm::Continuation => Self::by_continuation(request)?,
        };
        query.check(form)?;
        Ok(query)
    }

    fn by_page_token(request: &Request) -> Result<Self, ApiError> {
        check_parameters(request, &["nextPageToken"])?;
        let PageTokenBody {
            filter,
            time_range,
            size,
        } = request.json()?;
        let query = Self {
            ids: filter.interaction_id,
            participant: filter.participant_id,
            channel: filter.channel_type,
            time: time_range.map(|range| (range.start_time, range.end_time)),
            is_of_another_view: false,
            size,
            token: request.parameter("nextPageToken").map(ToOwned::to_owned),
        };
        if query.ids.is_none() && query.participant.is_none() && query.channel.is_none() {
            return Err(ApiError::bad_request(
                "filter must have interactionId, participantId or channelType",
            ));
        }
        if query.ids.is_none() && query.time.is_none() {
            return Err(ApiError::bad_request(
                "timeRange is required without interactionId",
            ));
        }
        Ok(query)
    }

    fn by_continuation(request: &Request) -> Result<Self, ApiError> {
        check_parameters(request, &[])?;
        let ContinuationBody {
            date_from,
            date_to,
            view,
            filter: [filter],
            size,
            continuation_token,
        } = request.json()?;
        let words = [
            ("type", &filter.kind, "conversation"),
            ("path", &filter.path, "id"),
            ("op", &filter.op, "in"),
        ];
        if let Some((name, _, only)) = words.iter().find(|(_, value, only)| value != only) {
            let message = format!("filter[0].{name} must be {only}");
            return Err(ApiError::bad_request(&message));
        }
        Ok(Self {
            ids: Some(filter.value),
            participant: None,
            channel: None,
            time: Some((date_from, date_to)),
            is_of_another_view: view != View::Conversation,
            size,
            token: continuation_token,
        })
    }

    fn check(&self, form: HistoryForm) -> Result<(), ApiError> {
        let most = form.page_size_max();
        if !(1..=most).contains(&self.size) {
            let message = format!("size must be between 1 and {most}");
            return Err(ApiError::bad_request(&message));
        }
        if self.ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(ApiError::bad_request("the list of ids is empty"));
        }
        if self.time.is_some_and(|(start, end)| end <= start) {
            return Err(ApiError::bad_request(
                "the time range must end after it starts",
            ));
        }
        Ok(())
    }

    /// Whether the query returns this entity. All entities here are web chats.
    pub(super) fn selects(&self, id: &str, start: Timestamp, end: IntervalEnd) -> bool {
        let ids = self.ids.as_ref();
        ids.is_none_or(|ids| ids.iter().any(|it| it == id))
            && self.channel.is_none_or(|it| it == Channel::Webchat)
            && self.time.is_none_or(|time| is_within(start, time, end))
    }
}

/// Refuses query parameters other than these.
fn check_parameters(request: &Request, known: &[&str]) -> Result<(), ApiError> {
    let mut names = request.parameters.iter().map(|(name, _)| name.as_str());
    match names.find(|name| !known.contains(name)) {
        Some(name) => {
            let message = format!("The query parameter {name} is unknown.");
            Err(ApiError::bad_request(&message))
        }
        None => Ok(()),
    }
}
