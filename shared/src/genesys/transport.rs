//! How HTTP clients are made here: TLS by rustls with ring, no redirects, a proxy from the environment except for
//! this machine.

use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use url::{Host, Url};

/// The HTTP client could not be set up: no usable root certificates, or a malformed proxy setting.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[from] pub(super) reqwest::Error);

/// Long enough for a TLS handshake across the world, short enough to try again within an invocation.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client builder with what holds for every host. A redirect is never followed: it would carry the
/// `Authorization` header, or a signed body, somewhere nobody has checked.
pub(crate) fn builder() -> ClientBuilder {
    // reqwest is built without a provider of its own. An error says that one is installed already, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_gzip()
        .connect_timeout(CONNECT_TIMEOUT)
}

/// A client builder for `url`: proxies must never see what is meant for this machine, nor could they reach it.
pub(crate) fn builder_for(url: &Url) -> ClientBuilder {
    let builder = if is_loopback(url) {
        builder().no_proxy()
    } else {
        builder()
    };
    // Reading the machine's root certificates takes longer than all the rest; plain http needs none.
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

/// Whether the name is `localhost` or under it (RFC 6761).
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}
