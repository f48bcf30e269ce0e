//! Errors of a call, distinguished by what the caller does next.
//!
//! Messages name the path, and never a query, a header or the body of a response; of an error body they include only
//! the API's own message, truncated.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::decode::DecodeError;
use crate::base::failure::error_chain;

/// Why a call failed. It can be cloned, since concurrent callers share the failure of one login.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// 429, or a budget that stays used up for longer than the call may wait.
    #[error("{route} exceeded the rate limit")]
    Throttled {
        route: String,
        retry_after: Option<Duration>,
        context_id: Option<String>,
    },
    /// No usable response; a later retry may get one.
    #[error("{route} {reason}")]
    Unavailable {
        route: String,
        reason: UnavailableReason,
        /// Wait that the server asked for, if it did.
        wait: Option<Duration>,
        context_id: Option<String>,
        #[source]
        source: Option<Source>,
    },
    /// A complete response that does not match the API's documentation, in each try.
    #[error("{route} {reason}, in each of {tries} tries")]
    Broken {
        route: String,
        reason: UnavailableReason,
        tries: u32,
        context_id: Option<String>,
    },
    /// A response that will be the same on a retry.
    #[error("{route} returned {status}{}", error_details(code.as_deref(), message.as_deref(), context_id.as_deref()))]
    Refused {
        route: String,
        status: u16,
        code: Option<String>,
        message: Option<String>,
        context_id: Option<String>,
    },
    /// The OAuth client cannot log in.
    #[error("login at {host} failed: {reason}")]
    Login {
        host: String,
        reason: String,
        status: Option<u16>,
        #[source]
        source: Option<Source>,
    },
    /// A body over the limit; a retry would return it again.
    #[error("{route} returned more than {limit} bytes; set a lower pageSize for smaller responses")]
    TooLarge { route: String, limit: u64 },
}

/// The underlying error.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why there was no usable response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnavailableReason {
    Status(u16),
    Unreachable,
    /// The server's certificate is not signed by a known authority.
    UnknownAuthority,
    /// The proxy requires authentication.
    ProxyLogin,
    Timeout,
    CutOff,
    /// A body that is not JSON, such as a proxy's web page.
    NotJson {
        status: u16,
        content_type: Option<Box<str>>,
        line: u32,
        column: u32,
    },
    /// JSON of an unexpected shape, or an unexpected success status.
    Unexpected {
        status: u16,
        problem: Box<str>,
    },
    /// The deadline leaves no time to send the request.
    NoTimeLeft,
    /// The secret store did not respond.
    Credentials,
}

/// Length of a quoted message: enough for the API's longest one; an error body can be a whole web page.
const MAX_QUOTED_CHARS: usize = 300;

impl ApiError {
    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } => true,
            Self::Broken { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// The wait that the server asked for, if it did.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            Self::Unavailable { wait, .. } => *wait,
            Self::Broken { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::TooLarge { .. } => None,
        }
    }

    /// Whether the login failed, before the call itself was sent.
    pub(crate) fn is_login_error(&self) -> bool {
        match self {
            Self::Throttled { route, .. }
            | Self::Unavailable { route, .. }
            | Self::Broken { route, .. }
            | Self::Refused { route, .. }
            | Self::TooLarge { route, .. } => route == super::endpoints::LOGIN_ROUTE,
            Self::Login { .. } => true,
        }
    }

    /// Why there was no usable response.
    pub(crate) fn unavailable_reason(&self) -> Option<&UnavailableReason> {
        match self {
            Self::Unavailable { reason, .. } | Self::Broken { reason, .. } => Some(reason),
            Self::Throttled { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::TooLarge { .. } => None,
        }
    }

    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Throttled { .. } => Some(429),
            Self::Unavailable { reason, .. } | Self::Broken { reason, .. } => reason.status(),
            Self::Refused { status, .. } => Some(*status),
            Self::Login { status, .. } => *status,
            Self::TooLarge { .. } => None,
        }
    }

    /// Whether the API's error code says that the client lacks a permission. A 403 without a code counts, too.
    pub(crate) fn lacks_permission(&self) -> bool {
        let codes = [
            "missing.permissions",
            "missing.any.permissions",
            "not.authorized",
        ];
        match self {
            Self::Refused {
                status: 403,
                code,
                message,
                ..
            } => match code {
                Some(code) => codes.contains(&code.as_str()),
                None => message.is_none(),
            },
            _ => false,
        }
    }

    /// Context id, which Genesys Cloud support asks for.
    pub fn context_id(&self) -> Option<&str> {
        match self {
            Self::Throttled { context_id, .. }
            | Self::Unavailable { context_id, .. }
            | Self::Broken { context_id, .. }
            | Self::Refused { context_id, .. } => context_id.as_deref(),
            Self::Login { .. } | Self::TooLarge { .. } => None,
        }
    }

    pub(crate) fn unavailable(route: &str, reason: UnavailableReason) -> Self {
        Self::Unavailable {
            route: route.to_owned(),
            reason,
            wait: None,
            context_id: None,
            source: None,
        }
    }

    /// No usable response was received. The URL is removed, since its query holds cursors and ids.
    pub(crate) fn transport(route: &str, error: reqwest::Error) -> Self {
        let reason = UnavailableReason::of_transport(&error);
        let source: Source = Arc::new(error.without_url());
        Self::Unavailable {
            route: route.to_owned(),
            reason,
            wait: None,
            context_id: None,
            source: Some(source),
        }
    }

    /// Converts a refusal to a transient error.
    pub(crate) fn into_transient(self) -> Self {
        match self {
            Self::Refused {
                route,
                status,
                context_id,
                ..
            } => Self::Unavailable {
                route,
                reason: UnavailableReason::Status(status),
                wait: None,
                context_id,
                source: None,
            },
            other => other,
        }
    }

    /// Whether the response was complete and of an unexpected shape.
    pub(crate) fn is_unexpected(&self) -> bool {
        matches!(
            self,
            Self::Unavailable {
                reason: UnavailableReason::Unexpected { .. },
                ..
            }
        )
    }

    /// Converts the error after the last of `tries`: an unexpected shape in each of them is permanent.
    pub(crate) fn after_tries(self, tries: u32) -> Self {
        match self {
            Self::Unavailable {
                route,
                reason: reason @ UnavailableReason::Unexpected { .. },
                context_id,
                ..
            } => Self::Broken {
                route,
                reason,
                tries,
                context_id,
            },
            other => other,
        }
    }
}

