//! Addresses of streams: of the notification service, which the API names, and of a gateway's direct stream.

use secrecy::ExposeSecret as _;
use url::Url;

use super::client::GenesysClient;
use super::endpoints::is_domain_or_subdomain;
use super::error::ApiError;
use super::path::ApiPath;
use super::token::Bearer;
use super::{Call, Endpoints};
use crate::net::transport::is_loopback;
use crate::net::websocket::{StreamUrl, StreamUrlError, WebSockets};

/// An address with the token that it holds.
#[derive(Clone, Debug)]
pub struct TokenStream {
    pub url: StreamUrl,
    token: Bearer,
}

impl GenesysClient {
    /// Opens connections with the proxy and the user agent of this client.
    pub fn websockets(&self, message_limit_bytes: usize) -> WebSockets {
        WebSockets {
            user_agent: self.settings().user_agent.clone(),
            proxy: self.settings().proxy.clone(),
            message_limit_bytes,
            secrets: self.secrets().clone(),
        }
    }

    /// The address that the API names for a channel. It must be on a host of the API's or the region's domain, or on this
    /// machine if the API is.
    pub fn channel_url(&self, connect_uri: &str) -> Result<StreamUrl, StreamUrlError> {
        let url = StreamUrl::parse(connect_uri)?;
        if is_of_api(&url, &self.settings().endpoints) {
            Ok(url)
        } else {
            let host = url.host().to_owned();
            Err(StreamUrlError::ForeignHost { host })
        }
    }

    /// The address of a stream below the API's host, with a valid token in its query.
    pub async fn token_stream(&self, path: &'static str) -> Result<TokenStream, ApiError> {
        let token = self.bearer().await?;
        let call =
            Call::get(ApiPath::from(path)).query("access_token", token.value.expose_secret());
        let url = as_stream(call.url(self.settings().endpoints.api()));
        Ok(TokenStream { url, token })
    }

    /// Discards the token of an address, so that the next one holds a new token.
    pub async fn discard_token(&self, refused: &TokenStream) {
        self.discard(&refused.token).await;
    }
}

/// The same address with the scheme of a stream.
#[expect(
    clippy::expect_used,
    reason = "an endpoint is https, or http on this machine"
)]
fn as_stream(mut url: Url) -> StreamUrl {
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).expect("both have a host");
    StreamUrl::try_from(url).expect("an encrypted address, or one of this machine")
}

fn is_of_api(url: &StreamUrl, endpoints: &Endpoints) -> bool {
    let host = url.host();
    let own = endpoints.api_host();
    let own_domain = own.strip_prefix("api.");
    let domains = own_domain.into_iter().chain(endpoints.region_domain());
    let is_local = is_loopback(endpoints.api()) && is_loopback(url.as_url());
    host == own
        || is_local
        || domains
            .into_iter()
            .any(|domain| is_domain_or_subdomain(host, domain))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::base::deadline::Deadline;
    use crate::base::decode;
    use crate::genesys::{ClientSettings, Credentials};
    use crate::net::clock::Clock;
    use crate::net::loopback::{Loopback, Scripted};

    const TOKENS: [&str; 2] = ["t0ken-1+/=", "t0ken-2"];

    async fn setup() -> (Loopback, GenesysClient) {
        let server = Loopback::start().await;
        server.script(
            "/oauth/token",
            TOKENS.map(|token| Scripted::token(token, 86_399)),
        );
        let endpoints = Endpoints::new(None, Some(server.url.as_str()), Some(server.url.as_str()));
        let credentials = Credentials {
            id: "c1".to_owned(),
            secret: "s3cret".into(),
        };
        let client = GenesysClient::new(
            ClientSettings::new(endpoints.unwrap()),
            Arc::new(credentials),
            Clock::manual(Timestamp::UNIX_EPOCH),
        );
        (server, client.unwrap())
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_for_the_next_address() {
        let (server, client) = setup().await;

        let first = client.token_stream("/stream").await.unwrap();
        let again = client.token_stream("/stream").await.unwrap();
        client.discard_token(&first).await;
        client.discard_token(&again).await;
        let renewed = client.token_stream("/stream").await.unwrap();

        let query = |stream: &TokenStream| stream.url.as_url().query().unwrap().to_owned();
        assert_eq!(query(&first), "access_token=t0ken-1%2B%2F%3D");
        assert_eq!(
            (query(&again), query(&renewed)),
            (query(&first), "access_token=t0ken-2".to_owned())
        );
        assert_eq!(server.hits("/oauth/token"), 2);
    }

    #[tokio::test]
    async fn debug_output_of_an_address_hides_its_token() {
        let (_server, client) = setup().await;

        let stream = client.token_stream("/stream").await.unwrap();

        assert!(!format!("{stream:?}").contains("t0ken"));
    }

    #[tokio::test]
    async fn a_channel_is_looked_up_and_its_topics_are_replaced() {
        let (server, client) = setup().await;
        server.script("/channels/1", [Scripted::new(200, "")]);
        server.script(
            "/channels/1/topics",
            [Scripted::new(200, r#"{"entities":[]}"#)],
        );

        let head = Call::head("/channels/1");
        let put = Call::put("/channels/1/topics").json(&serde_json::json!([{"id":"a"}]));
        client
            .call(&head, Deadline::NONE, decode::ignore)
            .await
            .unwrap();
        client
            .call(&put, Deadline::NONE, decode::ignore)
            .await
            .unwrap();

        assert_eq!(server.seen("/channels/1")[0].method, "HEAD");
        let put = &server.seen("/channels/1/topics")[0];
        assert_eq!((&*put.method, &*put.body), ("PUT", r#"[{"id":"a"}]"#));
    }

    fn is_allowed(api: Option<&str>, url: &str) -> bool {
        let region = Some("euc1".parse().unwrap());
        let endpoints = Endpoints::new(region, api, None).unwrap();
        is_of_api(&StreamUrl::parse(url).unwrap(), &endpoints)
    }

    #[test]
    fn a_channel_is_on_a_host_of_the_api() {
        let channel = "wss://streaming.mypurecloud.de/channels/streaming-1";
        assert!(is_allowed(None, channel));
        assert!(is_allowed(Some("https://gateway.example/api"), channel));
        assert!(is_allowed(
            Some("https://gateway.example"),
            "wss://gateway.example:8443/x"
        ));
        assert!(is_allowed(
            Some("https://api.other.example"),
            "wss://streaming.other.example/x"
        ));
        assert!(is_allowed(Some("http://127.0.0.1:1"), "ws://localhost:2/x"));

        for url in [
            "wss://streaming.mypurecloud.ie/x",
            "wss://mypurecloud.de.example/x",
            "wss://notmypurecloud.de/x",
            "wss://10.0.0.1/x",
            "ws://127.0.0.1/x",
        ] {
            assert!(!is_allowed(None, url), "{url}");
        }
        assert!(!is_allowed(
            Some("https://gateway.example"),
            "wss://other.example/x"
        ));
    }

    #[test]
    fn a_stream_below_the_api_keeps_its_host_and_port() {
        for (api, stream) in [
            (
                "https://api.mypurecloud.de/a?access_token=t",
                "wss://api.mypurecloud.de/a?access_token=t",
            ),
            ("http://127.0.0.1:8080/a", "ws://127.0.0.1:8080/a"),
        ] {
            let url = as_stream(Url::parse(api).unwrap());

            assert_eq!(url.as_url().as_str(), stream);
        }
    }
}
