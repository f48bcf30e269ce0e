//! Tests docs/answers.md row by row: each unusual response replaces the response of each call through whole exports,
//! once and permanently; afterwards a healthy API completes the exports that failed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::{Manifest, Outcome as Failed};
use conversation_archive::export::parking::WaitLimits;
use conversation_archive::export::request::HistoryForm as Form;
use conversation_archive::source::SourceSettings;
use genesys_simulator::{AnswerFilter, HistoryForm, ServedRequest, Settings};

use end_to_end::world::{DAYS, World, organisation};

mod documented;
mod gateways;
mod jobs;
mod odd;
mod queries;
mod rows;

use odd::Alter;

/// A call of a source, and the request whose response is replaced.
struct Call {
    /// Name of the call in docs/answers.md.
    name: &'static str,
    /// `source` of the export request.
    source: &'static str,
    more: String,
    /// Forms of a history gateway, in the simulator and in our settings.
    form: Option<(HistoryForm, Form)>,
    is_replaced: fn(&ServedRequest<'_>) -> bool,
}

/// Result of a response that is returned permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Accepted, and the export is complete.
    Taken,
    /// Every record is archived, and the manifest warns about the response.
    Warned,
    /// Accepted as the end, and the manifest warns about it.
    WarnedEnd,
    /// Accepted as it is, because nothing shows that it is untrue.
    Believed(&'static str),
    /// Accepted, and repeated records are counted.
    Repeated,
    /// One of its records is quarantined.
    KeptAside,
    /// Records that are absent are listed as missing.
    Missing,
    Fails(FailureKind),
}

/// A row of the table.
struct Row {
    answer: &'static str,
    alter: Alter,
    outcome: Outcome,
}

/// Whether responses are replaced.
#[derive(Clone, Debug, Default)]
struct Switch {
    state: Arc<AtomicU8>,
    /// Number of responses that were replaced.
    replaced: Arc<AtomicU32>,
}

const HEALTHY: u8 = 0;
const ONCE: u8 = 1;
const ALWAYS: u8 = 2;

impl Outcome {
    /// The result in the words of docs/answers.md.
    fn words(self) -> String {
        match self {
            Self::Taken => "accepted".to_owned(),
            Self::Warned => "accepted, with a warning".to_owned(),
            Self::WarnedEnd => "accepted as empty, with a warning".to_owned(),
            Self::Believed(what) => what.to_owned(),
            Self::Repeated => "accepted, and counted as repeated".to_owned(),
            Self::KeptAside => "the record is quarantined".to_owned(),
            Self::Missing => "`missingIds`".to_owned(),
            Self::Fails(kind) => {
                let kind = serde_json::to_value(kind).expect("JSON");
                format!("`{}`", kind.as_str().expect("a word"))
            }
        }
    }
}

impl Row {
    fn words(&self) -> (String, String) {
        (self.answer.to_owned(), self.outcome.words())
    }
}

impl Call {
    fn history(&self) -> Option<HistoryForm> {
        self.form.map(|(theirs, _)| theirs)
    }
}

impl Switch {
    fn set(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    /// Whether this response is to be replaced.
    fn takes(&self) -> bool {
        let once = self
            .state
            .compare_exchange(ONCE, HEALTHY, Ordering::SeqCst, Ordering::SeqCst);
        once.is_ok() || self.state.load(Ordering::SeqCst) == ALWAYS
    }
}

/// Runs every row of the call's table, and reports all rows that do not hold.
async fn hold(call: Call, rows: Vec<Row>) {
    let words = rows.iter().map(Row::words).collect();
    let undocumented = documented::difference(call.name, &words);
    let expected = archived(&call).await;
    assert!(expected.len() > 10, "{}: a world worth the test", call.name);
    let (call, expected) = (Arc::new(call), Arc::new(expected));
    let mut broken = Vec::new();
    for row in rows {
        let answer = row.answer;
        let (call, expected) = (Arc::clone(&call), Arc::clone(&expected));
        let held = tokio::spawn(async move {
            Box::pin(once(&call, &row, &expected)).await;
            Box::pin(for_ever(&call, &row, &expected)).await;
        });
        if held.await.is_err() {
            broken.push(answer);
        }
    }
    assert!(broken.is_empty(), "{}: {broken:#?}", call.name);
    if let Some(difference) = undocumented {
        panic!("docs/answers.md, {}: {difference}", call.name);
    }
}

/// An unusual response that occurs once costs only another request, unless the response itself rules out a retry.
async fn once(call: &Call, row: &Row, expected: &BTreeSet<String>) {
    let label = format!("{}: {}, once", call.name, row.answer);
    let outcome = row.outcome;
    if matches!(outcome, Outcome::Believed(_)) {
        return;
    }
    let (mut world, switch) = world(call, &row.alter).await;
    switch.set(ONCE);
    let id = world.try_start(&request(call)).await;
    let id = id.map_err(|error| assert!(is_final(outcome), "{label}: {error}"));
    if let Ok(id) = &id {
        world.run().await;
        if let Some(failed) = failed(&world, id).await {
            assert!(is_final(outcome), "{label}: {:?}", failed.failures);
        }
    }
    heal(&mut world, id.ok(), call, expected, &label).await;
}

async fn for_ever(call: &Call, row: &Row, expected: &BTreeSet<String>) {
    let label = format!("{}: {}, for ever", call.name, row.answer);
    let (mut world, switch) = world(call, &row.alter).await;
    switch.set(ALWAYS);
    let replaced = || switch.replaced.load(Ordering::SeqCst) > 0;
    let started = world.try_start(&request(call)).await;
    let id = match (started, row.outcome) {
        (Err(_), Outcome::Fails(_)) => None,
        (Err(error), _) => panic!("{label}: {error}"),
        (Ok(id), Outcome::Fails(kind)) => {
            world.run().await;
            let failed = failed(&world, &id).await;
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
            if let Some(failed) = failed(&world, &id).await {
                panic!("{label}: {:?}", failed.failures);
            }
            world.verify(&id).await;
            let manifest = world.manifest(&id).await;
            let found = ids(&world, call, &manifest).await;
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
async fn failed(world: &World, id: &ExportId) -> Option<Failed> {
    for attempt in 1..=12 {
        if let Some(failed) = world.failed(id, attempt).await {
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
        outcome == Outcome::KeptAside,
        "{label}: {rejected} kept aside"
    );
    assert_eq!(
        manifest.content.repeated.is_some(),
        outcome == Outcome::Repeated,
        "{label}: repeated records"
    );
    assert!(found.is_subset(expected), "{label}: more than there is");
    let lacking = expected.difference(found).count() as u64;
    match outcome {
        Outcome::Taken | Outcome::Warned | Outcome::Repeated => assert_eq!(lacking, 0, "{label}"),
        Outcome::KeptAside => assert!(lacking <= rejected, "{label}: {lacking} of {rejected}"),
        Outcome::Missing => assert_eq!(lacking, manifest.missing_ids.len() as u64, "{label}"),
        Outcome::WarnedEnd | Outcome::Believed(_) | Outcome::Fails(_) => {}
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
        if failed(world, &id).await.is_some() {
            world.resume(&id).await;
        }
        world.run().await;
        let archive = world.archive();
        let manifest = archive.read(ObjectKey::Manifest(&id)).await;
        if let Some(manifest) = manifest.expect("readable") {
            let found = ids(world, call, &manifest).await;
            assert_eq!(&found, expected, "{label}: healed");
            world.verify(&id).await;
            return;
        }
    }
    panic!("{label}: a healthy API does not heal it");
}

async fn world(call: &Call, alter: &Alter) -> (World, Switch) {
    let switch = Switch::default();
    let (by, alter, is_replaced) = (switch.clone(), Arc::clone(alter), call.is_replaced);
    let filter: AnswerFilter = Arc::new(move |request, answer| {
        if is_replaced(request) && by.takes() {
            alter(answer, by.replaced.fetch_add(1, Ordering::SeqCst))
        } else {
            answer
        }
    });
    (
        World::new(settings(call.history(), Some(filter)))
            .await
            .patient(call),
        switch,
    )
}

/// Settings that the worlds of these tests add.
trait Patient {
    fn patient(self, call: &Call) -> Self;
}

impl Patient for World {
    /// Uses shorter waits than in production, because each wait costs requests.
    fn patient(self, call: &Call) -> Self {
        let sources = SourceSettings {
            history_form: call.form.map_or_else(Form::default, |(_, ours)| ours),
            ..SourceSettings::default()
        };
        let mut world = self.reading_by(sources);
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

fn settings(history: Option<HistoryForm>, answer_filter: Option<AnswerFilter>) -> Settings {
    Settings {
        history,
        answer_filter,
        // A job whose submission got an unusual response is never deleted, and occupies a slot until it expires.
        concurrent_jobs: 10_000,
        ..organisation(91, 40)
    }
}

fn request(call: &Call) -> String {
    let Call { source, more, .. } = call;
    // Conversations that are looked up by id may have started at any time.
    let interval = if more.contains("conversationIds") {
        String::new()
    } else {
        format!(r#","interval":"{DAYS}""#)
    };
    format!(r#"{{"source":"{source}","exportId":"odd"{interval}{more}}}"#)
}

/// Returns the ids that an export from a healthy API archives.
async fn archived(call: &Call) -> BTreeSet<String> {
    let mut world = World::new(settings(call.history(), None))
        .await
        .patient(call);
    let manifest = world.export(&request(call)).await;
    ids(&world, call, &manifest).await
}

async fn ids(world: &World, call: &Call, manifest: &Manifest) -> BTreeSet<String> {
    let field = match call.source {
        "analytics-job" | "analytics-query" if !call.more.contains("normalized") => {
            "conversationId"
        }
        "export-gateway" | "history-gateway" => "id",
        _ => "recordId",
    };
    let archived = world.archived_ids(manifest, field).await;
    let is_each_once = archived.values().all(|count| *count == 1);
    assert!(is_each_once || manifest.content.repeated.is_some());
    archived.into_keys().collect()
}
