//! The kinds of objects, with a key of each.

use std::sync::LazyLock;

use conversation_archive::base::hash::Sha256;
use conversation_archive::base::ids::{ExportId, RunId, StreamName, WriterId};
use conversation_archive::export::ended::EndedConversation;
use conversation_archive::export::live_coverage::LiveGapSpan;
use conversation_archive::export::objects::{
    AuditPart, ComparisonPart, LiveKey, LivePlace, ObjectKey,
};

use jiff::Timestamp;

use crate::rights::matches;

/// An id that contains the names of other kinds.
const ID: &str = "open-audit-slice-1";

/// An object of each kind.
pub fn samples() -> Vec<(&'static str, String)> {
    let id: ExportId = ID.parse().expect("an id");
    let run = RunId {
        export_id: id.clone(),
        slice: 1,
        run: 2,
    };
    let page = run.page(3);
    let digest = Sha256::of("body");
    let day = "2026-03-01".parse().expect("a day");
    // Names with a digit, so that a pattern has `*` for them.
    let stream: StreamName = "s1".parse().expect("a name");
    let writer: WriterId = "w1".parse().expect("an id");
    let place = LivePlace {
        stream: &stream,
        writer: &writer,
        arrived_at: "2026-03-01T10:00:00Z".parse().expect("a time"),
    };
    let span = LiveGapSpan {
        from: "2026-03-01T10:00:00Z".parse().expect("a moment"),
        until: "2026-03-01T10:05:00Z".parse().expect("a moment"),
    };
    let lines = ComparisonPart::Lines {
        portion: 1,
        bucket: 2,
        sha256: digest,
    };
    // Each group of the conversation's id has a digit, so that a pattern has `*` for it.
    let end: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a moment");
    let ended = EndedConversation {
        conversation_id: "0f8fad5b-d9cb-469f-a165-70867728950e"
            .parse()
            .expect("an id"),
        conversation_end: end.try_into().expect("an end"),
    };
    let keys = [
        ObjectKey::Request(&id),
        ObjectKey::Attempt(&id, 1),
        ObjectKey::Run(&run),
        ObjectKey::Waiting(&run),
        ObjectKey::Page(&page, digest),
        ObjectKey::Index(&page, digest),
        ObjectKey::Record(&page),
        ObjectKey::File(&page, digest),
        ObjectKey::End(&run),
        ObjectKey::Reject(&page, 4, digest),
        ObjectKey::DeadLetter(&id, digest),
        ObjectKey::UnassignedDeadLetter(digest),
        ObjectKey::Failed(&id, 1),
        ObjectKey::Cancelled(&id),
        ObjectKey::Comparison(&id, 1, ComparisonPart::Portion(1)),
        ObjectKey::Comparison(&id, 1, ComparisonPart::Tally { buckets: 1 }),
        ObjectKey::Comparison(&id, 1, lines),
        ObjectKey::Manifest(&id),
        ObjectKey::Ledger(1),
        ObjectKey::Cancel(&id),
        ObjectKey::Probe("0f8f"),
        ObjectKey::Open(&id),
        ObjectKey::Owed(&id, 1),
        ObjectKey::Resume(&id, 1),
        ObjectKey::Audit(day, &id, 1, AuditPart::Slice(1)),
        ObjectKey::Audit(day, &id, 1, AuditPart::Outcome),
        ObjectKey::Audit(day, &id, 1, AuditPart::Delivery(1)),
        ObjectKey::Live(LiveKey::Frames(place, digest)),
        ObjectKey::Live(LiveKey::Index(place, digest)),
        ObjectKey::Live(LiveKey::Record(place, digest)),
        ObjectKey::Live(LiveKey::Quarantined(&stream, day, digest)),
        ObjectKey::Live(LiveKey::Epoch(&stream, 1)),
        ObjectKey::Live(LiveKey::EndedEpoch(&stream, 1)),
        ObjectKey::Live(LiveKey::Gap(&stream, span)),
        ObjectKey::Live(LiveKey::ClosedGap(&stream, span)),
        ObjectKey::Live(LiveKey::Day(&stream, day)),
        ObjectKey::EndedBatch(&id),
        ObjectKey::Claim(&ended),
    ];
    keys.iter().map(|key| (kind(key), key.key())).collect()
}

