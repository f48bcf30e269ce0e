//! Generators of documents and their parts, with arbitrary texts and times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use crate::base::failure::{Failure, FailureKind};
use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{ExportId, PageId, RunId};
use crate::base::time::Interval;
use crate::export::attempt::{Attempt, Cause, Overrides, SliceRun};
use crate::export::audit::{Action, AuditEvent, EventType, Governance, NewAuditEvent};
use crate::export::checkpoint::{Checkpoint, ConversationPosition};
use crate::export::effort::Effort;
use crate::export::live::{FrameRecord, PreviousRecord, QuarantinedObject};
use crate::export::outcome::{
    Content, ExportMetrics, ExportStatus, Manifest, Outcome, PageEntry, RequestMetrics,
    SliceContent, SliceFailure,
};
use crate::export::page_record::{
    NextStep, PageContent, PageObjects, PageRecord, RejectedRecord, StoredObject,
};
use crate::export::plan::{
    AppliedRedaction, GatewayQuery, OffsetRange, Residency, ResidencyRule, Scope, SliceRange,
};
use crate::export::request::SourceKind;
use crate::export::run::{End, Origin, RunEnd, RunRecord};
use crate::export::totals::Totals;
use crate::export::waiting::{WaitReason, Waiting};
use crate::records::live::{FrameCounts, Problem};
use crate::records::page::{Counts, RecordField, RejectReason};
use crate::records::redaction::{Kind, Mode, Tally};

/// A string from an API or a user: any characters, and sometimes very long.
pub(super) fn text() -> BoxedStrategy<String> {
    let odd = select(vec![
        "",
        "\0",
        "\u{fffe}\u{ffff}",
        "\r\n\u{2028}\u{85}",
        "\"\\/\u{8}",
        "\u{1b}[2J\u{202e}",
        "配達先👍",
        "</script>",
        "../..",
    ]);
    let short = any::<String>();
    let mixed = (any::<String>(), odd, any::<String>())
        .prop_map(|(before, odd, after)| format!("{before}{odd}{after}"));
    prop_oneof![
        4 => short,
        4 => mixed,
        1 => any::<char>().prop_map(|letter| letter.to_string().repeat(5_000)),
    ]
    .boxed()
}

pub(super) fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..3).boxed()
}

/// Any timestamp in the supported range.
pub(super) fn moment() -> BoxedStrategy<Timestamp> {
    let any = Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond();
    let edges = select(vec![Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX]);
    prop_oneof![
        4 => any.prop_map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap()),
        1 => edges,
    ]
    .boxed()
}

pub(super) fn interval() -> BoxedStrategy<Interval> {
    (moment(), moment())
        .prop_filter_map("not an interval", |(one, other)| {
            Interval::new(one.min(other), one.max(other)).ok()
        })
        .boxed()
}

pub(super) fn export_id() -> BoxedStrategy<ExportId> {
    "[A-Za-z0-9_-]{1,64}"
        .prop_map(|id| id.parse().unwrap())
        .boxed()
}

pub(super) fn run_id() -> BoxedStrategy<RunId> {
    (export_id(), any::<u32>(), any::<u32>())
        .prop_map(|(export_id, slice, run)| RunId {
            export_id,
            slice,
            run,
        })
        .boxed()
}

pub(super) fn page_id() -> BoxedStrategy<PageId> {
    (run_id(), any::<u32>())
        .prop_map(|(run, page)| PageId { run, page })
        .boxed()
}

pub(super) fn sha256() -> BoxedStrategy<Sha256> {
    any::<[u8; 4]>().prop_map(Sha256::of).boxed()
}

pub(super) fn origin() -> BoxedStrategy<Origin> {
    prop_oneof![
        Just(Origin::First),
        any::<u32>().prop_map(|run| Origin::Replaces { run }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(run, after_page)| Origin::Continues { run, after_page }),
    ]
    .boxed()
}

pub(super) fn checkpoint() -> BoxedStrategy<Checkpoint> {
    let position =
        (any::<u64>(), any::<u64>()).prop_map(|(page, line)| ConversationPosition { page, line });
    prop_oneof![
        any::<u64>().prop_map(Checkpoint::offset),
        (option::of(text()), option::of(text()), any::<u64>()).prop_map(
            |(job, cursor, ids_before)| Checkpoint::Cursor {
                job,
                cursor,
                trail: None,
                ids_before,
            }
        ),
        interval().prop_map(|next| Checkpoint::Windows { next }),
        (option::of(position), texts())
            .prop_map(|(next, postponed)| Checkpoint::Conversations { next, postponed }),
    ]
    .boxed()
}

