//! Runs each row of a table through whole exports, and asserts the result of the row.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{Manifest, Outcome as Failed};
use conversation_archive::export::parking::WaitLimits;
use end_to_end::world::{DAYS, World};
use genesys_simulator::{HistoryForm, ResponseFilter};

use super::alterations::Alter;
use super::{ALWAYS, Call, HEALTHY, ONCE, Outcome, Row, Switch, documented, settings};

/// Runs every row of the call's table, and reports all rows that do not hold.
pub(super) async fn assert_rows(call: Call, rows: Vec<Row>) {
    let documented_text = rows.iter().map(Row::documented_text).collect();
    let undocumented = documented::difference(call.name, &documented_text);
    let expected = expected_ids(&call).await;
    assert!(expected.len() > 10, "{}: a world worth the test", call.name);
    let (call, expected) = (Arc::new(call), Arc::new(expected));
    let mut failed_rows = Vec::new();
    for row in rows {
        let response = row.response;
        let (call, expected) = (Arc::clone(&call), Arc::clone(&expected));
        let task = tokio::spawn(async move {
            Box::pin(assert_once(&call, &row, &expected)).await;
            Box::pin(assert_permanent(&call, &row, &expected)).await;
        });
        if task.await.is_err() {
            failed_rows.push(response);
        }
    }
    assert!(failed_rows.is_empty(), "{}: {failed_rows:#?}", call.name);
    if let Some(difference) = undocumented {
        panic!("docs/answers.md, {}: {difference}", call.name);
    }
}

/// An unusual response that occurs once costs only another request, unless the response itself rules out a retry.
async fn assert_once(call: &Call, row: &Row, expected: &BTreeSet<String>) {
    let label = format!("{}: {}, once", call.name, row.response);
    let outcome = row.outcome;
    if matches!(outcome, Outcome::AcceptedAsIs(_)) {
        return;
    }
    let (mut world, switch) = world(call, &row.alter).await;
    switch.set(ONCE);
    let id = world.try_start(&request(call)).await;
    let id = id.map_err(|error| assert!(is_final(outcome), "{label}: {error}"));
    if let Ok(id) = &id {
        world.run().await;
        if let Some(failed) = any_failed_outcome(&world, id).await {
            assert!(is_final(outcome), "{label}: {:?}", failed.failures);
        }
    }
    heal(&mut world, id.ok(), call, expected, &label).await;
}

async fn assert_permanent(call: &Call, row: &Row, expected: &BTreeSet<String>) {
    let label = format!("{}: {}, for ever", call.name, row.response);
    let (mut world, switch) = world(call, &row.alter).await;
    switch.set(ALWAYS);
    let replaced = || switch.replaced.load(Ordering::SeqCst) > 0;
    let started = world.try_start(&request(call)).await;
    let id = match (started, row.outcome) {
        (Err(_), Outcome::Fails(_)) => None,
        (Err(error), _) => panic!("{label}: {error}"),
        (Ok(id), Outcome::Fails(kind)) => {
            world.run().await;
            let failed = any_failed_outcome(&world, &id).await;
            let failed = failed.unwrap_or_else(|| panic!("{label}: it did not fail"));
            let failures = failed.failures.iter().map(|failure| failure.failure.kind);
            assert_eq!(
                failures.collect::<Vec<_>>(),
                [kind],
                "{label}: {:?}",
                failed.failures
            );
            Some(id)
        }
        (Ok(id), outcome) => {
            world.run().await;
            if let Some(failed) = any_failed_outcome(&world, &id).await {
                panic!("{label}: {:?}", failed.failures);
            }
            world.verify(&id).await;
            let manifest = world.manifest(&id).await;
            let found = archived_ids(&world, call, &manifest).await;
            assert_complete(&manifest, &found, outcome, expected, &label);
            assert!(replaced(), "{label}: no answer was replaced");
            return;
        }
    };
    switch.set(HEALTHY);
    heal(&mut world, id, call, expected, &label).await;
}

/// Whether the response is believed immediately, so that a retry is up to the operator.
fn is_final(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Fails(
            FailureKind::Refused
                | FailureKind::LoginRefused
                | FailureKind::JobFailed
                | FailureKind::RecordsMissing
        )
    )
}

/// Returns the failure of any attempt; a lost query creates new attempts.
async fn any_failed_outcome(world: &World, id: &ExportId) -> Option<Failed> {
    for attempt in 1..=12 {
        if let Some(failed) = world.failed_outcome(id, attempt).await {
            return Some(failed);
        }
    }
    None
}

