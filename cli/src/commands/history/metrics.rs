//! The cost and the result of a query: the last line of its JSON output.

use conversation_archive::base::time::saturating_millis;
use conversation_archive::export::effort::Effort;
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::source::SourcePage;
use serde_json::{Value, json};

/// Counts over the pages of a query.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Metrics {
    pages: u64,
    pub(super) records: u64,
    pub(super) rejected: u64,
    effort: Effort,
}

impl Metrics {
    pub(super) fn add(&mut self, page: &SourcePage) {
        self.pages += 1;
        self.records += page.body.counts.archived;
        self.rejected += page.body.counts.rejected;
        self.effort = self.effort.plus(page.effort);
    }

    /// `{"metrics": {…}}`, with the names of a manifest's metrics where they mean the same. `latencyMeanMs` is null if no
    /// request succeeded.
    pub(super) fn line(&self, client: &StatsSnapshot) -> Value {
        json!({ "metrics": {
            "pages": self.pages,
            "records": self.records,
            "rejected": self.rejected,
            "requests": client.requests,
            "retries": client.retries,
            "throttled": client.throttled,
            "throttledMs": saturating_millis(client.throttled_time),
            "latencyMeanMs": self.latency_mean_ms(),
            "bytesIn": client.bytes_in,
        } })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of one query are far below 2^53"
    )]
    fn latency_mean_ms(&self) -> Option<f64> {
        let Effort {
            answers,
            latency_ms,
            ..
        } = self.effort;
        (answers > 0).then(|| latency_ms as f64 / answers as f64)
    }
}
