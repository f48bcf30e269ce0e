//! The running stream: the capture, the exports that it starts, the sweep, and the signals that end it.

use std::time::{Duration, Instant};

use conversation_archive::base::failure::error_chain;
use conversation_archive::export::outcome::ExportStatus;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, MissedTickBehavior, interval, interval_at};

use super::display::Display;
use super::kept_channels::KeptChannels;
use super::status::ExportFigures;
use crate::capture::{Capture, CaptureEnd, CaptureError, CaptureFigures, CapturePhase, Notice};
use crate::engine::{Engine, Event, Workers};
use crate::figures::{count, quantity, time};
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};

/// A stream that is about to run.
pub(super) struct RunningStream<'a> {
    pub(super) engine: Engine,
    pub(super) events: UnboundedReceiver<Event>,
    pub(super) notices: UnboundedReceiver<Notice>,
    pub(super) channels: &'a mut KeptChannels,
    pub(super) display: Display,
    pub(super) ends_after: Option<Duration>,
}

const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

/// The exports of gaps start after minutes; everything else that a sweep finds takes an hour or longer.
const SWEEP_INTERVAL: Duration = Duration::from_mins(5);

/// How often it is tried to keep the ids of channels.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

impl RunningStream<'_> {
    pub(super) async fn run(mut self, capture: Capture, screen: &Screen) -> Result<Exit, Problem> {
        let began = Instant::now();
        let observer = capture.observer();
        let mut exports = ExportFigures::default();
        let mut workers = self.engine.start_workers();
        let ended = self.watch(capture, &mut workers, &mut exports).await;
        workers.finish().await;
        while let Ok(event) = self.events.try_recv() {
            exports.apply(&event);
        }
        self.display.remove();
        let figures = observer.figures();
        exports.lookups = self.engine.waiting_lookups() as u64;
        let report = report(&figures, &exports, began.elapsed());
        match ended? {
            Ok(end) => {
                if end == CaptureEnd::Superseded {
                    screen.print_line("another process holds the stream");
                }
                screen.print_result(&report);
                Ok(Exit::Done)
            }
            Err(error) => {
                if figures.phase != CapturePhase::Connecting {
                    screen.print_line(&report.text);
                }
                Err(error.into())
            }
        }
    }

    async fn watch(
        &mut self,
        capture: Capture,
        workers: &mut Workers,
        exports: &mut ExportFigures,
    ) -> Result<Result<CaptureEnd, CaptureError>, Problem> {
        let (stopper, observer) = (capture.stopper(), capture.observer());
        let mut ended = std::pin::pin!(capture.run());
        let io = |error: std::io::Error| Problem::from(anyhow::Error::from(error));
        let mut interrupted = signal(SignalKind::interrupt()).map_err(io)?;
        let mut terminated = signal(SignalKind::terminate()).map_err(io)?;
        let mut is_over = std::pin::pin!(wait_for(self.ends_after));
        let mut redraw = interval(REDRAW_INTERVAL);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut sweep, mut retry) = (every(SWEEP_INTERVAL), every(RETRY_INTERVAL));
        let mut sweeping = None;
        let mut is_continued = false;
        loop {
            tokio::select! {
                end = &mut ended => return Ok(end),
                changed = workers.changed() => changed?,
                Some(event) = self.events.recv() => exports.apply(&event),
                Some(notice) = self.notices.recv() => self.take(notice),
                _ = interrupted.recv() => stopper.stop(),
                _ = terminated.recv() => stopper.stop(),
                () = &mut is_over => {
                    stopper.stop();
                    is_over.set(wait_for(None));
                }
                _ = sweep.tick(), if is_continued => {
                    let engine = self.engine.clone();
                    sweeping = Some(tokio::spawn(async move { sweep_once(&engine).await }));
                }
                _ = retry.tick() => self.channels.retry(),
                _ = redraw.tick() => {
                    exports.lookups = self.engine.waiting_lookups() as u64;
                    let figures = observer.figures();
                    self.display.tick(&figures, exports, Instant::now());
                    // Its exports are continued when the process before is gone.
                    if !is_continued && figures.phase == CapturePhase::Hearing {
                        is_continued = true;
                        let engine = self.engine.clone();
                        tokio::spawn(async move { continue_exports(&engine).await });
                    }
                }
            }
            // A sweep that takes longer than the interval is not joined by another one.
            if sweeping
                .as_ref()
                .is_some_and(|sweeping| !sweeping.is_finished())
            {
                sweep.reset();
            }
        }
    }

    fn take(&mut self, notice: Notice) {
        self.display.notice(&notice);
        if let Notice::Channels(ids) = notice {
            self.channels.keep(ids.into());
        }
    }
}

impl ExportFigures {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::EndsLookedUp { exported, left } => {
                self.exported += *exported as u64;
                self.left += *left as u64;
            }
            Event::Outcome(outcome) if outcome.status.is_complete() => self.complete += 1,
            Event::Outcome(outcome) if outcome.status == ExportStatus::Failed => self.failed += 1,
            _ => {}
        }
    }
}

/// The first one comes after a whole period.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn wait_for(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

async fn sweep_once(engine: &Engine) {
    if let Err(error) = engine.sweep().await {
        tracing::warn!(
            error = error_chain(error.as_ref()),
            "sweep failed; it is repeated"
        );
    }
}

async fn continue_exports(engine: &Engine) {
    match engine.continue_live_exports().await {
        Ok(continued) => tracing::info!(continued, "exports of an earlier process continued"),
        Err(error) => {
            let error = error_chain(error.as_ref());
            tracing::warn!(
                error,
                "exports of an earlier process not continued; the sweep does"
            );
        }
    }
}

fn report(figures: &CaptureFigures, exports: &ExportFigures, elapsed: Duration) -> Report {
    let frames = quantity(figures.counts.stored, "frame", "frames");
    let records = quantity(figures.records, "object", "objects");
    let gaps = quantity(figures.gaps, "gap", "gaps");
    let mut text = format!(
        "{frames} stored in {records} after {}; {gaps} recorded\n{} ended, {} exported by {}",
        time(elapsed),
        quantity(figures.ended, "conversation", "conversations"),
        count(exports.exported),
        quantity(exports.complete, "complete export", "complete exports"),
    );
    if exports.lookups > 0 {
        text.push_str("; the next process looks up the others");
    }
    let json = json!({
        "frames": figures.stream.frames,
        "stored": figures.counts.stored,
        "repeated": figures.counts.repeated,
        "quarantined": figures.counts.quarantined,
        "records": figures.records,
        "gaps": figures.gaps,
        "connections": figures.stream.connections,
        "pauses": figures.stream.pauses,
        "ended": figures.ended,
        "exported": exports.exported,
        "leftToScheduledExport": exports.left,
        "completeExports": exports.complete,
        "failedExports": exports.failed,
    });
    Report { text, json }
}
