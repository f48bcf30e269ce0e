//! Every kind of stored document and every message is read again as it was written, whatever stands in it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::FormatVersion;
use crate::attempt::{Attempt, Cause, Overrides, SliceRun};
use crate::audit::{Action, AuditEvent, EventType, Governance, Happening};
use crate::checkpoint::{Checkpoint, Place};
use crate::effort::Effort;
use crate::failure::{Failure, FailureKind};
use crate::hash::Sha256;
use crate::ids::{ExportId, PageId, RunId};
use crate::marker::OpenMarker;
use crate::message::{Before, CompletionMessage, PageMessage, WaitingMessage, WebhookMessage};
use crate::outcome::{
    Content, ExportMetrics, ExportStatus, Manifest, Outcome, PageEntry, SliceContent, SliceFailure,
};
use crate::page::{Counts, RecordField, RejectReason};
use crate::page_record::{
    NextStep, PageContent, PageObjects, PageRecord, RejectedRecord, StoredObject,
};
use crate::plan::{
    Draft, ExportPlan, GatewayQuery, Identity, OffsetRange, Pattern, PlanLimits, RedactionSettings,
    Residency, ResidencyRule, SliceRange,
};
use crate::queue::Outgoing;
use crate::redaction::Tally;
use crate::request::{ExportRequest, SourceKind};
use crate::run::{End, Origin, RunEnd, RunRecord};
use crate::seal;
use crate::time::Interval;
use crate::totals::Totals;
use crate::waiting::{WaitReason, Waiting};

/// Sealed, one line, and the same when it is read.
fn is_kept<T>(document: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = seal::seal(document).unwrap();
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r'));
    prop_assert_eq!(lines.count(), 1);
    prop_assert_eq!(&seal::open::<T>(&bytes).unwrap(), document);
    Ok(())
}

/// Taken by the queue, and the same when it is received.
fn is_sent<T>(message: &T, outgoing: &Outgoing) -> Result<(), TestCaseError>
where
    T: DeserializeOwned + PartialEq + Debug,
{
    prop_assert_eq!(outgoing.check(), Ok(()));
    let received: T = serde_json::from_str(&outgoing.body).unwrap();
    prop_assert_eq!(&received, message);
    Ok(())
}

/// What an API or a person may send as a string: every character that there is, and now and then very many.
fn text() -> BoxedStrategy<String> {
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
        .prop_map(|(before, odd, behind)| format!("{before}{odd}{behind}"));
    prop_oneof![
        4 => short,
        4 => mixed,
        1 => any::<char>().prop_map(|letter| letter.to_string().repeat(5_000)),
    ]
    .boxed()
}

fn texts() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..3).boxed()
}

/// Any moment that there is.
fn moment() -> BoxedStrategy<Timestamp> {
    let any = Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond();
    let edges = select(vec![Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX]);
    prop_oneof![
        4 => any.prop_map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap()),
        1 => edges,
    ]
    .boxed()
}

fn interval() -> BoxedStrategy<Interval> {
    (moment(), moment())
        .prop_filter_map("not an interval", |(one, other)| {
            Interval::new(one.min(other), one.max(other)).ok()
        })
        .boxed()
}

fn export_id() -> BoxedStrategy<ExportId> {
    "[A-Za-z0-9_-]{1,64}"
        .prop_map(|id| id.parse().unwrap())
        .boxed()
}

fn run_id() -> BoxedStrategy<RunId> {
    (export_id(), any::<u32>(), any::<u32>())
        .prop_map(|(export_id, slice, run)| RunId {
            export_id,
            slice,
            run,
        })
        .boxed()
}

fn page_id() -> BoxedStrategy<PageId> {
    (run_id(), any::<u32>())
        .prop_map(|(run, page)| PageId { run, page })
        .boxed()
}

fn sha256() -> BoxedStrategy<Sha256> {
    any::<[u8; 4]>().prop_map(Sha256::of).boxed()
}

fn origin() -> BoxedStrategy<Origin> {
    prop_oneof![
        Just(Origin::First),
        any::<u32>().prop_map(|run| Origin::Replaces { run }),
        (any::<u32>(), any::<u32>())
            .prop_map(|(run, after_page)| Origin::Continues { run, after_page }),
    ]
    .boxed()
}

fn checkpoint() -> BoxedStrategy<Checkpoint> {
    let place = (any::<u64>(), any::<u64>()).prop_map(|(page, line)| Place { page, line });
    prop_oneof![
        any::<u64>().prop_map(|offset| Checkpoint::Offset { offset }),
        (option::of(text()), option::of(text()))
            .prop_map(|(job, cursor)| Checkpoint::Cursor { job, cursor }),
        interval().prop_map(|next| Checkpoint::Windows { next }),
        (option::of(place), texts())
            .prop_map(|(next, postponed)| Checkpoint::Conversations { next, postponed }),
    ]
    .boxed()
}

