//! The status of a stream in words. The most important ones come first: a narrow terminal cuts the rest. Pure.

use std::time::Duration;

use conversation_archive::base::time::elapsed;
use conversation_archive::export::live_coverage::LiveGapSpan;
use jiff::Timestamp;

use crate::capture::{CaptureFigures, CapturePhase};
use crate::figures::{count, quantity, time, time_of_day};

/// The exports of the conversations that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ExportFigures {
    /// Conversations that an export was started for.
    pub(super) exported: u64,
    /// Conversations that are left to the scheduled export.
    pub(super) left: u64,
    /// Messages whose conversations are looked up later.
    pub(super) lookups: u64,
    /// Exports that are complete.
    pub(super) complete: u64,
    pub(super) failed: u64,
}

/// The connection and the frames.
pub(super) fn connection(
    figures: &CaptureFigures,
    frames_per_second: f64,
    now: Timestamp,
) -> String {
    let mut parts = vec![phase(figures, now)];
    parts.push(format!("{frames_per_second:.1} frames/s"));
    parts.push(format!("{} received", count(figures.stream.frames)));
    parts.push(format!("{} stored", count(figures.counts.stored)));
    if figures.stream.lag >= Duration::from_secs(1) {
        parts.push(format!("lag {}", time(figures.stream.lag)));
    }
    if figures.counts.quarantined > 0 {
        parts.push(format!("{} quarantined", count(figures.counts.quarantined)));
    }
    parts.join(" · ")
}

/// The conversations and the gaps.
pub(super) fn conversations(figures: &CaptureFigures, exports: &ExportFigures) -> String {
    let mut parts = vec![format!("{} ended", count(figures.ended))];
    parts.push(format!("{} exported", count(exports.exported)));
    if exports.lookups > 0 {
        parts.push(format!("{} waiting", count(exports.lookups)));
    }
    if exports.left > 0 {
        parts.push(format!("{} left", count(exports.left)));
    }
    if exports.failed > 0 {
        parts.push(quantity(exports.failed, "export failed", "exports failed"));
    }
    parts.push(match figures.last_gap {
        None => "no gap".to_owned(),
        Some(gap) => format!(
            "{}, last {}",
            quantity(figures.gaps, "gap", "gaps"),
            span(gap)
        ),
    });
    parts.join(" · ")
}

fn phase(figures: &CaptureFigures, now: Timestamp) -> String {
    if figures.phase == CapturePhase::Hearing
        && let Some(since) = figures.interrupted_since
    {
        return format!("interrupted for {}", time(elapsed(since, now)));
    }
    let phase = match figures.phase {
        CapturePhase::Connecting => "connecting",
        CapturePhase::TakingOver => "taking over",
        CapturePhase::Hearing => "hearing",
        CapturePhase::Draining => "handing over",
        CapturePhase::Stopping => "stopping",
    };
    phase.to_owned()
}

/// `10:02:03 UTC for 7.0 s`.
pub(super) fn span(gap: LiveGapSpan) -> String {
    let length = time(elapsed(gap.from, gap.until));
    format!("{} for {length}", time_of_day(gap.from))
}

#[cfg(test)]
mod tests {
    use conversation_archive::records::live::FrameCounts;
    use conversation_archive::source::stream::StreamMetrics;

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-30T{time}Z").parse().unwrap()
    }

    fn busy() -> (CaptureFigures, ExportFigures) {
        let figures = CaptureFigures {
            stream: StreamMetrics {
                frames: 1_234_600,
                lag: Duration::from_secs(14),
                ..StreamMetrics::default()
            },
            counts: FrameCounts {
                stored: 1_234_567,
                quarantined: 12,
                ..FrameCounts::default()
            },
            ended: 45_678,
            gaps: 12,
            last_gap: Some(LiveGapSpan {
                from: at("09:00:00"),
                until: at("09:00:07"),
            }),
            phase: CapturePhase::Hearing,
            ..CaptureFigures::default()
        };
        let exports = ExportFigures {
            exported: 45_000,
            left: 12,
            lookups: 34,
            complete: 600,
            failed: 1,
        };
        (figures, exports)
    }

    #[test]
    fn a_busy_stream_is_described_in_two_lines() {
        let (figures, exports) = busy();

        let lines = [
            connection(&figures, 1_234.5, at("10:00:00")),
            conversations(&figures, &exports),
        ];

        insta::assert_snapshot!(lines.join("\n"), @"
        hearing · 1234.5 frames/s · 1,234,600 received · 1,234,567 stored · lag 14 s · 12 quarantined
        45,678 ended · 45,000 exported · 34 waiting · 12 left · 1 export failed · 12 gaps, last 09:00:00 UTC for 7.0 s
        ");
    }

    #[test]
    fn a_quiet_stream_is_described_briefly() {
        let figures = CaptureFigures {
            phase: CapturePhase::Hearing,
            interrupted_since: Some(at("09:59:50")),
            ..CaptureFigures::default()
        };

        let lines = [
            connection(&CaptureFigures::default(), 0.0, at("10:00:00")),
            connection(&figures, 0.0, at("10:00:00")),
            conversations(&figures, &ExportFigures::default()),
        ];

        insta::assert_snapshot!(lines.join("\n"), @"
        connecting · 0.0 frames/s · 0 received · 0 stored
        interrupted for 10 s · 0.0 frames/s · 0 received · 0 stored
        0 ended · 0 exported · no gap
        ");
    }
}
