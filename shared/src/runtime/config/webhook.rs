//! Webhook settings: default receiver, address rules and signing secret.

use secrecy::SecretString;

use super::settings::Settings;
use super::table::{
    DATA_LAKE_WEBHOOK_URL, WEBHOOK_ALLOWED_HOSTS, WEBHOOK_RECEIVERS, WEBHOOK_SIGNING_SECRET,
    WEBHOOK_SIGNING_SECRET_ARN,
};
use crate::net::webhook::Signer;
use crate::net::{AddressRules, Loopback, Receivers, WebhookUrl};

/// Location of the signing secret.
#[derive(Clone, Debug)]
pub enum SigningSecretConfig {
    /// In the settings, and validated.
    InSettings(SecretString),
    /// In Secrets Manager, as plain text.
    Secret { arn: String },
}

impl Settings<'_> {
    pub fn address_rules(&self, loopback: Loopback) -> AddressRules {
        AddressRules {
            allowed_hosts: self.list(&WEBHOOK_ALLOWED_HOSTS),
            loopback,
            receivers: self.receivers(),
        }
    }

    fn receivers(&self) -> Receivers {
        let hosts = self.hosts(&WEBHOOK_RECEIVERS);
        match self.optional(&WEBHOOK_RECEIVERS) {
            None => Receivers::AnyHost,
            Some(_) => Receivers::Only(hosts),
        }
    }

    /// Loopback receivers are allowed only with an AWS emulator; on AWS there are none.
    pub fn loopback(&self) -> Loopback {
        if self.is_emulated() {
            Loopback::Allowed
        } else {
            Loopback::Refused
        }
    }

    pub fn signing_secret(&self) -> Option<SigningSecretConfig> {
        let arn = self.optional(&WEBHOOK_SIGNING_SECRET_ARN);
        let secret = self.alternative(
            &WEBHOOK_SIGNING_SECRET,
            &WEBHOOK_SIGNING_SECRET_ARN,
            arn.as_ref(),
        );
        if let Some(arn) = arn {
            return Some(SigningSecretConfig::Secret { arn });
        }
        let secret = SecretString::from(secret?);
        self.usable(Signer::new(&secret))?;
        Some(SigningSecretConfig::InSettings(secret))
    }

    /// The default webhook URL, for requests without `webhookUrl`. It must satisfy `rules`.
    pub fn webhook_url(&self, rules: &AddressRules) -> Option<String> {
        let url = self.optional(&DATA_LAKE_WEBHOOK_URL)?;
        self.usable(WebhookUrl::parse(&url, rules)).map(|_| url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_signing_secret_is_refused_and_not_shown() {
        let lookup =
            |name: &str| (name == "WEBHOOK_SIGNING_SECRET").then(|| "whsec_c2hvcnQ=".to_owned());
        let settings = Settings::new(&lookup);

        let secret = settings.signing_secret();

        assert_eq!(
            settings.finish(secret).unwrap_err().to_string(),
            "WEBHOOK_SIGNING_SECRET has 5 bytes; at least 24 are required"
        );
    }

    #[test]
    fn a_webhook_to_a_metadata_service_is_refused_at_the_start() {
        let lookup = |name: &str| {
            (name == "DATA_LAKE_WEBHOOK_URL").then(|| "https://169.254.169.254/s3cret".to_owned())
        };
        let settings = Settings::new(&lookup);

        let url = settings.webhook_url(&AddressRules::default());
        let error = settings.finish(url).unwrap_err().to_string();

        assert!(
            error.starts_with("DATA_LAKE_WEBHOOK_URL: webhookUrl must not point to"),
            "{error}"
        );
        assert!(!error.contains("s3cret"));
    }
}
