//! The failure of a call to an AWS service: what decides about a retry, and the service's words as they may be shown.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::{is_transient, status};
use crate::base::failure::error_chain;
use crate::records::foreign::{ForeignId, ForeignText, Secrets};

/// Why a call to an AWS service failed. Made of any error of an SDK, whose own text quotes the service.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct ServiceFailure {
    text: ForeignText,
    code: Option<ForeignId>,
    status: Option<u16>,
    is_transient: bool,
}

impl ServiceFailure {
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let code = error
            .code()
            .and_then(|code| ForeignId::new(code, &Secrets::default()));
        Self {
            text: text(error, code.as_ref()),
            code,
            status: status(error),
            is_transient: is_transient(error),
        }
    }

    /// The service's error code, such as `AccessDeniedException`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_ref().map(ForeignId::as_str)
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        self.is_transient
    }
}

/// Code and message of the service, or why there was no response.
fn text<E>(error: &SdkError<E, HttpResponse>, code: Option<&ForeignId>) -> ForeignText
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let message = error.message().filter(|message| !message.is_empty());
    let text = match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_string(),
        (None, Some(message)) => message.to_owned(),
        (None, None) => error_chain(error),
    };
    ForeignText::new(&text, &Secrets::default())
}
