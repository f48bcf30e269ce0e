//! Converts the records of a results page to the bytes that are stored. Pure and deterministic.
//!
//! Values are carried as the text they arrived as: nothing that is only copied is parsed, so numbers of any size and
//! strings of any kind are unchanged. This module knows no store and no clock, and does not look across pages.

use std::fmt;
use std::ops::Add;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::hash::Sha256;
use crate::base::time::Interval;
use crate::records::redaction::{Redactor, Tally};

mod builder;
mod channel;
mod check;
mod codec;
mod copy;
mod entity;
mod identity;
mod index;
mod known;
mod minimal;
mod names;
mod normalized;
mod raw_record;
mod redact;
mod results;
mod salvage;
mod standard;
mod textual;
mod walk;

#[cfg(test)]
mod properties;

pub use check::IndexMismatch;
pub(crate) use check::check_index;
pub use codec::CodecError;
pub(crate) use codec::{GzipWriter, infallible};
pub use codec::{decode_lines, page_text};
pub use identity::RejectReason;
pub use identity::has_ended;
pub use identity::{RecordField, RecordIdentity};
pub(crate) use identity::{record_end, record_id};
pub use index::IndexEntry;
pub use index::IndexReader;
pub use index::for_each_indexed_id;
pub(crate) use index::{for_each_indexed_version, read_index};
pub use known::KnownVersions;
pub use names::Names;
pub use raw_record::OwnedRecord;
pub use raw_record::RawRecord;
pub(crate) use redact::redact_free_text;
pub(crate) use redact::{escape_controls, text_of_bytes};
pub(crate) use redact::{
    holds_list_of_words, is_list_of_words, redact_live_event, redact_rejected_event,
};
pub use results::ResultsFields;
pub use results::{DETAILS_FIELDS, ResultsPage, ResultsReader, gateway_records};
#[cfg(test)]
use standard::dropped_paths;
pub(crate) use textual::{medium_of, textual_conversation_id};
pub(crate) use walk::Cursor;

use builder::PageBuilder;
use copy::{DROP_NOTHING, copy_record};
use identity::{IdentityFields, IdentityNames, record_start};
use walk::member_values;

/// Which fields of a record are stored, and in which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Projection {
    /// Seven fields and the participants' id, type and name. An analytics record is mapped to these fields.
    Minimal,
    /// The record without the fields named in `standard.rs`; a gateway's record unchanged.
    #[default]
    Standard,
    /// The record unchanged.
    Full,
    /// One flat row with the same thirteen fields, whatever the source.
    Normalized,
    /// The texts of a conversation. The only projection of transcripts, and for no other records.
    Transcript,
}

/// The kind of record, which determines the names of its id and start fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordShape {
    /// `conversationId` and `conversationStart`.
    Analytics,
    /// `id` and `startTime`. An id may be an integer.
    Gateway,
    /// An entity of a history gateway: `interactionId`, or else `id`, or else `conversationId`; and `startTimestamp`, or
    /// else `startTime`, or else `conversationStart`. An id may be an integer.
    EntityByInteraction,
    /// Like `EntityByInteraction`, but `id` takes precedence over `interactionId`.
    EntityById,
    /// `recordId` and `startTime`, in milliseconds: the fields of a normalized line.
    Normalized,
    /// `conversationId` and `conversationStart`. An unknown start is null and counts as 1970.
    Transcript,
}

/// How the records of a page are processed.
#[derive(Clone, Copy, Debug)]
pub struct PageRules<'a> {
    pub shape: RecordShape,
    pub projection: Projection,
    /// Records that start outside this interval are left out; `None` keeps all.
    pub membership: Option<&'a Interval>,
    /// `normalizedAt` of normalized records: the time of the plan, so that a page can be reproduced.
    pub planned_at: Timestamp,
    /// Versions that are already archived: a record that has not changed since is left out.
    pub known: Option<&'a KnownVersions>,
    /// For normalized records: names of the queues and wrap-up codes that records reference by id.
    pub names: Option<&'a Names>,
    /// Removes personal data from the texts before any of them is stored.
    pub redactor: Option<&'a Redactor>,
}

/// A page as it is stored. Equal records under equal rules give equal bytes.
#[derive(Clone, Debug)]
pub struct PageBody {
    /// The page object: NDJSON, each line terminated by `\n`, as one gzip member. `None` when there are no lines.
    pub object: Option<Vec<u8>>,
    /// The page index: an [`IndexEntry`] for each line of the object, as gzipped NDJSON too.
    pub index: Option<Vec<u8>>,
    pub rejects: Vec<Reject>,
    pub counts: Counts,
    /// Values redacted in the lines and in the rejects.
    pub redactions: Tally,
    /// For transcripts: their number by status.
    pub statuses: Tally,
    /// Files that were sent with the messages of the transcripts, with their digests.
    pub files: Vec<AttachedFile>,
    /// The size of the object before compression.
    pub ndjson_bytes: u64,
}

