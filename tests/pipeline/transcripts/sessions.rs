//! Transcripts of guest sessions, whose conversations a gateway names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use conversation_archive::base::time::Interval;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::records::transcript::TranscriptRoute;
use end_to_end::world::{DAYS, World, organisation};
use genesys_simulator::{ApiResponse, Route, ServedRequest, Settings};
use serde_json::json;
use start_export::Command;

use super::transcripts;

fn request(sessions: &[String]) -> String {
    json!({
        "exportId": "guests", "source": "transcripts", "interval": DAYS,
        "filters": {"sessionIds": sessions},
    })
    .to_string()
}

async fn world(settings: Settings) -> World {
    let mut world = World::new(settings).await;
    world.process.start.limits.transcripts.route = TranscriptRoute::WebDetails;
    world
}

/// Written conversations that started in the days of the request.
fn conversations(world: &World) -> Vec<String> {
    let days: Interval = DAYS.parse().expect("an interval");
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids = conversations
        .filter(|it| days.contains(it.start))
        .map(|it| it.id);
    ids.filter(|id| world.simulator.messages(id).is_some())
        .collect()
}

/// Exports the conversations of all guest sessions, and of one that is unknown.
async fn export_all(world: &mut World) -> Manifest {
    let ids = conversations(world);
    assert!(ids.len() > 100, "more than one batch: {}", ids.len());
    let sessions = ids.iter().map(|id| world.simulator.guest_session(id));
    let mut sessions: Vec<_> = sessions.collect();
    sessions.insert(3, "guest-unknown".to_owned());

    let manifest = world.export(&request(&sessions)).await;

    world.verify(&manifest.outcome.export_id).await;
    let records = transcripts(world, &manifest).await;
    assert_eq!(records.len(), ids.len());
    assert!(ids.iter().all(|id| records[id]["status"] == "complete"));
    manifest
}

#[tokio::test]
async fn the_conversations_of_guest_sessions_are_archived_and_others_missing() {
    let mut world = world(organisation(131, 260)).await;

    let manifest = export_all(&mut world).await;

    assert_eq!(manifest.missing_ids, ["guest-unknown"]);
    assert_eq!(manifest.warnings, [""; 0]);
    let metrics = manifest.outcome.metrics.expect("metrics");
    assert!(metrics.completeness.is_some_and(|share| share < 1.0));
    let requests = world.simulator.stats().requests_on(Route::WebSessions);
    assert!(requests < 20, "{requests} requests");
}

#[tokio::test]
async fn rows_that_name_no_session_cost_no_further_request() {
    let mut world = world(Settings {
        web_rows_name_sessions: false,
        ..organisation(131, 260)
    })
    .await;

    let manifest = export_all(&mut world).await;

    assert_eq!(manifest.missing_ids, [""; 0]);
    let warnings = manifest.warnings.join("\n");
    assert!(warnings.contains("it is unknown which of"), "{warnings}");
    let requests = world.simulator.stats().requests_on(Route::WebSessions);
    assert!(requests < 20, "{requests} requests");
}

#[tokio::test]
async fn full_pages_without_a_token_are_divided_and_lose_no_conversation() {
    let mut world = world(Settings {
        web_rows_name_sessions: false,
        web_pages_have_tokens: false,
        ..organisation(131, 260)
    })
    .await;

    let manifest = export_all(&mut world).await;

    let missing = manifest.missing_ids;
    assert!(
        missing.iter().all(|id| id == "guest-unknown"),
        "{missing:?}"
    );
    let requests = world.simulator.stats().requests_on(Route::WebSessions);
    assert!((3..60).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn a_reply_about_sessions_in_another_form_is_never_an_empty_success() {
    for body in [
        "{}",
        r#"{"total":0}"#,
        r#"{"conversations":[{"sessionId":"s"}]}"#,
        "null",
    ] {
        let mut world = world(answering(body)).await;

        let refusal = world.try_start(&request(&["guest-x".to_owned()])).await;

        assert!(refusal.is_err(), "{body}");
    }
}

#[tokio::test]
async fn pages_without_an_end_are_refused_after_a_limited_number_of_requests() {
    let page = AtomicU32::new(0);
    let endless = move || {
        let token = page.fetch_add(1, Ordering::Relaxed);
        json!({"conversations": [], "nextPageToken": token.to_string()}).to_string()
    };
    let mut world = world(answering_with(endless)).await;

    let refusal = world.try_start(&request(&["guest-x".to_owned()])).await;

    let refusal = refusal.expect_err("a refusal").to_string();
    assert!(
        refusal.contains("`filters.sessionIds` is 1 ids"),
        "{refusal}"
    );
    assert!(refusal.contains("more than 500 requests"), "{refusal}");
    let requests = world.simulator.stats().requests_on(Route::WebSessions);
    assert_eq!(requests, 500);
}

#[tokio::test]
async fn a_session_with_a_full_page_in_each_hour_is_exported_with_a_warning() {
    let known = world(organisation(132, 20)).await;
    let id = conversations(&known).remove(0);
    let rows = vec![json!({"conversationId": id}); 500];
    let full = json!({ "conversations": rows }).to_string();
    let mut world = world(answering_with(move || full.clone())).await;

    let manifest = world.export(&request(&["guest-x".to_owned()])).await;

    world.verify(&manifest.outcome.export_id).await;
    assert_eq!(transcripts(&world, &manifest).await.len(), 1);
    let warnings = manifest.warnings.join("\n");
    assert!(
        warnings.contains("1 sessions may have more conversations"),
        "{warnings}"
    );
    assert_eq!(manifest.missing_ids, [""; 0]);
}

/// An organisation whose gateway always answers the query for sessions with this body.
fn answering(body: &'static str) -> Settings {
    answering_with(move || body.to_owned())
}

/// An organisation whose gateway answers each query for sessions with the next body.
fn answering_with(body: impl Fn() -> String + Send + Sync + 'static) -> Settings {
    let replace = move |request: &ServedRequest<'_>, genuine: ApiResponse| {
        if request.route == Route::WebSessions {
            ApiResponse {
                status: 200,
                body: body().into(),
                ..genuine
            }
        } else {
            genuine
        }
    };
    Settings {
        response_filter: Some(Arc::new(replace)),
        ..organisation(132, 20)
    }
}

#[tokio::test]
async fn sessions_are_refused_where_no_gateway_can_look_them_up() {
    let mut world = World::new(organisation(133, 1)).await;
    let mut refused = Vec::new();
    for json in [
        request(&["guest-x".to_owned()]),
        json!({"interval": DAYS, "filters": {"sessionIds": ["guest-x"]}}).to_string(),
        json!({"source": "transcripts", "filters": {"sessionIds": ["guest-x"]}}).to_string(),
    ] {
        let command = Command::parse(&json).expect("a request");
        refused.push(world.refusal(command).await);
    }

    assert_eq!(
        refused,
        [
            "`filters.sessionIds` is 1 ids: only web details of a gateway are found by session; set GENESYS_TRANSCRIPT_ROUTE to web-details, or use filters.conversationIds",
            "`filters.sessionIds` is guest-x: the source analytics-job supports only the filters conversationIds, participantIds, mediaTypes, messageTypes, queueIds, directions",
            "`interval` is missing: expected \"start/end\" or {\"last\": \"P1D\"}; only analytics-query and transcripts with filters.conversationIds and no other filter, and history-gateway with filters.conversationIds, need no interval",
        ]
    );
}
