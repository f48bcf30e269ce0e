//! The owner's policy on redaction: the least that every export applies. It comes from a setting; neither a request nor
//! a stored plan can go below it.

use std::fmt;
use std::str::FromStr;

use super::RedactionPlan;
use crate::base::failure::{Failure, FailureKind};
use crate::base::ids::ExportId;
use crate::export::request::{InvalidRequest, RequestedRedaction};
use crate::records::redaction::{Kind, Profile};

/// The least redaction (`REDACTION_REQUIRED`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequiredRedaction {
    /// Requests may switch redaction off.
    #[default]
    None,
    Standard,
    Strict,
}

/// The value is not `none`, `standard` or `strict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected none, standard or strict")]
pub struct UnknownRequirement;

/// How a redaction falls short of the required one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BelowPolicy {
    required: RequiredRedaction,
    shortfall: Shortfall,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shortfall {
    Off,
    Profile,
    /// The kinds that are not redacted.
    Kinds(Vec<Kind>),
}

impl RequiredRedaction {
    /// Compares a redaction, `None` for none, with the least one. A redaction of some kinds only is below every profile.
    pub fn check(self, redaction: Option<&RedactionPlan>) -> Result<(), BelowPolicy> {
        match self.shortfall(redaction) {
            None => Ok(()),
            Some(shortfall) => Err(BelowPolicy {
                required: self,
                shortfall,
            }),
        }
    }

    /// The options of a request that redacts no less than this and no less than by default; `None` for the default.
    pub fn requested(self) -> Option<RequestedRedaction> {
        (self == Self::Strict).then(|| RequestedRedaction {
            profile: Profile::Strict,
            ..RequestedRedaction::default()
        })
    }

    fn shortfall(self, redaction: Option<&RedactionPlan>) -> Option<Shortfall> {
        let least = self.least_profile()?;
        let Some(redaction) = redaction else {
            return Some(Shortfall::Off);
        };
        if (least, redaction.profile) == (Profile::Strict, Profile::Standard) {
            return Some(Shortfall::Profile);
        }
        let is_missing = |kind: &Kind| !redaction.kinds.contains(kind);
        let missing: Vec<_> = Kind::ALL.into_iter().filter(is_missing).collect();
        (!missing.is_empty()).then_some(Shortfall::Kinds(missing))
    }

    fn least_profile(self) -> Option<Profile> {
        match self {
            Self::None => None,
            Self::Standard => Some(Profile::Standard),
            Self::Strict => Some(Profile::Strict),
        }
    }
}

impl BelowPolicy {
    /// The refusal of a request.
    pub fn of_request(&self) -> InvalidRequest {
        let (field, value) = match self.shortfall {
            Shortfall::Off => ("redaction.enabled", "false".to_owned()),
            Shortfall::Profile => ("redaction.profile", "standard".to_owned()),
            Shortfall::Kinds(_) => ("redaction.kinds", self.shortfall.to_string()),
        };
        InvalidRequest::new(field, value, self.rule())
    }

    /// The refusal of an export that is planned already. A plan never changes.
    pub fn of_plan(&self, id: &ExportId) -> InvalidRequest {
        InvalidRequest::Rule(self.sentence(id))
    }

    /// The failure of an export whose plan is below the policy.
    pub fn failure(&self, id: &ExportId) -> Failure {
        Failure::new(FailureKind::RedactionBelowPolicy, self.sentence(id))
    }

    fn sentence(&self, id: &ExportId) -> String {
        format!(
            "export {id} was planned with {}, but {}; start a new export of its interval, or change the setting",
            self.shortfall,
            self.rule()
        )
    }

    fn rule(&self) -> String {
        let profile = match self.required {
            RequiredRedaction::None => "no redaction",
            RequiredRedaction::Standard => "the profile `standard` with all kinds",
            RequiredRedaction::Strict => "the profile `strict` with all kinds",
        };
        format!("REDACTION_REQUIRED demands {profile}")
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("redaction off"),
            Self::Profile => f.write_str("the profile `standard`"),
            Self::Kinds(missing) => {
                let labels: Vec<_> = missing.iter().map(|kind| kind.label()).collect();
                write!(f, "a list without {}", labels.join(", "))
            }
        }
    }
}