/// An attachment's bytes, unchanged.
#[derive(Clone)]
pub struct AttachedFile {
    pub sha256: Sha256,
    pub bytes: Vec<u8>,
}

/// Omits the bytes: they may be personal data.
impl fmt::Debug for AttachedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachedFile")
            .field("sha256", &self.sha256)
            .field("size_bytes", &self.bytes.len())
            .finish()
    }
}

/// The number of records by outcome; the other fields add up to `received`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub received: u64,
    pub archived: u64,
    /// Records that belong to another interval.
    pub left_out: u64,
    /// Records whose current version is already archived. Only a revisit has them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unchanged: u64,
    pub rejected: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A record that cannot be archived, because its id or start is missing or unreadable.
#[derive(Clone)]
pub struct Reject {
    /// Position in the page as received, starting at 0.
    pub position: u64,
    pub reason: RejectReason,
    /// The record as received, after redaction.
    pub raw: Box<[u8]>,
}

/// Projects, compresses and indexes the records, in the order received.
pub fn encode(records: &[RawRecord<'_>], rules: &PageRules<'_>) -> PageBody {
    let mut builder = PageBuilder::new(rules.shape);
    for record in records {
        let record = match record {
            RawRecord::Json(record) => record.get(),
            RawRecord::Unreadable(bytes) => {
                builder.reject_unreadable(bytes, rules);
                continue;
            }
        };
        let identity_fields = rules.project(record, builder.line());
        match RecordIdentity::from_fields(identity_fields, record, rules.shape) {
            // It has no usable identity, but it belongs to another interval, whose export rejects it.
            Err(_) if rules.starts_outside(identity_fields) => builder.leave_out(),
            Err(reason) => builder.reject(record, reason, rules),
            Ok(identity) if rules.leaves_out(&identity) => builder.leave_out(),
            Ok(identity) => builder.archive(rules.stored_identity(identity), rules),
        }
    }
    builder.finish()
}

impl PageRules<'_> {
    fn leaves_out(&self, identity: &RecordIdentity<'_>) -> bool {
        self.membership
            .is_some_and(|interval| !interval.contains(identity.start))
    }

    fn starts_outside(&self, identity_fields: IdentityFields<'_>) -> bool {
        let start = record_start(identity_fields, self.shape);
        let interval = self.membership.zip(start);
        interval.is_some_and(|(interval, start)| !interval.contains(start))
    }

    /// The identity as the stored line states it.
    fn stored_identity<'a>(&self, identity: RecordIdentity<'a>) -> RecordIdentity<'a> {
        match self.projection {
            Projection::Normalized => identity.truncated_to_millis(),
            Projection::Minimal
            | Projection::Standard
            | Projection::Full
            | Projection::Transcript => identity,
        }
    }

    /// Writes the line of the record, in case it is archived, and returns the fields that identify it.
    fn project<'a>(&self, record: &'a str, line: &mut String) -> IdentityFields<'a> {
        let names = match self.shape.identity_names() {
            IdentityNames::Entity => return self.project_entity(record, line),
            IdentityNames::Of(names) => names,
        };
        let values = self.project_values(record, names, line);
        IdentityFields::new(self.shape, values)
    }

    /// Like `project`, for an entity of a history gateway.
    fn project_entity<'a>(&self, record: &'a str, line: &mut String) -> IdentityFields<'a> {
        let fields = IdentityFields::read(record, self.shape);
        match self.projection {
            Projection::Minimal => minimal::write_entity(record, fields, line),
            Projection::Normalized => normalized::write_entity(record, fields, self, line),
            Projection::Standard | Projection::Full | Projection::Transcript => {
                line.push_str(record);
            }
        }
        fields
    }

    /// Writes the line of a record whose id and start have these names, and returns their values.
    fn project_values<'a>(
        &self,
        record: &'a str,
        names: [&'static str; 2],
        line: &mut String,
    ) -> [Option<&'a str>; 2] {
        match (self.projection, self.shape) {
            (Projection::Minimal, RecordShape::Gateway) => minimal::write_gateway(record, line),
            (Projection::Minimal, RecordShape::Analytics) => minimal::write_analytics(record, line),
            (Projection::Standard, RecordShape::Analytics) => {
                return copy_record(record, names, &standard::RECORD, line);
            }
            (Projection::Normalized, RecordShape::Analytics) => {
                return normalized::write_analytics(record, self, line);
            }
            (Projection::Normalized, RecordShape::Gateway) => {
                return normalized::write_gateway(record, self, line);
            }
            (Projection::Standard, RecordShape::Gateway)
            | (Projection::Full | Projection::Transcript, _)
            | (
                _,
                RecordShape::Normalized
                | RecordShape::Transcript
                | RecordShape::EntityByInteraction
                | RecordShape::EntityById,
            ) => {
                return copy_record(record, names, &DROP_NOTHING, line);
            }
        }
        member_values(record, names)
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            archived: self.archived + other.archived,
            left_out: self.left_out + other.left_out,
            unchanged: self.unchanged + other.unchanged,
            rejected: self.rejected + other.rejected,
        }
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimal => "minimal",
            Self::Standard => "standard",
            Self::Full => "full",
            Self::Normalized => "normalized",
            Self::Transcript => "transcript",
        })
    }
}

