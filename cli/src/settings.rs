//! The settings of the commands: the variables of the deployed functions, as far as one process needs them. The AWS SDK
//! itself reads region, endpoint and credentials of AWS.

use std::path::PathBuf;
use std::sync::Arc;

use conversation_archive::archive::Archive;
use conversation_archive::export::plan::RedactionPlan;
use conversation_archive::genesys::{ClientSettings, Credentials, GenesysClient};
use conversation_archive::net::Loopback;
use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::Signer;
use conversation_archive::pipeline::{ConfiguredKey, FailedExports, Redactors};
use conversation_archive::runtime::config::{
    self, AuditOutput, Config, ConfigError, CredentialsConfig, Problem, RedactionKeyConfig,
    SigningSecretConfig, table,
};
use conversation_archive::storage::aws::{AwsClients, AwsSettings, SdkVariables};
use conversation_archive::storage::store::ArchiveStore;

use crate::audit_lines::AuditLines;
use crate::engine::{EngineSettings, LiveWork};
use crate::environment::{DotEnvError, Environment};
use crate::screen::Screen;
use crate::signing::SigningSettings;

/// All settings that the commands read from the environment.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub client: ClientSettings,
    pub credentials: Credentials,
    pub signing: SigningSettings,
    pub engine: EngineSettings,
    /// The file for audit lines of unredacted reading; `None` for the default one.
    pub audit_file: Option<PathBuf>,
    pub audit_output: AuditOutput,
    /// Of live events: that of the organisation's exports, with the profile that its owner requires.
    pub live_redaction: RedactionPlan,
}

/// The settings of a bucket besides its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct BucketSettings {
    aws: AwsSettings,
    pub kms_key_id: Option<String>,
    variables: SdkVariables,
}

/// Invalid or missing settings, in one line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("{}", one_line(.0))]
    Config(#[from] ConfigError),
    #[error(transparent)]
    DotEnv(#[from] DotEnvError),
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, SettingsError> {
        let environment = Environment::read()?;
        Self::from_lookup(|name| environment.get(name))
    }

    pub(crate) fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        // Only the functions use Secrets Manager.
        let local = |name: &str| {
            if name.ends_with("_ARN") {
                None
            } else {
                lookup(name)
            }
        };
        Ok(<Self as Config>::from_lookup(local)?)
    }
}

impl Settings {
    /// The archive with signatures, whose audit events are printed if that is set.
    pub(crate) fn archive(
        &self,
        store: Arc<dyn ArchiveStore>,
        screen: &Screen,
    ) -> Result<Archive, crate::problem::Problem> {
        let archive = self.signing.archive(store)?;
        Ok(match self.audit_output {
            AuditOutput::Stored => archive,
            AuditOutput::StoredAndPrinted => {
                archive.with_audit_log(Arc::new(AuditLines(screen.clone())))
            }
        })
    }

    /// A client of the organisation's API, with the system clock.
    pub(crate) fn genesys_client(&self) -> Result<GenesysClient, crate::problem::Problem> {
        let credentials = Arc::new(self.credentials.clone());
        let client = GenesysClient::new(self.client.clone(), credentials, Clock::System);
        Ok(client.map_err(anyhow::Error::from)?)
    }
}

impl BucketSettings {
    pub(crate) fn from_env() -> Result<Self, SettingsError> {
        let environment = Environment::read()?;
        let settings = <Self as Config>::from_lookup(|name| environment.get(name))?;
        Ok(Self {
            variables: environment.sdk_variables(),
            ..settings
        })
    }

    /// The clients of AWS with the region and the credentials of the environment, as for every tool of AWS.
    pub(crate) async fn aws_clients(&self) -> AwsClients {
        AwsClients::with_variables(self.aws, self.variables.clone()).await
    }
}

impl Config for BucketSettings {
    fn read(settings: &config::Settings<'_>) -> Option<Self> {
        Some(Self {
            aws: settings.aws(),
            kms_key_id: settings.kms_key_id(),
            variables: SdkVariables::default(),
        })
    }
}

impl Config for Settings {
    fn read(settings: &config::Settings<'_>) -> Option<Self> {
        let genesys = settings.genesys();
        let endpoints = genesys.as_ref().map(|genesys| &genesys.client.endpoints);
        let regions = settings.regions(endpoints, None);
        let address_rules = settings.address_rules(Loopback::Allowed);
        let concurrency = settings.max_open_slices();
        let limits = settings.limits(endpoints);
        let engine = EngineSettings {
            concurrency,
            webhook_url: settings.webhook_url(&address_rules),
            pages: settings.page_settings(limits.required_redaction),
            limits,
            sources: settings.source_settings(),
            redactors: redactors(settings),
            regions,
            address_rules,
            signer: signer(settings),
            receiver: None,
            live: LiveWork {
                lookups: settings.live(),
                gap_delay: settings.live_gap_delay(),
                ..LiveWork::default()
            },
            failed_exports: FailedExports::LeftToOperator,
            clock: Clock::System,
        };
        let signing = SigningSettings::read(settings);
        let audit_file = settings.optional(&table::UNREDACTED_AUDIT_FILE);
        let audit_output = settings.audit_output();
        let live_redaction = settings.live_redaction();
        let genesys = genesys?;
        match genesys.credentials {
            CredentialsConfig::InSettings(credentials) => Some(Self {
                client: genesys.client,
                credentials,
                signing: signing?,
                engine,
                audit_file: audit_file.map(PathBuf::from),
                audit_output,
                live_redaction: live_redaction?,
            }),
            CredentialsConfig::Secret { .. } => None,
        }
    }
}

