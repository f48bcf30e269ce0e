//! Retention: what the organisation does not keep any more cannot be exported.

use crate::{StartError, StartExport};
use conversation_archive::failure::FailureKind;
use conversation_archive::genesys::Call;
use conversation_archive::genesys::wire::DataRetention;
use conversation_archive::invocation::Invocation;
use conversation_archive::plan::Draft;
use conversation_archive::source::Setback;

impl StartExport {
    /// A setting counts first; without one the API is asked, and one that does not tell sets no limit.
    pub(crate) async fn check_retention(
        &self,
        draft: &Draft,
        invocation: &Invocation,
    ) -> Result<(), StartError> {
        if self.limits.retention_days.is_some() || !draft.depends_on_retention() {
            return Ok(());
        }
        let call = Call::get("/api/v2/analytics/dataretention/settings");
        let decode = |body: &[u8]| serde_json::from_slice::<DataRetention>(body);
        match self
            .sources
            .client
            .call(&call, invocation.deadline, decode)
            .await
            .map_err(Setback::from)
        {
            Ok(reply) => {
                let now = self.dispatch.clock.now();
                Ok(draft.check_retention(now, reply.value.retention_days)?)
            }
            Err(Setback::Failed(failure)) if failure.kind == FailureKind::Refused => {
                tracing::debug!(%failure, "the API does not tell its retention; none is assumed");
                Ok(())
            }
            Err(setback) => Err(setback.into()),
        }
    }
}