impl UnavailableReason {
    /// Why a body with this status is not usable.
    pub(crate) fn of_body(status: u16, content_type: Option<&str>, error: DecodeError) -> Self {
        match error {
            DecodeError::NotJson { line, column } => Self::NotJson {
                status,
                content_type: content_type.map(|kind| truncate(kind).into()),
                line,
                column,
            },
            DecodeError::Shape(problem) => Self::Unexpected {
                status,
                problem: problem.into(),
            },
        }
    }

    fn of_transport(error: &reqwest::Error) -> Self {
        let causes = error_chain(error);
        match error {
            error if error.is_timeout() => Self::Timeout,
            error if error.is_body() || error.is_decode() => Self::CutOff,
            // Recognised by the texts of rustls and hyper: neither exposes the cause as a type.
            _ if causes.contains("UnknownIssuer") => Self::UnknownAuthority,
            _ if causes.contains("proxy authorization required") => Self::ProxyLogin,
            // Connected, and closed before a response was received; other requests may succeed.
            error if error.is_request() && !error.is_connect() => Self::CutOff,
            _ => Self::Unreachable,
        }
    }

    /// The HTTP status, if there was a response.
    fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status)
            | Self::NotJson { status, .. }
            | Self::Unexpected { status, .. } => Some(*status),
            Self::Unreachable
            | Self::UnknownAuthority
            | Self::ProxyLogin
            | Self::Timeout
            | Self::CutOff
            | Self::NoTimeLeft
            | Self::Credentials => None,
        }
    }
}

impl fmt::Display for UnavailableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(202) => f.write_str("returned 202: the requested resource is not ready yet"),
            Self::Status(status) => write!(f, "returned {status}"),
            Self::Unreachable => f.write_str("could not be reached"),
            Self::UnknownAuthority => f.write_str(
                "could not be reached: its certificate is signed by an unknown authority; set \
                 SSL_CERT_FILE to a PEM file with the certificates of your company or proxy",
            ),
            Self::ProxyLogin => f.write_str(
                "could not be reached: the proxy requires authentication (407); set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
            ),
            Self::Timeout => f.write_str("did not respond in time"),
            Self::CutOff => f.write_str("returned an incomplete response"),
            Self::NotJson {
                status,
                content_type,
                line,
                column,
            } => {
                let kind = content_type.as_deref().unwrap_or("a body without a content type");
                write!(f, "returned {status} with {kind} that is not JSON (line {line}, column {column})")
            }
            Self::Unexpected { status, problem } => {
                write!(f, "returned {status} with an undocumented response: {problem}")
            }
            Self::NoTimeLeft => f.write_str("was not called: the deadline expired"),
            Self::Credentials => {
                f.write_str("was not called: the client's credentials cannot be read at the moment")
            }
        }
    }
}

/// Truncates foreign text to a length that fits into a message.
pub(crate) fn truncate(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn error_details(code: Option<&str>, message: Option<&str>, context_id: Option<&str>) -> String {
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let message = message
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    let context = context_id
        .map(|id| format!(" (contextId {id})"))
        .unwrap_or_default();
    format!("{code}{message}{context}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_displays_the_message_and_context_id_of_the_api() {
        let error = ApiError::Refused {
            route: "/api/v2/jobs".to_owned(),
            status: 403,
            code: Some("missing.permissions".to_owned()),
            message: Some("You are missing analytics:conversationDetail:view".to_owned()),
            context_id: Some("c-1".to_owned()),
        };

        insta::assert_snapshot!(error, @"/api/v2/jobs returned 403 missing.permissions: You are missing analytics:conversationDetail:view (contextId c-1)");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let truncated = truncate(&"ü".repeat(301));

        assert_eq!(truncated.chars().count(), 301);
        assert!(truncated.ends_with("ü…"));
    }

    #[test]
    fn invalid_json_is_reported_with_content_type_and_position() {
        let error = DecodeError::NotJson { line: 1, column: 1 };
        let reason = UnavailableReason::of_body(200, Some("text/html"), error);

        let error = ApiError::unavailable("/api/v2/jobs", reason);

        insta::assert_snapshot!(error, @"/api/v2/jobs returned 200 with text/html that is not JSON (line 1, column 1)");
    }

    #[test]
    fn only_unexpected_json_becomes_permanent_after_the_last_try() {
        let shape = UnavailableReason::of_body(200, None, DecodeError::missing("conversations"));
        let unavailable = |reason| ApiError::unavailable("/api/v2/jobs", reason);

        let broken = unavailable(shape).after_tries(6);
        let outage = unavailable(UnavailableReason::Status(503)).after_tries(6);

        assert!(!broken.is_transient() && outage.is_transient());
        insta::assert_snapshot!(broken, @"/api/v2/jobs returned 200 with an undocumented response: `conversations` is missing, in each of 6 tries");
    }
}
