//! Redaction before storage: texts are stored without personal data, and the manifest counts the redactions.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::export::request::InvalidRequest;
use conversation_archive::pipeline::{ConfiguredKey, Redactors};
use conversation_archive::records::page::decode_lines;
use conversation_archive::storage::store::ArchiveStore as _;
use end_to_end::world::{DAYS, World, organisation};
use genesys_simulator::{Faults, Settings};
use start_export::{Command, StartError};

/// Personal data in the texts of the simulated customers.
const EMAIL: &str = "@quillpost.example";
const PHONE: &str = "+1202555";

async fn archived_text(world: &World, manifest: &Manifest) -> String {
    let lines = world.archived_lines(manifest).await;
    lines.into_keys().collect::<Vec<_>>().join("\n")
}

/// Counts a personal value in the gateway's records of the world's days.
fn occurrences_in_records(world: &World, value: &str) -> u64 {
    let interval: conversation_archive::base::time::Interval = DAYS.parse().expect("an interval");
    let records = world.simulator.truth().gateway;
    let records = records.iter().filter(|it| interval.contains(it.start));
    records
        .map(|it| it.json.matches(value).count() as u64)
        .sum()
}

#[tokio::test]
async fn typed_addresses_and_numbers_are_redacted_unless_disabled() {
    let mut world = World::new(organisation(101, 120)).await;
    let (emails, phones) = (
        occurrences_in_records(&world, EMAIL),
        occurrences_in_records(&world, PHONE),
    );
    assert!(emails > 100 && phones > 100, "{emails} {phones}");

    let redacted = world.request("export-gateway", r#","pageSize":50"#);
    let redacted = world.export(&redacted).await;
    let verbatim = world.request("export-gateway", r#","redaction":{"enabled":false}"#);
    let verbatim = world.export(&verbatim).await;

    let text = archived_text(&world, &redacted).await;
    assert!(!text.contains(EMAIL) && !text.contains(PHONE));
    assert_eq!(text.matches("[REDACTED:EMAIL]").count() as u64, emails);
    assert_eq!(text.matches("[REDACTED:PHONE]").count() as u64, phones);
    let counted: Vec<_> = redacted.content.redactions.by_label().collect();
    assert_eq!(counted, [("EMAIL", emails), ("PHONE", phones)]);
    let metrics = redacted.outcome.metrics.expect("metrics");
    assert_eq!(metrics.redactions, emails + phones);
    let text = archived_text(&world, &verbatim).await;
    assert_eq!(text.matches(EMAIL).count() as u64, emails);
    assert!(verbatim.content.redactions.is_empty());
    world.verify(&redacted.outcome.export_id).await;
    world.verify(&verbatim.outcome.export_id).await;
}

#[tokio::test]
async fn page_records_and_audit_events_hold_the_same_redaction_counts() {
    let mut world = World::new(organisation(102, 60)).await;
    let request = world.request("export-gateway", r#","slices":1,"pageSize":20"#);

    let manifest = world.export(&request).await;

    let archive = world.archive();
    let mut sum = 0;
    for page in &manifest.content.slices[0].pages {
        let id = conversation_archive::base::ids::RunId {
            export_id: manifest.outcome.export_id.clone(),
            slice: 1,
            run: page.run,
        };
        let record = archive.record(&id.page(page.page)).await;
        let record = record.expect("readable").expect("a record");
        let redactions = &record.content.redactions;
        let event_redactions = &record.event.details["redactions"];
        if redactions.is_empty() {
            assert!(event_redactions.is_null());
        } else {
            assert_eq!(*event_redactions, serde_json::json!(redactions));
        }
        sum += redactions.total();
    }
    assert_eq!(sum, manifest.content.redactions.total());
}

#[tokio::test]
async fn the_strict_profile_redacts_participants_of_every_source() {
    let people: BTreeSet<String> = {
        let world = World::new(organisation(103, 1)).await;
        let planted = world.simulator.truth().planted.into_iter();
        planted
            .filter(|it| it.contains(' ') && it.contains('-'))
            .collect()
    };
    for source in ["analytics-job", "analytics-query", "export-gateway"] {
        let mut world = World::new(organisation(103, 60)).await;
        let request = world.request(
            source,
            r#","records":"full","redaction":{"profile":"strict"}"#,
        );

        let manifest = world.export(&request).await;

        let text = archived_text(&world, &manifest).await;
        assert!(!text.contains(EMAIL) && !text.contains(PHONE));
        for person in &people {
            // Only whole field values are checked: a name inside a sentence is not a field.
            assert!(!text.contains(&format!("\"{person}\"")), "{source}");
        }
        assert!(text.contains("[REDACTED:NAME]"), "{source}");
    }
}

#[tokio::test]
async fn equal_values_share_a_hash_and_a_lost_key_fails_the_export() {
    let mut world = World::new(organisation(104, 80)).await;
    let request = world.request(
        "export-gateway",
        r#","slices":1,"pageSize":20,"redaction":{"mode":"hash","kinds":["email"]}"#,
    );
    let manifest = world.export(&request).await;
    let text = archived_text(&world, &manifest).await;
    let hashes: Vec<_> = text.match_indices("[REDACTED:EMAIL:").collect();
    let hash = |at: usize| text[at..].split(']').next().expect("an end");
    let distinct: BTreeSet<_> = hashes.iter().map(|(at, _)| hash(*at)).collect();
    assert!(distinct.len() > 10 && distinct.len() < hashes.len());
    assert!(text.contains(PHONE), "other kinds stay");

    let other = request.replace("\"kinds\"", "\"profile\":\"strict\",\"kinds\"");
    let id = world.start(&other).await;
    let key = "another-key-of-more-than-24-bytes".to_owned().into();
    world.process.page.redactors = Redactors::new(Arc::new(ConfiguredKey::new(Some(key))));
    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    let failure = &failed.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::RedactionKey);
    assert!(
        failure.message.contains("of the key no longer exists"),
        "{failure}"
    );
}

#[tokio::test]
async fn hashing_without_a_key_and_an_empty_kind_list_are_refused() {
    let mut world = World::new(organisation(105, 1)).await;
    world.process.start.redactors = Redactors::default();
    let mut refused = Vec::new();
    for redaction in [r#"{"mode":"hash"}"#, r#"{"kinds":[]}"#] {
        let request = world.request("analytics-job", &format!(r#","redaction":{redaction}"#));
        let command = Command::parse(&request).expect("a request");
        match world.invoke(command).await.expect("not killed") {
            Err(StartError::Refused(InvalidRequest::Field { field, rule, .. })) => {
                refused.push(format!("{field}: {rule}"));
            }
            other => panic!("{other:?}"),
        }
    }

    assert_eq!(
        refused,
        [
            "redaction.mode: no key is set; set REDACTION_KEY, or REDACTION_KEY_SECRET_ARN on AWS; the modes label and mask need no key",
            "redaction.kinds: at least one kind is required; {\"enabled\": false} archives without redaction",
        ]
    );
    assert!(world.store.snapshot().is_empty(), "nothing was planned");
}

#[tokio::test]
async fn quarantined_records_are_redacted_too() {
    let mut world = World::new(Settings {
        faults: Faults {
            malformed_every: Some(3),
            ..Faults::default()
        },
        ..organisation(106, 90)
    })
    .await;
    let request = world.request("export-gateway", "");

    let manifest = world.export(&request).await;

    assert!(manifest.content.counts.rejected > 10);
    for (key, object) in world.store.snapshot() {
        let body = if Path::new(&key).extension().is_some_and(|it| it == "gz") {
            decode_lines(&object, u64::MAX).expect("gzip")
        } else {
            object.to_vec()
        };
        let text = String::from_utf8_lossy(&body);
        assert!(!text.contains(EMAIL) && !text.contains(PHONE), "{key}");
    }
    let name = ObjectKey::Manifest(&manifest.outcome.export_id).key();
    assert!(world.store.get(&name).await.expect("readable").is_some());
}
