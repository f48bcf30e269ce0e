//! The API's JSON types under the API's own names, reduced to the fields in use. Names, types and states are those of
//! the official SDKs: <https://github.com/MyPureCloud/platform-client-sdk-python/tree/master/build/docs>
//!
//! Unknown fields are ignored and unknown states kept as text, since the API adds both without notice.

mod messages;
mod notifications;
mod recordings;
mod sessions;
mod speech;
mod web_details;
mod web_sessions;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::base::decode::lenient;

pub use messages::*;
pub use notifications::*;
pub use recordings::*;
pub use sessions::*;
pub use speech::*;
pub use web_details::*;
pub use web_sessions::*;

/// `POST {login}/oauth/token`, 200.
#[derive(Debug, Deserialize)]
pub struct TokenResponse {
    #[serde(deserialize_with = "secret")]
    pub access_token: SecretString,
    /// In seconds. A setting of the OAuth client: five minutes to two days.
    /// <https://help.mypurecloud.com/articles/create-an-oauth-client/>
    #[serde(default, deserialize_with = "lenient::optional_count")]
    pub expires_in: Option<u64>,
}

/// `POST {login}/oauth/token`, 400: not the API's [`ErrorBody`], but the error of RFC 6749, section 5.2, with a
/// `description` besides (not documented; observed).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginErrorBody {
    #[serde(deserialize_with = "lenient::optional")]
    pub error: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    pub error_description: Option<String>,
}

/// Body of a 4xx or 5xx response of the API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ErrorBody {
    #[serde(deserialize_with = "lenient::optional")]
    pub message: Option<String>,
    #[serde(deserialize_with = "lenient::optional")]
    pub code: Option<String>,
    #[serde(deserialize_with = "lenient::optional_count")]
    pub status: Option<u64>,
    /// Context id, which Genesys Cloud support asks for.
    #[serde(deserialize_with = "lenient::optional")]
    pub context_id: Option<String>,
}

/// `POST …/conversations/details/jobs`, 202.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncQueryResponse {
    #[serde(deserialize_with = "lenient::identifier")]
    pub job_id: String,
}

/// `GET …/conversations/details/jobs/{jobId}`, 200 or 202.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncQueryStatus {
    pub state: JobState,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub error_message: Option<String>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub submission_date: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub completion_date: Option<Timestamp>,
    /// Time until which the results can be read.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub expiration_date: Option<Timestamp>,
}

/// State of a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum JobState {
    Queued,
    Pending,
    Fulfilled,
    Failed,
    Cancelled,
    Expired,
    /// A state that this version does not know.
    Other(String),
}

/// `GET …/conversations/details/jobs/availability`: the time up to which the data lake is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataAvailability {
    pub data_availability_date: Timestamp,
}

/// `GET …/analytics/dataretention/settings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataRetention {
    /// Absent if there is no limit.
    /// <https://help.mypurecloud.com/articles/set-the-maximum-interaction-data-retention-time/>
    #[serde(default, deserialize_with = "lenient::optional_count")]
    pub retention_days: Option<u64>,
}

/// `GET …/routing/queues` and similar listings: one page of named entities.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityListing {
    /// The entities that can be read.
    #[serde(deserialize_with = "lenient::elements")]
    pub entities: Vec<NamedEntity>,
    /// Absent if the listing does not report it; then the listing ends with a page without new entities.
    #[serde(default, deserialize_with = "lenient::optional_count")]
    pub page_count: Option<u64>,
    /// The number of entities on all pages.
    #[serde(default, deserialize_with = "lenient::optional_count")]
    pub total: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NamedEntity {
    #[serde(deserialize_with = "lenient::identifier")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
}

/// The export gateway's response to a query. Not an endpoint of the public API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryReply {
    #[serde(deserialize_with = "lenient::identifier")]
    pub query_id: String,
    #[serde(deserialize_with = "lenient::count")]
    pub total_records: u64,
}

