//! Live capture: closes live gaps, and seals days.

use std::time::Duration;

use conversation_archive::archive::live_streams;
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::StreamName;
use conversation_archive::export::request::RequestedRedaction;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{DaySealing, GapClosing, PipelineError, metrics};

use crate::SweepExports;

/// The settings of the sweep for live capture.
#[derive(Clone, Debug)]
pub struct LiveSweep {
    /// How long after a live gap its export starts.
    pub gap_delay: Duration,
    /// Redaction of the exports that close gaps; `None` for the default.
    pub redaction: Option<RequestedRedaction>,
}

impl SweepExports {
    /// Sweeps every stream. An error in one does not stop the others. An archive without live capture has none.
    pub async fn sweep_streams(&self, invocation: &Invocation) -> Result<(), PipelineError> {
        let streams = live_streams::streams(&self.pipeline.archive).await?;
        let (mut open_gaps, mut first_error) = (0, None);
        for stream in &streams {
            match self.sweep_stream(stream, invocation).await {
                Ok(open) => open_gaps += open,
                Err(error) => {
                    tracing::error!(%stream, error = error_chain(&error), "sweep of a stream failed");
                    first_error.get_or_insert(error);
                }
            }
        }
        if !streams.is_empty() {
            metrics::record(&[(metrics::LIVE_GAPS_OPEN, open_gaps)]);
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Returns the number of gaps that are open. Gaps come first, because the seal of a day lists the exports that closed
    /// them.
    async fn sweep_stream(
        &self,
        stream: &StreamName,
        invocation: &Invocation,
    ) -> Result<u64, PipelineError> {
        let closing = GapClosing {
            pipeline: self.pipeline.clone(),
            delay: self.live.gap_delay,
            redaction: self.live.redaction.clone(),
        };
        let counts = closing.advance(stream).await;
        let sealing = DaySealing {
            pipeline: self.pipeline.clone(),
        };
        sealing.seal_due(stream, invocation).await?;
        counts.map(|counts| counts.open + counts.started)
    }
}
