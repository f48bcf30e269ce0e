//! The two forms of a history gateway.

/// Where the gateway expects its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryForm {
    /// `nextPageToken` in the query string.
    #[default]
    PageToken,
    /// `continuationToken` in the body.
    Continuation,
}

impl HistoryForm {
    /// The largest page that the contract allows.
    pub fn page_size_max(self) -> u32 {
        match self {
            Self::PageToken => 2000,
            Self::Continuation => 1000,
        }
    }
}

impl std::str::FromStr for HistoryForm {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "page-token" => Ok(Self::PageToken),
            "continuation" => Ok(Self::Continuation),
            _ => Err(UnknownForm(text.to_owned())),
        }
    }
}

/// The text is not a valid form of the history gateway.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a form of a history gateway: expected page-token or continuation")]
pub struct UnknownForm(String);
