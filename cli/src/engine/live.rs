//! The work of an engine for live capture, which has no end: it continues the exports of an earlier process, and sweeps.

use anyhow::Context as _;
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::OPEN_PREFIX;
use conversation_archive::pipeline::{PipelineError, scheduling};
use conversation_archive::storage::queue::{COMPLETE_EXPORT_TIMEOUT, Queue};

use super::Engine;

/// The ids of the exports that live capture starts begin with these.
const LIVE_EXPORTS: [&str; 2] = ["live-", "gap-"];

impl Engine {
    /// Continues the exports that an earlier process of live capture started: their messages were lost with it. Returns
    /// their number. An export that cannot be continued is left to the sweep.
    pub async fn continue_live_exports(&self) -> anyhow::Result<usize> {
        let listed = self.archive().list_all(OPEN_PREFIX).await?;
        let id = |key: &str| key.strip_prefix(OPEN_PREFIX)?.parse::<ExportId>().ok();
        let is_live = |id: &ExportId| LIVE_EXPORTS.iter().any(|it| id.as_str().starts_with(it));
        let open = listed.iter().filter_map(|object| id(&object.key));
        let mut continued = 0;
        for id in open.filter(is_live) {
            match self.continue_export(&id).await {
                Ok(()) => continued += 1,
                Err(error) => {
                    tracing::warn!(export.id = %id, error = error_chain(&error), "export not continued");
                }
            }
        }
        Ok(continued)
    }

    async fn continue_export(&self, id: &ExportId) -> Result<(), PipelineError> {
        let pipeline = self.pipeline();
        let plan = pipeline.archive.plan(id).await?;
        let attempt = pipeline.archive.newest_attempt(id).await?;
        match plan.zip(attempt) {
            Some((plan, attempt)) => scheduling::restart(pipeline, &plan, &attempt).await,
            None => scheduling::send_start(pipeline, id).await,
        }
    }

    /// Number of messages about conversations that may have ended and wait for their lookup.
    pub fn waiting_lookups(&self) -> usize {
        self.handlers.queues.contents(Queue::Ended).messages
    }

    /// Does the hourly work of sweep-exports: no export hangs unnoticed, failed ones are resumed, and owed webhooks are sent.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let invocation = self.handlers.invocation(COMPLETE_EXPORT_TIMEOUT);
        let swept = self.handlers.sweep.handle(&invocation).await;
        swept.map(|_| ()).context("the sweep failed")
    }

    /// Closes live gaps, and seals days.
    pub async fn sweep_streams(&self) -> anyhow::Result<()> {
        let invocation = self.handlers.invocation(COMPLETE_EXPORT_TIMEOUT);
        let swept = self.handlers.sweep.sweep_streams(&invocation).await;
        swept.context("the sweep of the streams failed")
    }
}
