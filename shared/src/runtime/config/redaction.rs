//! Redaction settings of an organisation, and the location of the key for hashing.

use secrecy::SecretString;

use super::settings::Settings;
use super::table::{
    REDACTION_ALLOWED, REDACTION_KEY, REDACTION_KEY_SECRET_ARN, REDACTION_PATTERNS,
    REDACTION_REGIONS, REDACTION_REQUIRED,
};
use crate::base::failure::error_chain;
use crate::export::plan::{
    Pattern, RedactionPlan, RedactionSettings, RequiredRedaction, UnknownRequirement,
    UnusableRedaction,
};
use crate::genesys::Endpoints;

/// Location of the key. Only exports that hash values need one.
#[derive(Clone, Debug)]
pub enum RedactionKeyConfig {
    NotSet,
    /// In the settings.
    InSettings(SecretString),
    /// In Secrets Manager, as plain text.
    Secret {
        arn: String,
    },
}

impl Settings<'_> {
    pub fn redaction_key(&self) -> RedactionKeyConfig {
        if let Some(arn) = self.optional(&REDACTION_KEY_SECRET_ARN) {
            return RedactionKeyConfig::Secret { arn };
        }
        let key = self.optional(&REDACTION_KEY);
        key.map_or(RedactionKeyConfig::NotSet, |key| {
            RedactionKeyConfig::InSettings(key.into())
        })
    }

    /// The least redaction of every export.
    pub(super) fn required_redaction(&self) -> RequiredRedaction {
        let value = self.text(&REDACTION_REQUIRED);
        value.parse().unwrap_or_else(|error: UnknownRequirement| {
            self.malformed(&REDACTION_REQUIRED, value, error.to_string());
            // The process does not start.
            RequiredRedaction::Strict
        })
    }

    /// The redaction of live events: that of the organisation's exports, with the profile that its owner requires.
    pub fn live_redaction(&self) -> Option<RedactionPlan> {
        let endpoints = self.endpoints();
        let required = self.required_redaction();
        let settings = self.redaction_settings(endpoints.as_ref());
        endpoints.map(|_| RedactionPlan::of_live_events(required, settings))
    }

    pub(crate) fn redaction_settings(&self, endpoints: Option<&Endpoints>) -> RedactionSettings {
        let regions = self.list(&REDACTION_REGIONS);
        let settings = RedactionSettings {
            regions: if regions.is_empty() {
                let country = endpoints.and_then(Endpoints::country);
                country.into_iter().map(ToOwned::to_owned).collect()
            } else {
                regions
            },
            patterns: self.patterns(),
            allowed: self.list(&REDACTION_ALLOWED),
        };
        if let Err(error) = settings.check() {
            let setting = match error {
                UnusableRedaction::Region(_) => &REDACTION_REGIONS,
                UnusableRedaction::Pattern(_) | UnusableRedaction::NoKey => &REDACTION_PATTERNS,
            };
            let value = self.text(setting);
            // The error of the regex parser spans several lines; it is reported on one line.
            let rule: Vec<_> = error_chain(&error)
                .split_whitespace()
                .map(ToOwned::to_owned)
                .collect();
            self.malformed(setting, value, rule.join(" "));
        }
        settings
    }

    fn patterns(&self) -> Vec<Pattern> {
        let Some(text) = self.optional(&REDACTION_PATTERNS) else {
            return Vec::new();
        };
        serde_json::from_str(&text).unwrap_or_else(|_| {
            let rule =
                r#"a JSON array such as [{"label": "CUSTOMER", "pattern": "\\bC-\\d{6}\\b"}]"#;
            self.malformed(&REDACTION_PATTERNS, text, rule);
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::redaction::Profile;

    fn settings(variables: &[(&str, &str)]) -> Result<RedactionSettings, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::new(&find);
        let redaction = settings.redaction_settings(None);
        settings
            .finish(Some(redaction))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_redaction_settings_are_read() {
        let set = settings(&[
            ("REDACTION_REGIONS", "DE, AT"),
            (
                "REDACTION_PATTERNS",
                r#"[{"label":"CUSTOMER","pattern":"C-\\d+"}]"#,
            ),
            ("REDACTION_ALLOWED", "+49 30 901820,support@example.com"),
        ])
        .unwrap();

        assert_eq!(set.regions, ["DE", "AT"]);
        assert_eq!(set.patterns[0].pattern, r"C-\d+");
        assert_eq!(set.allowed.len(), 2);
    }

    #[test]
    fn live_events_are_redacted_with_the_required_profile_and_the_region() {
        let read = |required: &str| {
            let lookup = |name: &str| match name {
                "GENESYS_REGION" => Some("mypurecloud.de".to_owned()),
                "REDACTION_REQUIRED" => Some(required.to_owned()),
                _ => None,
            };
            let settings = Settings::new(&lookup);
            let redaction = settings.live_redaction();
            settings.finish(redaction).unwrap()
        };

        assert_eq!(read("none").profile, Profile::Standard);
        assert_eq!(read("standard").profile, Profile::Standard);
        assert_eq!(read("strict").profile, Profile::Strict);
        assert_eq!(read("none").settings.regions, ["DE"]);
    }

    #[test]
    fn invalid_redaction_settings_are_refused() {
        let refused = [
            ("REDACTION_REGIONS", "Germany"),
            ("REDACTION_PATTERNS", "C-[0-9]+"),
            (
                "REDACTION_PATTERNS",
                r#"[{"label":"CUSTOMER","pattern":"("}]"#,
            ),
        ]
        .map(|variable| settings(&[variable]).unwrap_err());

        insta::assert_snapshot!(refused.join("\n"), @r#"
        REDACTION_REGIONS is `Germany`: `Germany` is not a country with known telephone numbers; use a code such as DE
        REDACTION_PATTERNS is `C-[0-9]+`: a JSON array such as [{"label": "CUSTOMER", "pattern": "\\bC-\\d{6}\\b"}]
        REDACTION_PATTERNS is `[{"label":"CUSTOMER","pattern":"("}]`: the pattern of CUSTOMER is not a valid regular expression: regex parse error: ( ^ error: unclosed group
        "#);
    }
}
