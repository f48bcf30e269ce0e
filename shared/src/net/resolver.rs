//! Resolves a receiver's name without the addresses that the rules forbid.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AddressRules, Rule};

/// Resolves names and omits the addresses that break a rule. It runs for each new connection, so a name that was
/// harmless when the request was checked cannot lead into the internal network later.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    rules: Arc<AddressRules>,
}

/// Every address of a name was refused.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("its name resolves to {rule}")]
pub(super) struct NameRefused {
    pub(super) rule: Rule,
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
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(permitted(&rules, name.as_str(), found)?.into_iter()) as Addrs)
        })
    }
}

fn permitted(
    rules: &AddressRules,
    name: &str,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, NameRefused> {
    let broken = |address: &SocketAddr| rules.broken_at(name, address.ip());
    let refused = found.iter().find_map(broken);
    let permitted: Vec<_> = found
        .into_iter()
        .filter(|address| broken(address).is_none())
        .collect();
    match refused {
        Some(rule) if permitted.is_empty() => Err(NameRefused { rule }),
        _ => Ok(permitted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_addresses_of_a_host_are_used() {
        let found = ["10.0.0.1:0", "203.0.113.9:0", "[::ffff:169.254.169.254]:0"]
            .map(|text| text.parse().unwrap());

        let permitted = permitted(
            &AddressRules::default(),
            "hooks.example.com",
            found.to_vec(),
        )
        .unwrap();

        assert_eq!(permitted, ["203.0.113.9:0".parse().unwrap()]);
    }
}
