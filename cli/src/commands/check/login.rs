//! The organisation's region, and whether the client can log in there.

use conversation_archive::export::plan::Residency;
use conversation_archive::export::request::InvalidRequest;
use conversation_archive::genesys::ApiError;

use super::{Api, Finding, Findings};
use crate::figures::time;
use crate::problem::full_message;
use crate::settings::Settings;

/// The region of the archive, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ArchiveRegion {
    Known(String),
    /// A folder, which has none.
    None,
    /// No archive was given.
    NotGiven,
    /// A bucket that cannot be opened.
    Unknown,
}

/// Checks region, hosts, and whether data may go from there to the archive.
pub(super) fn check_regions(settings: &Settings, archive: ArchiveRegion) -> Finding {
    let endpoints = &settings.client.endpoints;
    let (api, login) = (endpoints.api_host(), endpoints.login_host());
    let region = match endpoints.region() {
        Some(region) if !endpoints.is_overridden() => {
            format!("{region} in {}", region.aws_region())
        }
        _ => "custom hosts".to_owned(),
    };
    let what = format!("{region}: API at {api}, login at {login}");
    let regions = settings.engine.regions.clone();
    let bucket_region = match archive {
        ArchiveRegion::Known(region) => Some(region),
        ArchiveRegion::None => None,
        ArchiveRegion::NotGiven => {
            let checked = Residency::check_origin(regions.genesys.as_deref(), &regions.allowed);
            return residency_finding(what, checked);
        }
        ArchiveRegion::Unknown => {
            let undecided =
                "whether data may go to the bucket is undecided: the bucket cannot be opened";
            return Finding::warning("region", format!("{what}; {undecided}"))
                .fix("see the finding for the archive below, and check again");
        }
    };
    let decided = Residency::decide(regions.genesys, bucket_region, &regions.allowed);
    residency_finding(what, decided.map(|_| ()))
}

fn residency_finding(what: String, checked: Result<(), InvalidRequest>) -> Finding {
    match checked {
        Ok(()) => Finding::ok("region", what),
        Err(refusal) => Finding::failed("region", format!("{what}; {refusal}"))
            .fix("data would leave the allowed regions: change ALLOWED_REGIONS or the bucket"),
    }
}

/// Checks whether the client gets a token, and reports how long it is valid.
pub(super) async fn check_login(api: &Api, findings: &mut Findings<'_>) -> bool {
    let lifetime = match api.client.token_lifetime().await {
        Ok(lifetime) => lifetime,
        Err(error) => {
            findings.add(refused_finding(error));
            return false;
        }
    };
    findings.add(Finding::ok(
        "login",
        "the client id and secret are accepted",
    ));
    findings.add(match lifetime {
        Some(lifetime) => Finding::ok(
            "token",
            format!(
                "valid for {}, and renewed before it expires",
                time(lifetime)
            ),
        ),
        None => Finding::warning(
            "token",
            "its lifetime is not reported; it is renewed every few minutes",
        ),
    });
    true
}

/// The finding for a failed login. A wrong region responds as if the client did not exist.
fn refused_finding(error: ApiError) -> Finding {
    let transient = error.is_transient();
    let what = full_message(error);
    let fix = if what.contains("client not found") {
        "the client does not exist in this region: check GENESYS_REGION first, then GENESYS_CLIENT_ID"
    } else if what.contains("authentication failed") {
        "the client exists, but its secret is wrong: check GENESYS_CLIENT_SECRET"
    } else if transient {
        "the login host is unreachable or unavailable: check GENESYS_REGION, the network and the proxy, and try again"
    } else {
        "check the settings that the message names; the client's grant type must be client credentials"
    };
    Finding::failed("login", what).fix(fix)
}
