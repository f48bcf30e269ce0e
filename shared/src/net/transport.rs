//! Builds HTTP clients: TLS by rustls with ring, no redirects, a proxy from the environment or a secret except for this
//! machine.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

/// The HTTP client could not be set up: no usable root certificates, or a malformed proxy setting.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[from] pub(crate) reqwest::Error);

/// The URL of a proxy, with its login if it requires one.
#[derive(Clone, Debug)]
pub struct ProxyUrl(SecretString);

/// The text is not the URL of a proxy. The error does not reveal it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proxy is not a URL of the form http://[user:password@]host:port")]
pub struct ProxyUrlError;

impl ProxyUrl {
    pub fn parse(text: &SecretString) -> Result<Self, ProxyUrlError> {
        let url = Url::parse(text.expose_secret().trim()).map_err(|_| ProxyUrlError)?;
        let is_http = matches!(url.scheme(), "http" | "https");
        if !is_http || !url.has_host() {
            return Err(ProxyUrlError);
        }
        Ok(Self(String::from(url).into()))
    }

    /// The hosts in `NO_PROXY` are reached directly, as with a proxy from the environment.
    fn proxy(&self) -> Result<Proxy, ClientError> {
        let proxy = Proxy::https(self.0.expose_secret());
        let proxy = proxy.map_err(reqwest::Error::without_url)?;
        Ok(proxy.no_proxy(NoProxy::from_env()))
    }
}

/// Long enough for a TLS handshake across the world, short enough to retry within an invocation.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client builder with the settings for all hosts. Redirects are not followed: a redirect would carry the
/// `Authorization` header, or a signed body, to an unchecked host.
pub(crate) fn builder() -> ClientBuilder {
    // reqwest is built without a crypto provider. An error only says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_gzip()
        .connect_timeout(CONNECT_TIMEOUT)
}

/// A client builder for `url`. Requests to this machine use no proxy, which must not see them and could not reach it.
pub(crate) fn builder_for(url: &Url) -> ClientBuilder {
    let builder = if is_loopback(url) {
        builder().no_proxy()
    } else {
        builder()
    };
    // Reading the machine's root certificates takes longer than the rest; plain http needs none.
    match url.scheme() {
        "http" => builder.tls_certs_only([]),
        _ => builder,
    }
}

/// A client builder for `url` that uses this proxy, or else that of the environment.
pub(crate) fn builder_through(
    url: &Url,
    proxy: Option<&ProxyUrl>,
) -> Result<ClientBuilder, ClientError> {
    let builder = builder_for(url);
    match proxy {
        Some(proxy) if !is_loopback(url) => Ok(builder.proxy(proxy.proxy()?)),
        _ => Ok(builder),
    }
}

/// Whether the URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

/// Whether the name is `localhost` or under it (RFC 6761, section 6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_url_and_an_error_does_not_show_its_password() {
        let parse = |text: &str| ProxyUrl::parse(&text.to_owned().into());

        for text in [
            "http://proxy:3128",
            " https://user:s3cret@proxy.example:3128/ ",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in [
            "proxy:3128",
            "socks5://user:s3cret@proxy:1080",
            "user:s3cret@proxy:3128",
            "",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn debug_output_of_a_proxy_hides_its_password() {
        let proxy = ProxyUrl::parse(&"http://user:s3cret@proxy:3128".to_owned().into()).unwrap();

        assert!(!format!("{proxy:?}").contains("s3cret"));
        let url = Url::parse("https://api.mypurecloud.de").unwrap();
        assert!(builder_through(&url, Some(&proxy)).is_ok());
    }
}
