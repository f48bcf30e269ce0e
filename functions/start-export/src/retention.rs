//! Retention: conversations that the organisation has already deleted cannot be exported.

use conversation_archive::base::decode;
use conversation_archive::base::failure::error_chain;
use conversation_archive::export::plan::Draft;
use conversation_archive::genesys::wire::DataRetention;
use conversation_archive::genesys::{ApiError, Call};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::source::SourceError;

use crate::{StartError, StartExport};

impl StartExport {
    /// Checks the interval against the API's retention, unless a setting has replaced it. If the API returns no number
    /// of days, there is no limit: the check avoids an empty export and must never prevent a useful one.
    pub(crate) async fn check_retention(
        &self,
        draft: &Draft,
        invocation: &Invocation,
    ) -> Result<(), StartError> {
        if self.limits.retention_days.is_some() || !draft.depends_on_retention() {
            return Ok(());
        }
        let call = Call::get("/api/v2/analytics/dataretention/settings");
        let client = &self.sources.client;
        match client.call(&call, invocation.deadline, decode::json).await {
            Ok(reply) => {
                let DataRetention { retention_days } = reply.value;
                let days = retention_days.filter(|days| *days > 0);
                let days = days.and_then(|days| u32::try_from(days).ok());
                Ok(draft.check_retention(self.pipeline.clock.now(), days)?)
            }
            Err(error @ ApiError::Login { .. }) => Err(SourceError::from(error).into()),
            Err(error) => {
                tracing::debug!(
                    error = error_chain(&error),
                    "the API does not report its retention; none is assumed"
                );
                Ok(())
            }
        }
    }
}
