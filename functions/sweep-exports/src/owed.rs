//! Owed webhooks: sends their messages again if they were lost.

use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::OWED_PREFIX;
use conversation_archive::export::owed::{NextDelivery, OwedWebhook};
use conversation_archive::pipeline::{metrics, webhooks};

use crate::{HOUR, SweepExports, SweepOutcome};

impl SweepExports {
    /// Sends the message of each webhook whose next delivery is overdue by more than an hour. An error in one does not
    /// stop the others.
    pub(crate) async fn send_overdue_webhooks(
        &self,
    ) -> anyhow::Result<Vec<(ExportId, SweepOutcome)>> {
        let mut sent = Vec::new();
        let mut first_error = None;
        for object in self.archive().list_all(OWED_PREFIX).await? {
            match self.send_if_overdue(&object.key).await {
                Ok(id) => sent.extend(id.map(|id| (id, SweepOutcome::WebhookSent))),
                Err(error) => {
                    tracing::error!(
                        s3.key = object.key,
                        error = error_chain(error.as_ref()),
                        "could not send owed webhook"
                    );
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(sent), Err)
    }

    /// Returns the export if its webhook message was sent.
    async fn send_if_overdue(&self, key: &str) -> anyhow::Result<Option<ExportId>> {
        let Some(owed) = self.archive().read_key::<OwedWebhook>(key).await? else {
            return Ok(None);
        };
        let NextDelivery::Due(due) = webhooks::next_delivery(&self.pipeline, &owed).await? else {
            return Ok(None);
        };
        let now = self.pipeline.clock.now();
        if now.duration_since(due) <= HOUR {
            return Ok(None);
        }
        let id = owed.export_id.clone();
        tracing::warn!(export.id = %id, attempt = owed.attempt, %due, "webhook overdue; sending its message again");
        metrics::record(&[(metrics::WEBHOOKS_OVERDUE, 1)]);
        webhooks::send_message(&self.pipeline, owed).await?;
        Ok(Some(id))
    }
}
