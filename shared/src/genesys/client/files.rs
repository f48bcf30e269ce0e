//! Where files may be fetched from. Their addresses come in with conversations, and we ask from inside the customer's network.

use reqwest::redirect::{Attempt, Policy};
use url::Url;

use super::ClientSettings;
use crate::genesys::transport::{self, ClientError, is_loopback};
use crate::webhook::{AddressRules, GuardedResolver, Loopback};

/// From an address of the API to where the file is, and twice more.
const REDIRECTS: usize = 3;

/// Follows redirects, within the rules, to hosts of the public internet; reqwest takes the token away on the way to another
/// host. No proxy is used: it would resolve names on its own, and the rules could not hold.
pub(super) fn client(settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    let rules = rules(settings);
    let resolver = GuardedResolver::new(rules.clone());
    let client = transport::builder()
        .no_proxy()
        .dns_resolver(resolver)
        // An address may hold a secret, which is nobody else's.
        .referer(false)
        .redirect(Policy::custom(move |attempt| follow(attempt, &rules)))
        .user_agent(&settings.user_agent)
        .read_timeout(settings.read_timeout)
        .build()?;
    Ok(client)
}

fn follow(attempt: Attempt<'_>, rules: &AddressRules) -> reqwest::redirect::Action {
    if attempt.previous().len() > REDIRECTS || !is_public(attempt.url(), rules) {
        attempt.stop()
    } else {
        attempt.follow()
    }
}

/// The organisation's own domain, as `mypurecloud.de` of `api.mypurecloud.de`, and what the settings list.
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
        .any(|domain| is_below(host, domain));
    is_listed && is_public(url, &rules(settings))
}

fn is_below(host: &str, domain: &str) -> bool {
    let rest = host.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// As far as can be said before a name is resolved.
fn is_public(url: &Url, rules: &AddressRules) -> bool {
    let is_encrypted = url.scheme() == "https" || is_loopback(url) && url.scheme() == "http";
    let Some(host) = url.host() else {
        return false;
    };
    is_encrypted && !has_credentials(url) && rules.broken_by(&host.to_owned()).is_none()
}

/// They would go in place of the token, or beside it.
fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The API itself may be anywhere; whoever has it on this machine has files there, too.
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
    }
}