impl FromStr for RequiredRedaction {
    type Err = UnknownRequirement;

    fn from_str(text: &str) -> Result<Self, UnknownRequirement> {
        match text {
            "none" => Ok(Self::None),
            "standard" => Ok(Self::Standard),
            "strict" => Ok(Self::Strict),
            _ => Err(UnknownRequirement),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RedactionSettings;
    use super::*;
    use crate::records::redaction::Mode;

    fn redaction(profile: Profile, kinds: &[Kind]) -> RedactionPlan {
        RedactionPlan {
            profile,
            mode: Mode::Mask,
            kinds: kinds.to_vec(),
            settings: RedactionSettings::default(),
            key_version: None,
        }
    }

    fn refusals(required: RequiredRedaction, redaction: Option<&RedactionPlan>) -> [String; 2] {
        let below = required.check(redaction).unwrap_err();
        let id = "march".parse().unwrap();
        [
            below.of_request().to_string(),
            below.of_plan(&id).to_string(),
        ]
    }

    #[test]
    fn a_redaction_at_or_above_the_required_profile_passes() {
        use RequiredRedaction::{None, Standard, Strict};
        let standard = redaction(Profile::Standard, &Kind::ALL);
        let strict = redaction(Profile::Strict, &Kind::ALL);

        assert_eq!(None.check(Option::None), Ok(()));
        assert_eq!(None.check(Some(&redaction(Profile::Standard, &[]))), Ok(()));
        assert_eq!(Standard.check(Some(&standard)), Ok(()));
        assert_eq!(Standard.check(Some(&strict)), Ok(()));
        assert_eq!(Strict.check(Some(&strict)), Ok(()));
    }

    #[test]
    fn live_events_are_redacted_as_the_policy_requires() {
        use RequiredRedaction::{None, Standard, Strict};
        for required in [None, Standard, Strict] {
            let settings = RedactionSettings::default();

            let live = RedactionPlan::of_live_events(required, settings);

            assert_eq!(Standard.check(Some(&live)), Ok(()), "{required:?}");
            assert_eq!(required.check(Some(&live)), Ok(()), "{required:?}");
        }
    }

    #[test]
    fn a_request_with_the_required_redaction_passes() {
        let settings = RedactionSettings::default();
        for required in [
            RequiredRedaction::None,
            RequiredRedaction::Standard,
            RequiredRedaction::Strict,
        ] {
            let requested = required.requested();
            let plan = RedactionPlan::resolve(requested.as_ref(), &settings, None);

            assert_eq!(required.check(plan.as_ref()), Ok(()), "{required:?}");
        }
    }

    #[test]
    fn each_way_to_redact_less_than_required_is_named() {
        let standard = redaction(Profile::Standard, &Kind::ALL);
        let only_cards = redaction(Profile::Strict, &[Kind::Card]);

        let refusals = [
            refusals(RequiredRedaction::Standard, None),
            refusals(RequiredRedaction::Strict, Some(&standard)),
            refusals(RequiredRedaction::Standard, Some(&only_cards)),
        ];

        insta::assert_snapshot!(refusals.concat().join("\n"), @r"
        `redaction.enabled` is false: REDACTION_REQUIRED demands the profile `standard` with all kinds
        export march was planned with redaction off, but REDACTION_REQUIRED demands the profile `standard` with all kinds; start a new export of its interval, or change the setting
        `redaction.profile` is standard: REDACTION_REQUIRED demands the profile `strict` with all kinds
        export march was planned with the profile `standard`, but REDACTION_REQUIRED demands the profile `strict` with all kinds; start a new export of its interval, or change the setting
        `redaction.kinds` is a list without EMAIL, PHONE, IBAN, SSN, PASSPORT, TAX_ID, IP, URL, BIRTH_DATE: REDACTION_REQUIRED demands the profile `standard` with all kinds
        export march was planned with a list without EMAIL, PHONE, IBAN, SSN, PASSPORT, TAX_ID, IP, URL, BIRTH_DATE, but REDACTION_REQUIRED demands the profile `standard` with all kinds; start a new export of its interval, or change the setting
        ");
    }
}