impl fmt::Debug for Reject {
    /// Omits the record: rejected content must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reject")
            .field("position", &self.position)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::redaction::Rules;

    const FULL: PageRules<'_> = PageRules {
        shape: RecordShape::Gateway,
        projection: Projection::Full,
        membership: None,
        planned_at: Timestamp::UNIX_EPOCH,
        known: None,
        names: None,
        redactor: None,
    };

    fn encode_page(body: &str, rules: &PageRules<'_>) -> (PageBody, String) {
        let page = encode(&gateway_records(body.as_bytes()).unwrap(), rules);
        let lines = page
            .object
            .as_deref()
            .map(|object| decode_lines(object, 1 << 20).unwrap());
        (page, String::from_utf8(lines.unwrap_or_default()).unwrap())
    }

    #[test]
    fn a_full_record_is_stored_byte_for_byte_in_the_order_received() {
        let records = [
            r#"{"id":"b","startTime":"2026-03-02T14:00:00Z","n":12345678901234567890.123,"n":1e400}"#,
            r#"{ "startTime" : "2026-03-02T13:00:00Z",	"id" : 1, "text" : "\ud800\u0041\n" }"#,
        ];

        let (page, lines) = encode_page(&format!("[{}]", records.join(" , ")), &FULL);

        assert_eq!(lines, records.join("\n") + "\n");
        assert_eq!(page.ndjson_bytes, lines.len() as u64);
    }

    #[test]
    fn only_line_breaks_between_tokens_are_removed() {
        let body = "[{\r\n  \"id\": \"a\\n\",\n  \"startTime\": \"2026-03-02T14:00:00Z\"\n}]";

        let (_, lines) = encode_page(body, &FULL);

        insta::assert_snapshot!(lines.trim_end(), @r#"{  "id": "a\n",  "startTime": "2026-03-02T14:00:00Z"}"#);
    }

    #[test]
    fn a_rejected_record_is_archived_with_its_values_redacted() {
        let redactor = Redactor::new(Rules::default());
        let rules = PageRules {
            redactor: Some(&redactor),
            ..FULL
        };
        for (reject, redacted) in [
            (
                r#"{"loginId":"mary.roe@example.com"}"#,
                r#"{"loginId":"[REDACTED:EMAIL]"}"#,
            ),
            (
                r#"{"id":{"card":"4111 1111 1111 1111"}}"#,
                r#"{"id":{"card":"[REDACTED:CARD]"}}"#,
            ),
            (
                r#"{"startTime":"call +49 151 23456789","id":"x"}"#,
                r#"{"startTime":"call [REDACTED:PHONE]","id":"x"}"#,
            ),
            (r#""DE89 3704 0044 0532 0130 00""#, r#""[REDACTED:IBAN]""#),
        ] {
            let (page, _) = encode_page(&format!("[{reject}]"), &rules);

            assert_eq!(page.counts.rejected, 1);
            assert_eq!(str::from_utf8(&page.rejects[0].raw), Ok(redacted));
        }
    }

    #[test]
    fn the_index_holds_the_offset_and_length_of_each_line() {
        let body = r#"[{"id":"a","startTime":"2026-03-02T14:00:00Z"},{"id":"é","startTime":"2026-03-02T15:00:00Z"}]"#;

        let (page, lines) = encode_page(body, &FULL);

        let entries: Vec<_> = read_index(page.index.as_deref().unwrap())
            .map(Result::unwrap)
            .collect();
        let line = |entry: &IndexEntry<'_>| {
            let start = usize::try_from(entry.offset).unwrap();
            lines[start..start + usize::try_from(entry.length).unwrap()].to_owned()
        };
        assert_eq!(
            line(&entries[0]),
            r#"{"id":"a","startTime":"2026-03-02T14:00:00Z"}"#
        );
        assert_eq!(
            line(&entries[1]),
            r#"{"id":"é","startTime":"2026-03-02T15:00:00Z"}"#
        );
    }

    #[test]
    fn a_record_belongs_to_the_interval_in_which_it_starts() {
        let interval = "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z".parse().unwrap();
        let rules = PageRules {
            membership: Some(&interval),
            ..FULL
        };
        let body = r#"[{"id":"before","startTime":"2026-03-01T23:59:59.999Z"},
            {"id":"first","startTime":"2026-03-02T00:00:00Z"},
            {"id":"last","startTime":"2026-03-03T00:59:59.999+01:00"},
            {"id":"after","startTime":"2026-03-03T00:00:00Z"}]"#;

        let (page, _) = encode_page(body, &rules);

        let ids: Vec<_> = read_index(page.index.as_deref().unwrap())
            .map(|entry| entry.unwrap().id)
            .collect();
        assert_eq!(ids, ["first", "last"]);
        assert_eq!(
            page.counts,
            Counts {
                received: 4,
                archived: 2,
                left_out: 2,
                unchanged: 0,
                rejected: 0
            }
        );
    }

    #[test]
    fn a_rejected_record_is_kept_verbatim_with_its_position() {
        let body = r#"[{"id":"a","startTime":"2026-03-02T14:00:00Z"},{"id": 1.5},7,
            {"id":"b","startTime":"2026-03-02T14:00:00Z"}]"#;

        let (page, lines) = encode_page(body, &FULL);

        assert_eq!(lines.lines().count(), 2);
        let rejects: Vec<_> = page
            .rejects
            .iter()
            .map(|reject| {
                (
                    reject.position,
                    reject.reason,
                    str::from_utf8(&reject.raw).unwrap(),
                )
            })
            .collect();
        let reasons = [
            RejectReason::IdMalformed(RecordField::Id),
            RejectReason::NotAnObject,
        ];
        assert_eq!(
            rejects,
            [(1, reasons[0], r#"{"id": 1.5}"#), (2, reasons[1], "7")]
        );
        assert_eq!(
            page.counts,
            Counts {
                received: 4,
                archived: 2,
                left_out: 0,
                unchanged: 0,
                rejected: 2
            }
        );
    }

    #[test]
    fn a_record_without_an_id_is_rejected_if_it_starts_in_the_interval() {
        let interval = "2026-03-02T00:00:00Z/2026-03-03T00:00:00Z".parse().unwrap();
        let rules = PageRules {
            membership: Some(&interval),
            ..FULL
        };

        let (page, _) = encode_page(
            r#"[{"startTime":"2026-03-02T14:00:00Z"},{"startTime":"2026-03-01T14:00:00Z"},{"id":"a"}]"#,
            &rules,
        );

        assert_eq!((page.counts.rejected, page.counts.left_out), (2, 1));
    }

    #[test]
    fn a_page_without_lines_has_neither_object_nor_index() {
        for body in ["[]", "[7]"] {
            let (page, _) = encode_page(body, &FULL);

            assert!(page.object.is_none() && page.index.is_none());
            assert_eq!(page.ndjson_bytes, 0);
        }
    }

    #[test]
    fn debug_output_hides_rejected_records() {
        let (page, _) = encode_page(r#"["Mary"]"#, &FULL);

        insta::assert_snapshot!(format!("{:?}", page.rejects), @"[Reject { position: 0, reason: NotAnObject, .. }]");
    }

    #[test]
    fn projections_and_counts_are_serialized_under_these_names() {
        let projections = [
            Projection::Minimal,
            Projection::Standard,
            Projection::Full,
            Projection::Normalized,
        ];
        let counts = Counts {
            received: 4,
            archived: 1,
            left_out: 2,
            unchanged: 0,
            rejected: 1,
        };

        insta::assert_snapshot!(serde_json::to_string(&projections).unwrap(), @r#"["minimal","standard","full","normalized"]"#);
        insta::assert_snapshot!(projections.map(|projection| projection.to_string()).join(" "), @"minimal standard full normalized");
        insta::assert_snapshot!(serde_json::to_string(&(counts + counts)).unwrap(), @r#"{"received":8,"archived":2,"leftOut":4,"rejected":2}"#);
    }
}
