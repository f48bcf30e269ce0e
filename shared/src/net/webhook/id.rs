//! The id of a webhook delivery.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The `webhook-id`: the same for every delivery of one outcome, and different for the outcome of a later attempt or
/// of another export. `global_id` names the export, see
/// [`ExportPlan::global_id`](crate::export::plan::ExportPlan::global_id).
pub fn webhook_id(global_id: &str, event: &str, attempt: u32) -> String {
    let hash = Sha256::digest(format!("{global_id}\n{event}\n{attempt}"));
    hash[..16].iter().fold("msg_".to_owned(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_share_a_webhook_id_and_each_outcome_has_its_own() {
        let id = webhook_id("exp-1", "export.completed", 1);

        assert_eq!(id, "msg_1ebe6ee35b989c42b1487e2920ba0eb2");
        assert_eq!(id, webhook_id("exp-1", "export.completed", 1));
        assert_ne!(id, webhook_id("exp-1", "export.completed", 2));
        assert_ne!(id, webhook_id("exp-1", "export.failed", 1));
        assert_ne!(id, webhook_id("exp-2", "export.completed", 1));
    }
}
