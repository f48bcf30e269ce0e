//! The month: which invocations happen when, and how Lambda and EventBridge react to failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use conversation_archive::queue::Queue;
use end_to_end::throttling_store::ThrottlingStore;
use end_to_end::world::{NOW, Turn, World, organisation};
use fastrand::Rng;
use genesys_simulator::{AnswerFilter, Route, Settings};
use jiff::Timestamp;
use start_export::Command;
use sweep_exports::Swept;

use super::oracle::{self, Tally};
use super::troubles::{self, Kind, Trouble};

pub(super) const DAYS: u32 = 30;

/// Time of day at which the schedule fires; it separates the exported days.
const NIGHT: Duration = Duration::from_hours(4);
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// Days without troubles at the end: requests are started again for a week, failed attempts are resumed within a day.
const AFTERWARDS: Duration = Duration::from_hours(9 * 24);

/// Duration of a call to the store or a queue: long enough for a trouble to begin in the meantime.
const STEP: Duration = Duration::from_secs(3);

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
    /// Status that replaces every API response, and every login response below; 0 replaces nothing.
    api: Arc<AtomicU16>,
    login: Arc<AtomicU16>,
    functions_throttled: bool,
    starts: Vec<Start>,
    next_sweep: Timestamp,
    /// Number of troubles that have begun.
    begun: usize,
    /// Number of exports on which a sweep acted.
    healed: u64,
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
        Tally {
            healed: running.healed,
            ..tally
        }
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

impl<'a> Running<'a> {
    async fn begin(month: &'a Month) -> Self {
        let (api, login) = (Arc::<AtomicU16>::default(), Arc::<AtomicU16>::default());
        let filter: AnswerFilter = {
            let (api, login) = (Arc::clone(&api), Arc::clone(&login));
            Arc::new(move |request, mut answer| {
                let mut status = api.load(Ordering::SeqCst);
                if request.route == Route::Login && status == 0 {
                    status = login.load(Ordering::SeqCst);
                }
                if status != 0 {
                    (answer.status, answer.body) = (status, "{}".into());
                }
                answer
            })
        };
        let days = days();
        let settings = Settings {
            interval: (days[0].0, days[days.len() - 1].1),
            answer_filter: Some(filter),
            job_ready_after: HOUR / 2,
            ..organisation(month.seed, 3 * DAYS as usize)
        };
        let world = World::over(Arc::new(ThrottlingStore::default()), settings, 2).await;
        let world = world.at_pace(STEP);
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
            api,
            login,
            functions_throttled: false,
            begun: 0,
            healed: 0,
        }
    }

    /// Applies the troubles of the current time.
    fn happen(&mut self) {
        let now = self.world.now();
        let lasting = |of: fn(Kind) -> Option<u16>| {
            let mut now = self
                .month
                .troubles
                .iter()
                .filter(|it| it.from <= now && now < it.until);
            now.find_map(|it| of(it.kind)).unwrap_or_default()
        };
        let is = |kind: Kind| {
            let mut troubles = self.month.troubles.iter();
            troubles.any(|it| it.kind == kind && it.from <= now && now < it.until)
        };
        let api = lasting(|kind| match kind {
            Kind::Api(status) => Some(status),
            _ => None,
        });
        let login = lasting(|kind| match kind {
            Kind::Login(status) => Some(status),
            _ => None,
        });
        self.api.store(api, Ordering::SeqCst);
        self.login.store(login, Ordering::SeqCst);
        self.world.store.set(is(Kind::Store));
        self.world.receiver.set_down(is(Kind::Receiver));
        self.functions_throttled = is(Kind::Functions);
        let begun = self.month.troubles.iter().filter(|it| it.from <= now);
        let new: Vec<_> = begun.skip(self.begun).copied().collect();
        self.begun += new.len();
        for trouble in new {
            match trouble.kind {
                Kind::LostQueues => self.world.lose_messages(),
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
        if self.functions_throttled {
            // Received but not handled.
            let queues = &self.world.queues;
            return Queue::ALL
                .into_iter()
                .any(|queue| queues.receive(queue).is_some());
        }
        if self.world.now() >= self.next_sweep {
            // A failed sweep is not repeated before the next hour.
            if let Some(Ok(swept)) = self.world.try_sweep().await {
                self.healed += swept.iter().filter(|it| **it != Swept::LeftAlone).count() as u64;
            }
            self.next_sweep = after(self.next_sweep, HOUR).max(self.world.now());
            return true;
        }
        self.start().await || self.bury().await || self.world.take_message().await != Turn::Idle
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
            return matches!(self.world.bury_start(&start.payload).await, Some(Ok(())));
        }
        let command = Command::parse(&start.payload).expect("a request");
        matches!(self.world.invoke(command).await, Some(Ok(_)))
    }

    async fn bury(&mut self) -> bool {
        if self.world.store.throttles() {
            return false;
        }
        for queue in Queue::ALL {
            if let Some(letter) = self.world.queues.take_dead_letter(queue) {
                while self.world.bury(queue, &letter.body).await.is_none() {}
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
