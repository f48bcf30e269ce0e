//! The settings of a command that talks to Genesys Cloud, read once from the environment.
//!
//! `GENESYS_REGION` or `GENESYS_API_URL` and `GENESYS_LOGIN_URL`; `GENESYS_CLIENT_ID`, `GENESYS_CLIENT_SECRET`;
//! `DATA_LAKE_WEBHOOK_URL`, `WEBHOOK_SIGNING_SECRET`, `WEBHOOK_ALLOWED_HOSTS`; `ALLOWED_REGIONS`; limits:
//! `ARCHIVE_QUOTA_MB`, `ARCHIVE_RETENTION_DAYS`, `ARCHIVE_BYTES_PER_RECORD`, `GENESYS_JOB_PAGE_SIZE_MAX`,
//! `GATEWAY_PAGE_SIZE_MAX`, `GENESYS_JOB_INTERVAL_MAX_DAYS`, `MAX_OPEN_SLICES`, `MAX_PAGES_PER_SLICE`,
//! `MAX_RUNS_PER_SLICE`; patience: `WATERMARK_DEADLINE_HOURS`, `JOB_DEADLINE_HOURS`, `THROTTLED_DEADLINE_HOURS`,
//! `UNAVAILABLE_DEADLINE_HOURS`.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use archive_page::PageSettings;
use conversation_archive::genesys::{Credentials, EndpointError, Endpoints, Region, UnknownRegion};
use conversation_archive::plan::PlanLimits;
use conversation_archive::waiting::Patience;
use conversation_archive::webhook::{AddressRules, Loopback, Signer, SigningSecretError};
use start_export::Regions;

use crate::engine::EngineSettings;

/// Everything that the commands take from the environment.
#[derive(Clone, Debug)]
pub struct Settings {
    pub endpoints: Endpoints,
    pub credentials: Credentials,
    pub engine: EngineSettings,
}

/// Why the settings are not usable. Values of secrets are never shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{} not set", listed(.0))]
    Missing(Vec<&'static str>),
    #[error("{name} is `{value}`: a whole number from {min} on is expected")]
    Number {
        name: &'static str,
        value: String,
        min: u64,
    },
    #[error(
        "WEBHOOK_SIGNING_SECRET is not set, and without it the webhook to DATA_LAKE_WEBHOOK_URL cannot be signed"
    )]
    NothingToSignWith,
    #[error("GENESYS_REGION: {0}")]
    Region(#[from] UnknownRegion),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    SigningSecret(#[from] SigningSecretError),
}

impl Settings {
    pub fn from_env() -> Result<Self, SettingsError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the environment"
        )]
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let read = Reader(&|name| lookup(name).filter(|value| !value.trim().is_empty()));
        read.complain_about_all_missing()?;
        let region: Option<Region> = read
            .text("GENESYS_REGION")
            .map(|text| text.parse())
            .transpose()?;
        let (api, login) = (read.text("GENESYS_API_URL"), read.text("GENESYS_LOGIN_URL"));
        let endpoints = Endpoints::new(region, api.as_deref(), login.as_deref())?;
        let credentials = Credentials {
            id: read.text("GENESYS_CLIENT_ID").unwrap_or_default(),
            secret: read
                .text("GENESYS_CLIENT_SECRET")
                .unwrap_or_default()
                .into(),
        };
        let engine = read.engine(&endpoints)?;
        Ok(Self {
            endpoints,
            credentials,
            engine,
        })
    }
}

