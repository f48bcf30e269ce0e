//! Builds HTTP clients: TLS by rustls with ring, no redirects, a proxy from the environment except for this machine.

use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use url::{Host, Url};

/// The HTTP client could not be set up: no usable root certificates, or a malformed proxy setting.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[from] pub(crate) reqwest::Error);

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
