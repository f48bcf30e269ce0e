//! How the bucket's owner protects it: old versions, public access, Object Lock, and its policy.

use conversation_archive::storage::store::{PolicyGap, Protection, StoreError};

use super::{Finding, Findings};
use crate::problem::full_message;

const POLICY: &str = "bucket policy";

/// Adds a finding for each part. None of them fails the check: an export runs without them.
pub(super) fn add_findings(protection: Protection, findings: &mut Findings<'_>) {
    findings.add(finding(
        "versioning",
        protection.versioning,
        "replaced and deleted objects are kept as old versions",
        (
            "a replaced or deleted object is lost",
            "turn on the bucket's versioning",
        ),
    ));
    findings.add(finding(
        "public access",
        protection.blocks_public_access,
        "the bucket blocks public access",
        (
            "the bucket does not block all public access",
            "turn on all four settings of the bucket's public access block",
        ),
    ));
    findings.add(lock_finding(protection.object_lock));
    findings.add(policy_finding(protection.policy_gap));
}

fn finding(
    check: &'static str,
    state: Result<bool, StoreError>,
    on: &str,
    (off, fix): (&str, &str),
) -> Finding {
    match state {
        Ok(true) => Finding::ok(check, on),
        Ok(false) => Finding::warning(check, off).fix(fix),
        Err(error) => Finding::skipped(check, full_message(error)),
    }
}

/// Object Lock is the owner's choice, because it rules out erasure.
fn lock_finding(lock: Result<bool, StoreError>) -> Finding {
    const LOCK: &str = "object lock";
    match lock {
        Ok(true) => Finding::found(LOCK, "Object Lock is on"),
        Ok(false) => Finding::found(LOCK, "Object Lock is off"),
        Err(error) => Finding::skipped(LOCK, full_message(error)),
    }
}

fn policy_finding(gap: Result<Option<PolicyGap>, StoreError>) -> Finding {
    match gap {
        Ok(None) => Finding::ok(
            POLICY,
            "objects are created once, only markers are deleted, and only TLS is accepted",
        ),
        Ok(Some(gap)) => {
            let missing = gap.missing.join(", ");
            Finding::warning(POLICY, format!("it lacks {missing}"))
                .fix(format!("replace it by: {}", gap.policy))
        }
        Err(error) => Finding::skipped(POLICY, full_message(error)),
    }
}