/// Reads one variable at a time; an empty one counts as not set.
struct Reader<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    fn number<T: FromStr + PartialOrd + Copy + Into<u64>>(
        &self,
        name: &'static str,
        min: u64,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match value.trim().parse::<T>() {
            Ok(number) if number.into() >= min => Ok(Some(number)),
            _ => Err(SettingsError::Number { name, value, min }),
        }
    }

    fn hours(&self, name: &'static str, default: Duration) -> Result<Duration, SettingsError> {
        Ok(self
            .number::<u32>(name, 1)?
            .map_or(default, |hours| Duration::from_hours(hours.into())))
    }

    /// All at once, so that nobody has to run into one after the other.
    fn complain_about_all_missing(&self) -> Result<(), SettingsError> {
        let mut missing = Vec::new();
        let hosts = ["GENESYS_API_URL", "GENESYS_LOGIN_URL"];
        if self.text("GENESYS_REGION").is_none()
            && hosts.iter().any(|name| self.text(name).is_none())
        {
            missing.push("GENESYS_REGION");
        }
        let credentials = ["GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET"];
        missing.extend(
            credentials
                .into_iter()
                .filter(|name| self.text(name).is_none()),
        );
        if missing.is_empty() {
            Ok(())
        } else {
            Err(SettingsError::Missing(missing))
        }
    }

    fn engine(&self, endpoints: &Endpoints) -> Result<EngineSettings, SettingsError> {
        // A host of the operator's own says nothing about where the data comes from.
        let genesys = endpoints.region().filter(|_| !endpoints.is_overridden());
        Ok(EngineSettings {
            concurrency: self
                .number::<u16>("MAX_OPEN_SLICES", 1)?
                .map_or(2, usize::from),
            limits: self.limits()?,
            pages: self.pages()?,
            regions: Regions {
                genesys: genesys.map(|region| region.aws_region().to_owned()),
                bucket: None,
                allowed: self.list("ALLOWED_REGIONS"),
            },
            address_rules: AddressRules {
                allowed_hosts: self.list("WEBHOOK_ALLOWED_HOSTS"),
                loopback: Loopback::Allowed,
            },
            signer: self.signer()?,
        })
    }

    fn limits(&self) -> Result<PlanLimits, SettingsError> {
        let default = PlanLimits::default();
        let page_size =
            |name, default| Ok::<_, SettingsError>(self.number::<u32>(name, 1)?.unwrap_or(default));
        Ok(PlanLimits {
            job_page_size_max: page_size("GENESYS_JOB_PAGE_SIZE_MAX", default.job_page_size_max)?,
            gateway_page_size_max: page_size(
                "GATEWAY_PAGE_SIZE_MAX",
                default.gateway_page_size_max,
            )?,
            job_interval_max_days: page_size(
                "GENESYS_JOB_INTERVAL_MAX_DAYS",
                default.job_interval_max_days,
            )?,
            retention_days: self.number("ARCHIVE_RETENTION_DAYS", 1)?,
            bytes_per_record: self
                .number("ARCHIVE_BYTES_PER_RECORD", 1)?
                .unwrap_or(default.bytes_per_record),
            quota_mb: self.number("ARCHIVE_QUOTA_MB", 1)?,
            webhook_url: self.text("DATA_LAKE_WEBHOOK_URL"),
            ..default
        })
    }

    fn pages(&self) -> Result<PageSettings, SettingsError> {
        let (default, patience) = (PageSettings::default(), Patience::default());
        Ok(PageSettings {
            patience: Patience {
                watermark: self.hours("WATERMARK_DEADLINE_HOURS", patience.watermark)?,
                job: self.hours("JOB_DEADLINE_HOURS", patience.job)?,
                throttled: self.hours("THROTTLED_DEADLINE_HOURS", patience.throttled)?,
                unavailable: self.hours("UNAVAILABLE_DEADLINE_HOURS", patience.unavailable)?,
            },
            max_pages_per_slice: self
                .number("MAX_PAGES_PER_SLICE", 1)?
                .unwrap_or(default.max_pages_per_slice),
            max_runs_per_slice: self
                .number("MAX_RUNS_PER_SLICE", 1)?
                .unwrap_or(default.max_runs_per_slice),
        })
    }

    fn signer(&self) -> Result<Option<Signer>, SettingsError> {
        match self.text("WEBHOOK_SIGNING_SECRET") {
            Some(secret) => Ok(Some(Signer::new(&secret.into())?)),
            None if self.text("DATA_LAKE_WEBHOOK_URL").is_some() => {
                Err(SettingsError::NothingToSignWith)
            }
            None => Ok(None),
        }
    }
}

/// `A is`, `A and B are`, `A, B and C are`.
fn listed(names: &[impl Display]) -> String {
    match names {
        [] => "nothing is".to_owned(),
        [one] => format!("{one} is"),
        [firsts @ .., last] => {
            let firsts: Vec<_> = firsts.iter().map(ToString::to_string).collect();
            format!("{} and {last} are", firsts.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const GOOD: [(&str, &str); 3] = [
        ("GENESYS_REGION", "mypurecloud.de"),
        ("GENESYS_CLIENT_ID", "id"),
        ("GENESYS_CLIENT_SECRET", "s3cret"),
    ];

    fn settings(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let find = |name: &str| more.iter().chain(&GOOD).find(|(known, _)| *known == name);
        Settings::from_lookup(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    fn refused(more: &[(&str, &str)]) -> String {
        settings(more).unwrap_err().to_string()
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        let error = Settings::from_lookup(|_| None).unwrap_err();

        assert_snapshot!(error, @"GENESYS_REGION, GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET are not set");
        assert_snapshot!(refused(&[("GENESYS_CLIENT_SECRET", " ")]), @"GENESYS_CLIENT_SECRET is not set");
    }

    #[test]
    fn a_number_that_is_none_is_named_with_its_value() {
        assert_snapshot!(refused(&[("MAX_OPEN_SLICES", "0")]), @"MAX_OPEN_SLICES is `0`: a whole number from 1 on is expected");
        assert_snapshot!(refused(&[("ARCHIVE_QUOTA_MB", "5 GB")]), @"ARCHIVE_QUOTA_MB is `5 GB`: a whole number from 1 on is expected");
    }

    #[test]
    fn a_receiver_without_a_signing_secret_is_refused() {
        assert_snapshot!(
            refused(&[("DATA_LAKE_WEBHOOK_URL", "https://lake.example/hook")]),
            @"WEBHOOK_SIGNING_SECRET is not set, and without it the webhook to DATA_LAKE_WEBHOOK_URL cannot be signed"
        );
    }

    #[test]
    fn an_unknown_region_is_shown_beside_the_known_ones() {
        let message = refused(&[("GENESYS_REGION", "atlantis-1")]);

        assert!(
            message.starts_with("GENESYS_REGION: `atlantis-1` is no Genesys Cloud region"),
            "{message}"
        );
        assert!(message.contains("mypurecloud.de"), "{message}");
    }

    #[test]
    fn an_overridden_host_belongs_to_no_region() {
        let of_region = settings(&[]).unwrap();
        let overridden = settings(&[("GENESYS_API_URL", "https://gateway.example")]).unwrap();

        assert_eq!(
            of_region.engine.regions.genesys.as_deref(),
            Some("eu-central-1")
        );
        assert_eq!(overridden.engine.regions.genesys, None);
    }

    #[test]
    fn the_settings_never_show_the_secret() {
        assert!(!format!("{:?}", settings(&[]).unwrap()).contains("s3cret"));
    }
}
