//! Every type of stored document and message deserializes to the same value, whatever its contents.

use std::collections::BTreeSet;
use std::fmt::Debug;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::seal;
use crate::base::time::Interval;
use crate::export::attempt::Attempt;
use crate::export::audit::AuditEvent;
use crate::export::ended::{Claim, EndedBatch, EndedConversation};
use crate::export::live::QuarantinedFrame;
use crate::export::marker::OpenMarker;
use crate::export::message::{
    Before, CompletionMessage, EndedMessage, PageMessage, WaitingMessage, WebhookMessage,
};
use crate::export::owed::OwedWebhook;
use crate::export::page_record::PageRecord;
use crate::export::plan::{
    Draft, ExportIdentity, ExportPlan, Pattern, PlanLimits, RedactionSettings, Residency,
};
use crate::export::request::ExportRequest;
use crate::export::scheduled_resume::ScheduledResume;
use crate::export::waiting::WaitReason;
use crate::records::live::Problem;
use crate::storage::queue::OutgoingMessage;

mod generate;

use generate::*;

/// The document is sealed, on one line, and equal after it is read.
fn check_round_trip<T>(document: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = seal::seal(document).unwrap();
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r'));
    prop_assert_eq!(lines.count(), 1);
    prop_assert_eq!(&seal::open::<T>(&bytes).unwrap(), document);
    Ok(())
}

/// The queue accepts the message, and it is equal after it is received.
fn check_sending<T>(message: &T, outgoing: &OutgoingMessage) -> Result<(), TestCaseError>
where
    T: DeserializeOwned + PartialEq + Debug,
{
    prop_assert_eq!(outgoing.check(), Ok(()));
    let received: T = serde_json::from_str(&outgoing.body).unwrap();
    prop_assert_eq!(&received, message);
    Ok(())
}

