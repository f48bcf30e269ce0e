//! Runs one seed: an export with altered responses to its end and, if it failed, another attempt with genuine
//! responses.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::outcomes;
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::Outcome;
use end_to_end::world::{Turn, World};
use genesys_simulator::Route;
use jiff::SignedDuration;
use start_export::{Command, Resume, StartError};

use super::altering_filter::AlteringFilter;
use super::oracle::{Oracle, Problem};
use super::scenario::{Feature, Scenario};

/// A large multiple of the number of turns of any export of this size.
const MAX_TURNS: u32 = 5_000;
/// An invocation ends after two minutes and must not sleep longer.
const MAX_TURN_DURATION: SignedDuration = SignedDuration::from_secs(125);
/// Every wait of the pipeline ends within a few days.
const MAX_RUN_DURATION: SignedDuration = SignedDuration::from_hours(21 * 24);

/// The wait before the first automatic resume of a failed attempt, and a second more.
const AUTOMATIC_RESUME: Duration = Duration::from_secs(3_601);

/// Longer than any rate limit that an altered response states.
const MAX_RATE_LIMIT: Duration = Duration::from_mins(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SeedOutcome {
    /// Completed despite the altered responses.
    Complete,
    /// It failed, and was completed by a resume.
    Resumed {
        failures: Vec<Failure>,
        resumes: u32,
    },
    /// It could not be started at first, and was started after the organisation had recovered.
    StartedAgain { error: String },
}

impl std::fmt::Display for SeedOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::StartedAgain { .. } => f.write_str("started at the second go"),
            Self::Resumed { failures, resumes } => {
                let mut kinds: Vec<_> = failures.iter().map(|it| it.kind).collect();
                kinds.sort();
                kinds.dedup();
                write!(f, "complete after {kinds:?} and {resumes} resumes")
            }
        }
    }
}

pub(super) struct Run<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) altering_filter: &'a Arc<AlteringFilter>,
    /// Additional expected ids that do not exist, to test that the oracle reports them as missing.
    pub(super) phantoms: &'a [String],
}

impl Run<'_> {
    pub(super) async fn run(&self) -> Result<SeedOutcome, Problem> {
        let mut world = self.scenario.world().await;
        let filter = self.altering_filter.filter();
        world
            .simulator
            .update(|settings| settings.response_filter = Some(filter));
        let expected = self.scenario.expected(&world);
        let request = self.scenario.request(&world);
        let mut seed_outcome = SeedOutcome::Complete;
        if let Err(error) = self.start(&mut world, &request).await? {
            if self.altering_filter.entries().is_empty() {
                return Err(Problem::new("refused, though nothing was altered", error));
            }
            self.check_auxiliary(&error)?;
            self.altering_filter.set_enabled(false);
            seed_outcome = SeedOutcome::StartedAgain { error };
            // An altered response may have stated a rate limit.
            world.advance_clock(MAX_RATE_LIMIT);
            let again = self.start(&mut world, &request).await?;
            again.map_err(|error| Problem::new("not started though healed", error))?;
        } else {
            self.altering_filter.set_enabled(true);
        }
        let id: ExportId = "odd".parse().expect("an id");
        run_to_end(&mut world).await?;
        if let Some(failed) = outcome(&world, &id).await? {
            if seed_outcome != SeedOutcome::Complete {
                return Err(not_healed_problem(&failed));
            }
            self.check_failure(&failed)?;
            let failures = failed.failures.into_iter().map(|it| it.failure).collect();
            self.altering_filter.set_enabled(false);
            if self.scenario.has(Feature::NewProcess) {
                self.scenario.restart(&mut world);
            }
            resume(&mut world, &id).await?;
            run_to_end(&mut world).await?;
            let mut resumes = 1;
            if outcome(&world, &id).await?.is_some() {
                // The failed attempt may have stored an unusable response: the automatic resume starts from the
                // beginning.
                world.advance_clock(AUTOMATIC_RESUME);
                world.sweep().await;
                run_to_end(&mut world).await?;
                resumes += 1;
            }
            if let Some(failed) = outcome(&world, &id).await? {
                return Err(not_healed_problem(&failed));
            }
            seed_outcome = SeedOutcome::Resumed { failures, resumes };
        }
        self.check(&world, expected, &id).await?;
        Ok(seed_outcome)
    }

    /// Starts the export. The inner error is a refusal by the source or the request's rules.
    async fn start(&self, world: &mut World, request: &str) -> Result<Result<(), String>, Problem> {
        let command = Command::parse(request).expect("a request");
        match world.invoke(command).await.expect("not killed") {
            Ok(_) => Ok(Ok(())),
            Err(error @ (StartError::Source(_) | StartError::Refused(_))) => {
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(Problem::new("the start failed within", error.to_string())),
        }
    }

    async fn check(
        &self,
        world: &World,
        mut expected: BTreeSet<String>,
        id: &ExportId,
    ) -> Result<(), Problem> {
        expected.extend(self.phantoms.iter().cloned());
        let oracle = Oracle {
            scenario: self.scenario,
            world,
            excuses: &self.altering_filter.excuses(),
            expected: &expected,
        };
        oracle.check(id).await
    }

    fn check_failure(&self, failed: &Outcome) -> Result<(), Problem> {
        let failures = || failed.failures.iter().map(|it| &it.failure);
        let dead_letter = failures().find(|failure| failure.kind == FailureKind::DeadLetter);
        if let Some(dead_letter) = dead_letter {
            return Err(Problem::new("a dead letter", &dead_letter.message));
        }
        let reasons: Vec<_> = failures()
            .map(|it| format!("{:?}: {it}", it.kind))
            .collect();
        let reasons = reasons.join("; ");
        if self.altering_filter.is_transient() {
            return Err(Problem::new("failed by a few answers that pass", reasons));
        }
        self.check_auxiliary(&reasons)
    }

    /// Auxiliary requests (retention and names) must not stop an export. Exception: a missing permission for names may
    /// be refused before the export starts.
    fn check_auxiliary(&self, description: &str) -> Result<(), Problem> {
        const AUXILIARY_ROUTES: [Route; 3] = [Route::Retention, Route::Queues, Route::WrapUpCodes];
        let entries = self.altering_filter.entries();
        let is_auxiliary = |entry: &super::altering_filter::Entry| {
            AUXILIARY_ROUTES.contains(&entry.route) && !matches!(entry.sent, 401 | 403)
        };
        let states_retention = self.altering_filter.excuses().auxiliary.states_retention;
        if !entries.is_empty() && !states_retention && entries.iter().all(is_auxiliary) {
            return Err(Problem::new("stopped for want of a helper", description));
        }
        Ok(())
    }
}