/// Asserts that a complete export contains every record or reports the absent ones.
fn assert_complete(
    manifest: &Manifest,
    found: &BTreeSet<String>,
    outcome: Outcome,
    expected: &BTreeSet<String>,
    label: &str,
) {
    let warnings = &manifest.warnings;
    assert_eq!(
        !warnings.is_empty(),
        matches!(outcome, Outcome::Warned | Outcome::WarnedEnd),
        "{label}: {warnings:?}"
    );
    let rejected = manifest.content.counts.rejected;
    assert_eq!(
        rejected > 0,
        outcome == Outcome::Quarantined,
        "{label}: {rejected} quarantined"
    );
    assert_eq!(
        manifest.content.repeated.is_some(),
        outcome == Outcome::Repeated,
        "{label}: repeated records"
    );
    assert!(found.is_subset(expected), "{label}: more than there is");
    let missing = expected.difference(found).count() as u64;
    match outcome {
        Outcome::Accepted | Outcome::Warned | Outcome::Repeated => {
            assert_eq!(missing, 0, "{label}");
        }
        Outcome::Quarantined => assert!(missing <= rejected, "{label}: {missing} of {rejected}"),
        Outcome::Missing => assert_eq!(missing, manifest.missing_ids.len() as u64, "{label}"),
        Outcome::WarnedEnd | Outcome::AcceptedAsIs(_) | Outcome::Fails(_) => {}
    }
}

/// Starts the export, or resumes it until it is complete: no record may be lost permanently.
async fn heal(
    world: &mut World,
    id: Option<ExportId>,
    call: &Call,
    expected: &BTreeSet<String>,
    label: &str,
) {
    let id = match id {
        Some(id) => id,
        None => world.start(&request(call)).await,
    };
    for _ in 0..3 {
        world.run().await;
        if any_failed_outcome(world, &id).await.is_some() {
            world.resume(&id).await;
        }
        world.run().await;
        let archive = world.archive();
        let manifest = archive.read(ObjectKey::Manifest(&id)).await;
        if let Some(manifest) = manifest.expect("readable") {
            let found = archived_ids(world, call, &manifest).await;
            assert_eq!(&found, expected, "{label}: healed");
            world.verify(&id).await;
            return;
        }
    }
    panic!("{label}: a healthy API does not heal it");
}

async fn world(call: &Call, alter: &Alter) -> (World, Switch) {
    let switch = Switch::default();
    let (filter_switch, alter, is_replaced) = (switch.clone(), Arc::clone(alter), call.is_replaced);
    let filter: ResponseFilter = Arc::new(move |request, response| {
        if is_replaced(request) && filter_switch.should_replace() {
            alter(
                response,
                filter_switch.replaced.fetch_add(1, Ordering::SeqCst),
            )
        } else {
            response
        }
    });
    (
        World::new(settings(call.history, Some(filter)))
            .await
            .with_shorter_waits(call),
        switch,
    )
}

/// Settings that the worlds of these tests add.
trait ShorterWaits {
    fn with_shorter_waits(self, call: &Call) -> Self;
}

impl ShorterWaits for World {
    /// Uses shorter waits than in production, because each wait costs requests.
    fn with_shorter_waits(self, call: &Call) -> Self {
        let mut world = match call.history {
            Some(form) => self.with_history_form(form),
            None => self,
        };
        world.process.page.settings.wait_limits = WaitLimits {
            watermark: Duration::from_mins(40),
            job: Duration::from_hours(2),
            throttled: Duration::from_mins(10),
            unavailable: Duration::from_mins(90),
            ..WaitLimits::default()
        };
        world
    }
}

fn request(call: &Call) -> String {
    let Call {
        source,
        more_fields,
        ..
    } = call;
    // Conversations that are looked up by id may have started at any time.
    let is_lookup = call.history.is_none() && more_fields.contains("conversationIds");
    let interval = if is_lookup {
        String::new()
    } else {
        format!(r#","interval":"{DAYS}""#)
    };
    format!(r#"{{"source":"{source}","exportId":"odd"{interval}{more_fields}}}"#)
}

/// Returns the ids that an export from a healthy API archives.
async fn expected_ids(call: &Call) -> BTreeSet<String> {
    let mut world = World::new(settings(call.history, None))
        .await
        .with_shorter_waits(call);
    let manifest = world.export(&request(call)).await;
    archived_ids(&world, call, &manifest).await
}

async fn archived_ids(world: &World, call: &Call, manifest: &Manifest) -> BTreeSet<String> {
    let field = match call.source {
        "analytics-job" | "analytics-query" if !call.more_fields.contains("normalized") => {
            "conversationId"
        }
        "history-gateway" if call.history == Some(HistoryForm::PageToken) => "interactionId",
        "export-gateway" | "history-gateway" => "id",
        _ => "recordId",
    };
    let archived = world.archived_ids(manifest, field).await;
    let is_each_archived_once = archived.values().all(|count| *count == 1);
    assert!(is_each_archived_once || manifest.content.repeated.is_some());
    archived.into_keys().collect()
}
