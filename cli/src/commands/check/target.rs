//! Whether the archive accepts objects as an export writes them: create-only, read back, deleted.

use conversation_archive::export::objects::ObjectKey;
use conversation_archive::storage::store::{
    ArchiveStore, Encryption, Object, S3Store, StoreError, Stored,
};

use super::interrupt::{Interrupt, Interrupted};
use super::{Finding, Findings, protection};
use crate::place::OpenedPlace;
use crate::problem::{Problem, full_message};

const CHECK: &str = "archive";

/// Why a store that can be opened did not pass the probe.
#[derive(Debug)]
enum ProbeError {
    Store(StoreError),
    /// Ctrl-C arrived meanwhile.
    Interrupted,
    /// The store broke a guarantee that exports need.
    Broken(&'static str),
}

/// The result of writing, reading and deleting one object.
struct Probe {
    result: Result<(), ProbeError>,
    /// The encryption that S3 reports, if the probe got that far.
    encryption: Option<Result<Encryption, StoreError>>,
    /// Why the object may still exist.
    delete_error: Option<StoreError>,
}

/// Checks whether the location accepts objects, and for a bucket how it encrypts them.
pub(super) async fn check_target(
    place: Option<Result<OpenedPlace, Problem>>,
    interrupt: &Interrupt,
    findings: &mut Findings<'_>,
) -> Result<(), Interrupted> {
    let Some(opened) = place else {
        findings.add(Finding::skipped(CHECK, "no archive was given").fix("give one with --out"));
        return Ok(());
    };
    let opened = match opened.and_then(OpenedPlace::for_writing) {
        Ok(opened) => opened,
        Err(problem) => {
            findings.add(unusable_finding(problem));
            return Ok(());
        }
    };
    let (bucket, region) = match &opened {
        OpenedPlace::Bucket { store, region } => (Some(store), region.as_str()),
        OpenedPlace::Folder { .. } => (None, ""),
    };
    let store = opened.store();
    let probe = probe(&*store, bucket, &new_id(), interrupt).await;
    let Ok(finding) = probe_finding(&*store, probe.result) else {
        let left = probe.delete_error.map(full_message);
        let finding =
            |left| Finding::warning(CHECK, left).fix("delete the object: nothing reads it");
        if let Some(left) = left.map(finding) {
            findings.add(left);
        }
        return Err(Interrupted);
    };
    findings.add(finding);
    if let Some(bucket) = bucket {
        findings.add(encryption_finding(probe.encryption));
        let read = interrupt.run(bucket.protection(region)).await?;
        protection::add_findings(read, findings);
    }
    Ok(())
}

fn unusable_finding(problem: Problem) -> Finding {
    let fix = "set --out to a writable folder or s3://bucket[/prefix]";
    Finding::failed(CHECK, problem.message).fix(problem.hint.unwrap_or_else(|| fix.to_owned()))
}

/// The finding on encryption, with the key, since the operator may expect another one.
fn encryption_finding(reported: Option<Result<Encryption, StoreError>>) -> Finding {
    const ENCRYPTION: &str = "encryption";
    match reported {
        None => Finding::skipped(ENCRYPTION, "there was no object to inspect"),
        Some(Err(error)) => Finding::skipped(ENCRYPTION, full_message(error)),
        Some(Ok(Encryption {
            algorithm: None, ..
        })) => Finding::found(ENCRYPTION, "the store does not report how it encrypts"),
        Some(Ok(Encryption {
            algorithm: Some(algorithm),
            kms_key,
        })) => {
            let key = kms_key.map_or_else(String::new, |key| format!(" with {key}"));
            Finding::ok(
                ENCRYPTION,
                format!("objects are encrypted by {algorithm}{key}"),
            )
        }
    }
}

/// The finding for the probe.
fn probe_finding(
    store: &dyn ArchiveStore,
    result: Result<(), ProbeError>,
) -> Result<Finding, Interrupted> {
    Ok(match result {
        Ok(()) => Finding::ok(
            CHECK,
            format!(
                "{} stores objects, refuses to overwrite them, and returns them unchanged",
                store.uri("")
            ),
        ),
        Err(ProbeError::Broken(what)) => {
            Finding::failed(CHECK, format!("{}: {what}", store.uri("")))
                .fix("exports rely on conditional writes; use a store that supports them")
        }
        Err(ProbeError::Store(error)) => {
            let fix = required_permission(&error);
            Finding::failed(CHECK, full_message(error)).fix(fix)
        }
        Err(ProbeError::Interrupted) => return Err(Interrupted),
    })
}

/// Writes, reads and deletes one object. The object is deleted whatever happens in between.
async fn probe(
    store: &dyn ArchiveStore,
    bucket: Option<&S3Store>,
    id: &str,
    interrupt: &Interrupt,
) -> Probe {
    let object = probe_object(id);
    let key = object.key.clone();
    let mut encryption = None;
    let result = match store.create(object.clone()).await {
        Err(error) => Err(error.into()),
        // The key is new, so an existing object is the result of this write, whose response was lost.
        Ok(Stored::Created | Stored::AlreadyExists) => {
            let steps = async {
                if let Some(bucket) = bucket {
                    encryption = Some(bucket.encryption(&key).await);
                }
                test_guarantees(store, object).await
            };
            let result = interrupt.run(steps).await;
            result.unwrap_or(Err(ProbeError::Interrupted))
        }
    };
    // Also after a failed write, which may have arrived.
    let deleted = store.delete(&key).await;
    let (result, delete_error) = match (result, deleted) {
        (Ok(()), Ok(())) => (test_deleted(store, &key).await, None),
        (Ok(()), Err(error)) => (Err(error.into()), None),
        (result, deleted) => (result, deleted.err()),
    };
    Probe {
        result,
        encryption,
        delete_error,
    }
}

async fn test_deleted(store: &dyn ArchiveStore, key: &str) -> Result<(), ProbeError> {
    match store.get(key).await? {
        None => Ok(()),
        Some(_) => Err(ProbeError::Broken(
            "the store keeps an object that was deleted",
        )),
    }
}

fn new_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn probe_object(id: &str) -> Object {
    ObjectKey::Probe(id).object(format!("{{\"check\":\"{id}\"}}\n"))
}

async fn test_guarantees(store: &dyn ArchiveStore, object: Object) -> Result<(), ProbeError> {
    let (key, body) = (object.key.clone(), object.body.clone());
    if store.create(object).await? != Stored::AlreadyExists {
        return Err(ProbeError::Broken(
            "the store overwrites an existing object",
        ));
    }
    if store.get(&key).await? != Some(body) {
        return Err(ProbeError::Broken(
            "the store returns other bytes than were written",
        ));
    }
    Ok(())
}

/// The permission that a refused step needs, in a bucket and in a folder.
fn required_permission(error: &StoreError) -> String {
    let (StoreError::Transient { action, .. } | StoreError::Permanent { action, .. }) = error;
    let needed = match *action {
        "read" => "s3:GetObject and s3:ListBucket",
        "delete" => "s3:DeleteObject",
        _ => "s3:PutObject, and kms:GenerateDataKey for a key of your own",
    };
    format!("`{action}` needs permission: {needed} on a bucket, write access to a folder")
}

impl From<StoreError> for ProbeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[cfg(test)]
mod tests;
