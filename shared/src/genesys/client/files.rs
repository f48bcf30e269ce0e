//! Rules for file downloads: conversations name the addresses, and the client runs inside the customer's network. A
//! redirect obeys the same rules.

use reqwest::Response;
use reqwest::header::LOCATION;
use url::Url;

use super::ClientSettings;
use crate::net::transport::{self, ClientError, is_loopback};
use crate::net::{AddressRules, GuardedResolver, Loopback};

/// From an API address to the file, plus two more.
pub(super) const MAX_REDIRECTS: usize = 3;

/// The API's route for files, below the API's own path: it redirects to the file.
/// <https://developer.genesys.cloud/devapps/api-explorer#get-api-v2-downloads--downloadId->
const DOWNLOADS: &str = "/api/v2/downloads/";

/// Client for files. It does not follow redirects itself, because each address needs a decision about the token. It uses
/// no proxy: a proxy would resolve names itself and bypass the rules.
pub(super) fn client(settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    let resolver = GuardedResolver::new(rules(settings));
    let client = transport::builder()
        .no_proxy()
        .dns_resolver(resolver)
        .user_agent(&settings.user_agent)
        .read_timeout(settings.read_timeout)
        .build()?;
    Ok(client)
}

/// The target of a redirect, if the rules for addresses in conversations allow it.
pub(super) fn redirect_target(response: &Response, settings: &ClientSettings) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301..=303 | 307 | 308) {
        return None;
    }
    let target = response.headers().get(LOCATION)?.to_str().ok()?;
    let target = response.url().join(target).ok()?;
    is_allowed(&target, settings).then_some(target)
}

/// Whether the API documents the address as that of a file. Only such a request carries the token: a conversation may
/// name any address, and the API does whatever the token permits.
pub(super) fn is_download(url: &Url, api: &Url) -> bool {
    let path = url.path().strip_prefix(api.path().trim_end_matches('/'));
    let id = path.and_then(|path| path.strip_prefix(DOWNLOADS));
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(is_of_id);
    url.origin() == api.origin() && !has_credentials(url) && id.is_some_and(is_id)
}

fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

/// Whether the host is in the organisation's own domain (such as `mypurecloud.de` of `api.mypurecloud.de`) or listed
/// in the settings.
pub(super) fn is_allowed(url: &Url, settings: &ClientSettings) -> bool {
    let api = settings.endpoints.api();
    if url.origin() == api.origin() {
        return !has_credentials(url);
    }
    let Some(host) = url.host_str() else {
        return false;
    };
    let own = api.host_str().and_then(|host| host.strip_prefix("api."));
    let listed = settings.file_hosts.iter().map(String::as_str);
    let is_listed = own
        .into_iter()
        .chain(listed)
        .any(|domain| is_domain_or_subdomain(host, domain));
    is_listed && is_public(url, &rules(settings))
}

fn is_domain_or_subdomain(host: &str, domain: &str) -> bool {
    let rest = host.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether the URL is public, as far as this is known before its name is resolved.
fn is_public(url: &Url, rules: &AddressRules) -> bool {
    let is_encrypted = url.scheme() == "https" || is_loopback(url) && url.scheme() == "http";
    let Some(host) = url.host() else {
        return false;
    };
    is_encrypted && !has_credentials(url) && rules.forbidden_kind(&host.to_owned()).is_none()
}

/// Credentials in the URL would be sent instead of the token, or in addition to it.
fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The API itself may have any address; if it is on this machine, its files may be on this machine too.
fn rules(settings: &ClientSettings) -> AddressRules {
    let api = settings.endpoints.api();
    let own = api.host_str().into_iter().map(ToOwned::to_owned);
    AddressRules {
        allowed_hosts: own.chain(settings.file_hosts.iter().cloned()).collect(),
        loopback: if is_loopback(api) {
            Loopback::Allowed
        } else {
            Loopback::Refused
        },
        ..AddressRules::default()
    }
}
