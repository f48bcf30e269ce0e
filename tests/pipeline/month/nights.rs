//! The month: which invocations happen when, and how Lambda and EventBridge react to failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conversation_archive::net::clock::Clock;
use conversation_archive::storage::queue::Queue;
use end_to_end::throttling_store::ThrottlingStore;
use end_to_end::world::{NOW, Turn, World, organisation};
use fastrand::Rng;
use genesys_simulator::{AnswerFilter, Route, Settings};
use jiff::Timestamp;
use start_export::Command;
use sweep_exports::SweepOutcome;

use super::oracle::{self, Effects, Tally};
use super::troubles::{self, Kind, Trouble};

pub(super) const DAYS: u32 = 30;

/// Time of day at which the schedule fires; it separates the exported days.
const NIGHT: Duration = Duration::from_hours(4);
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// Days without troubles at the end: requests are started again for a week, failed attempts are resumed within a day.
const AFTERWARDS: Duration = Duration::from_hours(9 * 24);

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

struct Running<'a> {
    month: &'a Month,
    world: World<ThrottlingStore>,
    /// Requests that the API refused in an outage.
    refused: Arc<AtomicU64>,
    effects: Effects,
    starts: Vec<Start>,
    next_sweep: Timestamp,
    /// Number of troubles that have begun.
    begun: usize,
}

fn begins() -> Timestamp {
    NOW.parse().expect("a moment")
}

fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    moment
        .saturating_add(duration)
        .expect("within the calendar")
}

/// Times at which the schedule fires. The first exported day began the night before.
fn nights() -> Vec<Timestamp> {
    let first = after(begins(), NIGHT);
    (1..=DAYS).map(|day| after(first, DAY * day)).collect()
}

impl Month {
    pub(super) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let sources = ["analytics-job", "analytics-query", "export-gateway"];
        let nights = nights();
        let month = (begins(), *nights.last().expect("a night"));
        Self {
            seed,
            source: rng.choice(&sources).expect("three"),
            revisit: rng.bool(),
            troubles: troubles::draw(rng, month, &nights),
        }
    }

    pub(super) async fn run(&self) -> Tally {
        let mut running = Running::begin(self).await;
        let end = after(*nights().last().expect("a night"), AFTERWARDS);
        while running.world.now() < end {
            running.happen();
            if !running.act().await {
                running.pass(end);
            }
        }
        let tally = oracle::check(self, &running.world, &days()).await;
        tally.with(running.effects())
    }

    fn payload(&self, night: Timestamp, webhook: &str) -> String {
        let source = self.source;
        let revisit = if self.revisit {
            r#","revisit":["P2D"]"#
        } else {
            ""
        };
        format!(
            r#"{{"source":"{source}","interval":{{"last":"P1D"}},"scheduledTime":"{night}","slices":1,"pageSize":1,"webhookUrl":"{webhook}"{revisit}}}"#
        )
    }
}

/// The days that the schedule exports.
fn days() -> Vec<(Timestamp, Timestamp)> {
    let nights = nights().into_iter();
    nights
        .map(|night| (night.saturating_sub(DAY).expect("a moment"), night))
        .collect()
}

/// Answers every request in an outage of the API, and every login in one of the login, with the outage's status.
fn outages(month: &Month, clock: Clock, refused: Arc<AtomicU64>) -> AnswerFilter {
    let troubles = month.troubles.clone();
    Arc::new(move |request, mut answer| {
        let now = clock.now();
        let status = |trouble: &Trouble| match trouble.kind {
            Kind::Api(status) => Some(status),
            Kind::Login(status) if request.route == Route::Login => Some(status),
            _ => None,
        };
        let mut lasting = troubles.iter().filter(|it| it.lasts_at(now));
        if let Some(status) = lasting.find_map(status) {
            refused.fetch_add(1, Ordering::SeqCst);
            (answer.status, answer.body) = (status, "{}".into());
        }
        answer
    })
}