/// Valid requests for a gateway; the sources of the public API refuse most texts.
fn request() -> BoxedStrategy<serde_json::Value> {
    let ids = vec(text().prop_filter("an id", |id| !id.is_empty()), 1..3);
    let channel = subsequence(vec!["voice", "webchat"], 1);
    let scheduled = option::of(moment());
    (
        export_id(),
        interval(),
        ids,
        channel,
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

/// Limits with settings that contain any character.
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

fn plan_for(request: &str, limits: &PlanLimits) -> Option<ExportPlan> {
    let now: Timestamp = "2026-03-10T00:00:00Z".parse().unwrap();
    let request = ExportRequest::parse(request).ok()?;
    let identity = ExportIdentity::of(&request, now).ok()?;
    let draft = Draft::check(request, identity, now, limits).ok()?;
    let residency = Residency::decide(None, None, &[]).ok()?;
    draft.plan(None, residency, limits, now, "request-1").ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_plan_survives_a_round_trip(request in request(), limits in limits()) {
        let plan = plan_for(&request.to_string(), &limits);

        let latest_end = Timestamp::MAX.min("2026-03-11T00:00:00Z".parse().unwrap());
        let interval: Interval = request["interval"].as_str().unwrap().parse().unwrap();
        prop_assert_eq!(plan.is_some(), interval.end() <= latest_end && request["quotaMb"] != 0);
        if let Some(plan) = plan {
            check_round_trip(&plan)?;
            let read: ExportPlan = seal::open(&seal::seal(&plan).unwrap()).unwrap();
            prop_assert_eq!(read.digest(), plan.digest());
            prop_assert!(read.start_event.is_intact());
            check_round_trip(&Attempt::first(&plan))?;
        }
    }

    #[test]
    fn the_documents_of_an_export_survive_a_round_trip(
        attempt in attempt(), run in run_record(), end in run_end(), waiting in waiting(), since in moment(),
    ) {
        check_round_trip(&attempt)?;
        check_round_trip(&run)?;
        check_round_trip(&end)?;
        check_round_trip(&waiting)?;
        check_round_trip(&OwedWebhook {
            format_version: FormatVersion,
            export_id: run.id.export_id.clone(),
            attempt: u32::MAX,
            outcome_key: "exports/a/manifest.json".to_owned(),
            ended_at: since,
            since,
            deliveries_before: u32::MAX,
            sent_at: since,
        })?;
        check_round_trip(&ScheduledResume {
            format_version: FormatVersion,
            export_id: run.id.export_id.clone(),
            attempt: u32::MAX,
            not_before: since,
        })?;
        let mut marker = OpenMarker::new(run.id.export_id, since);
        marker.standing = Some(Sha256::of("x"));
        check_round_trip(&marker)?;
    }

    #[test]
    fn a_page_record_keeps_its_content_digest_in_a_round_trip(record in page_record()) {
        check_round_trip(&record)?;

        let read: PageRecord = seal::open(&seal::seal(&record).unwrap()).unwrap();
        prop_assert_eq!(read.content.digest(), record.content.digest());
    }

    #[test]
    fn the_documents_of_live_capture_survive_a_round_trip(record in frame_record(), text in option::of(text())) {
        check_round_trip(&QuarantinedFrame {
            format_version: FormatVersion,
            stream: record.stream.clone(),
            reason: Problem::NotJson,
            size_bytes: u64::MAX,
            text,
        })?;
        check_round_trip(&record)?;
    }

    #[test]
    fn outcomes_and_manifests_survive_a_round_trip(outcome in outcome(), manifest in manifest()) {
        check_round_trip(&outcome)?;
        check_round_trip(&manifest)?;
    }

    #[test]
    fn an_audit_event_is_intact_after_a_round_trip(event in event()) {
        check_round_trip(&event)?;

        let line = serde_json::to_string(&event).unwrap();
        let read: AuditEvent = serde_json::from_str(&line).unwrap();
        prop_assert!(read.is_intact());
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), line);
        prop_assert_eq!(event.error_message.is_some(), true);
    }

    #[test]
    fn messages_are_accepted_by_their_queue_and_survive_a_round_trip(
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
        check_sending(&page, &page.outgoing().unwrap())?;
        let waiting = WaitingMessage {
            format_version: FormatVersion,
            page,
            reason: WaitReason::Watermark,
            not_before: at,
            deadline: at,
        };
        check_sending(&waiting, &waiting.outgoing(at).unwrap())?;
        let ended = CompletionMessage::run_ended(&id.run);
        check_sending(&ended, &ended.outgoing().unwrap())?;
        let nudge = CompletionMessage::nudge(&id.run.export_id, at);
        check_sending(&nudge, &nudge.outgoing().unwrap())?;
        let webhook = WebhookMessage {
            format_version: FormatVersion,
            export_id: id.run.export_id,
            attempt: u32::MAX,
            outcome_key: "exports/a/manifest.json".to_owned(),
            sent_at: Some(at),
        };
        check_sending(&webhook, &webhook.outgoing().unwrap())?;
    }

    #[test]
    fn a_message_about_ended_conversations_survives_a_round_trip(
        ids in texts(), heard_at in moment(), not_before in moment(), now in moment(), lookups in any::<u32>(),
    ) {
        let message = EndedMessage {
            format_version: FormatVersion,
            conversation_ids: ids,
            heard_at,
            lookups,
            not_before,
        };
        check_sending(&message, &message.outgoing(now).unwrap())?;
    }

    #[test]
    fn batches_and_claims_survive_a_round_trip(
        numbers in vec(any::<u128>(), 1..5), end in moment(), now in moment(), export_id in export_id(),
    ) {
        prop_assume!(end >= Timestamp::UNIX_EPOCH);
        let ended = numbers.iter().map(|number| {
            let digits = format!("{number:032x}");
            let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
            EndedConversation {
                conversation_id: groups.join("-").parse().unwrap(),
                conversation_end: end.try_into().unwrap(),
            }
        });
        let ended: BTreeSet<_> = ended.collect();
        for ended in &ended {
            check_round_trip(&Claim::new(ended.clone(), export_id.clone(), now))?;
        }
        for batch in EndedBatch::split(&ended, now) {
            check_round_trip(&batch)?;
            prop_assert!(batch.is_consistent());
        }
    }
}
