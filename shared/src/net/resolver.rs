//! Resolves a receiver's name without the addresses that the rules forbid.

use std::error::Error as _;
use std::iter::successors;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressKind, AddressRules};

/// Resolves names and omits the addresses that break a rule. It runs for each new connection, so a name that was
/// harmless when the request was checked cannot lead into the internal network later.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    rules: Arc<AddressRules>,
}

/// Every address of a name was refused.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its name resolves to {kind}")]
struct NameRefused {
    kind: AddressKind,
}

/// The rule by which the resolver refused the name, found below the layers of the HTTP client.
pub(crate) fn forbidden_kind(error: &reqwest::Error) -> Option<AddressKind> {
    let causes = successors(error.source(), |cause| (*cause).source());
    let mut refusals = causes.filter_map(|cause| cause.downcast_ref::<NameRefused>());
    refusals.next().map(|refused| refused.kind)
}

impl GuardedResolver {
    pub(crate) fn new(rules: AddressRules) -> Self {
        Self {
            rules: Arc::new(rules),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let resolved: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(allowed_addresses(&rules, name.as_str(), resolved)?.into_iter()) as Addrs)
        })
    }
}

fn allowed_addresses(
    rules: &AddressRules,
    name: &str,
    resolved: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, NameRefused> {
    let forbidden_kind = |address: &SocketAddr| rules.forbidden_kind_at(name, address.ip());
    let refused = resolved.iter().find_map(forbidden_kind);
    let allowed: Vec<_> = resolved
        .into_iter()
        .filter(|address| forbidden_kind(address).is_none())
        .collect();
    match refused {
        Some(kind) if allowed.is_empty() => Err(NameRefused { kind }),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_addresses_of_a_host_are_used() {
        let resolved = ["10.0.0.1:0", "203.0.113.9:0", "[::ffff:169.254.169.254]:0"]
            .map(|text| text.parse().unwrap());

        let allowed = allowed_addresses(
            &AddressRules::default(),
            "hooks.example.com",
            resolved.to_vec(),
        )
        .unwrap();

        assert_eq!(allowed, ["203.0.113.9:0".parse().unwrap()]);
    }
}
