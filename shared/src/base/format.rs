//! The version of stored objects and messages. A reader refuses unknown versions.

use serde::{Deserialize, Serialize};

/// Version 1 of messages and objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct FormatVersion;

impl FormatVersion {
    const CURRENT: u32 = 1;
}

impl TryFrom<u32> for FormatVersion {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, Self::Error> {
        if version == Self::CURRENT {
            Ok(Self)
        } else {
            Err(format!(
                "format version {version} is not supported; this program reads version {}",
                Self::CURRENT
            ))
        }
    }
}

impl From<FormatVersion> for u32 {
    fn from(_: FormatVersion) -> Self {
        FormatVersion::CURRENT
    }
}
