//! The media of a conversation whose texts are archived.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A medium with texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Medium {
    /// Messages and web chats.
    Message,
    /// Calls, transcribed by speech and text analytics.
    Voice,
    Email,
}

impl Medium {
    /// The media of requests and plans that name none.
    pub const DEFAULT: &[Self] = &[Self::Message];

    /// The name in a request and in a stored record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Voice => "voice",
            Self::Email => "email",
        }
    }
}

/// The text is not a medium.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a medium: expected message, voice or email")]
pub struct UnknownMedium(String);

impl FromStr for Medium {
    type Err = UnknownMedium;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let media = [Self::Message, Self::Voice, Self::Email];
        let medium = media.into_iter().find(|medium| medium.as_str() == text);
        medium.ok_or_else(|| UnknownMedium(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_has_the_same_name_in_json_and_on_the_command_line() {
        for medium in [Medium::Message, Medium::Voice, Medium::Email] {
            assert_eq!(serde_json::json!(medium), medium.as_str());
            assert_eq!(medium.as_str().parse(), Ok(medium));
        }
        let error = "fax".parse::<Medium>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`fax` is not a medium: expected message, voice or email"
        );
    }
}
