//! The regions of Genesys Cloud and the three notations for them.

use std::fmt;
use std::str::FromStr;

use strsim::levenshtein;

/// One region: its hosts are `api.` and `login.` plus its domain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region {
    domain: &'static str,
    aws: &'static str,
    code: &'static str,
    country: &'static str,
}

/// The text is not a region of Genesys Cloud.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a Genesys Cloud region; {}set a domain (mypurecloud.de), an AWS region (eu-central-1) or a short code \
     (euc1): {}",
    suggestion(text),
    all_forms()
)]
pub struct UnknownRegion {
    text: String,
}

/// Domains and AWS regions as in the official SDKs (`PureCloudRegionHosts`):
/// <https://github.com/MyPureCloud/platform-client-sdk-python>
const REGIONS: [Region; 18] = [
    region("mypurecloud.com", "us-east-1", "use1", "US"),
    region("use2.us-gov-pure.cloud", "us-east-2", "use2", "US"),
    region("usw2.pure.cloud", "us-west-2", "usw2", "US"),
    region("cac1.pure.cloud", "ca-central-1", "cac1", "CA"),
    region("sae1.pure.cloud", "sa-east-1", "sae1", "BR"),
    region("mxc1.pure.cloud", "mx-central-1", "mxc1", "MX"),
    region("mypurecloud.ie", "eu-west-1", "euw1", "IE"),
    region("euw2.pure.cloud", "eu-west-2", "euw2", "GB"),
    region("mypurecloud.de", "eu-central-1", "euc1", "DE"),
    region("euc2.pure.cloud", "eu-central-2", "euc2", "CH"),
    region("edee1.eusc-pure.cloud", "eusc-de-east-1", "edee1", "DE"),
    region("mec1.pure.cloud", "me-central-1", "mec1", "AE"),
    region("aps1.pure.cloud", "ap-south-1", "aps1", "IN"),
    region("apse1.pure.cloud", "ap-southeast-1", "apse1", "SG"),
    region("mypurecloud.com.au", "ap-southeast-2", "apse2", "AU"),
    region("mypurecloud.jp", "ap-northeast-1", "apne1", "JP"),
    region("apne2.pure.cloud", "ap-northeast-2", "apne2", "KR"),
    region("apne3.pure.cloud", "ap-northeast-3", "apne3", "JP"),
];

const fn region(
    domain: &'static str,
    aws: &'static str,
    code: &'static str,
    country: &'static str,
) -> Region {
    Region {
        domain,
        aws,
        code,
        country,
    }
}

impl Region {
    /// All regions.
    pub fn all() -> &'static [Self] {
        &REGIONS
    }

    pub(crate) fn domain(self) -> &'static str {
        self.domain
    }

    /// The region of a host, such as `apps.mypurecloud.de`.
    pub(crate) fn of_host(host: &str) -> Option<Self> {
        let is_below = |region: &Self| {
            let name = host.strip_suffix(region.domain);
            name.is_some_and(|name| name.is_empty() || name.ends_with('.'))
        };
        REGIONS.into_iter().find(is_below)
    }

    /// The AWS region in which the organisation's data lives.
    pub fn aws_region(self) -> &'static str {
        self.aws
    }

    /// Country of the data centres and of most organisations in the region, such as `DE`.
    pub(crate) fn country(self) -> &'static str {
        self.country
    }

    pub(crate) fn api_url(self) -> String {
        format!("https://api.{}", self.domain)
    }

    pub(crate) fn login_url(self) -> String {
        format!("https://login.{}", self.domain)
    }

    fn is_named(self, name: &str) -> bool {
        [self.domain, self.aws, self.code].contains(&name)
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        let found = REGIONS.into_iter().find(|region| region.is_named(&name));
        found.ok_or_else(|| UnknownRegion {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.domain)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({})", self.domain)
    }
}

/// The name of a region that differs from `text` by at most two inserted, deleted or replaced characters, if there is one.
pub fn nearest_region_name(text: &str) -> Option<&'static str> {
    const MAX_DISTANCE: usize = 2;
    let names = REGIONS
        .iter()
        .flat_map(|region| [region.aws, region.domain, region.code]);
    // Two characters of a short code are half of it.
    let is_long = |name: &&str| name.len() > 3 * MAX_DISTANCE;
    names
        .filter(is_long)
        .map(|name| (levenshtein(text, name), name))
        .filter(|(distance, _)| *distance <= MAX_DISTANCE)
        .min()
        .map(|(_, name)| name)
}

fn suggestion(text: &str) -> String {
    let name = text.trim().to_ascii_lowercase();
    nearest_region_name(&name)
        .map(|nearest| format!("did you mean {nearest}? "))
        .unwrap_or_default()
}

fn all_forms() -> String {
    let forms =
        REGIONS.map(|region| format!("{} = {} = {}", region.domain, region.aws, region.code));
    forms.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_region_is_found_by_domain_aws_region_and_short_code() {
        let by_domain: Region = "mypurecloud.de".parse().unwrap();
        let by_aws_region: Region = " EU-Central-1 ".parse().unwrap();
        let by_code: Region = "euc1".parse().unwrap();

        assert_eq!(by_domain, by_aws_region);
        assert_eq!(by_domain, by_code);
        assert_eq!(by_domain.api_url(), "https://api.mypurecloud.de");
        assert_eq!(by_domain.login_url(), "https://login.mypurecloud.de");
    }

    #[test]
    fn short_codes_map_to_the_newer_domains() {
        let domains = [
            "use1", "use2", "euw1", "euw2", "usw2", "aps1", "mec1", "apne1", "apse2", "edee1",
        ]
        .map(|code| code.parse::<Region>().unwrap().domain());

        assert_eq!(
            domains,
            [
                "mypurecloud.com",
                "use2.us-gov-pure.cloud",
                "mypurecloud.ie",
                "euw2.pure.cloud",
                "usw2.pure.cloud",
                "aps1.pure.cloud",
                "mec1.pure.cloud",
                "mypurecloud.jp",
                "mypurecloud.com.au",
                "edee1.eusc-pure.cloud",
            ]
        );
    }

    #[test]
    fn no_two_regions_share_a_name() {
        let names: BTreeSet<_> = Region::all()
            .iter()
            .flat_map(|r| [r.domain, r.aws, r.code])
            .collect();

        assert_eq!(names.len(), 3 * 18);
    }

    #[test]
    fn a_name_with_a_typing_error_is_recognised() {
        assert_eq!(nearest_region_name("eu-centrl-1"), Some("eu-central-1"));
        assert_eq!(
            nearest_region_name("mypurecluod.de"),
            Some("mypurecloud.de")
        );
        assert_eq!(nearest_region_name("euc9"), None);
        assert_eq!(nearest_region_name("eu-middle-1"), None);

        let message = "eu-centrl-1".parse::<Region>().unwrap_err().to_string();

        assert!(message.starts_with(
            "`eu-centrl-1` is not a Genesys Cloud region; did you mean eu-central-1? set a domain"
        ));
    }

    #[test]
    fn an_unknown_region_is_refused_with_the_accepted_forms() {
        let message = "eu-middle-1".parse::<Region>().unwrap_err().to_string();

        assert!(message.starts_with(
            "`eu-middle-1` is not a Genesys Cloud region; set a domain (mypurecloud.de), an AWS region (eu-central-1) or a \
             short code (euc1): mypurecloud.com = us-east-1 = use1, "
        ));
    }
}
