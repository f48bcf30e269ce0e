//! The plan: a request with every default resolved, divided into slices. It is stored as `request.json` and never
//! changes.

use std::num::NonZeroU64;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::ExportId;
use crate::base::time::{Interval, format_timestamp, later, start_of_day};
use crate::export::audit::{AuditEvent, Audited};
use crate::export::checkpoint::{Checkpoint, ConversationPosition};
use crate::export::request::{
    ExportRequest, Filters, HistoryForm, InvalidRequest, Membership, OnBadRecord, SourceKind,
};
use crate::records::medium::Medium;
use crate::records::page::{PageRules, Projection, RecordShape};
use crate::records::transcript::{AttachmentLimits, Limits, TranscriptRoute};

mod adopted;
mod applied;
mod coverage;
mod draft;
mod identity;
mod limits;
mod policy;
mod redaction;
mod residency;
mod revisit;
mod rules;
mod scope;
mod sessions;

pub use applied::{AppliedRedaction, Scope};
pub use draft::Draft;
pub use identity::ExportIdentity;
pub use limits::PlanLimits;
pub use policy::{BelowPolicy, RequiredRedaction, UnknownRequirement};
pub use redaction::Pattern;
pub use redaction::UnusableRedaction;
pub use redaction::{RedactionPlan, RedactionSettings};
pub use residency::Residency;
pub use residency::{ResidencyRule, UNKNOWN_REGION};
pub use revisit::{Revisit, due_revisits};
pub use scope::archive_id;
pub use sessions::SessionConversations;

/// `request.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportPlan {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    /// Digest of the archive and the organisation of the plan. Plans of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_id: Option<Sha256>,
    /// The fingerprint of the request: the same request uses this plan, another one with the same id is refused.
    pub query_hash: Sha256,
    pub source: SourceKind,
    pub interval: Interval,
    pub membership: Membership,
    /// For gateways: whether records that start outside the interval are left out. Not so in plans of earlier versions,
    /// where the gateway decided.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interval_enforced: bool,
    pub filters: Filters,
    pub records: Projection,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lookup_names: bool,
    /// The redaction of texts before anything is stored; `None` for no redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction: Option<RedactionPlan>,
    /// For transcripts: the export whose conversations are fetched. If `None`, `filters` lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_export: Option<ExportId>,
    /// For a history gateway: the form of its requests. Plans of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_form: Option<HistoryForm>,
    /// For transcripts: the API route and the limits on each transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcripts: Option<TranscriptPlan>,
    pub page_size: u32,
    pub include_media: bool,
    pub on_bad_record: OnBadRecord,
    /// The largest share of what was asked for that may be missing, in percent, without the status `completed_with_gaps`.
    /// Plans of earlier versions have none, and their exports never get that status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gap_percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_mb: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// For an interval that was exported before: only changed conversations are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisit: Option<Revisit>,
    pub slice_count: u32,
    pub slices: Vec<Slice>,
    /// For transcripts by session: the conversations to fetch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionConversations>,
    /// The gateway's query, for sources that have one. A later attempt may have a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<GatewayQuery>,
    pub residency: Residency,
    /// The organisation and the client that the plan was made with. Plans of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Organisation>,
    pub planned_at: Timestamp,
    pub start_event: AuditEvent,
}

impl Audited for ExportPlan {
    fn audit_event(&self) -> Option<&AuditEvent> {
        Some(&self.start_event)
    }
}

/// The organisation that an export reads from, and the OAuth client with which it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// The AWS region of the organisation, or the host of the API if a setting overrides it.
    pub environment: String,
    /// The id of the OAuth client. It is not a secret.
    pub client_id: String,
}

/// Settings for fetching the texts of conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptPlan {
    #[serde(default, skip_serializing_if = "TranscriptRoute::is_default")]
    pub route: TranscriptRoute,
    /// The media whose texts are read, in this order. Plans of earlier versions name none, and read messages.
    #[serde(default = "default_media", skip_serializing_if = "is_default_media")]
    pub media: Vec<Medium>,
    #[serde(flatten)]
    pub limits: Limits,
    /// The attachments to store; set with `includeMedia`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<AttachmentLimits>,
}

