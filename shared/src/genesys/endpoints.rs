//! The API and login hosts: those of a region, or others that the operator sets.

use url::Url;

use super::region::Region;
use crate::net::transport::is_loopback;

/// The URLs of the API and the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    api: Url,
    login: Url,
    region: Option<Region>,
    overridden: bool,
}

/// Why the settings yield no usable hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("{setting} is not set; set it, or GENESYS_REGION")]
    Missing { setting: &'static str },
    #[error("{setting} is not a URL of the form https://host[:port][/path]")]
    Malformed { setting: &'static str },
    #[error(
        "{setting} must be https: plain http is allowed only for this machine, and `{host}` is another host"
    )]
    PlainHttp { setting: &'static str, host: String },
}

impl Endpoints {
    /// Uses the region's hosts, each replaced by the operator's URL if one is set.
    pub fn new(
        region: Option<Region>,
        api_url: Option<&str>,
        login_url: Option<&str>,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            api: host(api_url, region.map(Region::api_url), "GENESYS_API_URL")?,
            login: host(
                login_url,
                region.map(Region::login_url),
                "GENESYS_LOGIN_URL",
            )?,
            region,
            overridden: api_url.is_some() || login_url.is_some(),
        })
    }

    pub fn api(&self) -> &Url {
        &self.api
    }

    pub fn login(&self) -> &Url {
        &self.login
    }

    pub fn api_host(&self) -> &str {
        host_of(&self.api)
    }

    pub fn login_host(&self) -> &str {
        host_of(&self.login)
    }

    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// The country of most organisations in the region, if a region is known.
    pub(crate) fn country(&self) -> Option<&'static str> {
        self.region.map(Region::country)
    }

    /// The domain of the region, if a region is known.
    pub(crate) fn region_domain(&self) -> Option<&'static str> {
        self.region.map(Region::domain)
    }

    /// Whether the operator set a host, so that the region says nothing about where the data comes from.
    pub fn is_overridden(&self) -> bool {
        self.overridden
    }
}

#[expect(clippy::expect_used, reason = "`host` refuses URLs without a host")]
fn host_of(url: &Url) -> &str {
    url.host_str().expect("a URL with a host")
}

fn host(
    named: Option<&str>,
    of_region: Option<String>,
    setting: &'static str,
) -> Result<Url, EndpointError> {
    let text = named
        .map(str::to_owned)
        .or(of_region)
        .ok_or(EndpointError::Missing { setting })?;
    let url = Url::parse(&text).map_err(|_| EndpointError::Malformed { setting })?;
    let extras = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    match (url.scheme(), url.host_str()) {
        ("https" | "http", Some(_)) if extras => Err(EndpointError::Malformed { setting }),
        ("https", Some(_)) => Ok(url),
        ("http", Some(_)) if is_loopback(&url) => Ok(url),
        ("http", Some(host)) => Err(EndpointError::PlainHttp {
            setting,
            host: host.to_owned(),
        }),
        _ => Err(EndpointError::Malformed { setting }),
    }
}

pub(super) fn is_domain_or_subdomain(host: &str, domain: &str) -> bool {
    let rest = host.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frankfurt() -> Region {
        "euc1".parse().unwrap()
    }

    #[test]
    fn a_region_alone_determines_both_hosts() {
        let endpoints = Endpoints::new(Some(frankfurt()), None, None).unwrap();

        assert_eq!(endpoints.api().as_str(), "https://api.mypurecloud.de/");
        assert_eq!(endpoints.login().as_str(), "https://login.mypurecloud.de/");
        assert!(!endpoints.is_overridden());
    }

    #[test]
    fn replacing_one_host_is_an_override() {
        let endpoints = Endpoints::new(
            Some(frankfurt()),
            Some("https://gateway.example/genesys"),
            None,
        )
        .unwrap();

        assert_eq!(endpoints.api().as_str(), "https://gateway.example/genesys");
        assert_eq!(endpoints.login().as_str(), "https://login.mypurecloud.de/");
        assert!(endpoints.is_overridden());
    }

    #[test]
    fn plain_http_is_allowed_only_for_loopback_hosts() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "http://[::1]:8080",
            "http://api.localhost",
        ] {
            assert!(
                Endpoints::new(Some(frankfurt()), Some(url), None).is_ok(),
                "{url}"
            );
        }

        let error =
            Endpoints::new(Some(frankfurt()), None, Some("http://login.example")).unwrap_err();

        assert_eq!(
            error.to_string(),
            "GENESYS_LOGIN_URL must be https: plain http is allowed only for this machine, and `login.example` is another host"
        );
    }

    #[test]
    fn a_missing_host_is_reported_with_its_setting() {
        let error = Endpoints::new(None, Some("https://gateway.example"), None).unwrap_err();

        assert_eq!(
            error,
            EndpointError::Missing {
                setting: "GENESYS_LOGIN_URL"
            }
        );
    }

    #[test]
    fn a_url_with_credentials_query_or_another_scheme_is_refused() {
        for url in [
            "api.mypurecloud.de",
            "ftp://host/",
            "https://id:secret@host/",
            "https://host/?a=b",
            "https://host/#x",
        ] {
            let error = Endpoints::new(Some(frankfurt()), Some(url), None).unwrap_err();

            assert_eq!(
                error,
                EndpointError::Malformed {
                    setting: "GENESYS_API_URL"
                },
                "{url}"
            );
        }
    }
}