fn counts() -> BoxedStrategy<Counts> {
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

fn totals() -> BoxedStrategy<Totals> {
    (counts(), any::<[u64; 4]>())
        .prop_map(
            |(counts, [pages, stored_bytes, record_bytes, quota_bytes])| Totals {
                pages,
                counts,
                stored_bytes,
                record_bytes,
                quota_bytes,
            },
        )
        .boxed()
}

fn effort() -> BoxedStrategy<Effort> {
    any::<[u64; 4]>()
        .prop_map(|[answers, repeats, cached, latency_ms]| Effort {
            answers,
            repeats,
            cached,
            latency_ms,
        })
        .boxed()
}

fn tally() -> BoxedStrategy<Tally> {
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

fn failure() -> BoxedStrategy<Failure> {
    (text(), option::of(text()))
        .prop_map(|(message, context_id)| {
            Failure::new(FailureKind::JobFailed, message).with_context_id(context_id)
        })
        .boxed()
}

fn end() -> BoxedStrategy<End> {
    prop_oneof![
        Just(End::Complete),
        Just(End::Cancelled),
        failure().prop_map(|failure| End::Failed { failure }),
        (any::<u32>(), text()).prop_map(|(successor, reason)| End::Replaced { successor, reason }),
    ]
    .boxed()
}

fn event() -> BoxedStrategy<AuditEvent> {
    let governance = any::<[u8; 1]>().prop_flat_map(|_| (text(), text(), text(), text()));
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
                let mut event = AuditEvent::new(Happening {
                    export_id: &export_id,
                    query_hash: Sha256::of("q"),
                    request_id: &request_id,
                    timestamp,
                    action: Action::EndRun,
                    event_type: EventType::Run,
                    subject,
                    details: json!({"end": end, "page": u64::MAX}),
                })
                .failed(message);
                event.governance = governance;
                event.records_retrieved = Some(u64::MAX);
                event.after(previous)
            },
        )
        .boxed()
}

fn stored_object() -> BoxedStrategy<StoredObject> {
    (text(), any::<u64>(), sha256())
        .prop_map(|(key, size_bytes, sha256)| StoredObject {
            key,
            size_bytes,
            sha256,
        })
        .boxed()
}

fn page_objects() -> BoxedStrategy<PageObjects> {
    (stored_object(), stored_object())
        .prop_map(|(page, index)| PageObjects { page, index })
        .boxed()
}

fn page_content() -> BoxedStrategy<PageContent> {
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

fn page_record() -> BoxedStrategy<PageRecord> {
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

fn query() -> BoxedStrategy<GatewayQuery> {
    (text(), any::<u64>())
        .prop_map(|(query_id, total_records)| GatewayQuery {
            query_id,
            total_records,
        })
        .boxed()
}

fn attempt() -> BoxedStrategy<Attempt> {
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
            },
        )
        .boxed()
}

fn run_record() -> BoxedStrategy<RunRecord> {
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

fn run_end() -> BoxedStrategy<RunEnd> {
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

fn waiting() -> BoxedStrategy<Waiting> {
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

fn outcome() -> BoxedStrategy<Outcome> {
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
            effort,
            success_rate: Some(f64::from(rate) / 1e4),
            ..ExportMetrics::default()
        });
    (
        (
            export_id(),
            interval(),
            option::of(text()),
            totals(),
            residency,
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
                (export_id, interval, query_id, totals, residency),
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
                    started_at,
                    ended_at,
                    failures,
                    audit_heads,
                    metrics,
                    event,
                }
            },
        )
        .boxed()
}