fn default_media() -> Vec<Medium> {
    Medium::DEFAULT.to_vec()
}

fn is_default_media(media: &[Medium]) -> bool {
    media == Medium::DEFAULT
}

impl TranscriptPlan {
    /// Whether files are downloaded, which are held in memory.
    pub(crate) fn downloads_files(&self) -> bool {
        self.attachments.is_some() || self.media.contains(&Medium::Voice)
    }
}

/// A part of an export that is processed in parallel with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Counted from 1.
    #[serde(rename = "slice")]
    pub number: u32,
    #[serde(flatten)]
    pub range: SliceRange,
}

/// The part of the export that a slice reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SliceRange {
    Interval(Interval),
    Offsets(OffsetRange),
}

/// Records of one query, from offset `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OffsetRange {
    pub start: u64,
    /// `None` for the last slice, which reads until the source returns no more records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
}

/// The gateway's response to the export's query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayQuery {
    pub query_id: String,
    pub total_records: u64,
}

impl ExportPlan {
    /// The rules for turning a results page into stored bytes.
    pub fn page_rules<'a>(&'a self, slice: &'a Slice) -> PageRules<'a> {
        PageRules {
            shape: self.shape(),
            projection: self.records,
            membership: self.interval_of_members(slice),
            planned_at: self.planned_at,
            known: None,
            names: None,
            redactor: None,
        }
    }

    /// The interval in which the records of a slice start; `None` if they may start at any time.
    fn interval_of_members<'a>(&'a self, slice: &'a Slice) -> Option<&'a Interval> {
        if !self.source.is_analytics() && !self.interval_enforced {
            return None;
        }
        match (self.membership, &slice.range) {
            (Membership::Start, SliceRange::Interval(interval)) => Some(interval),
            // The gateway's own interval may include its end.
            (Membership::Start, SliceRange::Offsets(_))
                if self.source == SourceKind::ExportGateway =>
            {
                Some(&self.interval)
            }
            // All conversations are kept, or they are requested by id.
            (Membership::Activity, _) | (Membership::Start, SliceRange::Offsets(_)) => None,
        }
    }

    /// The digest of the plan without its start event, which contains this digest.
    pub fn digest(&self) -> Sha256 {
        Sha256::of_sorted_json(self, Some("startEvent"))
    }

    /// Adds the plan's digest to the start event and makes it the head of the chain.
    fn seal_start(&mut self) {
        self.start_event.details["planSha256"] = json!(self.digest());
        self.start_event = self.start_event.clone().chained_after(None);
    }

    /// The fields that hold a record's id and start.
    pub fn shape(&self) -> RecordShape {
        match self.source {
            SourceKind::AnalyticsJob | SourceKind::AnalyticsQuery => RecordShape::Analytics,
            SourceKind::Transcripts => RecordShape::Transcript,
            SourceKind::ExportGateway => RecordShape::Gateway,
            SourceKind::HistoryGateway => match self.history_form {
                Some(HistoryForm::PageToken) => RecordShape::EntityByInteraction,
                Some(HistoryForm::Continuation) => RecordShape::EntityById,
                // Earlier versions archived records of the export gateway's shape.
                None => RecordShape::Gateway,
            },
        }
    }

    /// The interval of the whole export, unless it is of conversations of any time.
    pub fn requested_interval(&self) -> Option<Interval> {
        let range = self.slices.first().map(|slice| slice.range);
        match (self.source, range) {
            (SourceKind::HistoryGateway, Some(SliceRange::Offsets(_))) => None,
            _ => Some(self.interval),
        }
    }

    /// The checkpoint at the start of a slice, in the run's job if the source has jobs.
    pub fn first_checkpoint(&self, range: SliceRange, job: Option<String>) -> Checkpoint {
        match (self.source, range) {
            (SourceKind::AnalyticsQuery, SliceRange::Interval(next)) => {
                Checkpoint::Windows { next }
            }
            (SourceKind::HistoryGateway, _) | (_, SliceRange::Interval(_)) => {
                Checkpoint::job_start(job)
            }
            (SourceKind::Transcripts, SliceRange::Offsets(OffsetRange { start, .. })) => {
                Checkpoint::Conversations {
                    next: Some(ConversationPosition {
                        page: 0,
                        line: start,
                    }),
                    postponed: Vec::new(),
                }
            }
            (_, SliceRange::Offsets(OffsetRange { start, .. })) => Checkpoint::offset(start),
        }
    }
}

