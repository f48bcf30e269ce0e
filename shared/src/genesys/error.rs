//! What can come of a call, told apart by what the caller does next.
//!
//! Messages name the path and never a query, a header or the body of a reply; of an error body they take the
//! API's own message, cut to a length.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a call gave no reply. It can be cloned, since concurrent callers share the failure of one login.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// 429, or a budget that is used up until later than we may wait.
    #[error("{route} is over its rate limit")]
    Throttled {
        route: String,
        retry_after: Option<Duration>,
        context_id: Option<String>,
    },
    /// No usable answer; another try later may get one.
    #[error("{route} {what}")]
    Unavailable {
        route: String,
        what: Trouble,
        /// How long the other side wants to be left alone, if it said so.
        wait: Option<Duration>,
        context_id: Option<String>,
        #[source]
        source: Option<Source>,
    },
    /// An answer that will be the same the next time.
    #[error("{route} answered {status}{}", told(code.as_deref(), message.as_deref(), context_id.as_deref()))]
    Refused {
        route: String,
        status: u16,
        code: Option<String>,
        message: Option<String>,
        context_id: Option<String>,
    },
    /// The client cannot log in.
    #[error("login at {host} failed: {reason}")]
    Login {
        host: String,
        reason: String,
        status: Option<u16>,
        #[source]
        source: Option<Source>,
    },
    /// A body over the limit; the same request would bring it again.
    #[error("{route} sent more than {limit} bytes; a lower pageSize makes smaller replies")]
    TooLarge { route: String, limit: u64 },
}

/// The underlying error.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// In which way there was no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Status(u16),
    Unreachable,
    Timeout,
    CutOff,
    /// The position is all that may be told: serde's own message can quote the body.
    InvalidJson {
        line: usize,
        column: usize,
    },
    /// We may not even begin: the caller would be stopped first.
    NoTimeLeft,
    /// The secret store did not answer.
    Credentials,
}

/// Enough for the API's longest message; an error body can be a whole web page.
const MAX_TOLD_CHARS: usize = 300;

impl ApiError {
    /// Whether another try may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } => true,
            Self::Refused { .. } | Self::Login { .. } | Self::TooLarge { .. } => false,
        }
    }

    /// How long to leave the other side alone, as far as it said.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } => *retry_after,
            Self::Unavailable { wait, .. } => *wait,
            Self::Refused { .. } | Self::Login { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// In which way there was no usable answer, where that may pass.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Unavailable { what, .. } => Some(*what),
            Self::Throttled { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::TooLarge { .. } => None,
        }
    }

    /// The HTTP status, if an answer came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Throttled { .. } => Some(429),
            Self::Unavailable {
                what: Trouble::Status(status),
                ..
            }
            | Self::Refused { status, .. } => Some(*status),
            Self::Login { status, .. } => *status,
            Self::Unavailable { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// Whether the client lacks a permission, as the API's own code says.
    pub fn lacks_permission(&self) -> bool {
        let codes = [
            "missing.permissions",
            "missing.any.permissions",
            "not.authorized",
        ];
        match self {
            Self::Refused {
                status: 403, code, ..
            } => code.as_deref().is_none_or(|code| codes.contains(&code)),
            _ => false,
        }
    }

    /// What the vendor's support asks for.
    pub fn context_id(&self) -> Option<&str> {
        match self {
            Self::Throttled { context_id, .. }
            | Self::Unavailable { context_id, .. }
            | Self::Refused { context_id, .. } => context_id.as_deref(),
            Self::Login { .. } | Self::TooLarge { .. } => None,
        }
    }

    pub(crate) fn unavailable(route: &str, what: Trouble) -> Self {
        Self::Unavailable {
            route: route.to_owned(),
            what,
            wait: None,
            context_id: None,
            source: None,
        }
    }

    /// No usable response came. The URL is taken out, since its query holds cursors and ids.
    pub(crate) fn transport(route: &str, error: reqwest::Error) -> Self {
        let what = match &error {
            error if error.is_timeout() => Trouble::Timeout,
            error if error.is_body() || error.is_decode() => Trouble::CutOff,
            _ => Trouble::Unreachable,
        };
        let source: Source = Arc::new(error.without_url());
        Self::Unavailable {
            route: route.to_owned(),
            what,
            wait: None,
            context_id: None,
            source: Some(source),
        }
    }

    /// A body that does not decode, be it cut off, a proxy's page or no JSON.
    pub(crate) fn invalid_json(route: &str, error: &serde_json::Error) -> Self {
        Self::unavailable(
            route,
            Trouble::InvalidJson {
                line: error.line(),
                column: error.column(),
            },
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "answered {status}"),
            Self::Unreachable => f.write_str("could not be reached"),
            Self::Timeout => f.write_str("did not answer in time"),
            Self::CutOff => f.write_str("broke off in the middle of its answer"),
            Self::InvalidJson { line, column } => {
                write!(
                    f,
                    "sent JSON that is invalid or not as expected at line {line}, column {column}"
                )
            }
            Self::NoTimeLeft => f.write_str("was not called: the deadline has come"),
            Self::Credentials => {
                f.write_str("was not called: the client's credentials cannot be read at the moment")
            }
        }
    }
}

/// A text of somebody else's, cut to a length that can stand in a message.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TOLD_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn told(code: Option<&str>, message: Option<&str>, context_id: Option<&str>) -> String {
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
    fn a_refusal_tells_what_the_api_said() {
        let error = ApiError::Refused {
            route: "/api/v2/jobs".to_owned(),
            status: 403,
            code: Some("missing.permissions".to_owned()),
            message: Some("You are missing analytics:conversationDetail:view".to_owned()),
            context_id: Some("c-1".to_owned()),
        };

        insta::assert_snapshot!(error, @"/api/v2/jobs answered 403 missing.permissions: You are missing analytics:conversationDetail:view (contextId c-1)");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let told = cut(&"ü".repeat(301));

        assert_eq!(told.chars().count(), 301);
        assert!(told.ends_with("ü…"));
    }

    #[test]
    fn invalid_json_is_told_by_its_position_and_not_by_its_text() {
        let error = serde_json::from_str::<u32>(r#""Jane Doe""#).unwrap_err();

        let error = ApiError::invalid_json("/api/v2/jobs", &error);

        insta::assert_snapshot!(error, @"/api/v2/jobs sent JSON that is invalid or not as expected at line 1, column 10");
        assert!(!format!("{error:?}").contains("Jane"));
    }
}
