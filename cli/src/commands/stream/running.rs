//! The running stream: the capture, the exports that it starts, the sweep, and the signals that end it.

use std::time::{Duration, Instant};

use conversation_archive::base::failure::error_chain;
use conversation_archive::export::outcome::ExportStatus;
use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Interval, MissedTickBehavior, interval, interval_at};

use super::background::{Background, Stop};
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

/// How often it is tried to keep the ids of channels.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// The least time between two starts of the workers.
const RESTART_INTERVAL: Duration = Duration::from_secs(10);

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
        while let Ok(notice) = self.notices.try_recv() {
            self.take(notice);
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
        let mut stop = Stop::listen(self.ends_after)?;
        let mut redraw = interval(REDRAW_INTERVAL);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut retry = every(RETRY_INTERVAL);
        let mut restart = every(RESTART_INTERVAL);
        let (mut has_failed, mut background) = (false, None);
        loop {
            tokio::select! {
                end = &mut ended => return Ok(end),
                changed = workers.changed(), if !has_failed => has_failed = report_failure(&changed),
                _ = restart.tick(), if has_failed => {
                    *workers = self.engine.start_workers();
                    has_failed = false;
                }
                Some(event) = self.events.recv() => exports.apply(&event),
                Some(notice) = self.notices.recv() => {
                    if notice == Notice::Superseded {
                        // The process that has taken over continues the exports.
                        workers.stopper().stop();
                    }
                    self.take(notice);
                }
                () = stop.requested() => {
                    stopper.stop();
                    workers.stopper().stop();
                }
                _ = retry.tick() => self.channels.retry(),
                _ = redraw.tick() => {
                    exports.lookups = self.engine.waiting_lookups() as u64;
                    let figures = observer.figures();
                    self.display.tick(&figures, exports, Instant::now());
                    if background.is_none() && figures.phase == CapturePhase::Hearing {
                        background = Some(Background::start(&self.engine));
                    }
                }
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

/// Whether the workers have failed. They are started again: messages that they were handling are delivered again, and no
/// failure of an export may end the capture.
fn report_failure(changed: &anyhow::Result<()>) -> bool {
    if let Err(error) = changed {
        let error = error_chain(error.as_ref());
        tracing::error!(
            error,
            "the workers of the exports failed, and are started again"
        );
    }
    changed.is_err()
}

/// The first one comes after a whole period.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
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
