//! Redaction with every default resolved. An export uses the redaction in its plan, even if the settings change later.

use serde::{Deserialize, Serialize};

use super::RequiredRedaction;
use crate::export::request::RequestedRedaction;
use crate::records::redaction::{
    CustomPattern, HashKey, Kind, Mode, PatternError, Profile, Redactor, Region, Replacement, Rules,
};

/// `redaction` of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedactionPlan {
    pub profile: Profile,
    pub mode: Mode,
    pub kinds: Vec<Kind>,
    #[serde(flatten)]
    pub settings: RedactionSettings,
    /// The version of the secret used as the key for hashing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_version: Option<String>,
}

/// Redaction settings of an organisation for all its exports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedactionSettings {
    /// Countries whose national telephone number formats are recognised, such as `DE`.
    pub regions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<Pattern>,
    /// Values that are not redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

/// A custom regular expression, and the label for its matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    pub label: String,
    pub pattern: String,
}

/// The reason why a plan's redaction cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum UnusableRedaction {
    #[error("`{0}` is not a country with known telephone numbers; use a code such as DE")]
    Region(String),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("no key is set for the mode hash")]
    NoKey,
}

impl RedactionPlan {
    /// `None` if the request disables redaction.
    pub(super) fn resolve(
        requested: Option<&RequestedRedaction>,
        settings: &RedactionSettings,
        key_version: Option<String>,
    ) -> Option<Self> {
        let requested = requested.cloned().unwrap_or_default();
        requested.enabled.then(|| Self {
            profile: requested.profile,
            mode: requested.mode,
            kinds: requested.kinds.unwrap_or_else(|| Kind::ALL.to_vec()),
            settings: settings.clone(),
            key_version,
        })
    }

    /// The redaction of live events, for which no request speaks: all kinds, replaced by labels, with the profile that
    /// the owner requires.
    pub fn of_live_events(required: RequiredRedaction, settings: RedactionSettings) -> Self {
        let profile = match required {
            RequiredRedaction::None | RequiredRedaction::Standard => Profile::Standard,
            RequiredRedaction::Strict => Profile::Strict,
        };
        Self {
            profile,
            mode: Mode::Label,
            kinds: Kind::ALL.to_vec(),
            settings,
            key_version: None,
        }
    }

    /// The redactor, with the key if values are hashed.
    pub fn redactor(&self, key: Option<HashKey>) -> Result<Redactor, UnusableRedaction> {
        let replacement = match (self.mode, key) {
            (Mode::Label, _) => Replacement::Label,
            (Mode::Mask, _) => Replacement::Mask,
            (Mode::Hash, Some(key)) => Replacement::Hash(key),
            (Mode::Hash, None) => return Err(UnusableRedaction::NoKey),
        };
        Ok(Redactor::new(Rules {
            profile: self.profile,
            kinds: self.kinds.clone(),
            replacement,
            regions: self.settings.known_regions()?,
            custom: self.settings.custom_patterns()?,
            allowed: self.settings.allowed.clone(),
        }))
    }
}

impl RedactionSettings {
    /// Checks the settings when they are read, rather than when the first text is redacted.
    pub fn check(&self) -> Result<(), UnusableRedaction> {
        self.known_regions()?;
        self.custom_patterns()?;
        Ok(())
    }

    fn known_regions(&self) -> Result<Vec<Region>, UnusableRedaction> {
        let region = |text: &String| {
            text.parse()
                .map_err(|_| UnusableRedaction::Region(text.clone()))
        };
        self.regions.iter().map(region).collect()
    }

    fn custom_patterns(&self) -> Result<Vec<CustomPattern>, UnusableRedaction> {
        let patterns = self.patterns.iter();
        let compiled = patterns.map(|custom| CustomPattern::new(&custom.label, &custom.pattern));
        Ok(compiled.collect::<Result<_, _>>()?)
    }
}
