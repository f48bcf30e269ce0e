//! `verify --live`: recomputes what live capture stored.

use std::fmt::Write as _;
use std::time::Duration;

use conversation_archive::archive::Archive;
use conversation_archive::archive::verify::{
    Anchors, ClosedLiveGap, LiveProgress, LiveReport, LiveScope, OpenLiveGap, SignatureReport,
    StreamReport, VerifyError, verify_live,
};
use conversation_archive::base::signature::PublicKey;
use conversation_archive::export::live_coverage::{GapReason, LiveGapSpan};
use conversation_archive::export::outcome::ExportStatus;
use serde_json::json;

use super::{anchors, bar, read_keys, signature_parts};
use crate::arguments::{LiveArchive, VerifyArguments};
use crate::figures::{bytes, count, quantity, time};
use crate::place::Place;
use crate::problem::{Exit, Problem, full_message};
use crate::screen::{Report, Screen};
use crate::signing::SigningSettings;
use crate::stack::Stack;
use crate::style::style;

/// `place` is the value of `--live`.
pub(super) async fn verify(
    arguments: &VerifyArguments,
    place: Option<&Place>,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let scope = arguments.live_scope()?;
    let given_keys = read_keys(&arguments.public_key)?;
    let (archive, name, known_keys) = open(arguments, place).await?;
    let anchors = anchors(given_keys, known_keys);
    let report = verify_with_progress(&archive, &scope, &anchors, screen).await?;
    if report.streams.is_empty() {
        return Err(Problem::refused(match &scope.stream {
            Some(stream) => format!("there is no stream {stream} in {name}"),
            None => format!("there are no live events in {name}"),
        }));
    }
    screen.print_result(&Report {
        text: text(&report),
        json: json!({"status": "verified", "report": report}),
    });
    Ok(Exit::Done)
}

/// The archive, its name, and the keys that are trusted without being given.
async fn open(
    arguments: &VerifyArguments,
    place: Option<&Place>,
) -> Result<(Archive, String, Vec<PublicKey>), Problem> {
    match arguments.live_archive(place)? {
        LiveArchive::Place(place) => {
            let known_keys = SigningSettings::from_env()?.trusted_keys()?;
            Ok((place.archive().await?, place.to_string(), known_keys))
        }
        LiveArchive::Stack => {
            let stack = Stack::find(&arguments.stack).await?;
            let known_keys = stack.trusted_keys().await;
            let name = stack.place().to_string();
            Ok((stack.archive().clone(), name, known_keys))
        }
    }
}

async fn verify_with_progress(
    archive: &Archive,
    scope: &LiveScope,
    anchors: &Anchors,
    screen: &Screen,
) -> Result<LiveReport, Problem> {
    let bar = screen
        .is_terminal
        .then(|| screen.add_bar(bar("verify", "days")));
    let mut show = |progress: LiveProgress| {
        if let Some(bar) = &bar {
            bar.set_length(progress.total_days);
            bar.set_position(progress.days);
        }
    };
    let verified = verify_live(archive, scope, anchors, &mut show).await;
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    verified.map_err(|error| match error {
        VerifyError::Damage(damage) => {
            let json = json!({"status": "damaged", "key": damage.key, "what": damage.what});
            Problem::failed(format!("the live objects are not intact: {damage}")).with_json(json)
        }
        error @ (VerifyError::Archive(_) | VerifyError::Scratch(_)) => {
            Problem::failed(full_message(error))
        }
    })
}

/// The result for people.
fn text(report: &LiveReport) -> String {
    let mut lines: Vec<_> = report.streams.iter().flat_map(stream_lines).collect();
    lines.extend(signature_lines(&report.signatures));
    lines.join("\n")
}

fn stream_lines(stream: &StreamReport) -> Vec<String> {
    let mut first = format!(
        "{} stream {} is intact: {} in {} on {}",
        style("✓").green().bold(),
        style(&stream.stream).bold(),
        quantity(stream.frames, "frame", "frames"),
        quantity(stream.records, "frame record", "frame records"),
        bytes(stream.stored_bytes),
    );
    if stream.quarantined > 0 {
        let quarantined = count(stream.quarantined);
        let _ = write!(first, ", {quarantined} quarantined");
    }
    first.push_str(", each digest, identity, chain and count recomputed");
    let mut lines = vec![first];
    let mut add = |line: String| lines.push(format!("  {line}"));
    if let (Some(from), Some(until)) = (stream.first_day, stream.last_day) {
        add(format!("{from} – {until}: {}", days(stream)));
    }
    let repeated = stream.frames - stream.distinct_frames;
    if repeated > 0 {
        let repeated = quantity(repeated, "frame repeats", "frames repeat");
        add(format!("{repeated} another one of the same day"));
    }
    add(writers(stream));
    if !stream.closed_gaps.is_empty() {
        let closed = stream.closed_gaps.len() as u64;
        let closed = quantity(closed, "live gap is", "live gaps are");
        add(format!("{closed} closed by a complete export"));
    }
    if !stream.orphans.is_empty() {
        let orphans = stream.orphans.len() as u64;
        let orphans = quantity(
            orphans,
            "object that no document names",
            "objects that no document names",
        );
        add(format!(
            "also stored: {orphans} (left by crashes, or of a writer that is running)"
        ));
    }
    for gap in &stream.open_gaps {
        add(format!("warning: {}", open_gap(gap)));
    }
    let incomplete = stream.closed_gaps.iter();
    for gap in incomplete.filter(|gap| gap.status == ExportStatus::CompletedWithGaps) {
        add(format!("warning: {}", gap_with_gaps(gap)));
    }
    lines
}

