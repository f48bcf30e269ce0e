//! Sends a delivery.

use std::error::Error;
use std::iter::successors;
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::LOCATION;

use crate::export::delivery::DeliveryFailure;
use crate::net::ClientError;
use crate::net::address::{AddressRules, Rule, WebhookUrl};
use crate::net::resolver::{GuardedResolver, NameRefused};
use crate::net::transport;

/// Identifies the source of a delivery to a receiver that serves several.
pub const SOURCE_HEADER: &str = "X-Archive-Source";
pub const SOURCE_NAME: &str = "genesys-cloud";

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
#[error("the webhook receiver at {host} {what}")]
pub struct DeliveryError {
    host: String,
    what: What,
    #[source]
    source: reqwest::Error,
}

/// Why there was no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Timeout,
    Unreachable(Step),
    Refused(Rule),
}

/// The step at which an unanswered request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Name,
    Connection,
    Tls,
    Answer,
}

/// A receiver is expected to accept a delivery at once and to process it afterwards. Standard Webhooks recommends 15
/// to 30 s, for receivers that process it first.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Headers of every delivery, unless the caller sets them.
const ALWAYS: [(&str, &str); 2] = [
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
        let given = |name: &str| {
            headers
                .iter()
                .any(|(header, _)| header.eq_ignore_ascii_case(name))
        };
        let always = ALWAYS.into_iter().filter(|(name, _)| !given(name));
        let request = self.http.post(url.as_url().clone()).body(body);
        let request = always.fold(request, |request, (name, value)| {
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
        ignore(response).await;
        Ok(reply)
    }
}

impl Reply {
    /// `None` if the receiver accepted the delivery.
    pub fn refusal(&self) -> Option<DeliveryFailure> {
        let Self { status, location } = self.clone();
        (!(200..=299).contains(&status)).then_some(DeliveryFailure::Status { status, location })
    }
}

/// Target of a redirect, without path and query.
fn location(url: &WebhookUrl, response: &Response) -> Option<String> {
    let named = response.headers().get(LOCATION)?.to_str().ok()?;
    let target = url.as_url().join(named).ok()?;
    response
        .status()
        .is_redirection()
        .then(|| target.origin().ascii_serialization())
}

impl DeliveryError {
    fn new(url: &WebhookUrl, error: reqwest::Error) -> Self {
        let what = match refused_name(&error) {
            Some(rule) => What::Refused(rule),
            None if error.is_timeout() => What::Timeout,
            None => What::Unreachable(step(&error)),
        };
        Self {
            host: url.host().to_owned(),
            what,
            source: error.without_url(),
        }
    }

    /// The error as the audit trail stores it and the operator sees it.
    pub fn refusal(&self) -> DeliveryFailure {
        let cause = || deepest(&self.source);
        match self.what {
            What::Timeout => DeliveryFailure::Timeout {
                seconds: TIMEOUT.as_secs(),
            },
            What::Refused(rule) => DeliveryFailure::Forbidden {
                cause: format!("the host's name resolves to {rule}"),
            },
            What::Unreachable(Step::Name) => DeliveryFailure::Name { cause: cause() },
            What::Unreachable(Step::Connection) => DeliveryFailure::NoConnection { cause: cause() },
            What::Unreachable(Step::Tls) => DeliveryFailure::Tls { cause: cause() },
            What::Unreachable(Step::Answer) => DeliveryFailure::NoAnswer { cause: cause() },
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => write!(f, "did not respond within {} s", TIMEOUT.as_secs()),
            Self::Unreachable(_) => f.write_str("could not be reached"),
            Self::Refused(rule) => write!(f, "is not allowed: its name resolves to {rule}"),
        }
    }
}

fn step(error: &reqwest::Error) -> Step {
    let is_name = |cause: &(dyn Error + 'static)| cause.to_string() == "dns error";
    if causes(error).any(is_tls) {
        Step::Tls
    } else if causes(error).any(is_name) {
        Step::Name
    } else if error.is_connect() {
        Step::Connection
    } else {
        Step::Answer
    }
}

/// TLS errors are in the chain, or inside I/O errors, which hide them from it. A peer that closes the connection
/// during the handshake is recognised only by the error's text.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let hidden = successors(cause.downcast_ref::<io::Error>(), |error| {
        error.get_ref()?.downcast_ref()
    });
    cause.is::<rustls::Error>()
        || hidden
            .filter_map(io::Error::get_ref)
            .any(<dyn Error + Send + Sync>::is::<rustls::Error>)
        || cause.to_string().starts_with("tls handshake")
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(error.source(), |cause| (*cause).source())
}

/// The last cause, which is the most specific; those above it only name the layers of the HTTP client.
fn deepest(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// The rule by which the resolver refused the name, found below the layers of the HTTP client.
fn refused_name(error: &reqwest::Error) -> Option<Rule> {
    causes(error)
        .find_map(|cause| cause.downcast_ref::<NameRefused>())
        .map(|refused| refused.rule)
}

async fn ignore(mut response: Response) {
    let mut read = 0;
    while read < IGNORED_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read += chunk.len();
    }
}

#[cfg(test)]
mod tests;
