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
    /// Both regions are in `ALLOWED_REGIONS`.
    AllowedRegions,
    /// `ALLOWED_REGIONS` is not set, and both regions are the same.
    SameRegion,
    /// A folder or an overridden host: there is no region to compare.
    Exempt,
}

impl Residency {
    /// Compares both regions; `None` for a folder or an overridden host.
    pub fn decide(
        genesys: Option<String>,
        bucket: Option<String>,
        allowed: &[String],
    ) -> Result<Self, InvalidRequest> {
        let rule = match (&genesys, &bucket) {
            (Some(genesys), Some(bucket)) => compare(genesys, bucket, allowed)?,
            _ => ResidencyRule::Exempt,
        };
        Ok(Self {
            genesys_region: genesys,
            bucket_region: bucket,
            rule,
        })
    }
}

fn compare(
    genesys: &str,
    bucket: &str,
    allowed: &[String],
) -> Result<ResidencyRule, InvalidRequest> {
    if allowed.is_empty() {
        let rule = format!("the bucket is in {bucket}; set ALLOWED_REGIONS to permit both regions");
        return if genesys == bucket {
            Ok(ResidencyRule::SameRegion)
        } else {
            Err(InvalidRequest::new("GENESYS_REGION", genesys, rule))
        };
    }
    for (field, region) in [("GENESYS_REGION", genesys), ("ARCHIVE_BUCKET", bucket)] {
        if !allowed.iter().any(|permitted| permitted == region) {
            let rule = format!("ALLOWED_REGIONS permits only {}", allowed.join(", "));
            return Err(InvalidRequest::new(field, format!("in {region}"), rule));
        }
    }
    Ok(ResidencyRule::AllowedRegions)
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

    #[test]
    fn a_folder_has_no_region_to_compare() {
        let residency = Residency::decide(Some("us-east-1".to_owned()), None, &[]).unwrap();

        assert_eq!(residency.rule, ResidencyRule::Exempt);
    }
}
