//! The keys of live objects. Their names come from outside, and are validated types.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::base::hash::Sha256;
use crate::base::ids::{StreamName, WriterId};
use crate::export::live_coverage::LiveGapSpan;

/// The name of a live object.
#[derive(Clone, Copy, Debug)]
pub enum LiveKey<'a> {
    /// The frames of a batch, as gzip NDJSON.
    Frames(LivePlace<'a>, Sha256),
    /// The frame index, with the digest of the frame object.
    Index(LivePlace<'a>, Sha256),
    /// The frame record, with the digest of what it names.
    Record(LivePlace<'a>, Sha256),
    /// A text that is not a frame, by the day of its arrival and the digest of the document.
    Quarantined(&'a StreamName, Date, Sha256),
    /// The process that holds the stream from now on.
    Epoch(&'a StreamName, u64),
    /// The process of that epoch has ended in order.
    EndedEpoch(&'a StreamName, u64),
    Gap(&'a StreamName, LiveGapSpan),
    /// The export that closed the gap.
    ClosedGap(&'a StreamName, LiveGapSpan),
    Day(&'a StreamName, Date),
}

/// The folder of the hour in which a batch arrived, and the writer that stores it.
#[derive(Clone, Copy, Debug)]
pub struct LivePlace<'a> {
    pub stream: &'a StreamName,
    pub writer: &'a WriterId,
    pub arrived_at: Timestamp,
}

/// Prefix of all live objects.
pub(crate) const LIVE_PREFIX: &str = "live/";

/// Prefix of the objects of a stream.
pub(crate) fn stream_prefix(stream: &StreamName) -> String {
    format!("{LIVE_PREFIX}{stream}/")
}

/// Prefix of the frames that arrived in a UTC day.
pub(crate) fn arrivals_prefix(stream: &StreamName, day: Date) -> String {
    format!("{LIVE_PREFIX}{stream}/dt={day}/")
}

/// Prefix of the frames that arrived in the hour of this moment.
pub(crate) fn hour_prefix(stream: &StreamName, moment: Timestamp) -> String {
    let moment = Offset::UTC.to_datetime(moment);
    let day = arrivals_prefix(stream, moment.date());
    format!("{day}hour={:02}/", moment.hour())
}

/// Prefix of the quarantined frames that arrived in a UTC day.
pub(crate) fn quarantine_prefix(stream: &StreamName, day: Date) -> String {
    format!("{LIVE_PREFIX}{stream}/quarantine/dt={day}/")
}

/// Prefix of the live gaps of a stream.
pub(crate) fn gaps_prefix(stream: &StreamName) -> String {
    format!("{LIVE_PREFIX}{stream}/gaps/")
}

/// Prefix of the day seals of a stream.
pub(crate) fn days_prefix(stream: &StreamName) -> String {
    format!("{LIVE_PREFIX}{stream}/days/")
}

/// Prefix of the epochs of a stream.
pub(crate) fn epochs_prefix(stream: &StreamName) -> String {
    format!("{LIVE_PREFIX}{stream}/epoch-")
}

/// The digits of a digest in a key.
const DIGEST_DIGITS: usize = 16;

impl LiveKey<'_> {
    pub(super) fn is_gzip_ndjson(&self) -> bool {
        matches!(self, Self::Frames(..) | Self::Index(..))
    }
}

impl fmt::Display for LiveKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LIVE_PREFIX)?;
        match self {
            Self::Frames(place, digest) => write!(f, "{place}-{}.ndjson.gz", short(digest)),
            Self::Index(place, digest) => write!(f, "{place}-{}.index.gz", short(digest)),
            Self::Record(place, digest) => write!(f, "{place}-{}.record.json", short(digest)),
            Self::Quarantined(stream, day, digest) => {
                write!(f, "{stream}/quarantine/dt={day}/{}.json", short(digest))
            }
            Self::Epoch(stream, epoch) => write!(f, "{stream}/epoch-{epoch:08}.json"),
            Self::EndedEpoch(stream, epoch) => {
                write!(f, "{stream}/epoch-{epoch:08}-ended.json")
            }
            Self::Gap(stream, span) => write!(f, "{stream}/gaps/{span}.json"),
            Self::ClosedGap(stream, span) => write!(f, "{stream}/gaps/{span}-closed.json"),
            Self::Day(stream, day) => write!(f, "{stream}/days/{day}.json"),
        }
    }
}

impl fmt::Display for LivePlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrival = Offset::UTC.to_datetime(self.arrived_at);
        let (day, hour) = (arrival.date(), arrival.hour());
        write!(f, "{}/dt={day}/hour={hour:02}/{}", self.stream, self.writer)
    }
}

fn short(digest: &Sha256) -> String {
    digest.short(DIGEST_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::objects::ObjectKey;

    #[test]
    fn live_objects_are_stored_by_the_hour_of_their_arrival() {
        let (stream, writer) = (StreamName::events(), "w-1".parse().unwrap());
        let place = LivePlace {
            stream: &stream,
            writer: &writer,
            arrived_at: "2026-12-01T00:30:00+01:00".parse().unwrap(),
        };
        let (day, digest) = ("2026-11-30".parse().unwrap(), Sha256::of("abc"));

        let keys = [
            LiveKey::Frames(place, digest),
            LiveKey::Index(place, digest),
            LiveKey::Record(place, digest),
            LiveKey::Quarantined(&stream, day, digest),
            LiveKey::Epoch(&stream, 7),
            LiveKey::EndedEpoch(&stream, 7),
        ]
        .map(|key| ObjectKey::Live(key).key());

        insta::assert_snapshot!(keys.join("\n"), @"
        live/events/dt=2026-11-30/hour=23/w-1-ba7816bf8f01cfea.ndjson.gz
        live/events/dt=2026-11-30/hour=23/w-1-ba7816bf8f01cfea.index.gz
        live/events/dt=2026-11-30/hour=23/w-1-ba7816bf8f01cfea.record.json
        live/events/quarantine/dt=2026-11-30/ba7816bf8f01cfea.json
        live/events/epoch-00000007.json
        live/events/epoch-00000007-ended.json
        ");
    }

    #[test]
    fn frames_and_index_are_gzip_ndjson_and_the_documents_are_json() {
        let (stream, writer) = (StreamName::events(), "w".parse().unwrap());
        let place = LivePlace {
            stream: &stream,
            writer: &writer,
            arrived_at: Timestamp::UNIX_EPOCH,
        };
        let digest = Sha256::of("abc");
        let encoding = |key| ObjectKey::Live(key).object("").content_encoding;

        assert_eq!(encoding(LiveKey::Frames(place, digest)), Some("gzip"));
        assert_eq!(encoding(LiveKey::Index(place, digest)), Some("gzip"));
        assert_eq!(encoding(LiveKey::Record(place, digest)), None);
    }
}
