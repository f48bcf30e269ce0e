//! The documents of the export as a whole: manifest, request and attempts.

use serde::de::DeserializeOwned;

use super::incomplete::incomplete;
use super::keys::{Kind, kind};
use super::subject::{Subject, VerifyError};
use crate::archive::{Archive, ArchiveError};
use crate::base::ids::ExportId;
use crate::export::attempt::{Attempt, Cause};
use crate::export::audit::Action;
use crate::export::objects::{ObjectKey, export_prefix};
use crate::export::outcome::{Manifest, Outcome};
use crate::export::plan::{ExportPlan, Slice};

/// The documents that all other checks compare with.
#[derive(Debug)]
pub(super) struct History<'a> {
    pub(super) archive: &'a Archive,
    pub(super) plan: ExportPlan,
    pub(super) manifest: Manifest,
    /// From the first one on, without a gap.
    pub(super) attempts: Vec<Attempt>,
    /// The outcomes of the attempts before the manifest's.
    pub(super) failed: Vec<Outcome>,
    /// The slices as the manifest's attempt reads them.
    pub(super) slices: Vec<Slice>,
    pub(super) closing: Closing,
    pub(super) warnings: Vec<String>,
}

/// Whether all steps after the manifest are completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    Done,
    /// The marker exists: the audit copies and the announcement may be missing.
    Owed,
}

impl<'a> History<'a> {
    pub(super) async fn read(archive: &'a Archive, id: &ExportId) -> Result<Self, VerifyError> {
        let Some(manifest) = archive.read::<Manifest>(ObjectKey::Manifest(id)).await? else {
            return Err(incomplete(archive, id).await?);
        };
        Subject::of(ObjectKey::Manifest(id)).same_id(&manifest.outcome.export_id, id)?;
        let plan: ExportPlan = required(archive, ObjectKey::Request(id)).await?;
        check_plan(&plan, id)?;
        let mut history = Self {
            archive,
            plan,
            manifest,
            attempts: Vec::new(),
            failed: Vec::new(),
            slices: Vec::new(),
            closing: Closing::Done,
            warnings: Vec::new(),
        };
        history.read_attempts().await?;
        history.slices = history.read_slices()?;
        history.check_outcome(ObjectKey::Manifest(id), &history.manifest.outcome)?;
        history.read_failures().await?;
        history.read_optional_documents().await?;
        Ok(history)
    }

    pub(super) fn id(&self) -> &ExportId {
        &self.plan.export_id
    }

    /// The attempt that the manifest concluded.
    pub(super) fn attempt(&self) -> Result<&Attempt, VerifyError> {
        self.attempt_number(self.manifest.outcome.attempt)
    }

    pub(super) fn attempt_number(&self, number: u32) -> Result<&Attempt, VerifyError> {
        let missing = || Subject::of(ObjectKey::Attempt(self.id(), number)).damaged("missing");
        self.attempts
            .iter()
            .find(|attempt| attempt.attempt == number)
            .ok_or_else(missing)
    }

    async fn read_attempts(&mut self) -> Result<(), VerifyError> {
        let concluded = self.manifest.outcome.attempt;
        let newest = self.newest("attempt-").await?.unwrap_or(0).max(concluded);
        for number in 1..=newest {
            let name = ObjectKey::Attempt(&self.plan.export_id, number);
            let attempt: Attempt = required(self.archive, name).await?;
            self.check_attempt(&Subject::of(name), number, &attempt)?;
            if number > concluded {
                self.warnings
                    .push(format!("{} is newer than the manifest", name.key()));
            }
            self.attempts.push(attempt);
        }
        Ok(())
    }

    fn check_attempt(
        &self,
        subject: &Subject,
        number: u32,
        attempt: &Attempt,
    ) -> Result<(), VerifyError> {
        subject.same_id(&attempt.export_id, self.id())?;
        subject.same("its attempt", attempt.attempt, number)?;
        let is_first = attempt.cause == Cause::First;
        subject.require(
            is_first == (number == 1),
            "only the first attempt has the cause `first`",
        )?;
        // The first attempt is a function of the plan.
        let fits = !is_first || *attempt == Attempt::first(&self.plan);
        subject.require(fits, "it is not the first attempt of this plan")?;
        let slices = attempt.slices.iter().map(|entry| entry.slice);
        let rule = "it does not name a run for each slice of the plan";
        subject.require(slices.eq(1..=self.plan.slice_count), rule)
    }

    fn read_slices(&self) -> Result<Vec<Slice>, VerifyError> {
        let attempt = self.attempt()?;
        let subject = || Subject::of(ObjectKey::Attempt(self.id(), attempt.attempt));
        let slice = |number| {
            let rule = "its query does not define what each slice reads";
            attempt
                .slice(&self.plan, number)
                .ok_or_else(|| subject().damaged(rule))
        };
        (1..=self.plan.slice_count).map(slice).collect()
    }

    pub(super) async fn newest(&self, stem: &str) -> Result<Option<u32>, ArchiveError> {
        let prefix = format!("{}{stem}", export_prefix(self.id()));
        let listed = self.archive.list_all(&prefix).await?;
        let number = |key: &str| match kind(self.id(), key) {
            Some(Kind::Attempt(number) | Kind::Failed(number)) => Some(number),
            _ => None,
        };
        Ok(listed.iter().filter_map(|object| number(&object.key)).max())
    }
}

fn check_plan(plan: &ExportPlan, id: &ExportId) -> Result<(), VerifyError> {
    let (subject, event) = (Subject::of(ObjectKey::Request(id)), &plan.start_event);
    subject.same_id(&plan.export_id, id)?;
    subject.event(event, plan, Action::StartExport)?;
    subject.require(
        event.previous_hash.is_none(),
        "its start event follows another event",
    )?;
    subject.details(event, "source", plan.source)?;
    subject.details(event, "interval", plan.interval)?;
    subject.details(event, "slices", plan.slice_count)?;
    subject.details(event, "planSha256", plan.digest())?;
    subject.require(
        event.timestamp == plan.planned_at,
        "its start event has another time than the plan",
    )?;
    let numbers = plan.slices.iter().map(|slice| slice.number);
    subject.require(
        numbers.eq(1..=plan.slice_count),
        "its slices are not numbered from 1",
    )
}

/// Reads a document that every complete export must have.
pub(super) async fn required<T: DeserializeOwned>(
    archive: &Archive,
    name: ObjectKey<'_>,
) -> Result<T, ArchiveError> {
    archive
        .read(name)
        .await?
        .ok_or_else(|| ArchiveError::Missing(name.key()))
}
