//! Checks at the end of a month.

use std::collections::{BTreeMap, BTreeSet};

use conversation_archive::archive::outcomes;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::{ExportStatus, Outcome};
use end_to_end::throttling_store::ThrottlingStore;
use end_to_end::world::World;
use jiff::Timestamp;

use super::simulation::Month;

/// Counts of a month.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) days: u64,
    /// Days whose newest outcome is a failure, which raises an alarm.
    pub(super) failed_days: u64,
    /// Messages of the failures, by seed.
    failures: BTreeMap<u64, Vec<String>>,
    pub(super) effects: Effects,
    exports: u64,
    attempts: u64,
    outcomes: u64,
}

/// The effects of the troubles.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effects {
    /// Requests that the API refused.
    pub(super) refused: u64,
    /// Calls that the store throttled.
    pub(super) throttled: u64,
    /// Deliveries that the receiver refused.
    pub(super) refused_webhooks: u64,
    /// Messages received while functions were throttled.
    pub(super) unhandled: u64,
    /// Messages lost with their queues.
    pub(super) lost: u64,
    /// Exports for which a sweep did something.
    pub(super) swept: u64,
}

impl Effects {
    fn add(&mut self, other: Self) {
        self.refused += other.refused;
        self.throttled += other.throttled;
        self.refused_webhooks += other.refused_webhooks;
        self.unhandled += other.unhandled;
        self.lost += other.lost;
        self.swept += other.swept;
    }

    /// Returns the smallest of the counts.
    pub(super) fn smallest_count(&self) -> u64 {
        let effects = [
            self.refused,
            self.throttled,
            self.refused_webhooks,
            self.unhandled,
            self.lost,
            self.swept,
        ];
        effects.into_iter().min().unwrap_or_default()
    }
}

impl Tally {
    pub(super) fn with_effects(self, effects: Effects) -> Self {
        Self { effects, ..self }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.failed_days += other.failed_days;
        self.failures.extend(other.failures.clone());
        self.effects.add(other.effects);
        self.exports += other.exports;
        self.attempts += other.attempts;
        self.outcomes += other.outcomes;
    }
}

pub(super) async fn check(
    month: &Month,
    world: &World<ThrottlingStore>,
    days: &[(Timestamp, Timestamp)],
) -> Tally {
    let mut tally = Tally {
        days: days.len() as u64,
        ..Tally::default()
    };
    let ids = exports(world).await;
    tally.exports = ids.len() as u64;
    let mut newest: BTreeMap<Timestamp, Vec<Outcome>> = BTreeMap::new();
    for id in &ids {
        let outcomes = outcomes(month, world, id).await;
        tally.attempts += u64::from(outcomes.last().map_or(0, |outcome| outcome.attempt));
        tally.outcomes += outcomes.len() as u64;
        assert_webhooks_delivered(month, world, &outcomes);
        let last = outcomes.into_iter().next_back().expect("an outcome");
        newest.entry(last.interval.start()).or_default().push(last);
    }
    for day in days {
        let outcomes = newest.get(&day.0).map_or(&[][..], Vec::as_slice);
        let complete = outcomes.iter().find(|it| it.status.is_complete());
        if let Some(complete) = complete {
            assert_day_complete(month, world, complete, *day).await;
        } else {
            let is_failure_recorded = outcomes.iter().any(|it| it.status == ExportStatus::Failed);
            assert!(
                is_failure_recorded,
                "{day:?} is neither archived nor named: {month:#?}"
            );
            let failures = outcomes.iter().flat_map(|it| &it.failures);
            let failures = failures.map(|it| it.failure.to_string());
            tally.failures.insert(month.seed, failures.collect());
            tally.failed_days += 1;
        }
    }
    for prefix in ["open/", "owed/", "resumes/"] {
        let objects = world.archive().list_all(prefix).await.expect("a listing");
        assert!(objects.is_empty(), "{objects:?} are left: {month:#?}");
    }
    tally
}

async fn exports(world: &World<ThrottlingStore>) -> BTreeSet<ExportId> {
    let objects = world
        .archive()
        .list_all("exports/")
        .await
        .expect("a listing");
    let id = |key: &str| key.split('/').nth(1)?.parse().ok();
    let planned = objects
        .iter()
        .filter(|it| it.key.ends_with("/request.json"));
    planned.filter_map(|it| id(&it.key)).collect()
}

/// Returns the outcomes of all attempts, in order.
async fn outcomes(month: &Month, world: &World<ThrottlingStore>, id: &ExportId) -> Vec<Outcome> {
    let archive = world.archive();
    let newest = archive.newest_attempt(id).await.expect("readable");
    let newest = newest.map_or(0, |attempt| attempt.attempt);
    let mut outcomes = Vec::new();
    for attempt in 1..=newest {
        outcomes.extend(world.failed_outcome(id, attempt).await);
    }
    let newest_outcome = outcomes::of_attempt(&archive, id, newest)
        .await
        .expect("readable");
    let Some(newest_outcome) = newest_outcome else {
        panic!("{id} has not ended: {month:#?}");
    };
    if newest_outcome.status != ExportStatus::Failed {
        outcomes.push(newest_outcome);
    }
    outcomes
}

fn assert_webhooks_delivered(month: &Month, world: &World<ThrottlingStore>, outcomes: &[Outcome]) {
    let deliveries = world.receiver.deliveries();
    for outcome in outcomes {
        let is_delivered = deliveries.iter().any(|delivery| {
            let data = &delivery.body["data"];
            delivery.body["type"] == event_type(outcome)
                && data["exportId"] == outcome.export_id.as_str()
                && data["attempt"] == outcome.attempt
        });
        let (id, attempt) = (&outcome.export_id, outcome.attempt);
        assert!(
            is_delivered,
            "{id}, attempt {attempt}: no webhook was delivered: {month:#?}"
        );
    }
}

/// As docs/format.md names the events of webhooks.
fn event_type(outcome: &Outcome) -> &'static str {
    match outcome.status {
        ExportStatus::Failed => "export.failed",
        ExportStatus::Cancelled => "export.cancelled",
        _ => "export.completed",
    }
}

/// Every conversation that began on the day is archived, once.
async fn assert_day_complete(
    month: &Month,
    world: &World<ThrottlingStore>,
    complete: &Outcome,
    day: (Timestamp, Timestamp),
) {
    let manifest = world.manifest(&complete.export_id).await;
    let truth = world.simulator.truth();
    let is_of_day = |start: Timestamp| day.0 <= start && start < day.1;
    let (field, expected): (_, BTreeSet<String>) = if month.source == "export-gateway" {
        let records = truth.gateway.into_iter().filter(|it| is_of_day(it.start));
        ("id", records.map(|it| it.id).collect())
    } else {
        let records = truth.conversations.into_iter();
        let records = records.filter(|it| is_of_day(it.start));
        ("conversationId", records.map(|it| it.id).collect())
    };
    let archived = world.archived_ids(&manifest, field).await;
    let id = &complete.export_id;
    assert!(
        archived.values().all(|count| *count == 1),
        "twice in {id}: {month:#?}"
    );
    let archived: BTreeSet<_> = archived.into_keys().collect();
    let missing: Vec<_> = expected.difference(&archived).collect();
    assert!(missing.is_empty(), "{id} lacks {missing:?}: {month:#?}");
    world.verify(id).await;
}
