//! Checks after every interleaving.

use std::collections::{BTreeMap, BTreeSet};

use conversation_archive::archive::{Archive, outcomes};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::{Attempt, Cause};
use conversation_archive::export::objects::{ObjectKey, export_prefix};
use conversation_archive::export::outcome::{ExportStatus, Manifest, Outcome};

use end_to_end::world::World;

use super::action::Action;
use super::pair::Pair;
use super::staged_export::resume_command;

mod manifest;

/// A violation.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) kind: &'static str,
    pub(super) detail: String,
}

/// The checks of one export.
pub(super) struct Checks<'a> {
    pub(super) pair: Pair,
    pub(super) id: &'a ExportId,
    /// The ids of the conversations in a complete export.
    pub(super) expected: &'a BTreeSet<String>,
}

/// Maximum number of resumes; each follows a failure that the pair explains.
const MAX_RESUMES: u32 = 3;

impl Problem {
    pub(super) fn new(kind: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { kind, detail }
    }
}

fn require(
    holds: bool,
    kind: &'static str,
    detail: impl FnOnce() -> String,
) -> Result<(), Problem> {
    if holds {
        return Ok(());
    }
    Err(Problem::new(kind, detail()))
}

impl Checks<'_> {
    /// Checks the export once it is idle. If it failed for an expected reason, it is resumed and must complete.
    pub(super) async fn run(&self, world: &mut World) -> Result<(), Vec<Problem>> {
        for _ in 0..MAX_RESUMES {
            let Some(outcome) = self.check_idle(world).await? else {
                return Ok(());
            };
            self.check_failure(&outcome).map_err(|it| vec![it])?;
            let invocation = world.invocation();
            let resumed = world
                .process
                .start
                .handle(resume_command(self.id), &invocation);
            if let Err(error) = resumed.await {
                let detail = error.to_string();
                return Err(vec![Problem::new(
                    "a failed export cannot be resumed",
                    detail,
                )]);
            }
            world.run().await;
        }
        Err(vec![Problem::new("resumed again and again", "")])
    }

    /// Checks that no work is left, each outcome was announced, and the newest outcome is correct. Returns it if it is
    /// a failure.
    async fn check_idle(&self, world: &World) -> Result<Option<Outcome>, Vec<Problem>> {
        let archive = world.archive();
        let is_open = archive.is_open(self.id).await.expect("readable");
        let outcome = outcomes::newest(&archive, self.id).await.expect("readable");
        let Some(outcome) = outcome else {
            let objects = self.objects(&archive).await;
            return Err(vec![Problem::new("no outcome", objects)]);
        };
        let outcomes = self.outcomes(&archive).await;
        let is_cancelled = outcome.status == ExportStatus::Cancelled;
        let may_be_cancelled = self.pair.has(Action::Cancel);
        let checks = [
            require(
                !is_cancelled || may_be_cancelled,
                "cancelled without a request",
                String::new,
            ),
            require(!is_open, "a marker is left", String::new),
            require(world.queues.is_empty(), "messages are left", String::new),
            self.check_webhooks(world, &outcomes),
            self.check_one_outcome(&archive, &outcomes).await,
        ];
        let mut problems: Vec<_> = checks.into_iter().filter_map(Result::err).collect();
        if outcome.status.is_complete() {
            problems.extend(self.check_manifest(world).await);
        }
        if problems.is_empty() {
            return Ok((outcome.status == ExportStatus::Failed).then_some(outcome));
        }
        Err(problems)
    }

    async fn outcomes(&self, archive: &Archive) -> Vec<Outcome> {
        let attempts = archive.newest_attempt(self.id).await.expect("readable");
        let newest = attempts.map_or(0, |attempt| attempt.attempt);
        let mut outcomes = Vec::new();
        for attempt in 1..=newest {
            let failed = archive.read(ObjectKey::Failed(self.id, attempt)).await;
            outcomes.extend(failed.expect("readable"));
        }
        let cancelled = archive.read(ObjectKey::Cancelled(self.id)).await;
        outcomes.extend(cancelled.expect("readable"));
        let manifest = archive.read::<Manifest>(ObjectKey::Manifest(self.id)).await;
        outcomes.extend(manifest.expect("readable").map(|it| it.outcome));
        outcomes
    }

    fn check_webhooks(&self, world: &World, outcomes: &[Outcome]) -> Result<(), Problem> {
        let delivered: BTreeSet<_> = world
            .receiver
            .deliveries()
            .into_iter()
            .filter(|it| it.body["data"]["exportId"] == self.id.as_str())
            .map(|it| {
                (
                    it.body["type"].to_string(),
                    it.body["data"]["attempt"].to_string(),
                )
            })
            .collect();
        for outcome in outcomes {
            let event = format!("{:?}", outcome.status.event_type());
            let is_delivered = delivered.contains(&(event, outcome.attempt.to_string()));
            require(
                is_delivered,
                "an outcome's webhook was not delivered",
                || format!("{:?} of attempt {}", outcome.status, outcome.attempt),
            )?;
        }
        Ok(())
    }

    /// Checks that each attempt has one outcome, and that no outcome follows a complete or cancelled one.
    async fn check_one_outcome(
        &self,
        archive: &Archive,
        outcomes: &[Outcome],
    ) -> Result<(), Problem> {
        let mut by_attempt = BTreeMap::<u32, Vec<ExportStatus>>::new();
        for outcome in outcomes {
            by_attempt
                .entry(outcome.attempt)
                .or_default()
                .push(outcome.status);
        }
        let detail = format!("{by_attempt:?}");
        let is_one = by_attempt.values().all(|statuses| statuses.len() == 1);
        require(is_one, "two outcomes of an attempt", || detail.clone())?;
        let finals = outcomes
            .iter()
            .filter(|it| it.status != ExportStatus::Failed);
        require(finals.count() <= 1, "two final outcomes", || detail.clone())?;
        for (attempt, _) in by_attempt
            .iter()
            .filter(|(_, it)| it[0] == ExportStatus::Failed)
        {
            let next = archive
                .read::<Attempt>(ObjectKey::Attempt(self.id, attempt + 1))
                .await
                .expect("readable");
            let is_resumed = next.is_none_or(|next| next.cause == Cause::Resume);
            require(
                is_resumed,
                "an attempt failed that had been replaced",
                || detail.clone(),
            )?;
        }
        Ok(())
    }

    fn check_failure(&self, outcome: &Outcome) -> Result<(), Problem> {
        let is_explained =
            (self.pair.fails() && outcome.attempt == 1) || self.pair.has(Action::DeadLetter);
        require(is_explained, "a failure without a cause", || {
            format!("attempt {}: {:?}", outcome.attempt, outcome.failures)
        })?;
        require(
            !outcome.failures.is_empty(),
            "a failure without a reason",
            String::new,
        )
    }

    async fn objects(&self, archive: &Archive) -> String {
        let listed = archive.list_all(&export_prefix(self.id)).await;
        let keys: Vec<_> = listed
            .expect("readable")
            .into_iter()
            .map(|it| it.key)
            .collect();
        keys.join(" ")
    }
}