/// `2 days sealed, 1 day not sealed`.
fn days(stream: &StreamReport) -> String {
    let sealed = quantity(stream.sealed_days, "day sealed", "days sealed");
    match stream.unsealed_days.len() as u64 {
        0 => sealed,
        unsealed => {
            let unsealed = quantity(unsealed, "day not sealed", "days not sealed");
            format!("{sealed}, {unsealed}")
        }
    }
}

fn writers(stream: &StreamReport) -> String {
    let writers = quantity(stream.writers, "writer", "writers");
    match stream.epochs {
        0 => writers,
        epochs => format!("{writers}, {}", quantity(epochs, "epoch", "epochs")),
    }
}

fn open_gap(gap: &OpenLiveGap) -> String {
    let reason = match gap.reason {
        GapReason::Closed => "the connection was closed or lost",
        GapReason::Silence => "neither a frame nor a heartbeat arrived",
        GapReason::Start => "no process held the stream",
    };
    let code = gap.code.map(|code| format!(" (code {code})"));
    let code = code.unwrap_or_default();
    format!("open gap {}: {reason}{code}", span(gap.span))
}

fn gap_with_gaps(gap: &ClosedLiveGap) -> String {
    let (span, id) = (span(gap.span), &gap.export_id);
    format!("gap {span}: its export {id} is complete with gaps")
}

/// `2026-03-01T10:00:00Z – 2026-03-01T10:05:00Z (5 min 00 s)`.
fn span(span: LiveGapSpan) -> String {
    let LiveGapSpan { from, until } = span;
    let length = Duration::try_from(until.duration_since(from)).unwrap_or_default();
    format!("{from} – {until} ({})", time(length))
}

/// States what the signatures of day seals prove.
fn signature_lines(signatures: &SignatureReport) -> Vec<String> {
    let mut parts = signature_parts(signatures);
    if parts.is_empty() {
        parts.push("no day is sealed".to_owned());
    }
    let unproven = if signatures.unchecked + signatures.unsigned > 0 || signatures.valid == 0 {
        "that only your program wrote these objects"
    } else {
        "that only your program wrote the objects of days that are not sealed"
    };
    vec![
        format!("signatures: {}", parts.join("; ")),
        format!("not proven: {unproven}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> StreamReport {
        let gap = |from: &str, until: &str| LiveGapSpan {
            from: format!("2026-03-01T{from}Z").parse().unwrap(),
            until: format!("2026-03-01T{until}Z").parse().unwrap(),
        };
        let day = |text: &str| format!("2026-03-{text}").parse().unwrap();
        StreamReport {
            stream: "queues".parse().unwrap(),
            first_day: Some(day("01")),
            last_day: Some(day("03")),
            days: 3,
            records: 1_200,
            frames: 50_000,
            distinct_frames: 49_999,
            quarantined: 2,
            stored_bytes: 12_000_000,
            writers: 2,
            epochs: 3,
            sealed_days: 2,
            unsealed_days: vec![day("03")],
            open_gaps: vec![OpenLiveGap {
                span: gap("10:00:00", "10:05:00"),
                reason: GapReason::Closed,
                code: Some(1006),
                recorded_at: "2026-03-01T10:05:01Z".parse().unwrap(),
            }],
            closed_gaps: vec![ClosedLiveGap {
                span: gap("08:00:00", "08:00:50"),
                export_id: "gap-1".parse().unwrap(),
                status: ExportStatus::CompletedWithGaps,
                conversations: 5,
                unheard: 1,
            }],
            orphans: vec!["live/queues/notes.txt".to_owned()],
        }
    }

    #[test]
    fn the_result_names_open_gaps_and_what_is_not_proven() {
        let mut report = LiveReport {
            streams: vec![report()],
            signatures: SignatureReport {
                unsigned: 2,
                ..SignatureReport::default()
            },
        };
        let unsigned = text(&report);
        report.signatures = SignatureReport {
            valid: 2,
            ..SignatureReport::default()
        };

        let signed = text(&report);

        insta::assert_snapshot!(console::strip_ansi_codes(&unsigned), @"
        ✓ stream queues is intact: 50,000 frames in 1,200 frame records on 12.00 MB, 2 quarantined, each digest, identity, chain and count recomputed
          2026-03-01 – 2026-03-03: 2 days sealed, 1 day not sealed
          1 frame repeats another one of the same day
          2 writers, 3 epochs
          1 live gap is closed by a complete export
          also stored: 1 object that no document names (left by crashes, or of a writer that is running)
          warning: open gap 2026-03-01T10:00:00Z – 2026-03-01T10:05:00Z (5 min 00 s): the connection was closed or lost (code 1006)
          warning: gap 2026-03-01T08:00:00Z – 2026-03-01T08:00:50Z (50 s): its export gap-1 is complete with gaps
        signatures: 2 documents without a signature
        not proven: that only your program wrote these objects
        ");
        let last = signed.lines().last().unwrap();
        assert_eq!(
            last,
            "not proven: that only your program wrote the objects of days that are not sealed"
        );
    }
}
