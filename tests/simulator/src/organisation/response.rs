//! Responses, and the `ErrorBody` of every API error.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::limits::Limit;
use crate::faults::schedule::ScheduledFault;

/// The response to send, and the fault that applies to sending it.
#[derive(Debug)]
pub(crate) struct ResponseWithFault {
    pub(crate) response: ApiResponse,
    pub(crate) fault: ScheduledFault,
    pub(crate) slow_pause: Duration,
}

impl ResponseWithFault {
    pub(crate) fn without_fault(response: ApiResponse) -> Self {
        Self {
            response,
            fault: ScheduledFault::NoFault,
            slow_pause: Duration::ZERO,
        }
    }
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct ApiResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
    /// Value of `Content-Length` in place of the body's length. The connection closes after such a body.
    pub content_length: Option<usize>,
}

impl ApiResponse {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::raw(status, body.to_string())
    }

    /// A body that is already JSON text.
    pub(crate) fn raw(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.into(),
            content_length: None,
        }
    }

    pub(crate) fn file(bytes: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/octet-stream".to_owned())],
            body: bytes.into(),
            content_length: None,
        }
    }

    pub(crate) fn xml(status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/xml".to_owned())],
            body: body.into(),
            content_length: None,
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            content_length: None,
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// An object with a list of conversations, omitted when empty as in the API, and some other fields.
pub(crate) fn listing<'a>(
    conversations: impl Iterator<Item = Cow<'a, str>>,
    others: &[(&str, Value)],
) -> String {
    let mut body = "{".to_owned();
    let mut conversations = conversations.peekable();
    if conversations.peek().is_some() {
        body.push_str("\"conversations\":");
        push_array(&mut body, conversations);
    }
    for (name, value) in others {
        let comma = if body.len() > 1 { "," } else { "" };
        body.extend([comma, "\"", name, "\":", &value.to_string()]);
    }
    body + "}"
}

/// Appends the records, which are already JSON text.
pub(crate) fn push_array(body: &mut String, records: impl Iterator<Item = impl AsRef<str>>) {
    body.push('[');
    for (number, record) in records.enumerate() {
        if number > 0 {
            body.push(',');
        }
        body.push_str(record.as_ref());
    }
    body.push(']');
}

#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: u16,
    code: String,
    message: String,
    retry_after: Option<String>,
    limit: Option<Limit>,
    html: bool,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            retry_after: None,
            limit: None,
            html: false,
        }
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(400, "bad.request", message)
    }

    pub(crate) fn bad_credentials() -> Self {
        Self::new(401, "bad.credentials", "Invalid login credentials.")
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(404, "not.found", message)
    }

    /// The newer of the two documented bodies if there is a `Retry-After`, else the older one.
    pub(crate) fn throttled(retry_after: Option<String>) -> Self {
        let Some(seconds) = retry_after else {
            let message = "Rate limit exceeded the maximum [300] requests within [60] seconds";
            return Self::new(429, "too.many.requests", message);
        };
        let message =
            format!("Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds");
        Self {
            retry_after: Some(seconds),
            ..Self::new(429, "too.many.requests.retry.after", &message)
        }
    }

    pub(crate) fn over_limit(seconds: i64, limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            ..Self::throttled(Some(seconds.to_string()))
        }
    }

    pub(crate) fn server_error(status: u16) -> Self {
        match status {
            502 => Self::new(
                502,
                "bad.gateway",
                "The upstream service did not return a valid response.",
            ),
            503 => Self::new(
                503,
                "service.unavailable",
                "Service Unavailable - The server is currently unavailable.",
            ),
            504 => Self::new(504, "request.timeout", "The request timed out."),
            other => Self::new(
                other,
                "internal.server.error",
                "The server encountered an unexpected condition.",
            ),
        }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The error as the HTML page of the proxy in front of the API.
    pub(crate) fn by_proxy(self) -> Self {
        Self { html: true, ..self }
    }

    pub(crate) fn into_response(self, correlation: &str) -> ApiResponse {
        let response = if self.html {
            self.page()
        } else {
            ApiResponse::json(self.status, &self.body(correlation))
        };
        match self.retry_after {
            Some(value) => response.with_header("Retry-After", value),
            None => response,
        }
    }

    fn page(&self) -> ApiResponse {
        let body = format!(
            "<html>\r\n<head><title>{0}</title></head>\r\n<body><h1>{0}</h1></body>\r\n</html>\r\n",
            self.status
        );
        ApiResponse {
            status: self.status,
            headers: vec![("content-type", "text/html".to_owned())],
            body: body.into(),
            content_length: None,
        }
    }

    fn body(&self, correlation: &str) -> Value {
        let mut body = json!({
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "contextId": correlation,
            "messageWithParams": self.message_with_params(),
            "messageParams": self.message_params(),
            "details": [],
            "errors": [],
        });
        if let Some(limit) = &self.limit {
            body["limit"] = limit.json();
        }
        body
    }

    fn message_with_params(&self) -> String {
        match &self.retry_after {
            Some(seconds) => self.message.replace(&format!("[{seconds}]"), "[{seconds}]"),
            None => self.message.clone(),
        }
    }

    fn message_params(&self) -> Value {
        self.retry_after
            .as_ref()
            .map_or_else(|| json!({}), |seconds| json!({ "seconds": seconds }))
    }
}
