//! Sends a delivery, and only to addresses that the rules allow, however a name resolves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;

use super::address::{AddressRules, Rule, WebhookUrl};
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
#[error("the webhook receiver at {host} gave no answer")]
pub struct DeliveryError {
    host: String,
    #[source]
    source: reqwest::Error,
}

/// Every address of a name was refused.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its name leads to {rule}")]
struct NameRefused {
    rule: Rule,
}

/// Resolves names and leaves out the addresses that break a rule. It runs for each new connection, so a name
/// that was harmless when the request was checked cannot lead inside later.
#[derive(Debug)]
struct GuardedResolver {
    rules: Arc<AddressRules>,
}

/// A receiver is to take a delivery at once and work on it afterwards.
const TIMEOUT: Duration = Duration::from_secs(5);

/// As much of an answer as is read, to keep the connection usable; nobody looks at it.
const IGNORED_BYTES: usize = 4096;

impl Sender {
    /// No proxy is used: it would resolve names on its own, and the rules could not hold.
    pub fn new(rules: AddressRules) -> Result<Self, ClientError> {
        let resolver = GuardedResolver {
            rules: Arc::new(rules),
        };
        let http = transport::builder()
            .no_proxy()
            .dns_resolver(resolver)
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
        let request = self
            .http
            .post(url.as_url().clone())
            .header(CONTENT_TYPE, "application/json");
        let request = request.header(SOURCE_HEADER, SOURCE_NAME).body(body);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        let response = request.send().await.map_err(|error| DeliveryError {
            host: url.host().to_owned(),
            source: error.without_url(),
        })?;
        let status = response.status().as_u16();
        ignore(response).await;
        Ok(status)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(permitted(&rules, name.as_str(), found)?.into_iter()) as Addrs)
        })
    }
}

fn permitted(
    rules: &AddressRules,
    name: &str,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, NameRefused> {
    let broken = |address: &SocketAddr| rules.broken_at(name, address.ip());
    let refused = found.iter().find_map(broken);
    let permitted: Vec<_> = found
        .into_iter()
        .filter(|address| broken(address).is_none())
        .collect();
    match refused {
        Some(rule) if permitted.is_empty() => Err(NameRefused { rule }),
        _ => Ok(permitted),
    }
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
    use std::error::Error as _;
    use std::iter::successors;

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
        assert!(
            error
                .to_string()
                .ends_with("the webhook receiver at localhost gave no answer")
        );
        assert!(
            chain(&error).ends_with("its name leads to this machine"),
            "{}",
            chain(&error)
        );
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

    #[test]
    fn one_public_address_of_a_name_is_enough_and_the_others_are_left_out() {
        let found = ["10.0.0.1:0", "203.0.113.9:0", "[::ffff:169.254.169.254]:0"]
            .map(|text| text.parse().unwrap());

        let permitted = permitted(
            &AddressRules::default(),
            "hooks.example.com",
            found.to_vec(),
        )
        .unwrap();

        assert_eq!(permitted, ["203.0.113.9:0".parse().unwrap()]);
    }
}
