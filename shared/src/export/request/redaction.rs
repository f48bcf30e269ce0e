//! The redaction options of a request.

use serde::{Deserialize, Serialize};

use super::InvalidRequest;
use crate::records::redaction::{Kind, Mode, Profile};

/// `redaction` of a request. By default, and for each omitted field, texts are redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RequestedRedaction {
    pub enabled: bool,
    pub profile: Profile,
    pub mode: Mode,
    /// `None` means all kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<Kind>>,
}

impl Default for RequestedRedaction {
    fn default() -> Self {
        Self {
            enabled: true,
            profile: Profile::default(),
            mode: Mode::default(),
            kinds: None,
        }
    }
}

impl RequestedRedaction {
    /// Refuses an empty list of kinds, which would redact nothing.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        if self.enabled && self.kinds.as_ref().is_some_and(Vec::is_empty) {
            let rule =
                "at least one kind is required; {\"enabled\": false} archives without redaction";
            return Err(InvalidRequest::new("redaction.kinds", "[]", rule));
        }
        Ok(())
    }
}
