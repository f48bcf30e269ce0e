//! The API's JSON under the API's own nouns: the fields we read, and no others.
//!
//! Unknown fields are passed over and unknown states kept as text, since the API adds both without notice.

mod messages;

pub use messages::*;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// `POST {login}/oauth/token`, 200.
#[derive(Debug, Deserialize)]
pub struct TokenResponse {
    #[serde(deserialize_with = "secret")]
    pub access_token: SecretString,
    /// Seconds. A setting of the OAuth client: five minutes to two days.
    pub expires_in: Option<u64>,
}

/// `POST {login}/oauth/token`, 400: not the API's [`ErrorBody`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginErrorBody {
    pub error: String,
    pub description: Option<String>,
    pub error_description: Option<String>,
}

/// What the API answers with a 4xx or 5xx.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ErrorBody {
    pub message: Option<String>,
    pub code: Option<String>,
    /// What the vendor's support asks for.
    pub context_id: Option<String>,
}

/// `POST …/conversations/details/jobs`, 202.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncQueryResponse {
    pub job_id: String,
}

/// `GET …/conversations/details/jobs/{jobId}`, 200 or 202.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncQueryStatus {
    pub state: JobState,
    pub error_message: Option<String>,
    pub submission_date: Option<Timestamp>,
    pub completion_date: Option<Timestamp>,
    /// Until when the results can be read.
    pub expiration_date: Option<Timestamp>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum JobState {
    Queued,
    Pending,
    Fulfilled,
    Failed,
    Cancelled,
    Expired,
    /// One that did not exist when this was written.
    Other(String),
}

/// `GET …/conversations/details/jobs/availability`: the data lake is complete up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataAvailability {
    pub data_availability_date: Timestamp,
}

/// `GET …/analytics/dataretention/settings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataRetention {
    pub retention_days: Option<u32>,
}

/// `GET …/routing/queues` and its like: one page of what has a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityListing {
    #[serde(default)]
    pub entities: Vec<NamedEntity>,
    /// 0 when the listing does not say: then its first page is all.
    #[serde(default)]
    pub page_count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NamedEntity {
    pub id: String,
    pub name: Option<String>,
}

/// The export gateway's answer to a query. Not an endpoint of the public API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryReply {
    pub id: Option<String>,
    pub query_id: String,
    pub total_records: u64,
    pub page_size: Option<u64>,
}

/// Decodes a whole body, to be passed to [`GenesysClient::call`](super::GenesysClient::call).
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

impl From<String> for JobState {
    fn from(text: String) -> Self {
        match text.as_str() {
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

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_we_do_not_know_is_kept() {
        let status: AsyncQueryStatus =
            serde_json::from_str(r#"{"state":"RESTING","since":1}"#).unwrap();

        assert_eq!(status.state, JobState::Other("RESTING".to_owned()));
    }

    #[test]
    fn a_finished_job_says_until_when_it_can_be_read() {
        let body = r#"{"state":"FULFILLED","submissionDate":"2026-03-02T10:00:00.123Z","expirationDate":"2026-03-03T10:00:00Z"}"#;

        let status: AsyncQueryStatus = serde_json::from_str(body).unwrap();

        assert_eq!(status.state, JobState::Fulfilled);
        assert_eq!(
            status.expiration_date,
            Some("2026-03-03T10:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn the_watermark_is_a_moment() {
        let body = r#"{"dataAvailabilityDate":"2026-03-02T06:30:00Z"}"#;

        let availability: DataAvailability = serde_json::from_str(body).unwrap();

        assert_eq!(
            availability.data_availability_date,
            "2026-03-02T06:30:00Z".parse().unwrap()
        );
    }

    #[test]
    fn a_gateway_query_is_known_by_its_query_id() {
        let body = r#"{"id":"1","queryId":"q-7","totalRecords":120,"pageSize":50,"node":"b"}"#;

        let reply: QueryReply = serde_json::from_str(body).unwrap();

        assert_eq!(
            (
                reply.query_id.as_str(),
                reply.total_records,
                reply.page_size
            ),
            ("q-7", 120, Some(50))
        );
    }

    #[test]
    fn a_token_response_does_not_show_its_token() {
        let body = r#"{"access_token":"t0ken","token_type":"bearer","expires_in":86399}"#;

        let token: TokenResponse = serde_json::from_str(body).unwrap();

        assert!(!format!("{token:?}").contains("t0ken"));
        assert_eq!(token.expires_in, Some(86399));
    }
}
