//! Errors of a call, distinguished by what the caller does next.
//!
//! Messages name the path, and never a query, a header or the body of a response. What the other side says about an error
//! is a [`ForeignText`] or a [`ForeignId`], and in no other form a part of an error.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base::decode::DecodeError;
use crate::base::failure::error_chain;
use crate::net::{AddressKind, forbidden_kind};
use crate::records::foreign::{ForeignId, ForeignText, Secrets};

/// The name of the login in errors, in place of a path: a gateway's login may have any path.
pub(crate) const LOGIN_ROUTE: &str = "the login";

/// Why a call failed. It can be cloned, since concurrent callers share the failure of one login.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// 429, or a budget that stays used up for longer than the call may wait.
    #[error("{route} exceeded the rate limit")]
    Throttled {
        route: String,
        retry_after: Option<Duration>,
        context_id: Option<ForeignId>,
    },
    /// No usable response; a later retry may get one.
    #[error("{route} {reason}")]
    Unavailable {
        route: String,
        reason: UnavailableReason,
        /// Wait that the server asked for, if it did.
        wait: Option<Duration>,
        context_id: Option<ForeignId>,
        #[source]
        source: Option<Source>,
    },
    /// A complete response that does not match the API's documentation, in each try.
    #[error("{route} {reason}, in each of {tries} tries")]
    Broken {
        route: String,
        reason: UnavailableReason,
        tries: u32,
        context_id: Option<ForeignId>,
    },
    /// A response that will be the same on a retry.
    #[error("{route} returned {status}{}", error_details(code.as_ref(), reason.as_ref(), context_id.as_ref()))]
    Refused {
        route: String,
        status: u16,
        code: Option<ForeignId>,
        reason: Option<RefusalReason>,
        context_id: Option<ForeignId>,
    },
    /// The OAuth client cannot log in.
    #[error("login at {host} failed: {reason}")]
    Login {
        host: String,
        reason: LoginRefusal,
        status: Option<u16>,
        #[source]
        source: Option<Source>,
    },
    /// The rules for addresses forbid the host of a file.
    #[error("{route} is not fetched: the host's name resolves to {kind}")]
    ForbiddenAddress { route: String, kind: AddressKind },
    /// A body over the limit; a retry would return it again.
    #[error("{route} returned more than {limit} bytes; set a lower pageSize for smaller responses")]
    TooLarge { route: String, limit: u64 },
}

/// The underlying error.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a request was refused: the API's words, or a response that is not the API's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    Message(ForeignText),
    /// A redirect, with the domain of its target if it is one of Genesys Cloud.
    Redirect {
        domain: Option<&'static str>,
    },
    ProxyLogin,
    WebPage {
        content_type: Option<ForeignText>,
    },
}

/// Why the OAuth client cannot log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// The login rejects this id and secret.
    InvalidClient {
        reason: Option<RefusalReason>,
        /// The settings that are likely wrong.
        check: Vec<&'static str>,
    },
    Status {
        status: u16,
        reason: Option<RefusalReason>,
        check: Vec<&'static str>,
    },
    UnreadableCredentials,
}

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
        content_type: Option<ForeignText>,
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

