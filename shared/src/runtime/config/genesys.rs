//! Settings of the Genesys Cloud organisation: hosts, OAuth client, and the regions where its data may be stored.

use std::time::Duration;

use secrecy::SecretString;
use url::Host;

use super::error::Problem;
use super::settings::Settings;
use super::table::{
    ATTACHMENT_HOSTS, GATEWAY_HISTORY_FORM, GENESYS_API_URL, GENESYS_BODY_LIMIT_MB,
    GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_CREDENTIALS_SECRET_ARN, GENESYS_LOGIN_URL,
    GENESYS_QUERY_LAG_SECONDS, GENESYS_READ_TIMEOUT_SECONDS, GENESYS_REGION,
    HTTPS_PROXY_SECRET_ARN, Setting, TRANSCRIPT_HOSTS,
};
use crate::export::request::HistoryForm;
use crate::genesys::{ClientSettings, Credentials, Endpoints};
use crate::source::SourceSettings;

/// Access to the organisation.
#[derive(Clone, Debug)]
pub struct GenesysConfig {
    pub client: ClientSettings,
    pub credentials: CredentialsConfig,
    /// The ARN of the secret that holds the proxy; `None` uses the proxy of the environment.
    pub proxy_secret: Option<String>,
    pub source: SourceSettings,
}

/// Location of the OAuth client's id and secret.
#[derive(Clone, Debug)]
pub enum CredentialsConfig {
    /// In the settings.
    InSettings(Credentials),
    /// In Secrets Manager, as `{"clientId": …, "clientSecret": …}`.
    Secret { arn: String },
}

/// The regions for the residency decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// The organisation's AWS region; `None` for an overridden host.
    pub genesys: Option<String>,
    /// The bucket's region; `None` for a folder.
    pub bucket: Option<String>,
    /// Names of AWS regions, and `unknown`.
    pub allowed: Vec<String>,
}

impl Settings<'_> {
    pub fn genesys(&self) -> Option<GenesysConfig> {
        let client = self.client_settings();
        let credentials = self.credentials();
        let source = self.source_settings();
        let proxy_secret = self.optional(&HTTPS_PROXY_SECRET_ARN);
        Some(GenesysConfig {
            client: client?,
            credentials: credentials?,
            proxy_secret,
            source,
        })
    }

    pub fn endpoints(&self) -> Option<Endpoints> {
        let region = self.optional(&GENESYS_REGION);
        let api_url = self.optional(&GENESYS_API_URL);
        let login_url = self.optional(&GENESYS_LOGIN_URL);
        let region = match region {
            Some(text) => Some(self.usable(text.parse())?),
            None if api_url.is_none() && login_url.is_none() => {
                self.report(Problem::Missing(GENESYS_REGION.name));
                return None;
            }
            None => None,
        };
        self.usable(Endpoints::new(
            region,
            api_url.as_deref(),
            login_url.as_deref(),
        ))
    }

    pub(crate) fn client_settings(&self) -> Option<ClientSettings> {
        let (endpoints, login) = (self.endpoints(), self.login());
        let limit_mb: Option<u64> = self.number(&GENESYS_BODY_LIMIT_MB);
        let read_timeout = self.number(&GENESYS_READ_TIMEOUT_SECONDS);
        let settings = ClientSettings::new(endpoints?);
        let body_limit_bytes = limit_mb.map_or(settings.body_limit_bytes, |mb| mb * 1_000_000);
        Some(ClientSettings {
            login: login?,
            body_limit_bytes,
            read_timeout: read_timeout.map_or(settings.read_timeout, Duration::from_secs),
            file_hosts: self.hosts(&ATTACHMENT_HOSTS),
            transcript_hosts: self.hosts(&TRANSCRIPT_HOSTS),
            ..settings
        })
    }

    pub fn source_settings(&self) -> SourceSettings {
        let default = SourceSettings::default();
        let query_lag = self.number(&GENESYS_QUERY_LAG_SECONDS);
        SourceSettings {
            query_lag: query_lag.map_or(default.query_lag, Duration::from_secs),
            history_form: self.history_form(),
            ..default
        }
    }

    /// A list of host names, normalized as in URLs.
    pub(super) fn hosts(&self, setting: &Setting) -> Vec<String> {
        let host = |text: String| match Host::parse(&text) {
            Ok(host) if !text.starts_with('.') => Some(host.to_string()),
            _ => {
                self.malformed(setting, text, "host names such as cdn.example.com");
                None
            }
        };
        self.list(setting).into_iter().filter_map(host).collect()
    }

    pub fn history_form(&self) -> HistoryForm {
        let form = self.text(&GATEWAY_HISTORY_FORM);
        self.usable(form.parse()).unwrap_or_default()
    }

    /// The OAuth client's credentials, or the secret that holds them.
    pub fn credentials(&self) -> Option<CredentialsConfig> {
        let arn = self.optional(&GENESYS_CREDENTIALS_SECRET_ARN);
        let given =
            |setting| self.alternative(setting, &GENESYS_CREDENTIALS_SECRET_ARN, arn.as_ref());
        let (id, secret) = (given(&GENESYS_CLIENT_ID), given(&GENESYS_CLIENT_SECRET));
        match arn {
            Some(arn) => Some(CredentialsConfig::Secret { arn }),
            None => Some(CredentialsConfig::InSettings(Credentials {
                id: id?,
                secret: SecretString::from(secret?),
            })),
        }
    }

    /// The regions to compare, and the allowed ones. `bucket` is `None` for a folder.
    pub fn regions(&self, endpoints: Option<&Endpoints>, bucket: Option<String>) -> Regions {
        let compared = endpoints.filter(|endpoints| !endpoints.is_overridden());
        let genesys = compared.and_then(Endpoints::region);
        Regions {
            genesys: genesys.map(|region| region.aws_region().to_owned()),
            bucket,
            allowed: self.allowed_regions(),
        }
    }

    /// The value of `setting`, which must be set exactly when `instead` is not.
    pub(super) fn alternative(
        &self,
        setting: &Setting,
        instead: &Setting,
        other: Option<&String>,
    ) -> Option<String> {
        let value = self.optional(setting);
        let (name, instead) = (setting.name, instead.name);
        match (&value, other) {
            (Some(_), Some(_)) => self.report(Problem::BothSet { name, instead }),
            (None, None) => self.report(Problem::NeitherSet { name, instead }),
            _ => {}
        }
        value
    }
}