/// Only a key given in the environment is used; Secrets Manager is for the functions.
fn redactors(settings: &config::Settings<'_>) -> Redactors {
    let key = match settings.redaction_key() {
        RedactionKeyConfig::InSettings(key) => Some(key),
        RedactionKeyConfig::NotSet | RedactionKeyConfig::Secret { .. } => None,
    };
    Redactors::new(Arc::new(ConfiguredKey::new(key)))
}

/// The signer of webhooks. The secret is required as soon as a default webhook URL is set.
fn signer(settings: &config::Settings<'_>) -> Option<Signer> {
    if settings.optional(&table::WEBHOOK_SIGNING_SECRET).is_none() {
        if settings.optional(&table::DATA_LAKE_WEBHOOK_URL).is_some() {
            settings.report(Problem::Missing(table::WEBHOOK_SIGNING_SECRET.name));
        }
        return None;
    }
    match settings.signing_secret()? {
        SigningSecretConfig::InSettings(secret) => settings.usable(Signer::new(&secret)),
        SigningSecretConfig::Secret { .. } => None,
    }
}

/// The error in one line: first everything that is not set, in one sentence, then the rest.
fn one_line(error: &ConfigError) -> String {
    let missing = |problem: &Problem| match problem {
        Problem::Missing(name) | Problem::NeitherSet { name, .. } => Some(*name),
        _ => None,
    };
    let names: Vec<_> = error.problems().iter().filter_map(missing).collect();
    let others = error
        .problems()
        .iter()
        .filter(|problem| missing(problem).is_none())
        .map(ToString::to_string);
    not_set(&names)
        .into_iter()
        .chain(others)
        .collect::<Vec<_>>()
        .join("; ")
}

/// `A is not set`, `A, B and C are not set`.
fn not_set(names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [one] => Some(format!("{one} is not set")),
        [firsts @ .., last] => Some(format!("{} and {last} are not set", firsts.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

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

    fn refusal_text(more: &[(&str, &str)]) -> String {
        settings(more).unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_reads_exactly_its_settings() {
        let read = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            let webhook = [("DATA_LAKE_WEBHOOK_URL", "https://lake.example/hook")];
            let mut known = webhook.iter().chain(&GOOD);
            known
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };

        let _ = Settings::from_lookup(lookup);
        let _ = BucketSettings::from_lookup(lookup);

        let listed = config::COMMAND_LINE.settings();
        assert_eq!(
            read.into_inner(),
            listed.map(|it| it.name.to_owned()).collect()
        );
    }

    #[test]
    fn all_missing_variables_are_named_in_one_error() {
        let error = Settings::from_lookup(|_| None).unwrap_err();

        assert_snapshot!(error, @"GENESYS_REGION, GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET are not set");
        assert_snapshot!(refusal_text(&[("GENESYS_CLIENT_SECRET", " ")]), @"GENESYS_CLIENT_SECRET is not set");
    }

    #[test]
    fn several_problems_are_reported_on_one_line() {
        let message = refusal_text(&[
            ("MAX_OPEN_SLICES", "0"),
            ("ARCHIVE_QUOTA_MB", "5 GB"),
            ("GENESYS_CLIENT_ID", ""),
        ]);

        assert_snapshot!(message, @"GENESYS_CLIENT_ID is not set; MAX_OPEN_SLICES is `0`: a whole number from 1 to 100; ARCHIVE_QUOTA_MB is `5 GB`: a whole number from 1 to 1000000000");
    }

    #[test]
    fn a_webhook_url_without_a_signing_secret_is_refused() {
        let message = refusal_text(&[("DATA_LAKE_WEBHOOK_URL", "https://lake.example/hook")]);

        assert_snapshot!(message, @"WEBHOOK_SIGNING_SECRET is not set");
    }

    #[test]
    fn a_credentials_secret_arn_does_not_replace_the_client_secret() {
        let message = refusal_text(&[
            ("GENESYS_CLIENT_SECRET", ""),
            ("GENESYS_CREDENTIALS_SECRET_ARN", "arn:x"),
        ]);

        assert_snapshot!(message, @"GENESYS_CLIENT_SECRET is not set");
    }

    #[test]
    fn an_overridden_host_has_no_region() {
        let of_region = settings(&[]).unwrap();
        let overridden = settings(&[("GENESYS_API_URL", "https://gateway.example")]).unwrap();

        assert_eq!(
            of_region.engine.regions.genesys.as_deref(),
            Some("eu-central-1")
        );
        assert_eq!(overridden.engine.regions.genesys, None);
    }

    #[test]
    fn debug_output_of_the_settings_hides_the_secret() {
        assert!(!format!("{:?}", settings(&[]).unwrap()).contains("s3cret"));
    }
}