impl From<String> for JobState {
    fn from(text: String) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "QUEUED" => Self::Queued,
            "PENDING" => Self::Pending,
            "FULFILLED" => Self::Fulfilled,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            "EXPIRED" => Self::Expired,
            _ => Self::Other(text),
        }
    }
}

/// Reads a token, which must fit into a header (RFC 6750, section 2.1).
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let token = String::deserialize(deserializer)?;
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(D::Error::custom("not a token"));
    }
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_job_state_is_kept() {
        let status: AsyncQueryStatus =
            serde_json::from_str(r#"{"state":"RESTING","since":1}"#).unwrap();

        assert_eq!(status.state, JobState::Other("RESTING".to_owned()));
    }

    #[test]
    fn a_finished_job_has_its_expiration_date() {
        let body = r#"{"state":"FULFILLED","submissionDate":"2026-03-02T10:00:00.123Z","expirationDate":"2026-03-03T10:00:00Z"}"#;

        let status: AsyncQueryStatus = serde_json::from_str(body).unwrap();

        assert_eq!(status.state, JobState::Fulfilled);
        assert_eq!(
            status.expiration_date,
            Some("2026-03-03T10:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn the_watermark_is_read_as_a_timestamp() {
        let body = r#"{"dataAvailabilityDate":"2026-03-02T06:30:00Z"}"#;

        let availability: DataAvailability = serde_json::from_str(body).unwrap();

        assert_eq!(
            availability.data_availability_date,
            "2026-03-02T06:30:00Z".parse().unwrap()
        );
    }

    #[test]
    fn a_gateway_query_is_identified_by_its_query_id() {
        let body = r#"{"id":"1","queryId":"q-7","totalRecords":120,"pageSize":50,"node":"b"}"#;

        let reply: QueryReply = serde_json::from_str(body).unwrap();

        assert_eq!((&*reply.query_id, reply.total_records), ("q-7", 120));
    }

    #[test]
    fn numbers_may_be_text_and_ids_numbers() {
        let reply: QueryReply =
            serde_json::from_str(r#"{"queryId":7,"totalRecords":"120"}"#).unwrap();
        let token: TokenResponse =
            serde_json::from_str(r#"{"access_token":"t","expires_in":"86399"}"#).unwrap();
        let odd: TokenResponse =
            serde_json::from_str(r#"{"access_token":"t","expires_in":{}}"#).unwrap();

        assert_eq!((&*reply.query_id, reply.total_records), ("7", 120));
        assert_eq!((token.expires_in, odd.expires_in), (Some(86_399), None));
    }

    #[test]
    fn invalid_optional_fields_are_read_as_none() {
        let body = r#"{"state":"fulfilled","errorMessage":7,"submissionDate":"","completionDate":17,"expirationDate":[]}"#;

        let status: AsyncQueryStatus = serde_json::from_str(body).unwrap();

        assert_eq!(status.state, JobState::Fulfilled);
        assert_eq!((status.error_message, status.expiration_date), (None, None));
    }

    #[test]
    fn a_listing_keeps_its_readable_entities() {
        let body = r#"{"entities":[{"id":"q1","name":"Sales"},null,{"name":"x"},{"id":2,"name":[]}],"pageCount":"3"}"#;

        let listing: EntityListing = serde_json::from_str(body).unwrap();

        let ids: Vec<_> = listing.entities.iter().map(|entity| &*entity.id).collect();
        assert_eq!((ids, listing.page_count), (vec!["q1", "2"], Some(3)));
    }

    #[test]
    fn debug_output_of_a_token_response_hides_the_token() {
        let body = r#"{"access_token":"t0ken","token_type":"bearer","expires_in":86399}"#;

        let token: TokenResponse = serde_json::from_str(body).unwrap();

        assert!(!format!("{token:?}").contains("t0ken"));
        assert_eq!(token.expires_in, Some(86399));
    }
}
