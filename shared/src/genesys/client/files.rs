//! Rules for file downloads: conversations name the addresses, and the client runs inside the customer's network. A
//! redirect obeys the same rules.

use std::sync::OnceLock;

use reqwest::Response;
use reqwest::header::LOCATION;
use url::Url;

use super::ClientSettings;
use crate::genesys::call::FileKind;
use crate::genesys::endpoints::is_domain_or_subdomain;
use crate::net::transport::{self, ClientError, is_loopback};
use crate::net::{AddressRules, GuardedResolver, Loopback};

/// From an API address to the file, plus two more.
pub(super) const MAX_REDIRECTS: usize = 3;

/// The API's route for files, below the API's own path: it redirects to the file.
/// <https://developer.genesys.cloud/devapps/api-explorer#get-api-v2-downloads--downloadId->
const DOWNLOADS: &str = "/api/v2/downloads/";

/// HTTP clients for files, each created on first use. Each kind has its own: a client resolves names, and pools
/// connections, by the rules of its kind.
#[derive(Debug, Default)]
pub(super) struct FileClients {
    attachments: OnceLock<reqwest::Client>,
    transcripts: OnceLock<reqwest::Client>,
}

impl FileClients {
    pub(super) fn get(
        &self,
        kind: FileKind,
        settings: &ClientSettings,
    ) -> Result<&reqwest::Client, ClientError> {
        let cell = match kind {
            FileKind::Attachment => &self.attachments,
            FileKind::Transcript => &self.transcripts,
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = client(kind, settings)?;
        Ok(cell.get_or_init(|| client))
    }
}

/// Client for files of this kind. It does not follow redirects itself, because each address needs a decision about the
/// token. It uses no proxy: a proxy would resolve names itself and bypass the rules.
fn client(kind: FileKind, settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    let resolver = GuardedResolver::new(rules(kind, settings));
    let client = transport::builder()
        .no_proxy()
        .dns_resolver(resolver)
        .user_agent(&settings.user_agent)
        .read_timeout(settings.read_timeout)
        .build()?;
    Ok(client)
}

/// The target of a redirect, if the rules for addresses in conversations allow it.
pub(super) fn redirect_target(
    kind: FileKind,
    response: &Response,
    settings: &ClientSettings,
) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301..=303 | 307 | 308) {
        return None;
    }
    let target = response.headers().get(LOCATION)?.to_str().ok()?;
    let target = response.url().join(target).ok()?;
    is_allowed(kind, &target, settings).then_some(target)
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
/// in the settings. Transcripts also come from Amazon S3, where the API keeps them, and from this machine if the API is
/// on this machine: the API itself names their addresses.
pub(super) fn is_allowed(kind: FileKind, url: &Url, settings: &ClientSettings) -> bool {
    let api = settings.endpoints.api();
    if url.origin() == api.origin() {
        return !has_credentials(url);
    }
    let Some(host) = url.host_str() else {
        return false;
    };
    let own = api.host_str().and_then(|host| host.strip_prefix("api."));
    let listed = listed_hosts(kind, settings).iter();
    let is_listed = own
        .into_iter()
        .chain(listed.map(String::as_str))
        .any(|domain| is_domain_or_subdomain(host, domain));
    let is_of_api =
        kind == FileKind::Transcript && (is_s3_host(host) || is_loopback(api) && is_loopback(url));
    (is_listed || is_of_api) && is_public(url, &rules(kind, settings))
}

/// The hosts that the operator lists for files of this kind.
fn listed_hosts(kind: FileKind, settings: &ClientSettings) -> &[String] {
    match kind {
        FileKind::Attachment => &settings.file_hosts,
        FileKind::Transcript => &settings.transcript_hosts,
    }
}

/// Whether the host is an endpoint of Amazon S3 or a bucket of it, in the forms that presigned URLs have. Other services
/// share the domain, for example machines and API gateways of any customer.
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
fn is_s3_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let domains = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"];
    let Some(name) = domains.iter().find_map(|domain| host.strip_suffix(domain)) else {
        return false;
    };
    let mut labels = name.rsplit('.');
    let (last, second, third) = (labels.next(), labels.next(), labels.next());
    let is_region = |label: &str| {
        let dashes = label.bytes().filter(|byte| *byte == b'-').count();
        dashes >= 2 && label.ends_with(|last: char| last.is_ascii_digit())
    };
    match (last, second, third) {
        // `s3.amazonaws.com`, and `s3-eu-west-1.amazonaws.com` of older regions.
        (Some("s3"), ..) => true,
        (Some(last), ..) if last.strip_prefix("s3-").is_some_and(is_region) => true,
        (Some(region), Some("s3"), _) | (Some(region), Some("dualstack"), Some("s3")) => {
            is_region(region)
        }
        _ => false,
    }
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

/// The API itself may have any address; if it is on this machine, its files may be on this machine too. A host that is
/// listed for one kind of file may have an internal address for that kind only: a participant may choose the address of
/// an attachment.
fn rules(kind: FileKind, settings: &ClientSettings) -> AddressRules {
    let api = settings.endpoints.api();
    let own = api.host_str().into_iter().map(ToOwned::to_owned);
    let listed = listed_hosts(kind, settings).iter().cloned();
    AddressRules {
        allowed_hosts: own.chain(listed).collect(),
        loopback: if is_loopback(api) {
            Loopback::Allowed
        } else {
            Loopback::Refused
        },
        ..AddressRules::default()
    }
}