impl ApiError {
    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } => true,
            Self::Broken { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::ForbiddenAddress { .. }
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
            | Self::ForbiddenAddress { .. }
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
            | Self::ForbiddenAddress { route, .. }
            | Self::TooLarge { route, .. } => route == LOGIN_ROUTE,
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
            | Self::ForbiddenAddress { .. }
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
            Self::ForbiddenAddress { .. } | Self::TooLarge { .. } => None,
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
                reason,
                ..
            } => match code {
                Some(code) => codes.contains(&code.as_str()),
                None => reason.is_none(),
            },
            _ => false,
        }
    }

    /// Whether the API itself refuses the client, by the code of a missing permission. A gateway has codes of its own.
    pub fn names_missing_permission(&self) -> bool {
        let Self::Refused { code, .. } = self else {
            return false;
        };
        let codes = ["missing.permissions", "missing.any.permissions"];
        code.as_ref()
            .is_some_and(|code| codes.contains(&code.as_str()))
    }

    /// Whether the API says that a licence is missing. How it says so is not documented: the code or the message names a
    /// licence.
    pub(crate) fn is_about_licence(&self) -> bool {
        let Self::Refused { code, reason, .. } = self else {
            return false;
        };
        let names_licence = |text: &str| text.to_ascii_lowercase().contains("licen");
        let code = code.as_ref().map(ForeignId::as_str);
        let message = match reason {
            Some(RefusalReason::Message(message)) => Some(message.as_str()),
            _ => None,
        };
        [code, message].into_iter().flatten().any(names_licence)
    }

    /// Whether a 403 is about the conversation, not about a permission that the client's role lacks.
    pub(crate) fn is_about_access(&self) -> bool {
        let Self::Refused { code, .. } = self else {
            return false;
        };
        let code = code.as_ref().map(ForeignId::as_str);
        !matches!(
            code,
            Some("missing.permissions" | "missing.any.permissions")
        )
    }

    /// Context id, which Genesys Cloud support asks for.
    pub fn context_id(&self) -> Option<&str> {
        match self {
            Self::Throttled { context_id, .. }
            | Self::Unavailable { context_id, .. }
            | Self::Broken { context_id, .. }
            | Self::Refused { context_id, .. } => context_id.as_ref().map(ForeignId::as_str),
            Self::Login { .. } | Self::ForbiddenAddress { .. } | Self::TooLarge { .. } => None,
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

    /// No usable response was received. The URL is removed, since its query holds cursors and ids. The causes may quote
    /// the other side, for example the names in its certificate.
    pub(crate) fn transport(route: &str, error: reqwest::Error, secrets: &Secrets) -> Self {
        if let Some(kind) = forbidden_kind(&error) {
            let route = route.to_owned();
            return Self::ForbiddenAddress { route, kind };
        }
        let reason = UnavailableReason::of_transport(&error);
        let causes = error_chain(&error.without_url());
        let source: Source = Arc::new(ForeignText::new(&causes, secrets));
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
    pub(crate) fn of_body(
        status: u16,
        content_type: Option<ForeignText>,
        error: DecodeError,
    ) -> Self {
        match error {
            DecodeError::NotJson { line, column } => Self::NotJson {
                status,
                content_type,
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
                let kind = content_type.as_ref().map_or("a body without a content type", ForeignText::as_str);
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

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Redirect { domain: Some(domain) } => write!(
                f,
                "it redirects to {domain}, which is not followed; check GENESYS_REGION, GENESYS_API_URL and GENESYS_LOGIN_URL"
            ),
            Self::Redirect { domain: None } => {
                f.write_str("it redirects to another host, which is not followed")
            }
            Self::ProxyLogin => f.write_str(
                "the proxy requires authentication; set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT",
            ),
            Self::WebPage { content_type } => {
                let kind = content_type.as_ref().map_or("a web page", ForeignText::as_str);
                write!(f, "{kind}, not an error of the API; a proxy or firewall may have responded")
            }
        }
    }
}

impl fmt::Display for LoginRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = |reason: &Option<RefusalReason>| {
            reason
                .as_ref()
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default()
        };
        match self {
            Self::InvalidClient { reason, check } => write!(
                f,
                "the client id or secret is wrong, or the client belongs to another region{}{}",
                detail(reason),
                advice(check)
            ),
            Self::Status {
                status,
                reason,
                check,
            } => write!(f, "status {status}{}{}", detail(reason), advice(check)),
            Self::UnreadableCredentials => f.write_str("the client's credentials cannot be read"),
        }
    }
}

/// `; check A, B and C`.
fn advice(check: &[&str]) -> String {
    match check {
        [] => String::new(),
        [one] => format!("; check {one}"),
        [firsts @ .., last] => format!("; check {} and {last}", firsts.join(", ")),
    }
}

fn error_details(
    code: Option<&ForeignId>,
    reason: Option<&RefusalReason>,
    context_id: Option<&ForeignId>,
) -> String {
    let code = code.map(|code| format!(" {code}")).unwrap_or_default();
    let reason = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let context = context_id
        .map(|id| format!(" (contextId {id})"))
        .unwrap_or_default();
    format!("{code}{reason}{context}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_displays_the_message_and_context_id_of_the_api() {
        let none = Secrets::default();
        let error = ApiError::Refused {
            route: "/api/v2/jobs".to_owned(),
            status: 403,
            code: ForeignId::new("missing.permissions", &none),
            reason: Some(RefusalReason::Message(ForeignText::new(
                "You are missing analytics:conversationDetail:view",
                &none,
            ))),
            context_id: ForeignId::new("c-1", &none),
        };

        insta::assert_snapshot!(error, @"/api/v2/jobs returned 403 missing.permissions: You are missing analytics:conversationDetail:view (contextId c-1)");
    }

    #[test]
    fn a_refusal_is_about_a_licence_in_each_spelling_of_code_and_message() {
        let none = Secrets::default();
        let is_about = |code: &str, message: &str| {
            let error = ApiError::Refused {
                route: "/api/v2/jobs".to_owned(),
                status: 403,
                code: ForeignId::new(code, &none),
                reason: Some(RefusalReason::Message(ForeignText::new(message, &none))),
                context_id: None,
            };
            error.is_about_licence()
        };

        assert!(is_about("license.required", "denied"));
        assert!(is_about("forbidden", "The organization is not licensed."));
        assert!(is_about("forbidden", "No Licence for this feature."));
        assert!(!is_about("missing.permissions", "denied"));
    }

    #[test]
    fn invalid_json_is_reported_with_content_type_and_position() {
        let error = DecodeError::NotJson { line: 1, column: 1 };
        let reason = UnavailableReason::of_body(
            200,
            ForeignText::non_empty("text/html", &Secrets::default()),
            error,
        );

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
