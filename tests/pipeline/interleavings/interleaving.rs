//! One interleaving: A is suspended before one of its steps, B runs, A continues, and the export runs to its end.

use std::fmt;

use end_to_end::seams::Steps;
use end_to_end::world::GatedProcess;
use end_to_end::world::{Turn, World};
use jiff::Timestamp;

use super::action::Action;
use super::check::{Checks, Problem};
use super::first_attempt_store::FirstAttemptOnly;
use super::pair::{Loss, Pair};
use super::prepared_action::{ActionResult, PreparedAction};
use super::stage::Undisturbed;
use super::staged_export::{OVER_AN_HOUR, StagedExport, lose_source};

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
    pub(super) store_view: StoreView,
}

/// The part of the store that A's process sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StoreView {
    Everything,
    /// No attempt after the first, as if the fence did not stop a late conclusion.
    FirstAttemptOnly,
}

/// Result of an interleaving without a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InterleavingResult {
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
        store_view: StoreView::Everything,
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
    ) -> Result<InterleavingResult, Vec<Problem>> {
        let last_page = undisturbed.last_page;
        let staged_export = StagedExport::run(world, pair, id, last_page).await;
        let (id, a, b) = staged_export.prepare_actions(world, last_page);
        let steps = Steps::suspend_before(self.pause);
        let gated = match self.store_view {
            StoreView::Everything => world.gated_process(steps).await,
            StoreView::FirstAttemptOnly => {
                let store = FirstAttemptOnly::of(&world.store);
                world.gated_process_with_store(&store, steps).await
            }
        };
        let is_suspended = self.run_actions(world, pair, &gated, [&a, &b]).await;
        let steps = gated.steps.step_count();
        let sweeps = self.run_to_end(world).await;
        let expected = &undisturbed.ids;
        let id = &id;
        Checks { pair, id, expected }.run(world).await?;
        let is_healed = sweeps > 0 && !self.loses_messages && !pair.has(Action::Sweep);
        Ok(InterleavingResult {
            steps: (!is_suspended).then_some(steps),
            is_healed,
        })
    }

    /// Returns whether A was suspended.
    async fn run_actions(
        self,
        world: &mut World,
        pair: Pair,
        gated: &GatedProcess,
        [a, b]: [&PreparedAction; 2],
    ) -> bool {
        let invocation = world.invocation();
        let mut pending_action = Box::pin(a.perform(&gated.process, &invocation));
        let early_result = tokio::select! {
            biased;
            () = gated.steps.wait_until_suspended() => None,
            result = &mut pending_action => Some(result),
        };
        let is_suspended = early_result.is_none();
        if let Some(result) = early_result {
            finish(world, a, result).await;
        }
        let invocation = world.invocation();
        let result = b.perform(&world.process, &invocation).await;
        finish(world, b, result).await;
        if is_suspended {
            self.run_meanwhile(world, a).await;
            if pair.loss == Loss::Late {
                lose_source(world);
            }
            gated.steps.release();
            let result = pending_action.await;
            finish(world, a, result).await;
        }
        is_suspended
    }

    async fn run_meanwhile(self, world: &mut World, a: &PreparedAction) {
        match self.meanwhile {
            Meanwhile::B => {}
            Meanwhile::Others => run_until_visible(world, a).await,
            Meanwhile::Everything => world.run().await,
        }
    }

    /// Runs the export to its end: through its messages, then through sweeps while work is open. Returns the number of
    /// sweeps.
    async fn run_to_end(self, world: &mut World) -> u32 {
        if self.loses_messages {
            world.lose_messages();
        } else {
            world.run().await;
        }
        let mut sweeps = 0;
        while sweeps < SWEEPS {
            world.advance_clock(OVER_AN_HOUR);
            let swept = world.sweep().await;
            if swept.is_empty() && world.queues.is_empty() {
                break;
            }
            sweeps += 1;
            world.run().await;
        }
        sweeps
    }

    /// Whether A runs longer than its message stays invisible. Lambda stops a function long before that.
    pub(super) fn exceeds_visibility_timeout(self) -> bool {
        self.meanwhile == Meanwhile::Everything
    }
}

/// Deletes a handled message; a failed one stays in flight. Other failed invocations are repeated.
async fn finish(world: &mut World, action: &PreparedAction, result: anyhow::Result<ActionResult>) {
    action.delete_if_handled(world, &result);
    if result.is_err() && action.is_repeated_by_its_caller() {
        let invocation = world.invocation();
        let retried = action.perform(&world.process, &invocation).await;
        retried.expect("a repeated invocation succeeds");
    }
}

/// Handles messages until the message of A becomes visible again.
async fn run_until_visible(world: &mut World, a: &PreparedAction) {
    let until = a.held_queue().map(|queue| {
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
                    world.advance_to_next_message();
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
