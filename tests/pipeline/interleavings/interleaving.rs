//! One interleaving: A is suspended before one of its steps, B runs, A continues, and the export runs to its end.

use std::fmt;

use end_to_end::seams::Steps;
use end_to_end::world::GatedProcess;
use end_to_end::world::{Turn, World};
use jiff::Timestamp;

use super::action::Action;
use super::blind::FirstAttemptOnly;
use super::check::{Checks, Problem};
use super::course::{Course, OVER_AN_HOUR, lose_the_source};
use super::moves::{Move, Performed};
use super::pair::{Loss, Pair};
use super::stage::Undisturbed;

/// Work that runs while A is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meanwhile {
    /// Only B.
    B,
    /// B, then every message that becomes visible before A's own message does.
    Others,
    /// B, then every message until the queues are empty, including A's own.
    Everything,
}

/// The step before which A is suspended, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interleaving {
    /// Number of the step of A before which it is suspended.
    pub(super) pause: u64,
    pub(super) meanwhile: Meanwhile,
    /// Whether all messages are lost after A is done.
    pub(super) loses_messages: bool,
    pub(super) sight: Sight,
}

/// The part of the store that A's process sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    Everything,
    /// No attempt after the first, as if the fence did not stop a late conclusion.
    FirstAttemptOnly,
}

/// Result of an interleaving without a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Number of steps of A, if it was not suspended.
    pub(super) steps: Option<u64>,
    /// Whether the export needed the sweep although no message was lost.
    pub(super) is_healed: bool,
}

/// Number of sweeps, an hour apart, after which no work may be left.
const SWEEPS: u32 = 8;

impl Interleaving {
    /// A runs to its end, then B.
    pub(super) const SEQUENTIAL: Self = Self {
        pause: u64::MAX,
        meanwhile: Meanwhile::B,
        loses_messages: false,
        sight: Sight::Everything,
    };

    pub(super) const VARIANTS: [(Meanwhile, bool); 6] = [
        (Meanwhile::B, false),
        (Meanwhile::Others, true),
        (Meanwhile::Everything, false),
        (Meanwhile::B, true),
        (Meanwhile::Others, false),
        (Meanwhile::Everything, true),
    ];

    /// Runs the interleaving as the export `id` of the world.
    pub(super) async fn run(
        self,
        world: &mut World,
        pair: Pair,
        id: &str,
        undisturbed: &Undisturbed,
    ) -> Result<Ended, Vec<Problem>> {
        let last_page = undisturbed.last_page;
        let course = Course::run(world, pair, id, last_page).await;
        let (id, a, b) = course.moves(world, last_page);
        let steps = Steps::pausing_before(self.pause);
        let gated = match self.sight {
            Sight::Everything => world.gated_process(steps).await,
            Sight::FirstAttemptOnly => {
                let store = FirstAttemptOnly::of(&world.store);
                world.gated_process_over(&store, steps).await
            }
        };
        let is_suspended = self.act(world, pair, &gated, [&a, &b]).await;
        let steps = gated.steps.taken();
        let sweeps = self.go_on(world).await;
        let expected = &undisturbed.ids;
        let id = &id;
        Checks { pair, id, expected }.run(world).await?;
        let is_healed = sweeps > 0 && !self.loses_messages && !pair.has(Action::Sweep);
        Ok(Ended {
            steps: (!is_suspended).then_some(steps),
            is_healed,
        })
    }

    /// Returns whether A was suspended.
    async fn act(
        self,
        world: &mut World,
        pair: Pair,
        gated: &GatedProcess,
        [a, b]: [&Move; 2],
    ) -> bool {
        let invocation = world.invocation();
        let mut acting = Box::pin(a.perform(&gated.process, &invocation));
        let ended = tokio::select! {
            biased;
            () = gated.steps.suspended() => None,
            performed = &mut acting => Some(performed),
        };
        let is_suspended = ended.is_none();
        if let Some(performed) = ended {
            finish(world, a, performed).await;
        }
        let invocation = world.invocation();
        let performed = b.perform(&world.process, &invocation).await;
        finish(world, b, performed).await;
        if is_suspended {
            self.meanwhile(world, a).await;
            if pair.loss == Loss::Late {
                lose_the_source(world);
            }
            gated.steps.release();
            let performed = acting.await;
            finish(world, a, performed).await;
        }
        is_suspended
    }

    async fn meanwhile(self, world: &mut World, a: &Move) {
        match self.meanwhile {
            Meanwhile::B => {}
            Meanwhile::Others => run_beside(world, a).await,
            Meanwhile::Everything => world.run().await,
        }
    }

    /// Runs the export to its end: through its messages, then through sweeps while work is open. Returns the number of
    /// sweeps.
    async fn go_on(self, world: &mut World) -> u32 {
        if self.loses_messages {
            world.lose_messages();
        } else {
            world.run().await;
        }
        let mut sweeps = 0;
        while sweeps < SWEEPS {
            world.pass(OVER_AN_HOUR);
            let swept = world.sweep().await.expect("nothing is killed");
            if swept.is_empty() && world.queues.is_empty() {
                break;
            }
            sweeps += 1;
            world.run().await;
        }
        sweeps
    }

    /// Whether A runs longer than its message stays invisible. Lambda stops a function long before that.
    pub(super) fn outlives_its_message(self) -> bool {
        self.meanwhile == Meanwhile::Everything
    }
}

/// Settles a message; a failed one stays in flight. Other failed invocations are repeated.
async fn finish(world: &mut World, done: &Move, performed: anyhow::Result<Performed>) {
    done.settle(world, &performed);
    if performed.is_err() && done.is_repeated_by_its_caller() {
        let invocation = world.invocation();
        let again = done.perform(&world.process, &invocation).await;
        again.expect("a repeated invocation succeeds");
    }
}

/// Handles messages until the message of A becomes visible again.
async fn run_beside(world: &mut World, a: &Move) {
    let until = a.queue_in_hand().map(|queue| {
        let timeout = queue.settings().visibility_timeout;
        world
            .now()
            .saturating_add(timeout)
            .unwrap_or(Timestamp::MAX)
    });
    loop {
        match world.turn().await {
            Turn::Idle => match world.next_visible() {
                Some(next) if until.is_none_or(|until| next < until) => {
                    world.wait_for_next();
                }
                _ => return,
            },
            Turn::Done | Turn::Failed | Turn::Killed => {}
        }
    }
}

impl fmt::Display for Interleaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meanwhile = match self.meanwhile {
            Meanwhile::B => "B alone",
            Meanwhile::Others => "B and what does not wait for A",
            Meanwhile::Everything => "B and all messages",
        };
        let lost = if self.loses_messages {
            ", then all messages are lost"
        } else {
            ""
        };
        write!(
            f,
            "A suspended before step {}, {meanwhile}{lost}",
            self.pause
        )
    }
}
