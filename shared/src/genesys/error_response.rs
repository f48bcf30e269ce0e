//! Classifies error responses: by their status, or by the error body of an apparent success.
//!
//! docs/answers.md has the table. The statuses are those of the API's documented error responses, and of the proxies
//! and load balancers in front of it (RFC 9110, RFC 4918, RFC 8470, and 520 to 599 of content delivery networks).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use url::Url;

use super::error::{ApiError, RefusalReason, UnavailableReason};
use super::region::Region;
use super::retry;
use super::wire::ErrorBody;
use crate::base::decode::{DecodeError, without_byte_order_mark};
use crate::records::foreign::{ForeignId, ForeignText, Secrets};

/// Meaning, for the request, of a status that is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusClass {
    /// Too many requests.
    Throttled,
    /// A retry may succeed.
    Transient,
    /// The same request will be refused again.
    Refused,
}

/// The parts of a response besides its body.
#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// `Retry-After`.
    pub(crate) wait: Option<Duration>,
    pub(crate) correlation_id: Option<ForeignId>,
    /// As received; for comparisons only.
    pub(crate) content_type: Option<String>,
    /// Region of a redirect's target, if it is one of Genesys Cloud.
    location: Option<Region>,
    /// Removed from what the response says.
    secrets: Secrets,
}

impl StatusClass {
    pub(crate) fn of(status: u16) -> Self {
        match status {
            429 => Self::Throttled,
            // Accepted and not ready yet; timeout, conflict with another change, misdirected, locked, too early; and
            // all server errors.
            202 | 408 | 409 | 421 | 423 | 425 | 500..=599 => Self::Transient,
            _ => Self::Refused,
        }
    }
}

impl ResponseHead {
    pub(crate) fn of(response: &Response, now: Timestamp, secrets: &Secrets) -> Self {
        let headers = response.headers();
        Self {
            status: response.status().as_u16(),
            wait: retry_after(headers, now),
            correlation_id: text(headers, "inin-correlation-id")
                .and_then(|id| ForeignId::new(id, secrets)),
            content_type: text(headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned),
            location: location(response),
            secrets: secrets.clone(),
        }
    }

    /// Converts the response to an error.
    pub(crate) fn error(&self, route: &str, body: &[u8]) -> ApiError {
        let parsed = ErrorBody::parse(body);
        self.error_with(route, self.status, parsed.as_ref(), body)
    }

    /// The error in the body of a success, if there is one: some gateways respond to everything with 200.
    pub(crate) fn disguised_error(&self, route: &str, body: &[u8]) -> Option<ApiError> {
        let parsed = ErrorBody::parse(body).filter(ErrorBody::is_error)?;
        Some(self.error_with(route, parsed.effective_status(), Some(&parsed), body))
    }

