//! Names in the keys of live objects. Each comes from outside, so its constructor allows nothing that could leave a
//! folder, and its error does not repeat it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name of a stream and the longest id of a writer.
const MAX_NAME_BYTES: usize = 32;

/// The text is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("the name of a stream has 1 to 32 lowercase letters, digits or `-`")]
    Stream,
    #[error("the id of a writer has 1 to 32 lowercase letters, digits or `-`")]
    Writer,
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $error:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                if is_name(&text) { Ok(Self(text)) } else { Err($error) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of a stream of live events: `events` for EventBridge, for sockets the operator's name.
    StreamName, InvalidName::Stream;
    /// The id of a chain of frame records. Each process has its own.
    WriterId, InvalidName::Writer;
}

impl StreamName {
    /// The stream of the events that come from EventBridge.
    pub fn events() -> Self {
        Self("events".to_owned())
    }
}

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        let long = "x".repeat(33);
        for text in [
            "", ".", "..", "a/b", "a\\b", "a b", "a\0", "ä", "a%2f", "Events", "a_1", &long,
        ] {
            assert_eq!(text.parse::<StreamName>(), Err(InvalidName::Stream));
            assert_eq!(text.parse::<WriterId>(), Err(InvalidName::Writer));
        }
        assert_eq!(StreamName::events(), "events".parse().unwrap());
    }

    #[test]
    fn a_document_with_an_invalid_name_is_not_read() {
        let read = serde_json::from_str::<StreamName>(r#""../manifest""#);

        let error = read.unwrap_err().to_string();
        assert!(!error.contains("manifest"), "{error}");
    }
}