impl<'a> Running<'a> {
    async fn begin(month: &'a Month) -> Self {
        let days = days();
        let settings = Settings {
            interval: (days[0].0, days[days.len() - 1].1),
            job_ready_after: HOUR / 2,
            ..organisation(month.seed, 3 * DAYS as usize)
        };
        let world = World::over(Arc::new(ThrottlingStore::default()), settings, 2).await;
        let world = world.at_pace(STEP);
        let refused = Arc::<AtomicU64>::default();
        let filter = outages(month, world.clock.clone(), Arc::clone(&refused));
        world
            .simulator
            .update(|settings| settings.answer_filter = Some(filter));
        let (troubles, clock) = (month.troubles.clone(), world.clock.clone());
        world.store.throttle_while(Box::new(move || {
            let now = clock.now();
            troubles
                .iter()
                .any(|it| it.kind == Kind::Store && it.lasts_at(now))
        }));
        for trouble in &month.troubles {
            if trouble.kind == Kind::Receiver {
                world.receiver.is_down(trouble.from, trouble.until);
            }
        }
        let webhook = world.receiver.url().to_owned();
        let starts = nights().into_iter().map(|night| Start {
            at: night,
            payload: month.payload(night, &webhook),
            tries: 0,
        });
        Self {
            month,
            starts: starts.collect(),
            next_sweep: after(world.now(), HOUR / 3),
            world,
            refused,
            effects: Effects::default(),
            begun: 0,
        }
    }

    /// Applies the troubles of the current time.
    fn happen(&mut self) {
        let now = self.world.now();
        let begun = self.month.troubles.iter().filter(|it| it.from <= now);
        let new: Vec<_> = begun.skip(self.begun).copied().collect();
        self.begun += new.len();
        for trouble in new {
            match trouble.kind {
                Kind::LostQueues => {
                    let queues = &self.world.queues;
                    let holding = Queue::ALL.map(|queue| queues.contents(queue).messages as u64);
                    self.effects.lost += holding.iter().sum::<u64>();
                    self.world.lose_messages();
                }
                Kind::Kill(steps) => {
                    let at = self.world.steps.taken() + steps;
                    self.world.steps.kill_at(end_to_end::seams::Kill::After(at));
                }
                _ => {}
            }
        }
    }

    /// Performs one due action. Returns `false` if none is due.
    async fn act(&mut self) -> bool {
        let now = self.world.now();
        let mut troubles = self.month.troubles.iter();
        if troubles.any(|it| it.kind == Kind::Functions && it.lasts_at(now)) {
            // Received and not handled.
            let queues = &self.world.queues;
            let mut queues = Queue::ALL
                .into_iter()
                .filter_map(|queue| queues.receive(queue));
            let is_received = queues.next().is_some();
            self.effects.starved += u64::from(is_received);
            return is_received;
        }
        if self.world.now() >= self.next_sweep {
            // A failed sweep is not repeated before the next hour.
            if let Some(Ok(swept)) = self.world.try_sweep().await {
                let acted = swept.iter().filter(|it| **it != SweepOutcome::LeftAlone);
                self.effects.swept += acted.count() as u64;
            }
            self.next_sweep = after(self.next_sweep, HOUR).max(self.world.now());
            return true;
        }
        self.start().await
            || self.record_dead_letter().await
            || self.world.take_message().await != Turn::Idle
    }

    fn effects(&self) -> Effects {
        Effects {
            refused: self.refused.load(Ordering::SeqCst),
            throttled: self.world.store.throttled(),
            not_taken: self.world.receiver.refused(),
            ..self.effects
        }
    }

    async fn start(&mut self) -> bool {
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
            at: after(self.world.now(), wait),
            tries: start.tries + 1,
            ..start
        });
        true
    }

    /// Whether start-export accepted the request, or record-failure its dead letter.
    async fn is_started(&mut self, start: &Start) -> bool {
        if start.tries > RETRIES.len() {
            return matches!(
                self.world.record_dead_start(&start.payload).await,
                Some(Ok(()))
            );
        }
        let command = Command::parse(&start.payload).expect("a request");
        matches!(self.world.invoke(command).await, Some(Ok(_)))
    }

    async fn record_dead_letter(&mut self) -> bool {
        if self.world.store.throttles() {
            return false;
        }
        for queue in Queue::ALL {
            if let Some(letter) = self.world.queues.take_dead_letter(queue) {
                while self
                    .world
                    .record_dead_letter(queue, &letter.body)
                    .await
                    .is_none()
                {}
                return true;
            }
        }
        false
    }

    /// Advances the clock to the next time at which an action is due or a trouble begins or ends.
    fn pass(&self, end: Timestamp) {
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
        self.world.pass(wait);
    }
}
