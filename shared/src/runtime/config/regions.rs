//! `ALLOWED_REGIONS`: the regions that conversations may come from and go to.

use super::settings::Settings;
use super::table::{ALLOWED_REGIONS, AWS_REGION};
use crate::export::plan::UNKNOWN_REGION;
use crate::genesys::{Region, nearest_region_name};

/// Regions of AWS without an organisation of Genesys Cloud; a bucket may be there.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const FOR_BUCKETS_ALONE: [&str; 23] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-3",
    "il-central-1",
    "me-south-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "us-west-1",
];

const FORMS: &str = "regions in a form of GENESYS_REGION (mypurecloud.de, eu-central-1 or euc1), other regions of AWS, or unknown";

impl Settings<'_> {
    /// The allowed regions as names of AWS regions, or `unknown`; empty if the setting is not set.
    pub(super) fn allowed_regions(&self) -> Vec<String> {
        let bucket = self.optional(&AWS_REGION);
        let allowed = self.list(&ALLOWED_REGIONS).into_iter();
        allowed
            .filter_map(|text| self.allowed_region(text, bucket.as_deref()))
            .collect()
    }

    fn allowed_region(&self, text: String, bucket: Option<&str>) -> Option<String> {
        if let Ok(region) = text.parse::<Region>() {
            return Some(region.aws_region().to_owned());
        }
        let name = text.to_ascii_lowercase();
        let is_of_a_bucket = FOR_BUCKETS_ALONE.contains(&name.as_str())
            // A region that AWS opened later, or the region of another store, whatever its name.
            || bucket.is_some_and(|bucket| bucket == name);
        if is_of_a_bucket || name == UNKNOWN_REGION {
            return Some(name);
        }
        // `list` has reported an empty item.
        if !text.is_empty() {
            let rule = match nearest_region_name(&name) {
                Some(nearest) => format!("did you mean {nearest}? it lists {FORMS}"),
                None => FORMS.to_owned(),
            };
            self.malformed(&ALLOWED_REGIONS, text, rule);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &str) -> Result<Vec<String>, String> {
        let lookup = |name: &str| match name {
            "ALLOWED_REGIONS" => Some(list.to_owned()),
            "AWS_REGION" => Some("fsn1".to_owned()),
            _ => None,
        };
        let settings = Settings::new(&lookup);
        let allowed = settings.allowed_regions();
        settings
            .finish(Some(allowed))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_form_of_a_region_means_its_aws_region() {
        for form in ["mypurecloud.de", "eu-central-1", "euc1", " EU-Central-1 "] {
            assert_eq!(allowed(form), Ok(vec!["eu-central-1".to_owned()]), "{form}");
        }
    }

    #[test]
    fn a_bucket_may_be_in_a_region_without_an_organisation() {
        let expected = ["eu-north-1", "fsn1", "unknown"].map(str::to_owned);

        assert_eq!(allowed("eu-north-1,fsn1,unknown"), Ok(expected.to_vec()));
    }

    #[test]
    fn an_unknown_region_is_refused_with_the_forms_and_the_nearest_name() {
        insta::assert_snapshot!(allowed("eu-centrl-1,mars").unwrap_err(), @"
        ALLOWED_REGIONS is `eu-centrl-1`: did you mean eu-central-1? it lists regions in a form of GENESYS_REGION (mypurecloud.de, eu-central-1 or euc1), other regions of AWS, or unknown
        ALLOWED_REGIONS is `mars`: regions in a form of GENESYS_REGION (mypurecloud.de, eu-central-1 or euc1), other regions of AWS, or unknown
        ");
    }

    #[test]
    fn no_region_for_buckets_alone_has_an_organisation() {
        for name in FOR_BUCKETS_ALONE {
            assert!(name.parse::<Region>().is_err(), "{name}");
        }
    }
}
