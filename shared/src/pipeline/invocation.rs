//! One invocation of a handler: its id and its deadline.

use crate::base::deadline::Deadline;

/// Information about an invocation, for its handler.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// For the audit trail: Lambda's request id, or an id from the embedded engine.
    pub request_id: String,
    pub deadline: Deadline,
}
