//! Sends a delivery.

use std::error::Error;
use std::iter::successors;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::LOCATION;

use crate::base::failure::error_chain;
use crate::export::delivery::DeliveryFailure;
use crate::net::address::{AddressKind, AddressRules, WebhookUrl};
use crate::net::resolver::{GuardedResolver, forbidden_kind};
use crate::net::{ClientError, transport};
use crate::records::foreign::{ForeignId, ForeignText, Secrets};

/// Identifies the source of a delivery to a receiver that serves several.
pub(crate) const SOURCE_HEADER: &str = "X-Archive-Source";
pub(crate) const SOURCE_NAME: &str = "genesys-cloud";

/// Client for webhook receivers. Clones share connections.
#[derive(Clone, Debug)]
pub struct Sender {
    http: reqwest::Client,
}

/// The part of the receiver's response that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Scheme, host and port of a redirect's target. Its path and query may hold secrets.
    pub location: Option<String>,
}

/// No response was received; a later attempt may get one.
#[derive(Debug, thiserror::Error)]
#[error("the webhook receiver at {host} {kind}")]
pub struct DeliveryError {
    host: String,
    kind: DeliveryErrorKind,
    /// All causes.
    #[source]
    source: ForeignText,
    /// The last cause, which is the most specific; those above it only name the layers of the HTTP client.
    root_cause: ForeignText,
}

/// Why there was no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeliveryErrorKind {
    Timeout,
    Unreachable(Step),
    Refused(AddressKind),
}

/// The step at which an unanswered request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Name,
    Connection,
    Tls,
    Response,
}

/// A receiver is expected to accept a delivery at once and to process it afterwards. Standard Webhooks recommends 15
/// to 30 s, for receivers that process it first.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Headers of every delivery, unless the caller sets them.
const DEFAULT_HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    (SOURCE_HEADER, SOURCE_NAME),
];

/// Bytes of a response that are read and ignored, to keep the connection usable.
const IGNORED_BYTES: usize = 4096;

impl Sender {
    /// No proxy is used: it would resolve names itself and bypass the rules.
    pub fn new(rules: AddressRules) -> Result<Self, ClientError> {
        let http = transport::builder()
            .no_proxy()
            .dns_resolver(GuardedResolver::new(rules))
            .timeout(TIMEOUT)
            .user_agent(concat!(
                "genesys-conversation-archive/",
                env!("CARGO_PKG_VERSION")
            ))
            .build()?;
        Ok(Self { http })
    }

    /// Posts a JSON body and returns the receiver's response.
    pub async fn post(
        &self,
        url: &WebhookUrl,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Reply, DeliveryError> {
        let is_set = |name: &str| {
            headers
                .iter()
                .any(|(header, _)| header.eq_ignore_ascii_case(name))
        };
        let default_headers = DEFAULT_HEADERS
            .into_iter()
            .filter(|(name, _)| !is_set(name));
        let request = self.http.post(url.as_url().clone()).body(body);
        let request = default_headers.fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        let response = request
            .send()
            .await
            .map_err(|error| DeliveryError::new(url, error))?;
        let reply = Reply {
            status: response.status().as_u16(),
            location: location(url, &response),
        };
        discard_body(response).await;
        Ok(reply)
    }
}

impl Reply {
    /// `None` if the receiver accepted the delivery.
    pub fn failure(&self) -> Option<DeliveryFailure> {
        let Self { status, location } = self.clone();
        (!(200..=299).contains(&status)).then_some(DeliveryFailure::Status { status, location })
    }
}

/// Target of a redirect, without path and query.
fn location(url: &WebhookUrl, response: &Response) -> Option<String> {
    let named = response.headers().get(LOCATION)?.to_str().ok()?;
    let target = url.as_url().join(named).ok()?;
    let is_shown = ForeignId::of_host(target.host_str()?, &secrets_in(url)).is_some();
    (is_shown && response.status().is_redirection()).then(|| target.origin().ascii_serialization())
}

/// The parts of a receiver's URL that may be secrets of its own.
fn secrets_in(url: &WebhookUrl) -> Secrets {
    let secrets = Secrets::default();
    let url = url.as_url();
    for segment in url.path_segments().into_iter().flatten() {
        secrets.add(segment);
    }
    for (_, value) in url.query_pairs() {
        secrets.add(&value);
    }
    secrets
}

impl DeliveryError {
    fn new(url: &WebhookUrl, error: reqwest::Error) -> Self {
        let kind = match forbidden_kind(&error) {
            Some(kind) => DeliveryErrorKind::Refused(kind),
            None if error.is_timeout() => DeliveryErrorKind::Timeout,
            None => DeliveryErrorKind::Unreachable(failed_step(&error)),
        };
        let error = error.without_url();
        let secrets = secrets_in(url);
        Self {
            host: url.host().to_owned(),
            kind,
            source: ForeignText::new(&error_chain(&error), &secrets),
            root_cause: ForeignText::new(&root_cause(&error), &secrets),
        }
    }

    /// The error as the audit trail stores it and the operator sees it.
    pub fn failure(&self) -> DeliveryFailure {
        let cause = || self.root_cause.clone().into();
        match self.kind {
            DeliveryErrorKind::Timeout => DeliveryFailure::Timeout {
                seconds: TIMEOUT.as_secs(),
            },
            DeliveryErrorKind::Refused(kind) => DeliveryFailure::Forbidden {
                cause: format!("the host's name resolves to {kind}"),
            },
            DeliveryErrorKind::Unreachable(Step::Name) => DeliveryFailure::Name { cause: cause() },
            DeliveryErrorKind::Unreachable(Step::Connection) => {
                DeliveryFailure::NoConnection { cause: cause() }
            }
            DeliveryErrorKind::Unreachable(Step::Tls) => DeliveryFailure::Tls { cause: cause() },
            DeliveryErrorKind::Unreachable(Step::Response) => {
                DeliveryFailure::NoAnswer { cause: cause() }
            }
        }
    }
}

impl fmt::Display for DeliveryErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => write!(f, "did not respond within {} s", TIMEOUT.as_secs()),
            Self::Unreachable(_) => f.write_str("could not be reached"),
            Self::Refused(kind) => write!(f, "is not allowed: its name resolves to {kind}"),
        }
    }
}

fn failed_step(error: &reqwest::Error) -> Step {
    let is_name = |cause: &(dyn Error + 'static)| cause.to_string() == "dns error";
    if causes(error).any(is_tls) {
        Step::Tls
    } else if causes(error).any(is_name) {
        Step::Name
    } else if error.is_connect() {
        Step::Connection
    } else {
        Step::Response
    }
}

/// TLS errors are in the chain, or inside I/O errors, which hide them from it. A peer that closes the connection
/// during the handshake is recognised only by the error's text.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let inner_errors = successors(cause.downcast_ref::<io::Error>(), |error| {
        error.get_ref()?.downcast_ref()
    });
    cause.is::<rustls::Error>()
        || inner_errors
            .filter_map(io::Error::get_ref)
            .any(<dyn Error + Send + Sync>::is::<rustls::Error>)
        || cause.to_string().starts_with("tls handshake")
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(error.source(), |cause| (*cause).source())
}

fn root_cause(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

async fn discard_body(mut response: Response) {
    let mut read = 0;
    while read < IGNORED_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read += chunk.len();
    }
}

#[cfg(test)]
mod tests;
