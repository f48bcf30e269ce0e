//! What can come of a call, told apart by what the caller does next.
//!
//! Messages name the path and never a query, a header or the body of a reply; of an error body they take the
//! API's own message, cut to a length.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::decode::DecodeError;
use crate::failure::in_one_line;

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
    /// An answer that is whole and not what the API documents, each time that it was asked for.
    #[error("{route} {what}, each of {tries} times")]
    Broken {
        route: String,
        what: Trouble,
        tries: u32,
        context_id: Option<String>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    Status(u16),
    Unreachable,
    /// The certificate of the other side is not signed by an authority that is known here.
    UnknownAuthority,
    /// The proxy asks for a login.
    ProxyLogin,
    Timeout,
    CutOff,
    /// A body that is not JSON, as a proxy's web page.
    NotJson {
        status: u16,
        content_type: Option<Box<str>>,
        line: u32,
        column: u32,
    },
    /// JSON in another shape, or a success of another kind.
    Unexpected {
        status: u16,
        problem: Box<str>,
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
            Self::Broken { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// How long to leave the other side alone, as far as it said.
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

    /// Whether it is the login that brought no answer, before the call itself was tried.
    pub fn is_of_login(&self) -> bool {
        match self {
            Self::Throttled { route, .. }
            | Self::Unavailable { route, .. }
            | Self::Broken { route, .. }
            | Self::Refused { route, .. }
            | Self::TooLarge { route, .. } => route == super::login::ROUTE,
            Self::Login { .. } => true,
        }
    }

    /// In which way there was no usable answer.
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Unavailable { what, .. } | Self::Broken { what, .. } => Some(what),
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
            Self::Unavailable { what, .. } | Self::Broken { what, .. } => what.status(),
            Self::Refused { status, .. } => Some(*status),
            Self::Login { status, .. } => *status,
            Self::TooLarge { .. } => None,
        }
    }

    /// Whether the client lacks a permission, as the API's own code says. A bare 403 is taken for that too.
    pub fn lacks_permission(&self) -> bool {
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

    /// What the vendor's support asks for.
    pub fn context_id(&self) -> Option<&str> {
        match self {
            Self::Throttled { context_id, .. }
            | Self::Unavailable { context_id, .. }
            | Self::Broken { context_id, .. }
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
        let what = Trouble::of_transport(&error);
        let source: Source = Arc::new(error.without_url());
        Self::Unavailable {
            route: route.to_owned(),
            what,
            wait: None,
            context_id: None,
            source: Some(source),
        }
    }

    /// The refusal as one that may pass.
    pub(crate) fn passing(self) -> Self {
        match self {
            Self::Refused {
                route,
                status,
                context_id,
                ..
            } => Self::Unavailable {
                route,
                what: Trouble::Status(status),
                wait: None,
                context_id,
                source: None,
            },
            other => other,
        }
    }

    /// Whether the answer was whole and of another shape.
    pub(crate) fn is_unexpected(&self) -> bool {
        matches!(
            self,
            Self::Unavailable {
                what: Trouble::Unexpected { .. },
                ..
            }
        )
    }

    /// The error after the last of `tries`: an answer that is whole and of another shape was no accident.
    pub(crate) fn after_tries(self, tries: u32) -> Self {
        match self {
            Self::Unavailable {
                route,
                what: what @ Trouble::Unexpected { .. },
                context_id,
                ..
            } => Self::Broken {
                route,
                what,
                tries,
                context_id,
            },
            other => other,
        }
    }
}

impl Trouble {
    /// Why a body with this status could not be used.
    pub(crate) fn of_body(status: u16, content_type: Option<&str>, error: DecodeError) -> Self {
        match error {
            DecodeError::NotJson { line, column } => Self::NotJson {
                status,
                content_type: content_type.map(|kind| cut(kind).into()),
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
        let causes = in_one_line(error);
        match error {
            error if error.is_timeout() => Self::Timeout,
            error if error.is_body() || error.is_decode() => Self::CutOff,
            // As rustls and hyper word it: neither gives the cause as a type that could be asked.
            _ if causes.contains("UnknownIssuer") => Self::UnknownAuthority,
            _ if causes.contains("proxy authorization required") => Self::ProxyLogin,
            // Connected, and closed before an answer came: perhaps at this request alone.
            error if error.is_request() && !error.is_connect() => Self::CutOff,
            _ => Self::Unreachable,
        }
    }

    /// The HTTP status, if an answer came.
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

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(202) => f.write_str("answered 202: what was asked for is not ready yet"),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::Unreachable => f.write_str("could not be reached"),
            Self::UnknownAuthority => f.write_str(
                "could not be reached: its certificate is signed by an authority that is not known here; set \
                 SSL_CERT_FILE to a PEM file with the certificates of your company or proxy",
            ),
            Self::ProxyLogin => f.write_str(
                "could not be reached: the proxy asks for a login (407); set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
            ),
            Self::Timeout => f.write_str("did not answer in time"),
            Self::CutOff => f.write_str("broke off in the middle of its answer"),
            Self::NotJson {
                status,
                content_type,
                line,
                column,
            } => {
                let kind = content_type.as_deref().unwrap_or("a body without a type");
                write!(f, "answered {status} with {kind} that is not JSON (line {line}, column {column})")
            }
            Self::Unexpected { status, problem } => {
                write!(f, "answered {status} with something other than documented: {problem}")
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
    fn a_body_that_is_not_json_is_described_by_its_type_and_place() {
        let error = DecodeError::NotJson { line: 1, column: 1 };
        let what = Trouble::of_body(200, Some("text/html"), error);

        let error = ApiError::unavailable("/api/v2/jobs", what);

        insta::assert_snapshot!(error, @"/api/v2/jobs answered 200 with text/html that is not JSON (line 1, column 1)");
    }

    #[test]
    fn only_another_shape_is_broken_after_the_last_try() {
        let shape = Trouble::of_body(200, None, DecodeError::missing("conversations"));
        let unavailable = |what| ApiError::unavailable("/api/v2/jobs", what);

        let broken = unavailable(shape).after_tries(6);
        let outage = unavailable(Trouble::Status(503)).after_tries(6);

        assert!(!broken.is_transient() && outage.is_transient());
        insta::assert_snapshot!(broken, @"/api/v2/jobs answered 200 with something other than documented: it has no `conversations`, each of 6 times");
    }
}
