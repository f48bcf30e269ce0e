//! One call to the API and its reply.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use url::{Host, Url};

use super::path::ApiPath;
use crate::base::time::saturating_millis;
use crate::export::effort::Effort;
use crate::records::foreign::{ForeignId, Secrets};

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
}

/// The files that are downloaded. Each kind has its own rules for hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A participant of a conversation sent it, and may have chosen its address.
    Attachment,
    /// The transcript of a call, at an address that the API itself names. The address holds a signature.
    Transcript,
}

/// A request: a path below the API's host, query parameters and an optional JSON body.
#[derive(Clone)]
pub struct Call {
    method: Method,
    path: String,
    /// The path, or the host of a file, as errors and log lines show it.
    route: String,
    /// A file at an absolute URL, in place of a path below the API's host.
    file: Option<(FileKind, Url)>,
    query: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    reply_limit_bytes: Option<u64>,
    expected: &'static [u16],
}

/// The status for which the API documents a body to decode; other 2xx responses carry a different body.
const OK: &[u16] = &[200];
/// Expected statuses of calls whose response body does not matter, such as deletions.
const ANY_SUCCESS: &[u16] = &[200, 201, 202, 203, 204, 205];

/// A decoded response and its statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<T> {
    pub value: T,
    pub status: u16,
    /// Duration of the successful try, including its login if it needed one.
    pub latency: Duration,
    /// Correlation id, which Genesys Cloud support asks for.
    pub correlation_id: Option<String>,
    /// Number of tries: one plus the failed ones.
    pub tries: u32,
    /// Time spent waiting because of rate limits.
    pub throttled: Duration,
    pub content_type: Option<String>,
    pub bytes_in: u64,
}

impl<T> Reply<T> {
    /// The cost of the call.
    pub fn effort(&self) -> Effort {
        Effort {
            answers: 1,
            repeats: u64::from(self.tries.saturating_sub(1)),
            cached: 0,
            latency_ms: saturating_millis(self.latency),
        }
    }
}

impl Call {
    pub fn get(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::Get, &path.into())
    }

    pub fn post(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::Post, &path.into())
    }

    pub fn put(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::Put, &path.into())
    }

    /// A `HEAD` call, whose response has no body.
    pub fn head(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::Head, &path.into()).expect_statuses(ANY_SUCCESS)
    }

    /// A `DELETE` call that expects any success status.
    pub fn delete(path: impl Into<ApiPath>) -> Self {
        Self::new(Method::Delete, &path.into()).expect_statuses(ANY_SUCCESS)
    }

    /// Sets the statuses whose bodies are decoded; the default is 200 only.
    #[must_use]
    pub fn expect_statuses(mut self, statuses: &'static [u16]) -> Self {
        self.expected = statuses;
        self
    }

    /// Downloads the attachment at an address that an API response named. Redirects are followed; only the API receives
    /// the token.
    pub fn fetch(address: Url) -> Self {
        Self::fetch_file(FileKind::Attachment, address)
    }

    /// Downloads the transcript of a call from the address that the API named. No host receives the token.
    pub fn fetch_transcript(address: Url) -> Self {
        Self::fetch_file(FileKind::Transcript, address)
    }

    fn fetch_file(kind: FileKind, address: Url) -> Self {
        // Path and query may hold a secret or a file name chosen by a person.
        let route = match address.host() {
            Some(Host::Domain(name)) => ForeignId::new(name, &Secrets::default())
                .map_or("a file".to_owned(), |name| format!("a file of {name}")),
            Some(host) => format!("a file of {host}"),
            None => "a file".to_owned(),
        };
        Self {
            file: Some((kind, address)),
            route,
            ..Self::new(Method::Get, &ApiPath::from(""))
        }
    }

    /// Adds a query parameter. The value is percent-encoded when the request is sent.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sets the JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(Bytes::from(body.to_string()));
        self
    }

    /// Limits the response to `bytes` if the limit of the settings is higher.
    #[must_use]
    pub(crate) fn with_reply_limit(mut self, bytes: u64) -> Self {
        self.reply_limit_bytes = Some(bytes);
        self
    }

    pub fn method(&self) -> Method {
        self.method
    }

    /// The path, by which errors and log lines name this call.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The response limit of this call: its own, but at most `limit`.
    pub(crate) fn reply_limit_bytes(&self, limit: u64) -> u64 {
        self.reply_limit_bytes.map_or(limit, |own| own.min(limit))
    }

    pub(crate) fn expects(&self, status: u16) -> bool {
        self.expected.contains(&status)
    }

    pub(crate) fn body(&self) -> Option<Bytes> {
        self.body.clone()
    }

    /// The kind of file that this call downloads, from any host.
    pub(crate) fn file_kind(&self) -> Option<FileKind> {
        self.file.as_ref().map(|(kind, _)| *kind)
    }

    /// Whether the call goes to a host other than the API's.
    pub(crate) fn is_foreign(&self, api: &Url) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|(_, address)| address.origin() != api.origin())
    }

    /// The URL of the call below `base`, whose own path stays in front.
    pub(crate) fn url(&self, base: &Url) -> Url {
        if let Some((_, address)) = &self.file {
            return address.clone();
        }
        let mut url = base.clone();
        url.set_path(&format!(
            "{}{}",
            base.path().trim_end_matches('/'),
            self.path
        ));
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    fn new(method: Method, path: &ApiPath) -> Self {
        Self {
            method,
            path: path.as_str().to_owned(),
            route: path.route().to_owned(),
            file: None,
            query: Vec::new(),
            body: None,
            reply_limit_bytes: None,
            expected: OK,
        }
    }
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Delete => Self::DELETE,
        }
    }
}

/// Omits query values and bodies, which hold personal ids and cursors.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.method.as_str(), self.route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_percent_encoded() {
        let call = Call::get("/api/v2/jobs/7/results")
            .query("cursor", "a+b/c==")
            .query("pageSize", "1000");

        let url = call.url(&Url::parse("https://api.mypurecloud.de").unwrap());

        assert_eq!(
            url.as_str(),
            "https://api.mypurecloud.de/api/v2/jobs/7/results?cursor=a%2Bb%2Fc%3D%3D&pageSize=1000"
        );
    }

    #[test]
    fn the_path_of_the_base_url_is_kept() {
        let url =
            Call::get("/api/v2/jobs").url(&Url::parse("http://127.0.0.1:8080/genesys/").unwrap());

        assert_eq!(url.as_str(), "http://127.0.0.1:8080/genesys/api/v2/jobs");
    }

    #[test]
    fn debug_output_of_a_call_hides_its_query_and_body() {
        let call = Call::post("/api/v2/jobs")
            .query("cursor", "s3cret")
            .json(&serde_json::json!({"to": "Jane"}));

        assert_eq!(format!("{call:?}"), "Call(POST /api/v2/jobs)");
    }
}
