//! Sends a delivery.

use std::error::Error as _;
use std::fmt;
use std::iter::successors;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;

use super::address::{AddressRules, Rule, WebhookUrl};
use super::resolver::{GuardedResolver, NameRefused};
use crate::genesys::{ClientError, transport};

/// Tells a receiver of many things which of them this is.
pub const SOURCE_HEADER: &str = "X-Archive-Source";
pub const SOURCE_NAME: &str = "genesys-cloud";

/// The way to webhook receivers. Clones share connections.
#[derive(Clone, Debug)]
pub struct Sender {
    http: reqwest::Client,
}

/// No answer came; another attempt later may get one.
#[derive(Debug, thiserror::Error)]
#[error("the webhook receiver at {host} {what}")]
pub struct DeliveryError {
    host: String,
    what: What,
    #[source]
    source: reqwest::Error,
}

/// In which way there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Timeout,
    Unreachable,
    Refused(Rule),
}

/// A receiver is to take a delivery at once and work on it afterwards.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What every delivery carries, unless the caller sets it.
const ALWAYS: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    (SOURCE_HEADER, SOURCE_NAME),
];

/// As much of an answer as is read, to keep the connection usable; nobody looks at it.
const IGNORED_BYTES: usize = 4096;

impl Sender {
    /// No proxy is used: it would resolve names on its own, and the rules could not hold.
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

    /// Posts a JSON body and returns the receiver's status.
    pub async fn post(
        &self,
        url: &WebhookUrl,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<u16, DeliveryError> {
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
        let status = response.status().as_u16();
        ignore(response).await;
        Ok(status)
    }
}

impl DeliveryError {
    fn new(url: &WebhookUrl, error: reqwest::Error) -> Self {
        let what = match refused_name(&error) {
            Some(rule) => What::Refused(rule),
            None if error.is_timeout() => What::Timeout,
            None => What::Unreachable,
        };
        Self {
            host: url.host().to_owned(),
            what,
            source: error.without_url(),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => write!(f, "did not answer within {} s", TIMEOUT.as_secs()),
            Self::Unreachable => f.write_str("could not be reached"),
            Self::Refused(rule) => write!(f, "is not allowed: its name leads to {rule}"),
        }
    }
}

/// The resolver's refusal, from below the layers of the HTTP client.
fn refused_name(error: &reqwest::Error) -> Option<Rule> {
    let mut causes = successors(error.source(), |cause| (*cause).source());
    causes
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
mod tests {
    use std::sync::Arc;

    use insta::assert_snapshot;

    use super::*;
    use crate::genesys::loopback::{Answer, Loopback as Server};
    use crate::webhook::address::Loopback;

    const HOOK: &str = "/hook";

    fn local() -> AddressRules {
        AddressRules {
            loopback: Loopback::Allowed,
            ..AddressRules::default()
        }
    }

    /// The receiver by a name that has to be resolved.
    fn by_name(server: &Server) -> WebhookUrl {
        let url = format!("http://localhost:{}{HOOK}", server.url.port().unwrap());
        WebhookUrl::parse(&url, &local()).unwrap()
    }

    fn chain(error: &DeliveryError) -> String {
        let causes = successors(error.source(), |cause| (*cause).source());
        causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
    }

    #[tokio::test]
    async fn a_delivery_carries_body_and_headers() {
        let server = Server::start().await;
        server.script(HOOK, [Answer::new(202, "thanks")]);
        let sender = Sender::new(local()).unwrap();

        let headers = [("webhook-id", "msg_1".to_owned())];
        let status = sender
            .post(&by_name(&server), &headers, Bytes::from_static(b"{}"))
            .await
            .unwrap();

        assert_eq!(status, 202);
        let seen = &server.seen(HOOK)[0];
        assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", "{}"));
        assert_eq!(seen.headers["webhook-id"], "msg_1");
        assert_eq!(seen.headers["x-archive-source"], "genesys-cloud");
        assert_eq!(seen.headers["content-type"], "application/json");
        assert!(seen.headers["user-agent"].starts_with("genesys-conversation-archive/"));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let server = Server::start().await;
        server.script(HOOK, [Answer::new(307, "").header("Location", "/other")]);
        let sender = Sender::new(local()).unwrap();

        let status = sender
            .post(&by_name(&server), &[], Bytes::new())
            .await
            .unwrap();

        assert_eq!(status, 307);
        assert_eq!(server.hits("/other"), 0);
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let server = Server::start().await;
        server.script(HOOK, [Answer::new(200, "")]);
        let sender = Sender::new(AddressRules::default()).unwrap();

        let error = sender
            .post(&by_name(&server), &[], Bytes::new())
            .await
            .unwrap_err();

        assert_eq!(server.hits(HOOK), 0);
        assert_snapshot!(error, @"the webhook receiver at localhost is not allowed: its name leads to this machine");
    }

    #[tokio::test]
    async fn a_receiver_that_is_down_is_a_delivery_error_without_its_path() {
        let url = WebhookUrl::parse("http://127.0.0.1:1/s3cret?key=s3cret", &local()).unwrap();

        let error = Sender::new(local())
            .unwrap()
            .post(&url, &[], Bytes::new())
            .await
            .unwrap_err();

        assert!(
            !chain(&error).contains("s3cret") && !format!("{error:?}").contains("s3cret"),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_is_left_after_the_timeout() {
        let server = Server::start().await;
        let never = Arc::new(tokio::sync::Barrier::new(2));
        server.script(HOOK, [Answer::new(200, "").held(&never)]);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_millis(20))
            .build()
            .unwrap();

        let error = Sender { http }
            .post(&by_name(&server), &[], Bytes::new())
            .await
            .unwrap_err();

        assert_snapshot!(error, @"the webhook receiver at localhost did not answer within 5 s");
    }
}
