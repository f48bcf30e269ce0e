//! Shows the status of a stream: two lines on a terminal, a line a minute elsewhere.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use conversation_archive::net::clock::Clock;
use conversation_archive::source::stream::GapReason;
use indicatif::{ProgressBar, ProgressStyle};

use super::status::{self, ExportFigures};
use crate::capture::{CaptureFigures, Notice};
use crate::figures::quantity;
use crate::screen::Screen;

/// Shows the status.
#[derive(Debug)]
pub(super) struct Display {
    screen: Screen,
    bars: Option<[ProgressBar; 2]>,
    next_line: Instant,
    rate: Rate,
}

/// The frames of the last seconds.
#[derive(Debug, Default)]
struct Rate(VecDeque<(Instant, u64)>);

const LINE_INTERVAL: Duration = Duration::from_mins(1);

/// Of the average.
const RATE_WINDOW: Duration = Duration::from_secs(10);

impl Display {
    pub(super) fn new(screen: &Screen, now: Instant) -> Self {
        let bar = |template: &str| screen.add_bar(status_line(template));
        let bars = screen
            .is_terminal
            .then(|| [bar("{spinner:.cyan} {wide_msg}"), bar("  {wide_msg:.dim}")]);
        Self {
            screen: screen.clone(),
            bars,
            next_line: now + LINE_INTERVAL,
            rate: Rate::default(),
        }
    }

    /// Called a few times a second.
    pub(super) fn tick(&mut self, figures: &CaptureFigures, exports: &ExportFigures, now: Instant) {
        let rate = self.rate.of(figures.stream.frames, now);
        let lines = [
            status::connection(figures, rate, Clock::System.now()),
            status::conversations(figures, exports),
        ];
        if let Some(bars) = &self.bars {
            for (bar, line) in bars.iter().zip(&lines) {
                Screen::set_bar_message(bar, line);
            }
        } else if now >= self.next_line {
            self.next_line = now + LINE_INTERVAL;
            self.screen.print_line(&lines.join(" · "));
        }
    }

    pub(super) fn notice(&self, notice: &Notice) {
        let text = match notice {
            Notice::Warning(text) => text.clone(),
            Notice::WriteFailed(text) => {
                format!("cannot write to the archive, trying again for two minutes: {text}")
            }
            Notice::Gap { span, reason } => {
                let cause = match reason {
                    GapReason::Closed(_) => "the connection was lost",
                    GapReason::Silence => "nothing was received",
                    GapReason::Start => "no process was capturing",
                };
                format!("gap recorded, {}: {cause}", status::span(*span))
            }
            Notice::Holds { epoch } => {
                format!("connected; this process holds the stream (epoch {epoch})")
            }
            Notice::Superseded => {
                "another process has taken over; this one ends in a minute".to_owned()
            }
            Notice::LookingUpAgain { conversations } => {
                let conversations =
                    quantity(*conversations as u64, "conversation", "conversations");
                format!("looking up {conversations} that an earlier process heard of")
            }
            Notice::Channels(_) => return,
        };
        self.screen.print_line(&text);
    }

    pub(super) fn remove(&self) {
        for bar in self.bars.iter().flatten() {
            bar.finish_and_clear();
        }
    }
}

impl Rate {
    fn of(&mut self, frames: u64, now: Instant) -> f64 {
        self.0.push_back((now, frames));
        while let Some((oldest, _)) = self.0.get(1)
            && now.duration_since(*oldest) >= RATE_WINDOW
        {
            self.0.pop_front();
        }
        let Some((since, before)) = self.0.front() else {
            return 0.0;
        };
        let seconds = now.duration_since(*since).as_secs_f64().max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "the frames of some seconds")]
        let frames = frames.saturating_sub(*before) as f64;
        frames / seconds
    }
}

fn status_line(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let at = |second| start + Duration::from_secs(second);

        assert!(rate.of(0, at(0)).abs() < 1e-9);
        assert!((rate.of(100, at(5)) - 20.0).abs() < 1e-9);
        for second in 6..=30 {
            rate.of(100, at(second));
        }

        assert!(rate.of(100, at(31)).abs() < 1e-9);
    }
}
