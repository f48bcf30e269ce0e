//! The progress display of a running export: bars on a terminal, an occasional line elsewhere.

use std::time::{Duration, Instant};

use conversation_archive::genesys::StatsSnapshot;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::engine::{Event, ExportState};
use crate::screen::Screen;

mod tally;

pub(crate) use tally::Tally;

/// Minimum interval between plain progress lines. Important events are printed at once.
const LINE_INTERVAL: Duration = Duration::from_secs(2);

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
    pub(crate) fn new(screen: &Screen, export_state: &ExportState) -> Self {
        let tally = Tally::new(export_state);
        let bar = screen
            .is_terminal
            .then(|| screen.add_bar(progress_bar(&tally)));
        Self {
            screen: screen.clone(),
            tally,
            bar,
            started: Instant::now(),
            last_line: None,
        }
    }

    pub(crate) fn apply_event(&mut self, event: &Event) {
        if let Some(line) = self.tally.apply_event(event) {
            self.screen.print_line(&line);
        }
    }

    /// Takes over the state read from the archive, for an export that another process runs.
    pub(crate) fn apply_state(&mut self, export_state: &ExportState, now: Timestamp) {
        self.tally.apply_state(export_state, now);
        self.tick(&StatsSnapshot::default());
    }

    /// Redraws; called a few times a second.
    pub(crate) fn tick(&mut self, stats: &StatsSnapshot) {
        let line = self.tally.line(self.started.elapsed(), stats);
        if let Some(bar) = &self.bar {
            bar.set_position(self.tally.permille());
            Screen::set_bar_message(bar, &line);
            return;
        }
        let due = |(at, last): &(Instant, String)| at.elapsed() >= LINE_INTERVAL && *last != line;
        if self.last_line.as_ref().is_none_or(due) {
            self.screen.print_line(&line);
            self.last_line = Some((Instant::now(), line));
        }
    }

    /// Removes the bar.
    pub(crate) fn remove_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Removes the bar and returns the tally.
    pub(crate) fn finish(mut self) -> Tally {
        self.remove_bar();
        self.tally
    }
}

fn progress_bar(tally: &Tally) -> ProgressBar {
    let bar = ProgressBar::new(1000).with_position(tally.permille());
    let template = "{spinner:.cyan} {bar:40.cyan/dim} {percent}% · {elapsed}\n  {wide_msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