pub(super) fn counts() -> BoxedStrategy<Counts> {
    any::<[u64; 5]>()
        .prop_map(
            |[received, archived, left_out, unchanged, rejected]| Counts {
                received,
                archived,
                left_out,
                unchanged,
                rejected,
            },
        )
        .boxed()
}

pub(super) fn totals() -> BoxedStrategy<Totals> {
    (counts(), any::<[u64; 4]>(), effort())
        .prop_map(
            |(counts, [pages, stored_bytes, record_bytes, quota_bytes], effort)| Totals {
                pages,
                counts,
                stored_bytes,
                record_bytes,
                quota_bytes,
                effort,
            },
        )
        .boxed()
}

pub(super) fn effort() -> BoxedStrategy<Effort> {
    any::<[u64; 4]>()
        .prop_map(|[answers, repeats, cached, latency_ms]| Effort {
            answers,
            repeats,
            cached,
            latency_ms,
        })
        .boxed()
}

pub(super) fn tally() -> BoxedStrategy<Tally> {
    texts()
        .prop_map(|labels| {
            let mut tally = Tally::default();
            for label in &labels {
                tally.count(label);
            }
            tally
        })
        .boxed()
}

pub(super) fn failure() -> BoxedStrategy<Failure> {
    (text(), option::of(text()))
        .prop_map(|(message, context_id)| {
            Failure::new(FailureKind::JobFailed, message).with_context_id(context_id)
        })
        .boxed()
}

pub(super) fn end() -> BoxedStrategy<End> {
    prop_oneof![
        Just(End::Complete),
        Just(End::Cancelled),
        failure().prop_map(|failure| End::Failed { failure }),
        (any::<u32>(), text()).prop_map(|(successor, reason)| End::Replaced { successor, reason }),
    ]
    .boxed()
}

pub(super) fn event() -> BoxedStrategy<AuditEvent> {
    let governance = (text(), text(), text(), text());
    let governance =
        governance.prop_map(
            |(classification, directive, processor, version)| Governance {
                data_classification: classification,
                retention_directive: directive,
                processor,
                compliance_version: version,
            },
        );
    (
        export_id(),
        (text(), text(), text()),
        moment(),
        end(),
        option::of(governance),
        option::of(sha256()),
    )
        .prop_map(
            |(export_id, (request_id, subject, message), timestamp, end, governance, previous)| {
                let mut event = AuditEvent::new(NewAuditEvent {
                    export_id: &export_id,
                    query_hash: Sha256::of("q"),
                    request_id: &request_id,
                    timestamp,
                    action: Action::EndRun,
                    event_type: EventType::Run,
                    subject,
                    details: json!({"end": end, "page": u64::MAX}),
                })
                .with_failure(message);
                event.governance = governance;
                event.records_retrieved = Some(u64::MAX);
                event.chained_after(previous)
            },
        )
        .boxed()
}

pub(super) fn stored_object() -> BoxedStrategy<StoredObject> {
    (text(), any::<u64>(), sha256())
        .prop_map(|(key, size_bytes, sha256)| StoredObject {
            key,
            size_bytes,
            sha256,
        })
        .boxed()
}

pub(super) fn page_objects() -> BoxedStrategy<PageObjects> {
    (stored_object(), stored_object())
        .prop_map(|(page, index)| PageObjects { page, index })
        .boxed()
}

pub(super) fn page_content() -> BoxedStrategy<PageContent> {
    let next = prop_oneof![
        Just(NextStep::EndRun),
        checkpoint().prop_map(|checkpoint| NextStep::Continue { checkpoint }),
    ];
    let rejects = (any::<u64>(), stored_object()).prop_map(|(position, object)| RejectedRecord {
        position,
        reason: RejectReason::IdMissing(RecordField::ConversationId),
        object,
    });
    (
        (checkpoint(), next, option::of(page_objects()), counts()),
        (any::<u64>(), tally(), tally()),
        (vec(stored_object(), 0..2), vec(rejects, 0..2), texts()),
    )
        .prop_map(
            |(
                (checkpoint, next, objects, counts),
                (record_bytes, redactions, statuses),
                (files, rejects, warnings),
            )| {
                PageContent {
                    checkpoint,
                    next,
                    objects,
                    counts,
                    record_bytes,
                    redactions,
                    statuses,
                    files,
                    rejects,
                    warnings,
                }
            },
        )
        .boxed()
}

