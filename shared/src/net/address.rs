//! Allowed addresses of webhooks: https to the public internet, and the hosts that the operator lists.
//!
//! A request names the receiver's address, and deliveries are sent from inside the customer's network. So a host is
//! refused if it is, or resolves to, an address of that network, of this machine or of a metadata service.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::transport::is_localhost;

/// The hosts and addresses that the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// Hosts that may have any address: names, or addresses in the notation of a URL.
    pub allowed_hosts: Vec<String>,
    pub loopback: Loopback,
    /// Receivers of webhooks, in addition to the rules on addresses.
    pub receivers: Receivers,
}

/// The hosts that webhooks may be sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Receivers {
    #[default]
    AnyHost,
    /// These hosts; with an empty list, none.
    Only(Vec<String>),
}

/// Whether receivers on this machine are allowed, over plain http, too. Only the embedded engine allows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loopback {
    #[default]
    Refused,
    Allowed,
}

/// The checked URL of a receiver. Path and query may hold the receiver's own secrets and are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// Why a URL is not a valid receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    #[error("webhookUrl is not a URL of the form https://host[:port]/path")]
    Malformed,
    #[error("webhookUrl must not hold a user name or password: `{host}`")]
    Credentials { host: String },
    #[error("webhookUrl must be https: `{host}`")]
    PlainHttp { host: String },
    #[error(
        "webhookUrl must not point to {kind}: `{host}`; list the host in WEBHOOK_ALLOWED_HOSTS to allow it"
    )]
    Address { host: String, kind: AddressKind },
    #[error(
        "webhookUrl must not point to `{host}`, which is not in WEBHOOK_RECEIVERS; use a host of that list, or add this one to it"
    )]
    NotListed { host: String },
}

/// The kind of an address that is not in the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    Loopback,
    Private,
    LinkLocal,
    CarrierGrade,
    Multicast,
    Unspecified,
    Metadata,
    Reserved,
}

/// Azure's metadata service, the only one with a public address.
/// <https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16>
const AZURE_METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

impl WebhookUrl {
    /// Checks everything that is known before a name is resolved.
    pub fn parse(text: &str, rules: &AddressRules) -> Result<Self, WebhookUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| WebhookUrlError::Malformed)?;
        let host = url
            .host()
            .map(|host| host.to_owned())
            .ok_or(WebhookUrlError::Malformed)?;
        let name = || host.to_string();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::Credentials { host: name() });
        }
        if let Some(kind) = rules.forbidden_kind(&host) {
            return Err(WebhookUrlError::Address { host: name(), kind });
        }
        if !rules.receivers.allow(&name()) {
            return Err(WebhookUrlError::NotListed { host: name() });
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http"
                if rules.loopback == Loopback::Allowed
                    && kind_of_host(&host) == Some(AddressKind::Loopback) =>
            {
                Ok(Self(url))
            }
            "http" => Err(WebhookUrlError::PlainHttp { host: name() }),
            _ => Err(WebhookUrlError::Malformed),
        }
    }

    /// The whole URL, for sending and storing; not for display.
    pub(crate) fn as_url(&self) -> &Url {
        &self.0
    }

    #[expect(clippy::expect_used, reason = "`parse` refuses URLs without a host")]
    pub fn host(&self) -> &str {
        self.0.host_str().expect("a URL with a host")
    }
}

impl AddressRules {
    /// The rule that forbids sending to `name` at `address`, if there is one.
    pub(super) fn forbidden_kind_at(&self, name: &str, address: IpAddr) -> Option<AddressKind> {
        if self.allows_host(name) {
            None
        } else {
            kind_of(address).filter(|kind| self.forbids(*kind))
        }
    }

    pub(crate) fn forbidden_kind(&self, host: &Host) -> Option<AddressKind> {
        if self.allows_host(&host.to_string()) {
            None
        } else {
            kind_of_host(host).filter(|kind| self.forbids(*kind))
        }
    }

    fn forbids(&self, kind: AddressKind) -> bool {
        kind != AddressKind::Loopback || self.loopback == Loopback::Refused
    }

    fn allows_host(&self, name: &str) -> bool {
        is_listed(&self.allowed_hosts, name)
    }
}

impl Receivers {
    fn allow(&self, name: &str) -> bool {
        match self {
            Self::AnyHost => true,
            Self::Only(hosts) => is_listed(hosts, name),
        }
    }
}

fn is_listed(hosts: &[String], name: &str) -> bool {
    hosts
        .iter()
        .any(|listed| normalized_host(listed) == normalized_host(name))
}

/// A host as it is compared: in lower case, without a trailing dot or the brackets of an address.
fn normalized_host(host: &str) -> String {
    host.trim()
        .trim_end_matches('.')
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase()
}

fn kind_of_host(host: &Host) -> Option<AddressKind> {
    match host {
        Host::Domain(name) => is_localhost(name).then_some(AddressKind::Loopback),
        Host::Ipv4(address) => kind_of_v4(*address),
        Host::Ipv6(address) => kind_of_v6(*address),
    }
}

fn kind_of(address: IpAddr) -> Option<AddressKind> {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

/// Classifies by the IANA registry of special addresses, as far as a host could listen there.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml>
fn kind_of_v4(address: Ipv4Addr) -> Option<AddressKind> {
    match address.octets() {
        _ if address == AZURE_METADATA => Some(AddressKind::Metadata),
        // EC2 and others, Alibaba Cloud, Oracle Cloud:
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html (IPv6 too)
        // https://github.com/canonical/cloud-init/blob/21.3/doc/rtd/topics/datasources/aliyun.rst
        // https://docs.oracle.com/en/cloud/cloud-at-customer/occ-get-started/retrieve-predefined-instance-metadata.html
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] => {
            Some(AddressKind::Metadata)
        }
        [0, ..] => Some(AddressKind::Unspecified),
        [127, ..] => Some(AddressKind::Loopback),
        [169, 254, ..] => Some(AddressKind::LinkLocal),
        [100, 64..=127, ..] => Some(AddressKind::CarrierGrade),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(AddressKind::Private),
        [224..=239, ..] => Some(AddressKind::Multicast),
        [192, 0, 0, _] | [198, 18..=19, ..] | [240..=255, ..] => Some(AddressKind::Reserved),
        _ => None,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Option<AddressKind> {
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        kind_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(AddressKind::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(AddressKind::Loopback),
        // Embedded IPv4 addresses: mapped and compatible (RFC 4291), translated (RFC 2765, RFC 6052 for NAT64), and
        // 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => embedded(high, low),
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Some(AddressKind::Metadata),
        [0xfc00..=0xfdff, ..] => Some(AddressKind::Private),
        [0xfe80..=0xfebf, ..] => Some(AddressKind::LinkLocal),
        [0xff00..=0xffff, ..] => Some(AddressKind::Multicast),
        // Site-local (RFC 3879), local translation (RFC 8215), Teredo (RFC 4380): no public host listens there.
        [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] => {
            Some(AddressKind::Reserved)
        }
        _ => None,
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "this machine",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::CarrierGrade => "a carrier-grade NAT address",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "an unspecified address",
            Self::Metadata => "a metadata service",
            Self::Reserved => "a reserved address",
        })
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

#[cfg(test)]
mod tests;
