//! The routes to a conversation's texts.

use serde::{Deserialize, Serialize};

/// The route by which a conversation's texts are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TranscriptRoute {
    /// The public API: messages, with recordings as the fallback when they are gone.
    #[default]
    Messages,
    /// An organisation's own gateway.
    WebDetails,
}

impl TranscriptRoute {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The text is not a valid route.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a source of transcripts: expected messages or web-details")]
pub struct UnknownRoute(String);

impl std::str::FromStr for TranscriptRoute {
    type Err = UnknownRoute;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "messages" => Ok(Self::Messages),
            "web-details" => Ok(Self::WebDetails),
            _ => Err(UnknownRoute(text.to_owned())),
        }
    }
}
