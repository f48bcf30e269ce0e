//! The errors of a capture with the exit code, and what to do about them.

use conversation_archive::genesys::ApiError;
use conversation_archive::source::stream::StreamError;

use crate::capture::CaptureError;
use crate::problem::{Exit, Problem, full_message};

const CONTINUES: &str =
    "starting it again continues: the time between is recorded as a gap, which an export closes";

impl From<CaptureError> for Problem {
    fn from(error: CaptureError) -> Self {
        let (exit, hint) = match &error {
            CaptureError::NotWritten(_) => (
                Exit::NotWritten,
                format!("check the archive's folder or bucket; {CONTINUES}"),
            ),
            CaptureError::Stream(error) => advice(error),
        };
        Self {
            exit,
            ..Self::failed(full_message(error)).with_hint(hint)
        }
    }
}

fn advice(error: &StreamError) -> (Exit, String) {
    let (exit, hint) = match error {
        StreamError::TooManyTopics(_) => (
            Exit::Refused,
            "name fewer queues, users and conversations, allow more channels with --channels, or capture a part of them by another process with another --name",
        ),
        StreamError::NoTopics => (
            Exit::Refused,
            "the client's role sees no queue: give it routing:queue:view for their divisions",
        ),
        StreamError::UnknownQueues(_) => (
            Exit::Refused,
            "check the names, and that the client's role has routing:queue:view for their divisions",
        ),
        StreamError::Rejected(_) => (
            Exit::Refused,
            "give the client's role these permissions, or hear the others with --allow-rejected",
        ),
        StreamError::Url(_) | StreamError::Client(_) => (
            Exit::Refused,
            "check GENESYS_API_URL and the proxy settings: the connection must be one of TLS, unless it is to this machine",
        ),
        StreamError::Api(ApiError::Login { .. }) => (
            Exit::Refused,
            "check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and the region: genesys-archive check",
        ),
        StreamError::Api(error) if !error.is_transient() => (
            Exit::Refused,
            "check the permissions of the client's role: notifications need those of their topics",
        ),
        // The messages say whom to ask.
        StreamError::Refused(_) | StreamError::TokenRefused(_) => (
            Exit::RefusedByGateway,
            "starting it again does not help before that is changed",
        ),
        StreamError::Api(_) | StreamError::Panicked => (Exit::Failed, CONTINUES),
    };
    (exit, hint.to_owned())
}