async fn resume(world: &mut World, id: &ExportId) -> Result<(), Problem> {
    let resume = Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    });
    let response = world.invoke(resume).await.expect("not killed");
    response
        .map(drop)
        .map_err(|error| Problem::new("not resumed though healed", error.to_string()))
}

async fn run_to_end(world: &mut World) -> Result<(), Problem> {
    let started = world.now();
    for _ in 0..MAX_TURNS {
        let before = world.now();
        let turn = world.turn().await;
        let took = world.now().duration_since(before);
        if took > MAX_TURN_DURATION {
            return Err(Problem::new(
                "a turn past its deadline",
                format!("{took:#}"),
            ));
        }
        if turn == Turn::Idle && !world.advance_to_next_message() {
            return Ok(());
        }
        if world.now().duration_since(started) > MAX_RUN_DURATION {
            return Err(Problem::new(
                "no end",
                format!("{MAX_RUN_DURATION:#}; {:?}", world.last_error()),
            ));
        }
    }
    Err(Problem::new(
        "no end",
        format!("{MAX_TURNS} turns; {:?}", world.last_error()),
    ))
}

/// Returns the failure of the newest attempt; `None` when the export is complete.
async fn outcome(world: &World, id: &ExportId) -> Result<Option<Outcome>, Problem> {
    let unreadable = |error: conversation_archive::archive::ArchiveError| {
        Problem::new("an unreadable document", error.to_string())
    };
    let archive = world.archive();
    let attempt = archive.newest_attempt(id).await.map_err(unreadable)?;
    let attempt = attempt.ok_or_else(|| Problem::new("no attempt", ""))?;
    let outcome = outcomes::of_attempt(&archive, id, attempt.attempt)
        .await
        .map_err(unreadable)?;
    let Some(outcome) = outcome else {
        return Err(Problem::new(
            "no outcome",
            format!("{:?}", world.last_error()),
        ));
    };
    Ok((!outcome.status.is_complete()).then_some(outcome))
}

fn not_healed_problem(failed: &Outcome) -> Problem {
    let failures = failed
        .failures
        .iter()
        .map(|it| format!("{:?}: {}", it.failure.kind, it.failure));
    let failures: Vec<_> = failures.collect();
    Problem::new("failed though healed", failures.join("; "))
}
