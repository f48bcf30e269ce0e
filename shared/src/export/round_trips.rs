//! Every type of stored document and message deserializes to the same value, whatever its contents.

use std::fmt::Debug;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::seal;
use crate::base::time::Interval;
use crate::export::attempt::Attempt;
use crate::export::audit::AuditEvent;
use crate::export::marker::OpenMarker;
use crate::export::message::{
    Before, CompletionMessage, PageMessage, WaitingMessage, WebhookMessage,
};
use crate::export::owed::OwedWebhook;
use crate::export::page_record::PageRecord;
use crate::export::plan::{
    Draft, ExportPlan, Identity, Pattern, PlanLimits, RedactionSettings, Residency,
};
use crate::export::request::ExportRequest;
use crate::export::scheduled_resume::ScheduledResume;
use crate::export::waiting::WaitReason;
use crate::storage::queue::Outgoing;

mod generate;

use generate::*;

/// The document is sealed, on one line, and equal after it is read.
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

/// The queue accepts the message, and it is equal after it is received.
fn is_sent<T>(message: &T, outgoing: &Outgoing) -> Result<(), TestCaseError>
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
    fn any_plan_survives_a_round_trip(request in request(), limits in limits()) {
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
    fn the_documents_of_an_export_survive_a_round_trip(
        attempt in attempt(), run in run_record(), end in run_end(), waiting in waiting(), since in moment(),
    ) {
        is_kept(&attempt)?;
        is_kept(&run)?;
        is_kept(&end)?;
        is_kept(&waiting)?;
        is_kept(&OwedWebhook {
            format_version: FormatVersion,
            export_id: run.id.export_id.clone(),
            attempt: u32::MAX,
            outcome_key: "exports/a/manifest.json".to_owned(),
            ended_at: since,
            since,
            deliveries_before: u32::MAX,
            sent_at: since,
        })?;
        is_kept(&ScheduledResume {
            format_version: FormatVersion,
            export_id: run.id.export_id.clone(),
            attempt: u32::MAX,
            not_before: since,
        })?;
        let mut marker = OpenMarker::new(run.id.export_id, since);
        marker.standing = Some(Sha256::of("x"));
        is_kept(&marker)?;
    }

    #[test]
    fn a_page_record_keeps_its_content_digest_in_a_round_trip(record in page_record()) {
        is_kept(&record)?;

        let read: PageRecord = seal::open(&seal::seal(&record).unwrap()).unwrap();
        prop_assert_eq!(read.content.digest(), record.content.digest());
    }

    #[test]
    fn outcomes_and_manifests_survive_a_round_trip(outcome in outcome(), manifest in manifest()) {
        is_kept(&outcome)?;
        is_kept(&manifest)?;
    }

    #[test]
    fn an_audit_event_is_intact_after_a_round_trip(event in event()) {
        is_kept(&event)?;

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
            sent_at: Some(at),
        };
        is_sent(&webhook, &webhook.outgoing().unwrap())?;
    }
}
