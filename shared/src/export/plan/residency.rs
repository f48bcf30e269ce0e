//! Residency: conversations stay in the regions that the operator allows.

use serde::{Deserialize, Serialize};

use crate::export::request::InvalidRequest;

/// Origin and destination of the data, as in the manifest and the webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Residency {
    /// The Genesys Cloud organisation's AWS region; `None` for an overridden host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesys_region: Option<String>,
    /// The bucket's region; `None` for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_region: Option<String>,
    pub rule: ResidencyRule,
}

/// The rule that permits the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResidencyRule {
    /// `ALLOWED_REGIONS` lists both regions, or `unknown` for one that is not known.
    AllowedRegions,
    /// `ALLOWED_REGIONS` is not set, and both regions are the same.
    SameRegion,
    /// `ALLOWED_REGIONS` is not set, and a region is not known: there is nothing to compare.
    Exempt,
}

/// The item of `ALLOWED_REGIONS` that permits a folder, and an overridden host of the API: their regions are not known.
pub const UNKNOWN_REGION: &str = "unknown";

impl Residency {
    /// Applies the list of allowed AWS regions; without one, compares both regions. `None` for a folder or an overridden
    /// host.
    pub fn decide(
        genesys: Option<String>,
        bucket: Option<String>,
        allowed: &[String],
    ) -> Result<Self, InvalidRequest> {
        let rule = if allowed.is_empty() {
            compare(genesys.as_deref(), bucket.as_deref())?
        } else {
            Self::check_origin(genesys.as_deref(), allowed)?;
            check_destination(bucket.as_deref(), allowed)?;
            ResidencyRule::AllowedRegions
        };
        Ok(Self {
            genesys_region: genesys,
            bucket_region: bucket,
            rule,
        })
    }

    /// Checks the organisation's region alone, where no archive is named yet.
    pub fn check_origin(genesys: Option<&str>, allowed: &[String]) -> Result<(), InvalidRequest> {
        let value = genesys.map_or_else(
            || {
                "unknown, because GENESYS_API_URL or GENESYS_LOGIN_URL overrides its host"
                    .to_owned()
            },
            |region| format!("in {region}"),
        );
        check_listed("GENESYS_REGION", genesys, value, allowed)
    }
}

fn check_destination(bucket: Option<&str>, allowed: &[String]) -> Result<(), InvalidRequest> {
    let (field, value) = match bucket {
        Some(region) => ("ARCHIVE_BUCKET", format!("in {region}")),
        None => ("archive", "a folder, whose region is unknown".to_owned()),
    };
    check_listed(field, bucket, value, allowed)
}

fn check_listed(
    field: &str,
    region: Option<&str>,
    value: String,
    allowed: &[String],
) -> Result<(), InvalidRequest> {
    let wanted = region.unwrap_or(UNKNOWN_REGION);
    if allowed.is_empty() || allowed.iter().any(|listed| listed == wanted) {
        return Ok(());
    }
    let fix = match region {
        Some(_) => String::new(),
        None => format!("; add `{UNKNOWN_REGION}` to the list to permit it"),
    };
    let rule = format!("ALLOWED_REGIONS permits only {}{fix}", allowed.join(", "));
    Err(InvalidRequest::new(field, value, rule))
}

fn compare(genesys: Option<&str>, bucket: Option<&str>) -> Result<ResidencyRule, InvalidRequest> {
    match (genesys, bucket) {
        (Some(genesys), Some(bucket)) if genesys == bucket => Ok(ResidencyRule::SameRegion),
        (Some(genesys), Some(bucket)) => {
            let rule =
                format!("the bucket is in {bucket}; set ALLOWED_REGIONS to permit both regions");
            Err(InvalidRequest::new("GENESYS_REGION", genesys, rule))
        }
        _ => Ok(ResidencyRule::Exempt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(genesys: &str, bucket: &str, allowed: &[&str]) -> Result<ResidencyRule, String> {
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        Residency::decide(Some(genesys.to_owned()), Some(bucket.to_owned()), &allowed)
            .map(|residency| residency.rule)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn without_a_list_both_regions_must_be_the_same() {
        assert_eq!(
            decide("eu-central-1", "eu-central-1", &[]),
            Ok(ResidencyRule::SameRegion)
        );
        assert_eq!(
            decide("us-east-1", "eu-central-1", &[]).unwrap_err(),
            "`GENESYS_REGION` is us-east-1: the bucket is in eu-central-1; set ALLOWED_REGIONS to permit both regions"
        );
    }

    #[test]
    fn with_a_list_both_regions_must_be_on_it() {
        let list = ["eu-central-1", "eu-west-1"];

        assert_eq!(
            decide("eu-west-1", "eu-central-1", &list),
            Ok(ResidencyRule::AllowedRegions)
        );
        assert!(decide("us-east-1", "us-east-1", &list).is_err());
        assert!(
            decide("eu-west-1", "us-east-1", &list)
                .unwrap_err()
                .starts_with("`ARCHIVE_BUCKET` is in us-east-1")
        );
    }

    fn decide_unknown(
        genesys: Option<&str>,
        bucket: Option<&str>,
        allowed: &[&str],
    ) -> Result<ResidencyRule, String> {
        let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        let decided = Residency::decide(
            genesys.map(ToOwned::to_owned),
            bucket.map(ToOwned::to_owned),
            &allowed,
        );
        decided
            .map(|residency| residency.rule)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn without_a_list_an_unknown_region_is_exempt() {
        for (genesys, bucket) in [
            (Some("us-east-1"), None),
            (None, Some("us-east-1")),
            (None, None),
        ] {
            assert_eq!(
                decide_unknown(genesys, bucket, &[]),
                Ok(ResidencyRule::Exempt)
            );
        }
    }

    #[test]
    fn a_list_still_applies_to_the_known_region_beside_an_unknown_one() {
        let list = ["eu-central-1", "unknown"];

        insta::assert_snapshot!(decide_unknown(None, Some("us-east-1"), &list).unwrap_err(), @"`ARCHIVE_BUCKET` is in us-east-1: ALLOWED_REGIONS permits only eu-central-1, unknown");
        insta::assert_snapshot!(decide_unknown(Some("us-east-1"), None, &list).unwrap_err(), @"`GENESYS_REGION` is in us-east-1: ALLOWED_REGIONS permits only eu-central-1, unknown");
    }

    #[test]
    fn an_unknown_region_must_be_permitted_by_name() {
        let list = ["eu-central-1"];
        let unknown = ["eu-central-1", "unknown"];

        insta::assert_snapshot!(decide_unknown(None, Some("eu-central-1"), &list).unwrap_err(), @"`GENESYS_REGION` is unknown, because GENESYS_API_URL or GENESYS_LOGIN_URL overrides its host: ALLOWED_REGIONS permits only eu-central-1; add `unknown` to the list to permit it");
        insta::assert_snapshot!(decide_unknown(Some("eu-central-1"), None, &list).unwrap_err(), @"`archive` is a folder, whose region is unknown: ALLOWED_REGIONS permits only eu-central-1; add `unknown` to the list to permit it");
        for (genesys, bucket) in [
            (None, Some("eu-central-1")),
            (Some("eu-central-1"), None),
            (None, None),
        ] {
            assert_eq!(
                decide_unknown(genesys, bucket, &unknown),
                Ok(ResidencyRule::AllowedRegions)
            );
        }
    }
}