pub(super) fn page_record() -> BoxedStrategy<PageRecord> {
    (
        (page_id(), page_content(), totals(), moment()),
        (option::of(moment()), option::of(text()), effort(), event()),
    )
        .prop_map(
            |((id, content, totals, committed_at), (watermark, correlation_id, effort, event))| {
                PageRecord {
                    format_version: FormatVersion,
                    id,
                    content,
                    totals,
                    committed_at,
                    watermark,
                    correlation_id,
                    effort,
                    event,
                }
            },
        )
        .boxed()
}

fn stream_or_writer() -> BoxedStrategy<String> {
    "[a-z0-9-]{1,32}".boxed()
}

fn frame_counts() -> BoxedStrategy<FrameCounts> {
    (any::<u64>(), any::<u64>())
        .prop_map(|(received, implausible_time)| FrameCounts {
            received,
            implausible_time,
            ..FrameCounts::default()
        })
        .boxed()
}

pub(super) fn frame_record() -> BoxedStrategy<FrameRecord> {
    let previous = (text(), sha256()).prop_map(|(key, sha256)| PreviousRecord { key, sha256 });
    let quarantined = stored_object().prop_map(|object| QuarantinedObject {
        reason: Problem::TooDeep,
        object,
    });
    (
        (
            stream_or_writer(),
            stream_or_writer(),
            any::<u64>(),
            option::of(previous),
        ),
        (
            moment(),
            option::of(moment()),
            option::of((moment(), moment())),
        ),
        (option::of(page_objects()), frame_counts(), tally(), tally()),
        vec(quarantined, 0..3),
    )
        .prop_map(
            |(
                (stream, writer, sequence, previous),
                (arrived_at, covered_until, event_times),
                (objects, counts, topics, redactions),
                quarantined,
            )| FrameRecord {
                format_version: FormatVersion,
                stream: stream.parse().unwrap(),
                writer: writer.parse().unwrap(),
                sequence,
                previous,
                arrived_at,
                covered_until,
                first_event_time: event_times.map(|(first, _)| first),
                last_event_time: event_times.map(|(_, last)| last),
                objects,
                counts,
                topics,
                redactions,
                quarantined,
            },
        )
        .boxed()
}

pub(super) fn query() -> BoxedStrategy<GatewayQuery> {
    (text(), any::<u64>())
        .prop_map(|(query_id, total_records)| GatewayQuery {
            query_id,
            total_records,
        })
        .boxed()
}

pub(super) fn attempt() -> BoxedStrategy<Attempt> {
    let slice = (any::<u32>(), any::<u32>(), origin()).prop_map(|(slice, run, origin)| SliceRun {
        slice,
        run,
        origin,
    });
    (
        export_id(),
        any::<u32>(),
        moment(),
        vec(slice, 0..3),
        option::of(any::<u64>()),
        option::of(query()),
    )
        .prop_map(
            |(export_id, attempt, created_at, slices, quota_mb, query)| Attempt {
                format_version: FormatVersion,
                export_id,
                attempt,
                cause: Cause::Resume,
                created_at,
                slices,
                overrides: Overrides {
                    quota_mb,
                    on_bad_record: None,
                },
                query,
                queries_lost: attempt,
                automatic_resumes: attempt,
            },
        )
        .boxed()
}

pub(super) fn run_record() -> BoxedStrategy<RunRecord> {
    (
        run_id(),
        origin(),
        option::of(text()),
        option::of(text()),
        option::of(moment()),
        moment(),
    )
        .prop_map(
            |(id, origin, job, query_id, watermark, created_at)| RunRecord {
                format_version: FormatVersion,
                id,
                origin,
                job,
                query_id,
                watermark,
                created_at,
            },
        )
        .boxed()
}

pub(super) fn run_end() -> BoxedStrategy<RunEnd> {
    (
        run_id(),
        end(),
        any::<u32>(),
        totals(),
        option::of(text()),
        event(),
    )
        .prop_map(|(id, end, last_page, totals, job, event)| RunEnd {
            format_version: FormatVersion,
            id,
            end,
            last_page,
            totals,
            job,
            event,
        })
        .boxed()
}

