//! A frame record by itself, and compared with the frames that it names.

use super::super::subject::{Subject, VerifyError};
use crate::export::live::{FrameRecord, content_digest};
use crate::export::objects::{LiveKey, LivePlace, ObjectKey, audit_day};
use crate::export::page_record::StoredObject;
use crate::records::live::{CheckedFrames, FrameCounts};
use crate::records::redaction::Tally;

/// Checks the record that is stored under this key. Its key and those of its objects depend on its own content, so a
/// record that was moved, or names objects of another, is found.
pub(super) fn check_record(key: &str, record: &FrameRecord) -> Result<(), VerifyError> {
    let subject = Subject::at(key);
    let (stream, writer) = (&record.stream, &record.writer);
    let place = LivePlace {
        stream,
        writer,
        arrived_at: record.arrived_at,
    };
    let digest = content_digest(record.objects.as_ref(), &record.quarantined);
    subject.belongs_at(LiveKey::Record(place, digest))?;
    let is_first = record.sequence == 1;
    let has_valid_start = record.sequence > 0 && is_first == record.previous.is_none();
    subject.require(
        has_valid_start,
        "it must name a record before it if and only if its sequence is greater than 1",
    )?;
    check_counts(&subject, record)?;
    if let Some(objects) = &record.objects {
        let sha256 = objects.page.sha256;
        names(&subject, &objects.page, LiveKey::Frames(place, sha256))?;
        names(&subject, &objects.index, LiveKey::Index(place, sha256))?;
    }
    let day = audit_day(record.arrived_at);
    for text in &record.quarantined {
        let name = LiveKey::Quarantined(stream, day, text.object.sha256);
        names(&subject, &text.object, name)?;
    }
    let digests = record.quarantined.iter().map(|text| text.object.sha256);
    subject.require(
        digests.is_sorted_by(|one, next| one < next),
        "the digests of its quarantined frames are not in order",
    )
}

fn names(record: &Subject, object: &StoredObject, name: LiveKey<'_>) -> Result<(), VerifyError> {
    let expected = ObjectKey::Live(name).key();
    record.same("the key of an object that it names", &object.key, &expected)
}

fn check_counts(subject: &Subject, record: &FrameRecord) -> Result<(), VerifyError> {
    let counts = record.counts;
    // No batch has more; larger counts could overflow the sums of a day.
    let is_plausible = u32::try_from(counts.received).is_ok()
        && is_small(&record.topics)
        && is_small(&record.redactions);
    let sum = [counts.stored, counts.repeated, counts.quarantined];
    let sum: u128 = sum.map(u128::from).iter().sum();
    let of_stored = [
        counts.other_version,
        counts.other_topic,
        counts.time_of_arrival,
        counts.implausible_time,
    ];
    let is_consistent =
        sum == u128::from(counts.received) && of_stored.iter().all(|count| *count <= counts.stored);
    subject.require(is_plausible && is_consistent, "its counts do not add up")?;
    let has_frames = counts.stored > 0;
    subject.require(
        record.objects.is_some() == has_frames,
        "it must name objects if and only if it stored frames",
    )?;
    let times = [record.first_event_time, record.last_event_time];
    subject.require(
        times.iter().all(|time| time.is_some() == has_frames),
        "it must state event times if and only if it stored frames",
    )?;
    let named = record.quarantined.len() as u64;
    let has_quarantined = named > 0;
    let fits = named <= counts.quarantined && has_quarantined == (counts.quarantined > 0);
    let rule = format_args!(
        "it quarantined {} frames and names {named}",
        counts.quarantined
    );
    subject.require(fits, rule)
}

/// Whether no sum over a day overflows.
fn is_small(tally: &Tally) -> bool {
    tally
        .by_label()
        .all(|(_, count)| u32::try_from(count).is_ok())
}

/// Compares the record with the lines of its frame object.
pub(super) fn check_frames_of(
    key: &str,
    record: &FrameRecord,
    frames: &CheckedFrames,
) -> Result<(), VerifyError> {
    let subject = Subject::at(key);
    // Only the process knew the others.
    let expected = FrameCounts {
        received: record.counts.received,
        repeated: record.counts.repeated,
        quarantined: record.counts.quarantined,
        implausible_time: record.counts.implausible_time,
        ..frames.counts
    };
    for (field, equal) in [
        ("counts", record.counts == expected),
        ("topics", record.topics == frames.topics),
        (
            "firstEventTime",
            record.first_event_time == frames.first_event_time,
        ),
        (
            "lastEventTime",
            record.last_event_time == frames.last_event_time,
        ),
    ] {
        let rule = format_args!("its `{field}` does not match its frame object");
        subject.require(equal, rule)?;
    }
    Ok(())
}
