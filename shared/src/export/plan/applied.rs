//! What an export was redacted with, as its outcome, its webhook and its start event state it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ExportPlan, RedactionPlan};
use crate::records::redaction::{Kind, Mode, Profile};

/// The profile with its mode and kinds, or `off`. In JSON, `profile` is always present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "profile", rename_all = "lowercase")]
pub enum AppliedRedaction {
    /// Texts are stored as people typed them.
    Off,
    Standard(Scope),
    Strict(Scope),
}

/// How values are replaced, and those of which kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub mode: Mode,
    pub kinds: Vec<Kind>,
}

impl ExportPlan {
    pub fn applied_redaction(&self) -> AppliedRedaction {
        AppliedRedaction::of(self.redaction.as_ref())
    }
}

impl AppliedRedaction {
    pub(super) fn of(redaction: Option<&RedactionPlan>) -> Self {
        let Some(redaction) = redaction else {
            return Self::Off;
        };
        let scope = Scope {
            mode: redaction.mode,
            kinds: redaction.kinds.clone(),
        };
        match redaction.profile {
            Profile::Standard => Self::Standard(scope),
            Profile::Strict => Self::Strict(scope),
        }
    }

    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// `standard, label, all kinds`; `strict, mask, only CARD, IBAN`; `off`.
impl fmt::Display for AppliedRedaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Standard(scope) => write!(f, "standard, {scope}"),
            Self::Strict(scope) => write!(f, "strict, {scope}"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Label => "label",
            Mode::Hash => "hash",
            Mode::Mask => "mask",
        };
        if Kind::ALL.iter().all(|kind| self.kinds.contains(kind)) {
            return write!(f, "{mode}, all kinds");
        }
        let labels: Vec<_> = self.kinds.iter().map(|kind| kind.label()).collect();
        write!(f, "{mode}, only {}", labels.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(kinds: &[Kind]) -> Scope {
        Scope {
            mode: Mode::Mask,
            kinds: kinds.to_vec(),
        }
    }

    #[test]
    fn the_json_always_names_the_profile() {
        let off = json!(AppliedRedaction::Off);
        let cards = json!(AppliedRedaction::Strict(scope(&[Kind::Card])));

        assert_eq!(off, json!({"profile": "off"}));
        assert_eq!(
            cards,
            json!({"profile": "strict", "mode": "mask", "kinds": ["card"]})
        );
    }

    #[test]
    fn people_read_profile_mode_and_kinds() {
        let all = AppliedRedaction::Standard(scope(&Kind::ALL));
        let some = AppliedRedaction::Strict(scope(&[Kind::Card, Kind::Iban]));

        assert_eq!(all.to_string(), "standard, mask, all kinds");
        assert_eq!(some.to_string(), "strict, mask, only CARD, IBAN");
        assert_eq!(AppliedRedaction::Off.to_string(), "off");
    }
}
