//! Rules for requests that name guest sessions.

use crate::export::request::{ExportRequest, InvalidRequest};
use crate::records::transcript::TranscriptRoute;

/// start-export looks up the sessions within one invocation, 100 at a time.
const MAX_SESSIONS: usize = 3_000;

/// Checks that the sessions can be looked up: by a gateway, and without other ids.
pub(in crate::export::plan) fn check_sessions(
    request: &ExportRequest,
    route: TranscriptRoute,
) -> Result<(), InvalidRequest> {
    if !request.is_by_session() {
        return Ok(());
    }
    let sessions = &request.filters.session_ids;
    let refused = |rule: &str| {
        let value = format!("{} ids", sessions.len());
        Err(InvalidRequest::new("filters.sessionIds", value, rule))
    };
    if route != TranscriptRoute::WebDetails {
        return refused(
            "only web details of a gateway are found by session; set GENESYS_TRANSCRIPT_ROUTE to web-details, or use filters.conversationIds",
        );
    }
    if !request.filters.conversation_ids.is_empty() {
        return refused("use either filters.sessionIds or filters.conversationIds");
    }
    if sessions.len() > MAX_SESSIONS {
        return refused("at most 3000 sessions; use several exports");
    }
    Ok(())
}