#[cfg(test)]
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the bare method is not general enough over the lifetime of the settings"
)]
mod tests {
    use super::*;

    fn read<T>(
        variables: &[(&str, &str)],
        read: impl Fn(&Settings<'_>) -> Option<T>,
    ) -> Result<T, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::new(&lookup);
        let value = read(&settings);
        settings.finish(value).map_err(|error| error.to_string())
    }

    #[test]
    fn missing_credentials_name_both_ways_to_set_them() {
        insta::assert_snapshot!(read(&[], |settings| settings.credentials()).unwrap_err(), @r"
        GENESYS_CLIENT_ID is not set; set it, or GENESYS_CREDENTIALS_SECRET_ARN
        GENESYS_CLIENT_SECRET is not set; set it, or GENESYS_CREDENTIALS_SECRET_ARN
        ");
    }

    #[test]
    fn a_secret_beside_an_arn_is_refused_and_not_shown() {
        let both = [
            ("GENESYS_CREDENTIALS_SECRET_ARN", "arn:aws:secretsmanager:1"),
            ("GENESYS_CLIENT_SECRET", "hunter2"),
        ];

        assert_eq!(
            read(&both, |settings| settings.credentials()).unwrap_err(),
            "GENESYS_CLIENT_SECRET and GENESYS_CREDENTIALS_SECRET_ARN are both set; remove one of them"
        );
    }

    #[test]
    fn an_invalid_setting_that_is_read_twice_is_reported_once() {
        let read = read(&[("GATEWAY_HISTORY_FORM", "scroll")], |settings| {
            settings.source_settings();
            Some(settings.history_form())
        });

        insta::assert_snapshot!(read.unwrap_err(), @"GATEWAY_HISTORY_FORM: `scroll` is not a form of a history gateway: expected page-token or continuation");
    }

    #[test]
    fn a_region_or_both_hosts_are_required() {
        assert_eq!(
            read(&[], |settings| settings.endpoints()).unwrap_err(),
            "GENESYS_REGION is not set"
        );
        assert_eq!(
            read(
                &[("GENESYS_API_URL", "http://127.0.0.1:8080")],
                |settings| settings.endpoints()
            )
            .unwrap_err(),
            "GENESYS_LOGIN_URL is not set; set it, or GENESYS_REGION"
        );
    }

    #[test]
    fn an_unknown_region_is_reported_with_its_variable() {
        let error = read(&[("GENESYS_REGION", "eu-middle-1")], |settings| {
            settings.endpoints()
        })
        .unwrap_err();

        assert!(
            error.starts_with("GENESYS_REGION: `eu-middle-1` is not a Genesys Cloud region; set"),
            "{error}"
        );
    }

    #[test]
    fn an_overridden_host_has_no_region() {
        let regions = |variables: &[(&str, &str)]| {
            let bucket = Some("eu-central-1".to_owned());
            read(variables, |settings| {
                Some(settings.regions(settings.endpoints().as_ref(), bucket.clone()))
            })
            .unwrap()
        };

        let of_region = regions(&[("GENESYS_REGION", "mypurecloud.de")]);
        let overridden = regions(&[
            ("GENESYS_REGION", "mypurecloud.de"),
            ("GENESYS_API_URL", "https://gateway.example"),
            ("ALLOWED_REGIONS", "eu-central-1, eu-west-1"),
        ]);

        assert_eq!(of_region.genesys.as_deref(), Some("eu-central-1"));
        assert_eq!(overridden.genesys, None);
        assert_eq!(overridden.allowed, ["eu-central-1", "eu-west-1"]);
    }

    #[test]
    fn the_limits_of_a_response_are_read_in_megabytes_and_seconds() {
        let variables = [
            ("GENESYS_REGION", "euc1"),
            ("GENESYS_BODY_LIMIT_MB", "32"),
            ("GENESYS_READ_TIMEOUT_SECONDS", "90"),
        ];

        let client = read(&variables, |settings| settings.client_settings()).unwrap();

        assert_eq!(client.body_limit_bytes, 32_000_000);
        assert_eq!(client.read_timeout, Duration::from_secs(90));
    }
}
