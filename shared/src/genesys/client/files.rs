//! Rules for file downloads: conversations name the addresses, and the client runs inside the customer's network.

use reqwest::redirect::{Attempt, Policy};
use url::Url;

use super::ClientSettings;
use crate::net::transport::{self, ClientError, is_loopback};
use crate::net::{AddressRules, GuardedResolver, Loopback};

/// From an API address to the file, plus two more.
const MAX_REDIRECTS: usize = 3;

/// Client that follows redirects, within the rules, to hosts of the public internet; reqwest drops the token on a
/// redirect to another host. It uses no proxy: a proxy would resolve names itself and bypass the rules.
pub(super) fn client(settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    let rules = rules(settings);
    let resolver = GuardedResolver::new(rules.clone());
    let client = transport::builder()
        .no_proxy()
        .dns_resolver(resolver)
        // An address may hold a secret, which no other host may see.
        .referer(false)
        .redirect(Policy::custom(move |attempt| follow(attempt, &rules)))
        .user_agent(&settings.user_agent)
        .read_timeout(settings.read_timeout)
        .build()?;
    Ok(client)
}

fn follow(attempt: Attempt<'_>, rules: &AddressRules) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS || !is_public(attempt.url(), rules) {
        attempt.stop()
    } else {
        attempt.follow()
    }
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
