//! Why a page was not archived.

use conversation_archive::archive::ArchiveError;
use conversation_archive::base::failure::Failure;
use conversation_archive::pipeline::PipelineError;
use conversation_archive::source::SourceError;

/// Why a page was not archived by this invocation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotArchived {
    /// The source, or a limit of the export: the run waits, starts again, or fails.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The archive or a queue: the message is redelivered.
    #[error(transparent)]
    Handler(#[from] anyhow::Error),
}

impl From<Failure> for NotArchived {
    fn from(failure: Failure) -> Self {
        SourceError::Fatal(failure).into()
    }
}

impl From<ArchiveError> for NotArchived {
    fn from(error: ArchiveError) -> Self {
        Self::Handler(error.into())
    }
}

impl From<PipelineError> for NotArchived {
    fn from(error: PipelineError) -> Self {
        Self::Handler(error.into())
    }
}
