//! Runs one export to its end or until Ctrl-C, with the engine and its progress display.

use std::time::{Duration, Instant};

use conversation_archive::base::ids::ExportId;
use conversation_archive::genesys::StatsSnapshot;
use conversation_archive::storage::store::ExportLock;
use start_export::{Command, Started};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use crate::engine::{Engine, EngineEnd, Event};
use crate::place::OpenedPlace;
use crate::problem::Problem;
use crate::progress::{Progress, Tally};
use crate::screen::Screen;
use crate::settings::Settings;

/// An engine over the archive at this location, and the receiving end of its events.
pub(crate) fn open_engine(
    place: &OpenedPlace,
    settings: &Settings,
    screen: &Screen,
) -> Result<(Engine, UnboundedReceiver<Event>), Problem> {
    let client = settings.genesys_client()?;
    let (sender, events) = unbounded_channel();
    let mut engine = settings.engine.clone();
    engine.regions.bucket = place.region();
    let archive = settings.archive(place.store(), screen)?;
    Ok((Engine::new(archive, client, engine, sender)?, events))
}

/// An engine over an archive, with the receiving end of its events.
#[derive(Debug)]
pub(crate) struct ExportRunner {
    pub place: OpenedPlace,
    pub engine: Engine,
    events: UnboundedReceiver<Event>,
    screen: Screen,
}

/// The result of running an engine on one export.
#[derive(Clone, Debug)]
pub(crate) struct RunReport {
    pub stop: RunStop,
    pub tally: Tally,
    pub stats: StatsSnapshot,
    pub elapsed: Duration,
}

/// Why the run of the engine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunStop {
    Engine(EngineEnd),
    /// The engine was killed in mid-run.
    Killed,
    /// Ctrl-C arrived after the export was decided, while only its webhook was still to be delivered.
    DeliveryInterrupted,
}

const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

/// After Ctrl-C, the time limit for reading from the archive whether the export is decided.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(1);

impl ExportRunner {
    pub(crate) fn new(
        place: OpenedPlace,
        settings: &Settings,
        screen: &Screen,
    ) -> Result<Self, Problem> {
        let (engine, events) = open_engine(&place, settings, screen)?;
        Ok(Self {
            place,
            engine,
            events,
            screen: screen.clone(),
        })
    }

    /// Locks an export in a folder against other processes until the lock is dropped; `None` for a bucket.
    pub(crate) fn lock(&self, id: &ExportId) -> Result<Option<ExportLock>, Problem> {
        Ok(self.place.lock(id)?)
    }

    pub(crate) async fn command(&self, command: Command) -> Result<Started, Problem> {
        Ok(self.engine.command(command).await?)
    }

    /// Runs the engine until the export is over or the user presses Ctrl-C.
    pub(crate) async fn run(&mut self, id: &ExportId) -> Result<RunReport, Problem> {
        self.run_until(id, |_| false).await
    }

    /// Like `run`, but kills the engine at the first event for which `should_kill` returns true.
    pub(crate) async fn run_until(
        &mut self,
        id: &ExportId,
        mut should_kill: impl FnMut(&Event) -> bool,
    ) -> Result<RunReport, Problem> {
        let started = Instant::now();
        let mut decided_at = None;
        let mut should_kill = |event: &Event| {
            if matches!(event, Event::Outcome(_)) {
                decided_at.get_or_insert_with(Instant::now);
            }
            should_kill(event)
        };
        let mut progress = Progress::new(&self.screen, &self.engine.export_state(id).await?);
        let mut running = self.engine.run(id);
        let stop = self
            .watch(id, &mut running, &mut progress, &mut should_kill)
            .await;
        running.kill().await;
        while let Ok(event) = self.events.try_recv() {
            progress.apply_event(&event);
        }
        let (tally, stats) = (progress.finish(), self.engine.client_stats());
        // The elapsed time ends at the decision; waiting for the webhook receiver does not count.
        let ended_at = decided_at.unwrap_or_else(Instant::now);
        Ok(RunReport {
            stop: stop?,
            tally,
            stats,
            elapsed: ended_at.duration_since(started),
        })
    }

    async fn watch(
        &mut self,
        id: &ExportId,
        running: &mut crate::engine::RunningEngine,
        progress: &mut Progress,
        should_kill: &mut impl FnMut(&Event) -> bool,
    ) -> anyhow::Result<RunStop> {
        let stopper = running.stopper();
        let mut ended = std::pin::pin!(running.wait_for_end());
        let mut redraw = interval(REDRAW_INTERVAL);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut interrupted = false;
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                ended = &mut ended => return Ok(RunStop::Engine(ended?)),
                Some(event) = self.events.recv() => {
                    progress.apply_event(&event);
                    if should_kill(&event) {
                        return Ok(RunStop::Killed);
                    }
                }
                _ = redraw.tick() => progress.tick(&self.engine.client_stats()),
                Ok(()) = &mut interrupt => {
                    if self.is_decided(id).await {
                        return Ok(RunStop::DeliveryInterrupted);
                    }
                    if interrupted {
                        self.screen.print_line("stopped; all committed pages are kept");
                        std::process::exit(crate::problem::Exit::Failed.code().into());
                    }
                    interrupted = true;
                    interrupt.set(tokio::signal::ctrl_c());
                    stopper.stop();
                    self.screen.print_line("stopping after the current page; press Ctrl-C again to stop at once");
                }
            }
        }
    }

    /// Whether the archive reports, within `OUTCOME_TIMEOUT`, that the newest attempt has ended.
    async fn is_decided(&self, id: &ExportId) -> bool {
        let outcome = tokio::time::timeout(OUTCOME_TIMEOUT, self.engine.outcome(id)).await;
        matches!(outcome, Ok(Ok(Some(_))))
    }
}
