//! Why a command did not do what it was asked: one line for a person, a way on where there is one, and an exit code.

use conversation_archive::failure::FailureKind;
use conversation_archive::request::Refusal;
use conversation_archive::source::Setback;
use conversation_archive::store::FolderError;
use serde_json::Value;
use start_export::StartError;

use crate::settings::SettingsError;

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    /// The request or a setting has to change first; nothing was sent or written.
    Refused = 2,
}

/// The end of a command that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
    /// What a program gets to know, if that is more than the message.
    pub json: Option<Box<Value>>,
}

impl Problem {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
            hint: None,
            json: None,
        }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            message: message.into(),
            hint: None,
            json: None,
        }
    }

    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    #[must_use]
    pub(crate) fn with_json(self, json: Value) -> Self {
        Self {
            json: Some(Box::new(json)),
            ..self
        }
    }
}

/// The error and what caused it, in one line.
pub(crate) fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(chain(error))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal.to_string())
    }
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        match &error {
            FolderError::Locked { .. } => Self::failed(error.to_string()),
            FolderError::NotWritable { .. } | FolderError::NotLockable { .. } => {
                Self::refused(chain(error)).with_hint("give --out a folder that you may write to")
            }
        }
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Refused(refusal) => refusal.into(),
            StartError::Source(Setback::Failed(failure))
                if failure.kind == FailureKind::LoginRefused =>
            {
                Self::refused(failure.to_string())
                    .with_hint("check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_REGION")
            }
            StartError::Source(setback @ Setback::Wait(_)) => {
                Self::failed(setback.to_string()).with_hint("nothing was started; try again later")
            }
            other => Self::failed(chain(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use conversation_archive::failure::Failure;

    use super::*;

    #[test]
    fn a_refused_login_is_a_matter_of_settings_and_other_refusals_of_the_api_are_failures() {
        let of = |kind| {
            Problem::from(StartError::Source(Setback::Failed(Failure::new(
                kind, "no",
            ))))
            .exit
        };

        assert_eq!(of(FailureKind::LoginRefused), Exit::Refused);
        assert_eq!(of(FailureKind::Refused), Exit::Failed);
    }

    #[test]
    fn a_folder_that_is_busy_is_a_failure_and_not_a_bad_setting() {
        let problem = Problem::from(FolderError::Locked {
            export_id: "daily".to_owned(),
        });

        assert_eq!(problem.exit, Exit::Failed);
        insta::assert_snapshot!(problem.message, @"another process is working on export daily: wait until it ends, or stop it, and try again");
    }
}