pub(super) fn waiting() -> BoxedStrategy<Waiting> {
    (
        page_id(),
        text(),
        any::<u32>(),
        moment(),
        moment(),
        moment(),
    )
        .prop_map(
            |(id, detail, times_parked, since, not_before, deadline)| Waiting {
                format_version: FormatVersion,
                id,
                reason: WaitReason::Unavailable,
                detail,
                times_parked,
                since: BTreeMap::from([(WaitReason::Job, since), (WaitReason::Empty, since)]),
                not_before,
                deadline,
            },
        )
        .boxed()
}

pub(super) fn outcome() -> BoxedStrategy<Outcome> {
    let slice_failure =
        (option::of(any::<u32>()), failure()).prop_map(|(slice, failure)| SliceFailure {
            slice,
            run: slice,
            after_page: None,
            failure,
        });
    let residency =
        (option::of(text()), option::of(text())).prop_map(|(genesys, bucket)| Residency {
            genesys_region: genesys,
            bucket_region: bucket,
            rule: ResidencyRule::Exempt,
        });
    let metrics =
        (any::<u64>(), effort(), 0..10_000_u32).prop_map(|(pages, effort, rate)| ExportMetrics {
            pages,
            requests: RequestMetrics {
                effort,
                success_rate: Some(f64::from(rate) / 1e4),
                ..RequestMetrics::default()
            },
            ..ExportMetrics::default()
        });
    (
        (
            export_id(),
            interval(),
            option::of(text()),
            totals(),
            (residency, option::of(applied_redaction())),
        ),
        (
            moment(),
            moment(),
            vec(slice_failure, 0..2),
            vec(sha256(), 0..2),
            option::of(metrics),
            event(),
        ),
    )
        .prop_map(
            |(
                (export_id, interval, query_id, totals, (residency, redaction)),
                (started_at, ended_at, failures, audit_heads, metrics, event),
            )| {
                Outcome {
                    format_version: FormatVersion,
                    export_id,
                    status: ExportStatus::Failed,
                    attempt: 1,
                    source: SourceKind::HistoryGateway,
                    interval,
                    query_id,
                    totals,
                    residency,
                    redaction,
                    started_at,
                    ended_at,
                    failures,
                    audit_heads,
                    metrics,
                    gaps: None,
                    effort: metrics.map(|metrics| metrics.requests),
                    event,
                }
            },
        )
        .boxed()
}

fn applied_redaction() -> BoxedStrategy<AppliedRedaction> {
    let kinds = subsequence(Kind::ALL.to_vec(), 0..=Kind::ALL.len());
    let scope = kinds.prop_map(|kinds| Scope {
        mode: Mode::Hash,
        kinds,
    });
    prop_oneof![
        Just(AppliedRedaction::Off),
        scope.clone().prop_map(AppliedRedaction::Standard),
        scope.prop_map(AppliedRedaction::Strict),
    ]
    .boxed()
}

pub(super) fn manifest() -> BoxedStrategy<Manifest> {
    let range = prop_oneof![
        interval().prop_map(SliceRange::Interval),
        (any::<u64>(), option::of(any::<u64>()))
            .prop_map(|(start, end)| SliceRange::Offsets(OffsetRange { start, end })),
    ];
    let page =
        (any::<u32>(), counts(), option::of(page_objects())).prop_map(|(page, counts, objects)| {
            PageEntry {
                run: page,
                page,
                counts,
                objects,
            }
        });
    let slice =
        (range, counts(), vec(page, 0..2)).prop_map(|(range, counts, pages)| SliceContent {
            slice: 1,
            range,
            counts,
            pages,
        });
    (
        outcome(),
        counts(),
        tally(),
        vec(slice, 0..2),
        texts(),
        texts(),
    )
        .prop_map(
            |(outcome, counts, redactions, slices, missing_ids, warnings)| Manifest {
                outcome,
                content: Content {
                    repeated: None,
                    counts,
                    stored_bytes: u64::MAX,
                    statuses: redactions.clone(),
                    redactions,
                    slices,
                },
                missing_ids,
                warnings,
            },
        )
        .boxed()
}