fn manifest() -> BoxedStrategy<Manifest> {
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

/// What somebody may ask a gateway for: of the public API's sources most texts are refused.
fn request() -> BoxedStrategy<serde_json::Value> {
    let ids = vec(text(), 0..3);
    let scheduled = option::of(moment());
    (
        export_id(),
        interval(),
        ids.clone(),
        ids,
        option::of(text()),
        option::of(any::<u64>()),
        scheduled,
    )
        .prop_map(|(id, interval, ids, media, webhook, quota, scheduled)| {
            json!({
                "exportId": id,
                "source": "history-gateway",
                "interval": interval,
                "filters": {"conversationIds": ids, "mediaTypes": media},
                "webhookUrl": webhook,
                "quotaMb": quota,
                "scheduledTime": scheduled,
            })
        })
        .boxed()
}

/// With settings that hold every character, too.
fn limits() -> BoxedStrategy<PlanLimits> {
    (texts(), text(), text())
        .prop_map(|(allowed, label, pattern)| {
            let mut limits = PlanLimits {
                redaction: RedactionSettings {
                    regions: vec!["DE".to_owned()],
                    patterns: vec![Pattern {
                        label: label.clone(),
                        pattern,
                    }],
                    allowed,
                },
                ..PlanLimits::default()
            };
            limits.governance.retention_directive = label;
            limits
        })
        .boxed()
}

fn planned(request: &str, limits: &PlanLimits) -> Option<ExportPlan> {
    let now: Timestamp = "2026-03-10T00:00:00Z".parse().unwrap();
    let request = ExportRequest::parse(request).ok()?;
    let identity = Identity::of(&request, now).ok()?;
    let draft = Draft::check(request, identity, now, limits).ok()?;
    let residency = Residency::decide(None, None, &[]).ok()?;
    draft.plan(None, residency, limits, now, "request-1").ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_plan_is_kept_whatever_was_asked_for(request in request(), limits in limits()) {
        let plan = planned(&request.to_string(), &limits);

        let asked = Timestamp::MAX.min("2026-03-11T00:00:00Z".parse().unwrap());
        let interval: Interval = request["interval"].as_str().unwrap().parse().unwrap();
        prop_assert_eq!(plan.is_some(), interval.end() <= asked && request["quotaMb"] != 0);
        if let Some(plan) = plan {
            is_kept(&plan)?;
            let read: ExportPlan = seal::open(&seal::seal(&plan).unwrap()).unwrap();
            prop_assert_eq!(read.digest(), plan.digest());
            prop_assert!(read.start_event.is_intact());
            is_kept(&Attempt::first(&plan))?;
        }
    }

    #[test]
    fn the_documents_of_an_export_are_kept(
        attempt in attempt(), run in run_record(), end in run_end(), waiting in waiting(), since in moment(),
    ) {
        is_kept(&attempt)?;
        is_kept(&run)?;
        is_kept(&end)?;
        is_kept(&waiting)?;
        let mut marker = OpenMarker::new(run.id.export_id, since);
        marker.standing = Some(Sha256::of("x"));
        is_kept(&marker)?;
    }

    #[test]
    fn a_page_record_is_kept_with_the_hash_that_its_event_vouches_for(record in page_record()) {
        is_kept(&record)?;

        let read: PageRecord = seal::open(&seal::seal(&record).unwrap()).unwrap();
        prop_assert_eq!(read.content.digest(), record.content.digest());
    }

    #[test]
    fn outcomes_and_manifests_are_kept(outcome in outcome(), manifest in manifest()) {
        is_kept(&outcome)?;
        is_kept(&manifest)?;
    }

    #[test]
    fn an_audit_event_is_one_line_and_intact_when_it_is_read(event in event()) {
        is_kept(&event)?;

        let line = serde_json::to_string(&event).unwrap();
        let read: AuditEvent = serde_json::from_str(&line).unwrap();
        prop_assert!(read.is_intact());
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), line);
        prop_assert_eq!(event.error_message.is_some(), true);
    }

    #[test]
    fn messages_are_taken_by_their_queue_and_received_alike(
        id in page_id(), checkpoint in checkpoint(), totals in totals(), at in moment(), origin in origin(),
    ) {
        prop_assert!(checkpoint.check().is_ok());
        let page = PageMessage {
            format_version: FormatVersion,
            id: id.clone(),
            attempt: 1,
            origin,
            checkpoint,
            totals,
            times_parked: u32::MAX,
            audit_head: Sha256::of("head"),
            before: Before::Committed,
        };
        is_sent(&page, &page.outgoing().unwrap())?;
        let waiting = WaitingMessage {
            format_version: FormatVersion,
            page,
            reason: WaitReason::Watermark,
            not_before: at,
            deadline: at,
        };
        is_sent(&waiting, &waiting.outgoing(at).unwrap())?;
        let ended = CompletionMessage::run_ended(&id.run);
        is_sent(&ended, &ended.outgoing().unwrap())?;
        let nudge = CompletionMessage::nudge(&id.run.export_id, at);
        is_sent(&nudge, &nudge.outgoing().unwrap())?;
        let webhook = WebhookMessage {
            format_version: FormatVersion,
            export_id: id.run.export_id,
            attempt: u32::MAX,
            outcome_key: "exports/a/manifest.json".to_owned(),
        };
        is_sent(&webhook, &webhook.outgoing().unwrap())?;
    }
}