/// One slice per UTC day that the interval overlaps.
fn day_slices(interval: Interval) -> Vec<Interval> {
    const DAY: Duration = Duration::from_hours(24);
    let mut slices = Vec::new();
    let mut start = interval.start();
    while start < interval.end() {
        let end = later(start_of_day(start), DAY).min(interval.end());
        slices.extend(Interval::new(start, end));
        start = end;
    }
    slices
}

/// `count` slices of equal length, to the millisecond; fewer if the interval has fewer milliseconds.
fn equal_slices(interval: Interval, count: u32) -> Vec<Interval> {
    let (start, end) = (interval.start(), interval.end());
    let length = i128::from(end.as_millisecond() - start.as_millisecond());
    #[expect(
        clippy::expect_used,
        reason = "a boundary lies between the start and the end, which are timestamps"
    )]
    let boundary = |number: u32| match number {
        0 => start,
        number if number == count => end,
        number => {
            let part = length * i128::from(number) / i128::from(count);
            Timestamp::from_nanosecond(start.as_nanosecond() + part * 1_000_000)
                .expect("a boundary lies within the interval")
        }
    };
    (0..count)
        .filter_map(|number| Interval::new(boundary(number), boundary(number + 1)).ok())
        .collect()
}

/// `count` ranges of whole pages that together cover `total` records; the last one has no end.
pub(crate) fn offset_ranges(total: u64, page_size: u32, count: u32) -> Vec<SliceRange> {
    let page = NonZeroU64::new(page_size.into()).unwrap_or(NonZeroU64::MIN);
    let pages_per_slice = total.div_ceil(page.get()).div_ceil(u64::from(count.max(1)));
    let boundary = |number: u32| (u64::from(number) * pages_per_slice * page.get()).min(total);
    (0..count)
        .map(|number| {
            let last = number + 1 == count;
            SliceRange::Offsets(OffsetRange {
                start: boundary(number),
                end: (!last).then(|| boundary(number + 1)),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(text: &str) -> Interval {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_cut_at_midnight_utc() {
        let slices = day_slices(interval("2026-03-01T22:00:00Z/2026-03-03T01:00:00Z"));

        let texts: Vec<_> = slices.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "2026-03-01T22:00:00.000Z/2026-03-02T00:00:00.000Z",
                "2026-03-02T00:00:00.000Z/2026-03-03T00:00:00.000Z",
                "2026-03-03T00:00:00.000Z/2026-03-03T01:00:00.000Z",
            ]
        );
    }

    proptest! {
        #[test]
        fn slices_partition_their_interval(start in 0_i64..4_000_000_000_000, length in 1_i64..10_000_000_000, count in 1_u32..50) {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            let whole = Interval::new(at(start), at(start + length)).unwrap();

            for slices in [day_slices(whole), equal_slices(whole, count)] {
                prop_assert_eq!(slices.first().unwrap().start(), whole.start());
                prop_assert_eq!(slices.last().unwrap().end(), whole.end());
                prop_assert!(slices.windows(2).all(|pair| pair[0].end() == pair[1].start()));
            }
        }

        #[test]
        fn offset_ranges_follow_one_another_and_only_the_last_is_open(total in 0_u64..100_000, page_size in 1_u32..2_000, count in 1_u32..50) {
            let ranges: Vec<_> = offset_ranges(total, page_size, count).into_iter().map(|range| match range {
                SliceRange::Offsets(range) => range,
                SliceRange::Interval(_) => unreachable!("offset ranges"),
            }).collect();

            prop_assert_eq!(ranges.len(), count as usize);
            prop_assert_eq!(ranges[0].start, 0);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end == Some(pair[1].start)));
            prop_assert_eq!(ranges.iter().filter(|range| range.end.is_none()).count(), 1);
            prop_assert!(ranges.last().unwrap().start <= total);
        }
    }
}
