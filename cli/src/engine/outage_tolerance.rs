//! Tolerates an archive that does not respond for a while, and logs the outage once.

use std::time::Duration;

use conversation_archive::archive::ArchiveError;
use conversation_archive::base::failure::error_chain;
use conversation_archive::pipeline::PipelineError;
use start_export::StartError;
use tokio::time::Instant;

/// When the archive stopped responding, if it has.
#[derive(Debug, Default)]
pub(super) struct OutageTolerance {
    since: Option<Instant>,
}

/// How long the archive may be unavailable. Throttling and lost connections pass within a minute or two. After a longer
/// outage the user should see an error, and loses nothing: a resume continues where the engine stopped.
const OUTAGE_LIMIT: Duration = Duration::from_mins(5);

impl OutageTolerance {
    /// Records that the archive responded.
    pub(super) fn reset(&mut self) {
        if self.since.take().is_some() {
            tracing::info!("archive responds again");
        }
    }

    /// Tolerates a transient error, or returns it if it is permanent or the outage lasts too long.
    pub(super) fn tolerate(&mut self, error: anyhow::Error, now: Instant) -> anyhow::Result<()> {
        if !is_transient_error(&error) {
            return Err(error);
        }
        let Some(since) = self.since else {
            self.since = Some(now);
            tracing::warn!(
                error = error_chain(error.as_ref()),
                "archive does not respond"
            );
            return Ok(());
        };
        if now.duration_since(since) < OUTAGE_LIMIT {
            return Ok(());
        }
        let minutes = OUTAGE_LIMIT.as_secs() / 60;
        Err(error.context(format!(
            "the archive has not responded for {minutes} minutes"
        )))
    }
}

/// Whether a retry of the command may succeed, as far as errors of the archive are concerned.
pub(super) fn may_still_start(error: &StartError) -> bool {
    match error {
        StartError::Archive(error) => error.is_transient(),
        StartError::Pipeline(error) => error.is_transient(),
        StartError::Companion { source, .. } => may_still_start(source),
        StartError::Refused(_) | StartError::DefaultWebhook(_) | StartError::Source(_) => false,
    }
}

/// A transparent error forwards `source()` and so hides its inner error from the chain; the wrapper is checked instead.
fn is_transient_error(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(ArchiveError::is_transient)
            || cause
                .downcast_ref()
                .is_some_and(PipelineError::is_transient)
            || cause.downcast_ref().is_some_and(may_still_start)
    })
}

#[cfg(test)]
mod tests {
    use conversation_archive::storage::store::StoreError;

    use super::*;

    fn transient_error() -> ArchiveError {
        ArchiveError::from(StoreError::Transient {
            action: "read",
            key: "open/march".to_owned(),
            source: "SlowDown".into(),
        })
    }

    #[test]
    fn a_transient_store_error_is_tolerated_however_it_is_wrapped() {
        let pipeline = || PipelineError::from(transient_error());
        for error in [
            anyhow::Error::from(transient_error()),
            anyhow::Error::from(pipeline()),
            anyhow::Error::from(StartError::from(transient_error())),
            anyhow::Error::from(StartError::from(pipeline())),
            anyhow::Error::from(pipeline()).context("cannot sweep"),
        ] {
            let text = format!("{error:?}");

            assert!(
                OutageTolerance::default()
                    .tolerate(error, Instant::now())
                    .is_ok(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_document_is_not_tolerated() {
        let gone = || ArchiveError::Missing("request.json".to_owned());
        for error in [
            anyhow::Error::from(gone()),
            anyhow::Error::from(PipelineError::from(gone())),
        ] {
            assert!(
                OutageTolerance::default()
                    .tolerate(error, Instant::now())
                    .is_err()
            );
        }
    }

    #[test]
    fn a_store_silent_for_five_minutes_ends_the_engine() {
        let mut outage = OutageTolerance::default();
        let start = Instant::now();

        outage.tolerate(transient_error().into(), start).unwrap();
        outage
            .tolerate(transient_error().into(), start + OUTAGE_LIMIT / 2)
            .unwrap();
        let error = outage
            .tolerate(transient_error().into(), start + OUTAGE_LIMIT)
            .unwrap_err();

        insta::assert_snapshot!(error, @"the archive has not responded for 5 minutes");
    }

    #[test]
    fn a_response_of_the_store_restarts_the_five_minutes() {
        let mut outage = OutageTolerance::default();
        let start = Instant::now();

        outage.tolerate(transient_error().into(), start).unwrap();
        outage.reset();

        assert!(
            outage
                .tolerate(transient_error().into(), start + OUTAGE_LIMIT)
                .is_ok()
        );
    }
}
