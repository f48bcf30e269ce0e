//! The month: which invocations happen when, and how Lambda and EventBridge react to failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conversation_archive::net::clock::Clock;
use conversation_archive::storage::queue::Queue;
use end_to_end::throttling_store::ThrottlingStore;
use end_to_end::world::{NOW, Turn, World, organisation};
use fastrand::Rng;
use genesys_simulator::{ResponseFilter, Route, Settings};
use jiff::Timestamp;
use start_export::Command;
use sweep_exports::SweepOutcome;

use super::oracle::{self, Effects, Tally};
use super::troubles::{self, Trouble, TroubleKind};

pub(super) const DAYS: u32 = 30;

/// Time of day at which the schedule fires; it separates the exported days.
const SCHEDULE_TIME_OF_DAY: Duration = Duration::from_hours(4);
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// Days without troubles at the end: requests are started again for a week, failed attempts are resumed within a day.
const TIME_WITHOUT_TROUBLES: Duration = Duration::from_hours(9 * 24);

/// Duration of a call to the store or a queue: long enough for a trouble to begin while a handler works.
const STEP: Duration = Duration::from_secs(1);

/// Lambda's waits before it repeats a failed asynchronous invocation; after the last retry the event becomes a dead
/// letter.
const RETRIES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

#[derive(Debug)]
pub(super) struct Month {
    pub(super) seed: u64,
    pub(super) source: &'static str,
    revisit: bool,
    pub(super) troubles: Vec<Trouble>,
}

/// A pending invocation of start-export.
struct Start {
    at: Timestamp,
    payload: String,
    tries: usize,
}

struct MonthSimulation<'a> {
    month: &'a Month,
    world: World<ThrottlingStore>,
    /// Requests that the API refused in an outage.
    refused: Arc<AtomicU64>,
    effects: Effects,
    starts: Vec<Start>,
    next_sweep: Timestamp,
    /// Number of troubles that have begun.
    begun_troubles: usize,
}

fn month_start() -> Timestamp {
    NOW.parse().expect("a moment")
}

fn add_duration(moment: Timestamp, duration: Duration) -> Timestamp {
    moment
        .saturating_add(duration)
        .expect("within the calendar")
}

/// Times at which the schedule fires. The first exported day began the night before.
fn schedule_times() -> Vec<Timestamp> {
    let first = add_duration(month_start(), SCHEDULE_TIME_OF_DAY);
    (1..=DAYS)
        .map(|day| add_duration(first, DAY * day))
        .collect()
}

impl Month {
    pub(super) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let sources = ["analytics-job", "analytics-query", "export-gateway"];
        let schedule_times = schedule_times();
        let month = (month_start(), *schedule_times.last().expect("a night"));
        Self {
            seed,
            source: rng.choice(&sources).expect("three"),
            revisit: rng.bool(),
            troubles: troubles::draw(rng, month, &schedule_times),
        }
    }

    pub(super) async fn run(&self) -> Tally {
        let mut simulation = MonthSimulation::new(self).await;
        let end = add_duration(
            *schedule_times().last().expect("a night"),
            TIME_WITHOUT_TROUBLES,
        );
        while simulation.world.now() < end {
            simulation.apply_troubles();
            if !simulation.perform_due_action().await {
                simulation.advance_to_next_event(end);
            }
        }
        let tally = oracle::check(self, &simulation.world, &days()).await;
        tally.with_effects(simulation.effects())
    }

    fn payload(&self, scheduled_time: Timestamp, webhook: &str) -> String {
        let source = self.source;
        let revisit = if self.revisit {
            r#","revisit":["P2D"]"#
        } else {
            ""
        };
        format!(
            r#"{{"source":"{source}","interval":{{"last":"P1D"}},"scheduledTime":"{scheduled_time}","slices":1,"pageSize":1,"webhookUrl":"{webhook}"{revisit}}}"#
        )
    }
}

/// The days that the schedule exports.
fn days() -> Vec<(Timestamp, Timestamp)> {
    let schedule_times = schedule_times().into_iter();
    schedule_times
        .map(|scheduled_time| {
            (
                scheduled_time.saturating_sub(DAY).expect("a moment"),
                scheduled_time,
            )
        })
        .collect()
}

/// Responds with the outage's status: to every request in an outage of the API, to every login in one of the login.
fn outages(month: &Month, clock: Clock, refused: Arc<AtomicU64>) -> ResponseFilter {
    let troubles = month.troubles.clone();
    Arc::new(move |request, mut response| {
        let now = clock.now();
        let status = |trouble: &Trouble| match trouble.kind {
            TroubleKind::Api(status) => Some(status),
            TroubleKind::Login(status) if request.route == Route::Login => Some(status),
            _ => None,
        };
        let mut active = troubles.iter().filter(|it| it.is_active_at(now));
        if let Some(status) = active.find_map(status) {
            refused.fetch_add(1, Ordering::SeqCst);
            (response.status, response.body) = (status, "{}".into());
        }
        response
    })
}

