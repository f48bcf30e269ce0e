//! Conversations that were asked for by their ids and did not come: unknown to the API, older than it keeps, outside the
//! interval, or in a division that the client's role lacks. The API does not say which.

use std::collections::HashSet;

use super::repeated::each_id;
use crate::archive::Archive;
use crate::dispatch::DispatchError;
use crate::outcome::Content;
use crate::plan::ExportPlan;

/// In the order in which they were asked for.
pub async fn find_missing(
    archive: &Archive,
    plan: &ExportPlan,
    content: &Content,
) -> Result<Vec<String>, DispatchError> {
    // A gateway's ids are of another kind than those of its records.
    if !plan.source.is_analytics() || plan.filters.conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    let asked = &plan.filters.conversation_ids;
    let mut missing: HashSet<&str> = asked.iter().map(String::as_str).collect();
    each_id(archive, content, |id| {
        missing.remove(id);
    })
    .await?;
    let missing = asked.iter().filter(|id| missing.contains(id.as_str()));
    Ok(missing.cloned().collect())
}
