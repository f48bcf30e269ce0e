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
    use super::*;

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
