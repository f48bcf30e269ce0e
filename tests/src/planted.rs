//! Objects that a stranger with write access to the bucket planted, with valid seals: none of them may start anything.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::{Archive, ArchiveError, cancellation, open_marker};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::attempt::Attempt;
use conversation_archive::export::marker::OpenMarker;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::request::ExportRequest;
use conversation_archive::storage::store::ArchiveStore;
use serde_json::{Value, json};
use start_export::{Command, StartError};

use crate::world::{World, organisation};

/// The export whose documents are planted.
const REQUEST: &str = r#","exportId":"nightly","slices":1"#;

/// A world that signs, over this store.
async fn signing_world<S: ArchiveStore + 'static>(store: Arc<S>) -> World<S> {
    World::with_store(store, organisation(172, 40), 2).await
}

/// Writes the document as a program without the key does.
async fn plant<S: ArchiveStore + 'static>(world: &World<S>, name: ObjectKey<'_>, document: Value) {
    let archive = Archive::new(Arc::clone(&world.store) as Arc<dyn ArchiveStore>);
    archive.replace(name, &document).await.expect("planted");
}

fn id() -> ExportId {
    "nightly".parse().expect("an id")
}

/// The plan that the request would have, as a stranger wants it: unredacted, and announced to another receiver.
async fn strangers_plan() -> ExportPlan {
    let mut elsewhere = World::new(organisation(172, 40)).await;
    let request = elsewhere.request("analytics-job", REQUEST);
    let id = elsewhere.start(&request).await;
    let plan = elsewhere.archive().existing_plan(&id).await;
    ExportPlan {
        redaction: None,
        webhook_url: Some("https://stranger.example/hook".to_owned()),
        ..plan.expect("a plan").as_ref().clone()
    }
}

/// A start finds a planted plan of its own request.
pub async fn a_planted_plan_is_not_adopted<S: ArchiveStore + 'static>(store: Arc<S>) {
    let mut world = signing_world(store).await;
    let plan = strangers_plan().await;
    plant(&world, ObjectKey::Request(&id()), json!(plan)).await;
    let before = world.simulator.stats().total_requests();

    let request = world.request("analytics-job", REQUEST);
    let request = ExportRequest::parse(&request).expect("a request");
    let started = world.invoke(Command::Start(Box::new(request))).await;

    let refusal = started.expect("not killed").expect_err("refused");
    assert_names(&refusal, "exports/nightly/request.json has no signature");
    assert_nothing_happened(&mut world, before).await;
}

/// The sweep finds a planted plan and attempt with an old marker.
pub async fn a_planted_marker_starts_no_planted_plan<S: ArchiveStore + 'static>(store: Arc<S>) {
    let mut world = signing_world(store).await;
    let plan = strangers_plan().await;
    let attempt = Attempt::first(&plan);
    let marker = OpenMarker::new(id(), world.now());
    plant(&world, ObjectKey::Open(&id()), json!(marker)).await;
    plant(&world, ObjectKey::Attempt(&id(), 1), json!(attempt)).await;
    plant(&world, ObjectKey::Request(&id()), json!(plan)).await;
    assert_sweep_refuses(&mut world, "open/nightly has no signature").await;
}

/// The sweep finds a planted marker with a request, as if a start had been accepted.
pub async fn a_planted_request_is_not_started<S: ArchiveStore + 'static>(store: Arc<S>) {
    let mut world = signing_world(store).await;
    let request = world.request("analytics-job", REQUEST);
    let marker = OpenMarker {
        request: Some(Box::new(ExportRequest::parse(&request).expect("a request"))),
        ..OpenMarker::new(id(), world.now())
    };
    plant(&world, ObjectKey::Open(&id()), json!(marker)).await;
    assert_sweep_refuses(&mut world, "open/nightly has no signature").await;
}

/// A stranger plants the marker of a request before it is accepted.
pub async fn a_planted_marker_keeps_no_request_out<S: ArchiveStore + 'static>(store: Arc<S>) {
    let world = signing_world(store).await;
    let marker = OpenMarker::new(id(), world.now());
    plant(&world, ObjectKey::Open(&id()), json!(marker)).await;

    let request = world.request("analytics-job", REQUEST);
    let request = ExportRequest::parse(&request).expect("a request");
    let now = world.now();
    let accepted = open_marker::accept_request(&world.archive(), &id(), &request, now).await;

    accepted.expect("accepted");
    let known = open_marker::accepted_request(&world.archive(), &id()).await;
    assert!(known.expect("signed").is_some());
}

/// A stranger plants the next attempt of an export in progress.
pub async fn a_planted_attempt_is_not_followed<S: ArchiveStore + 'static>(store: Arc<S>) {
    let mut world = signing_world(store).await;
    let request = world.request("analytics-job", REQUEST);
    let id = world.start(&request).await;
    let first = world.archive().attempt(&id, 1).await.expect("an attempt");
    let planted = Attempt {
        attempt: 2,
        ..first.as_ref().clone()
    };
    plant(&world, ObjectKey::Attempt(&id, 2), json!(planted)).await;

    let resumed = world.archive().newest_attempt(&id).await;

    assert!(
        matches!(&resumed, Err(ArchiveError::Unsigned(key)) if key.ends_with("attempt-02.json")),
        "{resumed:?}"
    );
}

/// A stranger plants a request to cancel an export in progress.
pub async fn a_planted_cancellation_is_not_followed<S: ArchiveStore + 'static>(store: Arc<S>) {
    let mut world = signing_world(store).await;
    let request = world.request("analytics-job", REQUEST);
    let id = world.start(&request).await;
    let planted = json!({"formatVersion": 1, "exportId": id, "askedAt": world.now()});
    plant(&world, ObjectKey::Cancel(&id), planted).await;

    let requested = cancellation::is_requested(&world.archive(), &id).await;

    assert!(
        matches!(&requested, Err(ArchiveError::Unsigned(key)) if key.ends_with("cancel.json")),
        "{requested:?}"
    );
}

async fn assert_sweep_refuses<S: ArchiveStore + 'static>(world: &mut World<S>, message: &str) {
    let before = world.simulator.stats().total_requests();
    world.advance_clock(Duration::from_hours(2));

    let swept = world.try_sweep().await.expect("not killed");

    let error = swept.expect_err("refused");
    let text = error_chain(error.as_ref());
    assert!(text.contains(message), "{text}");
    assert_nothing_happened(world, before).await;
}

fn assert_names(error: &StartError, message: &str) {
    let text = error_chain(error);
    assert!(text.contains(message), "{text}");
}

/// No request was sent, and no message is left to handle.
async fn assert_nothing_happened<S: ArchiveStore + 'static>(world: &mut World<S>, before: u64) {
    world.run().await;
    assert_eq!(world.simulator.stats().total_requests(), before);
    assert!(world.queues.is_empty());
    assert_eq!(world.receiver.deliveries().len(), 0);
}
