//! Why a command failed: a one-line message, a hint on how to continue if there is one, and an exit code.

use conversation_archive::base::failure::{FailureKind, error_chain};
use conversation_archive::export::request::InvalidRequest;
use conversation_archive::source::SourceError;
use conversation_archive::storage::aws::AwsError;
use conversation_archive::storage::signing::KeyFileError;
use conversation_archive::storage::store::{BucketError, FolderError};
use serde_json::Value;
use start_export::StartError;

use crate::settings::SettingsError;

/// The exit code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    /// The request, a permission or a setting must change first.
    Refused,
    /// The export ended as it should, but its receiver did not accept the webhook; a resume sends it again.
    WebhookOwed,
    /// A gateway refuses the client, and a restart would not change that.
    RefusedByGateway,
    /// The archive could not be written.
    NotWritten,
}

impl Exit {
    /// The code, which each command documents.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::WebhookOwed | Self::RefusedByGateway => 3,
            Self::NotWritten => 4,
        }
    }
}

/// The error of a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub exit: Exit,
    pub message: String,
    pub hint: Option<String>,
    /// The JSON result for programs, if it holds more than the message.
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

/// The error and its causes, in one line.
pub(crate) fn full_message(error: impl Into<anyhow::Error>) -> String {
    error_chain(error.into().as_ref())
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(full_message(error))
    }
}

impl From<InvalidRequest> for Problem {
    fn from(refusal: InvalidRequest) -> Self {
        Self::refused(refusal.to_string())
    }
}

impl From<FolderError> for Problem {
    fn from(error: FolderError) -> Self {
        match &error {
            FolderError::Locked { .. } => Self::failed(error.to_string()),
            FolderError::NotWritable { .. } | FolderError::NotLockable { .. } => {
                Self::refused(full_message(error)).with_hint("set --out to a writable folder")
            }
        }
    }
}

impl From<BucketError> for Problem {
    fn from(error: BucketError) -> Self {
        let hint = match &error {
            BucketError::Missing { .. } => {
                "create it, or check the name and AWS_ENDPOINT_URL".to_owned()
            }
            BucketError::Denied { .. } => {
                "the role needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects".to_owned()
            }
            BucketError::Refused { .. } => {
                "check the AWS credentials, AWS_REGION and AWS_ENDPOINT_URL".to_owned()
            }
            BucketError::Elsewhere { region, .. } => format!("set AWS_REGION={region}"),
            BucketError::Busy { .. } => {
                return Self::failed(full_message(error)).with_hint("try again later");
            }
            BucketError::Unavailable { .. } => {
                return Self::failed(full_message(error))
                    .with_hint("check the network and AWS_ENDPOINT_URL, and try again");
            }
        };
        Self::refused(full_message(error)).with_hint(hint)
    }
}

impl From<KeyFileError> for Problem {
    fn from(error: KeyFileError) -> Self {
        Self::refused(full_message(error))
            .with_hint("set SIGNING_KEY_FILE to the signing key, or to a file that can be created")
    }
}

impl From<AwsError> for Problem {
    fn from(error: AwsError) -> Self {
        Self::refused(full_message(error)).with_hint(
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws configure export-credentials --format env` prints those of a login by SSO",
        )
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let error = match error.into_refusal() {
            Ok(refusal) => return refusal.into(),
            Err(error) => error,
        };
        match error {
            StartError::Source(SourceError::Fatal(failure))
                if failure.kind == FailureKind::LoginRefused =>
            {
                Self::refused(failure.to_string())
            }
            StartError::Source(source_error @ SourceError::NotReady(_)) => {
                Self::failed(source_error.to_string())
                    .with_hint("the export was not started; try again later")
            }
            // The message of the source error is complete; its cause would only repeat it.
            StartError::Source(source_error) => Self::failed(source_error.to_string()),
            other => Self::failed(full_message(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use conversation_archive::base::failure::Failure;

    use super::*;

    #[test]
    fn a_refused_login_exits_as_refused_and_other_refusals_as_failed() {
        let exit_of = |kind| {
            Problem::from(StartError::Source(SourceError::Fatal(Failure::new(
                kind, "no",
            ))))
            .exit
        };

        assert_eq!(exit_of(FailureKind::LoginRefused), Exit::Refused);
        assert_eq!(exit_of(FailureKind::Refused), Exit::Failed);
    }

    #[test]
    fn an_error_that_displays_its_source_is_not_repeated() {
        let source_error =
            SourceError::Fatal(Failure::new(FailureKind::Refused, "the API said no"));
        let companion_error = StartError::Companion {
            export_id: "march".parse().unwrap(),
            companion_id: "march-transcripts".parse().unwrap(),
            source: Box::new(StartError::Source(source_error)),
        };

        let problem = Problem::from(anyhow::Error::from(companion_error).context("cannot start"));

        insta::assert_snapshot!(problem.message, @"cannot start: march was started, but march-transcripts was not: the source returned no usable response: the API said no");
    }

    #[test]
    fn each_bucket_error_names_its_fix() {
        let bucket = || "archive".to_owned();
        let region = "us-east-1".to_owned();
        let problems = [
            BucketError::Missing { bucket: bucket() },
            BucketError::Denied { bucket: bucket() },
            BucketError::Refused {
                bucket: bucket(),
                source: "S3 returned ExpiredToken".into(),
            },
            BucketError::Elsewhere {
                bucket: bucket(),
                region,
            },
            BucketError::Busy {
                bucket: bucket(),
                source: "S3 returned 503".into(),
            },
            BucketError::Unavailable {
                bucket: bucket(),
                source: "timed out".into(),
            },
        ]
        .map(Problem::from);

        let exits = problems.each_ref().map(|problem| problem.exit);
        assert_eq!(
            exits,
            [
                Exit::Refused,
                Exit::Refused,
                Exit::Refused,
                Exit::Refused,
                Exit::Failed,
                Exit::Failed
            ]
        );
        let messages = problems.map(|p| format!("{} -> {}", p.message, p.hint.unwrap_or_default()));
        insta::assert_snapshot!(messages.join("\n"), @"
        the bucket archive does not exist -> create it, or check the name and AWS_ENDPOINT_URL
        access to the bucket archive is denied -> the role needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects
        the bucket archive cannot be used: S3 returned ExpiredToken -> check the AWS credentials, AWS_REGION and AWS_ENDPOINT_URL
        the bucket archive is in us-east-1 -> set AWS_REGION=us-east-1
        the bucket archive is temporarily unavailable: S3 returned 503 -> try again later
        the bucket archive does not respond: timed out -> check the network and AWS_ENDPOINT_URL, and try again
        ");
    }

    #[test]
    fn a_locked_folder_exits_as_failed_and_not_as_refused() {
        let problem = Problem::from(FolderError::Locked {
            export_id: "daily".to_owned(),
        });

        assert_eq!(problem.exit, Exit::Failed);
        insta::assert_snapshot!(problem.message, @"another process is working on export daily: wait until it ends, or stop it, and try again");
    }
}