impl<'a> MonthSimulation<'a> {
    async fn new(month: &'a Month) -> Self {
        let days = days();
        let settings = Settings {
            interval: (days[0].0, days[days.len() - 1].1),
            job_ready_after: HOUR / 2,
            ..organisation(month.seed, 3 * DAYS as usize)
        };
        let world = World::with_store(Arc::new(ThrottlingStore::default()), settings, 2).await;
        let world = world.with_step_duration(STEP);
        let refused = Arc::<AtomicU64>::default();
        let filter = outages(month, world.clock.clone(), Arc::clone(&refused));
        world
            .simulator
            .update(|settings| settings.response_filter = Some(filter));
        let (troubles, clock) = (month.troubles.clone(), world.clock.clone());
        world.store.hook.throttle_while(Box::new(move || {
            let now = clock.now();
            troubles
                .iter()
                .any(|it| it.kind == TroubleKind::Store && it.is_active_at(now))
        }));
        for trouble in &month.troubles {
            if trouble.kind == TroubleKind::Receiver {
                world.receiver.set_down(trouble.from, trouble.until);
            }
        }
        let webhook = world.receiver.url().to_owned();
        let starts = schedule_times().into_iter().map(|scheduled_time| Start {
            at: scheduled_time,
            payload: month.payload(scheduled_time, &webhook),
            tries: 0,
        });
        Self {
            month,
            starts: starts.collect(),
            next_sweep: add_duration(world.now(), HOUR / 3),
            world,
            refused,
            effects: Effects::default(),
            begun_troubles: 0,
        }
    }

    /// Applies the troubles of the current time.
    fn apply_troubles(&mut self) {
        let now = self.world.now();
        let begun_troubles = self.month.troubles.iter().filter(|it| it.from <= now);
        let new: Vec<_> = begun_troubles.skip(self.begun_troubles).copied().collect();
        self.begun_troubles += new.len();
        for trouble in new {
            match trouble.kind {
                TroubleKind::LostQueues => {
                    let queues = &self.world.queues;
                    let holding = Queue::ALL.map(|queue| queues.contents(queue).messages as u64);
                    self.effects.lost += holding.iter().sum::<u64>();
                    self.world.lose_messages();
                }
                TroubleKind::Kill(steps) => {
                    let at = self.world.steps.step_count() + steps;
                    self.world.steps.kill_at(end_to_end::seams::Kill::After(at));
                }
                _ => {}
            }
        }
    }

    /// Performs one due action. Returns `false` if none is due.
    async fn perform_due_action(&mut self) -> bool {
        let now = self.world.now();
        let mut troubles = self.month.troubles.iter();
        if troubles.any(|it| it.kind == TroubleKind::Functions && it.is_active_at(now)) {
            // Received and not handled.
            let queues = &self.world.queues;
            let mut queues = Queue::ALL
                .into_iter()
                .filter_map(|queue| queues.receive(queue));
            let is_received = queues.next().is_some();
            self.effects.unhandled += u64::from(is_received);
            return is_received;
        }
        if self.world.now() >= self.next_sweep {
            // A failed sweep is not repeated before the next hour.
            if let Some(Ok(swept)) = self.world.try_sweep().await {
                let acted = swept.iter().filter(|it| **it != SweepOutcome::LeftAlone);
                self.effects.swept += acted.count() as u64;
            }
            self.next_sweep = add_duration(self.next_sweep, HOUR).max(self.world.now());
            return true;
        }
        self.perform_due_start().await
            || self.record_dead_letter().await
            || self.world.handle_next_message().await != Turn::Idle
    }

    fn effects(&self) -> Effects {
        Effects {
            refused: self.refused.load(Ordering::SeqCst),
            throttled: self.world.store.hook.throttled_count(),
            refused_webhooks: self.world.receiver.refused_count(),
            ..self.effects
        }
    }

    async fn perform_due_start(&mut self) -> bool {
        let now = self.world.now();
        let Some(at) = self.starts.iter().position(|start| start.at <= now) else {
            return false;
        };
        let start = self.starts.remove(at);
        let wait = match RETRIES.get(start.tries) {
            _ if self.is_started(&start).await => return true,
            Some(wait) => *wait,
            // The dead letter is redelivered until record-failure has accepted it.
            None => HOUR / 4,
        };
        self.starts.push(Start {
            at: add_duration(self.world.now(), wait),
            tries: start.tries + 1,
            ..start
        });
        true
    }

    /// Whether start-export accepted the request, or record-failure its dead letter.
    async fn is_started(&mut self, start: &Start) -> bool {
        if start.tries > RETRIES.len() {
            return matches!(
                self.world.record_failed_start(&start.payload).await,
                Some(Ok(()))
            );
        }
        let command = Command::parse(&start.payload).expect("a request");
        matches!(self.world.invoke(command).await, Some(Ok(_)))
    }

    async fn record_dead_letter(&mut self) -> bool {
        if self.world.store.hook.is_throttling() {
            return false;
        }
        for queue in Queue::ALL {
            if let Some(dead_letter) = self.world.queues.take_dead_letter(queue) {
                while self
                    .world
                    .record_dead_letter(queue, &dead_letter.body)
                    .await
                    .is_none()
                {}
                return true;
            }
        }
        false
    }

    /// Advances the clock to the next time at which an action is due or a trouble begins or ends.
    fn advance_to_next_event(&self, end: Timestamp) {
        let now = self.world.now();
        let edges = self
            .month
            .troubles
            .iter()
            .flat_map(|it| [it.from, it.until]);
        let starts = self.starts.iter().map(|start| start.at);
        let due = edges
            .chain(starts)
            .chain(self.world.next_visible())
            .chain([self.next_sweep, end]);
        let next = due.filter(|at| *at > now).min().unwrap_or(end);
        let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
        self.world.advance_clock(wait);
    }
}