/// The kind of the object with this key: the one whose keys have the most specific form, since a closed gap has the key of
/// its gap with a suffix.
///
/// # Panics
///
/// If it is the key of no kind or of several.
pub fn kind_of(key: &str) -> &'static str {
    static PATTERNS: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
        let samples = samples().into_iter();
        samples.map(|(kind, key)| (kind, pattern(&key))).collect()
    });
    let matching: Vec<_> = PATTERNS
        .iter()
        .filter(|(_, pattern)| matches(pattern, key))
        .collect();
    let is_specific = |one: &str| matching.iter().all(|(_, other)| matches(other, one));
    let most_specific = matching.iter().filter(|(_, pattern)| is_specific(pattern));
    let kinds: Vec<_> = most_specific.map(|(kind, _)| *kind).collect();
    assert_eq!(kinds.len(), 1, "{key} is a key of {kinds:?}");
    kinds[0]
}

/// The pattern of a kind's keys: the sample with `*` for its id, and for each number and digest.
fn pattern(sample: &str) -> String {
    let without_id = sample.replace(ID, "*");
    let words = without_id.split_inclusive(|character: char| !character.is_ascii_alphanumeric());
    let general = |word: &str| {
        let name = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        if name.contains(|character: char| character.is_ascii_digit()) {
            format!("*{}", &word[name.len()..])
        } else {
            word.to_owned()
        }
    };
    words.map(general).collect()
}

/// The name of the kind. A new kind does not compile until it is named here.
fn kind(key: &ObjectKey<'_>) -> &'static str {
    match key {
        ObjectKey::Request(..) => "Request",
        ObjectKey::Attempt(..) => "Attempt",
        ObjectKey::Run(..) => "Run",
        ObjectKey::Waiting(..) => "Waiting",
        ObjectKey::Page(..) => "Page",
        ObjectKey::Index(..) => "Index",
        ObjectKey::Record(..) => "Record",
        ObjectKey::File(..) => "File",
        ObjectKey::End(..) => "End",
        ObjectKey::Reject(..) => "Reject",
        ObjectKey::DeadLetter(..) => "DeadLetter",
        ObjectKey::UnassignedDeadLetter(..) => "UnassignedDeadLetter",
        ObjectKey::Failed(..) => "Failed",
        ObjectKey::Cancelled(..) => "Cancelled",
        ObjectKey::Comparison(.., ComparisonPart::Portion(_)) => "Portion",
        ObjectKey::Comparison(.., ComparisonPart::Tally { .. }) => "Tally",
        ObjectKey::Comparison(.., ComparisonPart::Lines { .. }) => "Lines",
        ObjectKey::Manifest(..) => "Manifest",
        ObjectKey::Ledger(..) => "Ledger",
        ObjectKey::Cancel(..) => "Cancel",
        ObjectKey::Probe(..) => "Probe",
        ObjectKey::Open(..) => "Open",
        ObjectKey::Owed(..) => "Owed",
        ObjectKey::Resume(..) => "Resume",
        ObjectKey::Audit(.., AuditPart::Slice(_)) => "AuditSlice",
        ObjectKey::Audit(.., AuditPart::Outcome) => "AuditOutcome",
        ObjectKey::Audit(.., AuditPart::Delivery(_)) => "Delivery",
        ObjectKey::Live(LiveKey::Frames(..)) => "LiveFrames",
        ObjectKey::Live(LiveKey::Index(..)) => "LiveIndex",
        ObjectKey::Live(LiveKey::Record(..)) => "LiveRecord",
        ObjectKey::Live(LiveKey::Quarantined(..)) => "LiveQuarantined",
        ObjectKey::Live(LiveKey::Epoch(..)) => "LiveEpoch",
        ObjectKey::Live(LiveKey::EndedEpoch(..)) => "EndedLiveEpoch",
        ObjectKey::Live(LiveKey::Gap(..)) => "LiveGap",
        ObjectKey::Live(LiveKey::ClosedGap(..)) => "ClosedLiveGap",
        ObjectKey::Live(LiveKey::Day(..)) => "LiveDay",
        ObjectKey::EndedBatch(..) => "EndedBatch",
        ObjectKey::Claim(..) => "Claim",
    }
}
