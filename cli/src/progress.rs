//! The progress display of a running export: bars on a terminal, an occasional line elsewhere.

use std::time::{Duration, Instant};

use conversation_archive::genesys::StatsSnapshot;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::engine::{Event, Standing};
use crate::screen::Screen;

mod tally;

pub(crate) use tally::Tally;

/// Minimum interval between plain progress lines. Important events are printed at once.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Displays a tally.
#[derive(Debug)]
pub(crate) struct Progress {
    screen: Screen,
    tally: Tally,
    bar: Option<ProgressBar>,
    started: Instant,
    last_line: Option<(Instant, String)>,
}

impl Progress {
    pub(crate) fn new(screen: &Screen, standing: &Standing) -> Self {
        let tally = Tally::new(standing);
        let bar = screen.is_terminal.then(|| screen.add(bar(&tally)));
        Self {
            screen: screen.clone(),
            tally,
            bar,
            started: Instant::now(),
            last_line: None,
        }
    }

    pub(crate) fn note(&mut self, event: &Event) {
        if let Some(line) = self.tally.note(event) {
            self.screen.line(&line);
        }
    }

    /// Takes over the state read from the archive, for an export that another process runs.
    pub(crate) fn see(&mut self, standing: &Standing, now: Timestamp) {
        self.tally.see(standing, now);
        self.tick(&StatsSnapshot::default());
    }

    /// Redraws; called a few times a second.
    pub(crate) fn tick(&mut self, stats: &StatsSnapshot) {
        let line = self.tally.line(self.started.elapsed(), stats);
        if let Some(bar) = &self.bar {
            bar.set_position(self.tally.permille());
            bar.set_message(line);
            return;
        }
        let due = |(at, last): &(Instant, String)| at.elapsed() >= LINE_EVERY && *last != line;
        if self.last_line.as_ref().is_none_or(due) {
            self.screen.line(&line);
            self.last_line = Some((Instant::now(), line));
        }
    }

    /// Removes the bar.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Removes the bar and returns the tally.
    pub(crate) fn finish(mut self) -> Tally {
        self.end();
        self.tally
    }
}

fn bar(tally: &Tally) -> ProgressBar {
    let bar = ProgressBar::new(1000).with_position(tally.permille());
    let template = "{spinner:.cyan} {bar:40.cyan/dim} {percent}% · {elapsed}\n  {wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