    /// Decodes the body of a success, or returns an error that says what is wrong with it.
    pub(crate) fn decode_body<T>(
        &self,
        route: &str,
        is_expected: bool,
        body: &[u8],
        mut decode: impl FnMut(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, ApiError> {
        let decoded = if is_expected {
            decode(body)
        } else {
            Err(DecodeError::Shape(
                "the status is not the documented success".into(),
            ))
        };
        decoded.map_err(|error| ApiError::Unavailable {
            route: route.to_owned(),
            reason: match (self.status, error) {
                (202, _) if !is_expected => UnavailableReason::Status(202),
                (status, error) => {
                    UnavailableReason::of_body(status, self.shown_content_type(), error)
                }
            },
            wait: self.wait,
            context_id: self.correlation_id.clone(),
            source: None,
        })
    }

    fn error_with(
        &self,
        route: &str,
        status: u16,
        parsed: Option<&ErrorBody>,
        body: &[u8],
    ) -> ApiError {
        let id = |text: Option<&str>| ForeignId::new(text?, &self.secrets);
        let context_id = id(parsed.and_then(|body| body.context_id.as_deref()));
        let context_id = context_id.or_else(|| self.correlation_id.clone());
        let route = route.to_owned();
        match StatusClass::of(status) {
            StatusClass::Throttled => ApiError::Throttled {
                route,
                retry_after: self.wait,
                context_id,
            },
            StatusClass::Transient => ApiError::Unavailable {
                route,
                reason: UnavailableReason::Status(status),
                wait: self
                    .wait
                    .or((status == 504).then_some(retry::GATEWAY_TIMEOUT_WAIT)),
                context_id,
                source: None,
            },
            StatusClass::Refused => ApiError::Refused {
                route,
                status,
                code: id(parsed.and_then(|body| body.code.as_deref())),
                reason: self.reason(status, parsed, body),
                context_id,
            },
        }
    }

    /// The API's message, or what the response is instead of the API's.
    fn reason(
        &self,
        status: u16,
        parsed: Option<&ErrorBody>,
        body: &[u8],
    ) -> Option<RefusalReason> {
        match status {
            301..=303 | 307 | 308 => Some(RefusalReason::Redirect {
                domain: self.location.map(Region::domain),
            }),
            407 => Some(RefusalReason::ProxyLogin),
            _ => match parsed.and_then(|body| body.message.as_deref()) {
                Some(message) => Some(RefusalReason::Message(self.quote(message))),
                None if self.is_web_page(body) => Some(RefusalReason::WebPage {
                    content_type: self.shown_content_type(),
                }),
                None => None,
            },
        }
    }

    /// A text of the response, as it may be shown.
    pub(crate) fn quote(&self, text: &str) -> ForeignText {
        ForeignText::new(text, &self.secrets)
    }

    fn shown_content_type(&self) -> Option<ForeignText> {
        ForeignText::non_empty(self.content_type.as_deref()?, &self.secrets)
    }

    fn is_web_page(&self, body: &[u8]) -> bool {
        let is_html = self
            .content_type
            .as_deref()
            .is_some_and(|kind| kind.contains("html"));
        is_html || body.trim_ascii_start().starts_with(b"<")
    }
}

impl ErrorBody {
    fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(without_byte_order_mark(body)).ok()
    }

    /// Whether this is the API's error body, and not another object with such a field: some gateways wrap their pages
    /// in an envelope with a code of its own.
    fn is_error(&self) -> bool {
        let is_status = self
            .status
            .is_some_and(|status| (300..=599).contains(&status));
        let is_named = is_status || self.code.as_deref().is_some_and(is_error_code);
        is_named && (self.message.is_some() || self.context_id.is_some())
    }

    /// The status in the body, or the one that its code stands for; without either, a transient one.
    fn effective_status(&self) -> u16 {
        let named = self.status.and_then(|status| u16::try_from(status).ok());
        let named = named.filter(|status| (300..=599).contains(status));
        named.unwrap_or_else(|| status_of_code(self.code.as_deref().unwrap_or_default()))
    }
}

/// The API's codes are lower-case words separated by dots.
fn is_error_code(code: &str) -> bool {
    let mut words = code.split('.');
    words.clone().count() > 1
        && words.all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Status of an API error code (swagger of 2018, generated clients such as
/// <https://github.com/jfabello/gc-platform-api-client>).
fn status_of_code(code: &str) -> u16 {
    match code {
        "bad.request" | "invalid.date" | "invalid.value" => 400,
        "authentication.required" | "bad.credentials" => 401,
        "missing.permissions" | "missing.any.permissions" | "not.authorized" => 403,
        "not.found" | "conversation.not.found" => 404,
        "request.entity.too.large" => 413,
        "unsupported.media.type" => 415,
        "too.many.requests" | "too.many.requests.retry.after" => 429,
        _ => 500,
    }
}

/// The wait that `Retry-After` asks for.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    retry::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The region of a redirect's target: the setting of the region is wrong. Any other part of a target may hold a secret or
/// a name, even its host.
fn location(response: &Response) -> Option<Region> {
    let named = response.headers().get(LOCATION)?.to_str().ok()?;
    let target: Url = response.url().join(named).ok()?;
    Region::of_host(target.host_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16) -> ResponseHead {
        ResponseHead {
            status,
            wait: None,
            correlation_id: None,
            content_type: None,
            location: None,
            secrets: Secrets::default(),
        }
    }

    #[test]
    fn every_status_has_its_documented_meaning() {
        for (statuses, class) in [
            (&[429][..], StatusClass::Throttled),
            (&[202, 408, 409, 421, 423, 425], StatusClass::Transient),
            (
                &[500, 501, 502, 503, 504, 507, 508, 511],
                StatusClass::Transient,
            ),
            (&[520, 524, 529, 530, 598, 599], StatusClass::Transient),
            (&[301, 302, 303, 307, 308], StatusClass::Refused),
            (
                &[400, 401, 402, 403, 404, 405, 406, 407, 410],
                StatusClass::Refused,
            ),
            (
                &[411, 412, 413, 414, 415, 416, 417, 418, 422],
                StatusClass::Refused,
            ),
            (
                &[424, 426, 428, 431, 451, 499, 600, 999],
                StatusClass::Refused,
            ),
        ] {
            for status in statuses {
                assert_eq!(StatusClass::of(*status), class, "{status}");
            }
        }
    }

    #[test]
    fn an_error_body_is_recognised_at_status_200() {
        let disguised = |body: &str| head(200).disguised_error("/jobs", body.as_bytes());

        for (body, status) in [
            (r#"{"message":"m","code":"not.found","status":404}"#, 404),
            (r#"{"message":"m","code":"not.found"}"#, 404),
            (
                r#"{"message":"m","code":"bad.request","contextId":"c"}"#,
                400,
            ),
            (r#"{"message":"m","code":"x","status":"503"}"#, 503),
            (r#"{"message":"m","status":429}"#, 429),
            (r#"{"code":"internal.server.error","contextId":"c"}"#, 500),
            (r#"{"message":"m","code":"of.tomorrow","status":200}"#, 500),
        ] {
            assert_eq!(
                disguised(body).and_then(|error| error.status()),
                Some(status),
                "{body}"
            );
        }
        for body in [
            "{}",
            "[]",
            "null",
            r#"{"message":"m"}"#,
            r#"{"status":"ended"}"#,
            r#"{"code":"SUCCESS","message":"OK"}"#,
            r#"{"code":"0","message":"OK","status":200}"#,
            "<html>",
        ] {
            assert!(disguised(body).is_none(), "{body}");
        }
    }

    #[test]
    fn a_web_page_is_not_taken_for_a_missing_permission() {
        let html = ResponseHead {
            content_type: Some("text/html; charset=utf-8".to_owned()),
            ..head(403)
        };

        let error = html.error("/jobs", b"<html>Forbidden</html>");

        assert!(!error.lacks_permission());
        insta::assert_snapshot!(error, @"/jobs returned 403: text/html; charset=utf-8, not an error of the API; a proxy or firewall may have responded");
    }

    #[test]
    fn redirect_and_proxy_errors_name_the_target_and_the_fix() {
        let moved = ResponseHead {
            location: Region::of_host("apps.mypurecloud.de"),
            ..head(308)
        };

        insta::assert_snapshot!(moved.error("/jobs", b""), @"/jobs returned 308: it redirects to mypurecloud.de, which is not followed; check GENESYS_REGION, GENESYS_API_URL and GENESYS_LOGIN_URL");
        insta::assert_snapshot!(head(407).error("/jobs", b""), @"/jobs returned 407: the proxy requires authentication; set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT");
    }
}
