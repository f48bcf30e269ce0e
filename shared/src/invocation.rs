//! One call of a handler: who calls it, and until when.

use crate::clock::Deadline;

/// What a handler knows about its own invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// For the audit trail: Lambda's request id, or one that the embedded engine makes.
    pub request_id: String,
    pub deadline: Deadline,
}
