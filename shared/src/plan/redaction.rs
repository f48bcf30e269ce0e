//! Redaction with every default resolved: an export redacts as its plan says, whatever the settings say by then.

use serde::{Deserialize, Serialize};

use crate::redaction::{
    CustomPattern, HashKey, Kind, Mode, PatternError, Profile, Redactor, Region, Replacement, Rules,
};
use crate::request::RequestedRedaction;

/// `redaction` of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedactionPlan {
    pub profile: Profile,
    pub mode: Mode,
    pub kinds: Vec<Kind>,
    #[serde(flatten)]
    pub settings: RedactionSettings,
    /// The version of the secret that values are hashed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_version: Option<String>,
}

/// What an organisation sets for all its exports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedactionSettings {
    /// Countries whose national telephone numbers are known, as `DE`.
    pub regions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<Pattern>,
    /// Values that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

/// A regular expression of the organisation's own, and the label of what it finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    pub label: String,
    pub pattern: String,
}

/// Why a plan's redaction cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum UnusableRedaction {
    #[error("`{0}` is no country whose telephone numbers are known, as DE")]
    Region(String),
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("there is no key to hash with")]
    NoKey,
}

impl RedactionPlan {
    /// `None` when the request wants none.
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
    /// Whether they can be used; found out when they are read, not when the first text comes.
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
