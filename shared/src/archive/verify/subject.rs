//! The object under check, and the report of a mismatch.

use std::fmt::Display;

use serde::Serialize;

use crate::archive::{ArchiveError, ScratchError};
use crate::base::failure::error_chain;
use crate::base::hash::Sha256;
use crate::base::signature::KeyId;
use crate::export::audit::{Action, AuditEvent};
use crate::export::objects::{LiveKey, ObjectKey};
use crate::export::plan::ExportPlan;

/// The first mismatch: the object and the rule that it violates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{key}: {what}")]
pub struct Damage {
    pub key: String,
    pub what: String,
}

/// The reason why an export could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The store cannot be read; the export may be intact.
    #[error(transparent)]
    Archive(ArchiveError),
    /// The temporary folder for lines that do not fit into memory cannot be used; the export may be intact.
    #[error(transparent)]
    Scratch(ScratchError),
}

// Implemented by hand, because a missing or modified object is damage and not an error of the store.
impl From<ArchiveError> for VerifyError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Damaged { key, source } => Subject::at(key).damaged(error_chain(&source)),
            ArchiveError::Page { key, source } => {
                Subject::at(key).damaged(format!("it cannot be read: {source}"))
            }
            ArchiveError::Missing(key) => Subject::at(key).damaged("missing"),
            ArchiveError::Lineage(key) => {
                Subject::at(key).damaged("its successor is not a later run")
            }
            ArchiveError::Unsigned(key) => Subject::at(key).damaged(UNSIGNED),
            ArchiveError::InvalidSignature(key) => Subject::at(key).damaged(INVALID_SIGNATURE),
            ArchiveError::UntrustedKey { key, key_id } => {
                Subject::at(key).damaged(unknown_key(key_id))
            }
            ArchiveError::Store(_)
            | ArchiveError::Message(_)
            | ArchiveError::Unreadable { .. }
            | ArchiveError::NoSigningKey
            | ArchiveError::Signing(_) => Self::Archive(error),
        }
    }
}

impl From<ScratchError> for VerifyError {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::Archive(error) => error.into(),
            ScratchError::Folder(_) => Self::Scratch(error),
        }
    }
}

pub(super) const UNSIGNED: &str = "it has no signature";
pub(super) const INVALID_SIGNATURE: &str =
    "its signature is not valid: it was altered, or copied from another object";

pub(super) fn unknown_key(id: KeyId) -> String {
    format!("it is signed with the key {id}, which is not one of the given keys")
}

/// An object under check.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) key: String,
}

impl Subject {
    pub(super) fn of(name: ObjectKey<'_>) -> Self {
        Self::at(name.key())
    }

    pub(super) fn at(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// Fails if the object is stored under another key than its content gives.
    pub(super) fn belongs_at(&self, name: LiveKey<'_>) -> Result<(), VerifyError> {
        let expected = ObjectKey::Live(name).key();
        self.require(
            self.key == expected,
            format_args!("it belongs at {expected}"),
        )
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> VerifyError {
        let key = self.key.clone();
        VerifyError::Damage(Damage {
            key,
            what: what.into(),
        })
    }

    /// Fails with `rule` if `holds` is false.
    pub(super) fn require(&self, holds: bool, rule: impl Display) -> Result<(), VerifyError> {
        if holds {
            Ok(())
        } else {
            Err(self.damaged(rule.to_string()))
        }
    }

    pub(super) fn same<T: PartialEq + Display + Copy>(
        &self,
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), VerifyError> {
        self.require(
            found == expected,
            format_args!("{what} is {found}, expected {expected}"),
        )
    }

    pub(super) fn same_hash(
        &self,
        what: &str,
        found: Sha256,
        expected: Sha256,
    ) -> Result<(), VerifyError> {
        let (short_found, short_expected) = (found.short(12), expected.short(12));
        let rule = format_args!("{what} is {short_found}…, expected {short_expected}…");
        self.require(found == expected, rule)
    }

    /// Checks that the document's id is the expected one; otherwise the object was swapped or copied.
    pub(super) fn same_id<T: PartialEq + Display + Copy>(
        &self,
        found: T,
        expected: T,
    ) -> Result<(), VerifyError> {
        self.require(
            found == expected,
            format_args!("it belongs to {found}, not to {expected}"),
        )
    }

    /// Checks that the event is intact and belongs to this export.
    pub(super) fn event(
        &self,
        event: &AuditEvent,
        plan: &ExportPlan,
        action: Action,
    ) -> Result<(), VerifyError> {
        let intact = event.is_intact();
        self.require(
            intact,
            "its audit event was edited: the event's hash does not match its content",
        )?;
        self.same(
            "the export of its audit event",
            &event.export_id,
            &plan.export_id,
        )?;
        self.same_hash(
            "the query hash of its audit event",
            event.query_hash,
            plan.query_hash,
        )?;
        let rule = format_args!(
            "the action of its audit event is {:?}, expected {action:?}",
            event.action
        );
        self.require(event.action == action, rule)
    }

    /// Checks a field in the event's details.
    pub(super) fn details<T: Serialize>(
        &self,
        event: &AuditEvent,
        field: &str,
        expected: T,
    ) -> Result<(), VerifyError> {
        let found = event.details.get(field);
        let expected = serde_json::to_value(expected).map_err(ArchiveError::from)?;
        self.require(
            found == Some(&expected),
            format_args!("it differs from its audit event in `{field}`"),
        )
    }

    /// Checks that the event follows the one with hash `before`.
    pub(super) fn follows(&self, event: &AuditEvent, before: Sha256) -> Result<(), VerifyError> {
        let short = |hash: Sha256| hash.short(12) + "…";
        let found = event
            .previous_hash
            .map_or_else(|| "nothing".to_owned(), short);
        let expected = short(before);
        let rule = format_args!(
            "the audit chain is broken: its event follows {found}, but the previous event is {expected}"
        );
        self.require(event.previous_hash == Some(before), rule)
    }
}
