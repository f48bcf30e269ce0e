//! Filters, conversations by id, and requests that are refused.

use conversation_archive::base::failure::FailureKind;
use conversation_archive::source::SourceError;
use genesys_simulator::{Route, Settings};
use start_export::{Command, StartError};

use end_to_end::world::{World, organisation};

use super::{assert_archived_once, ids_where, started_in};

const ALL_DAY: &str = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z";

#[tokio::test]
async fn conversation_and_segment_filters_must_all_match() {
    let mut world = World::new(organisation(45, 400)).await;
    let request = world.request(
        "analytics-query",
        r#","filters":{"mediaTypes":["message"],"directions":["inbound"]}"#,
    );

    let manifest = world.export(&request).await;

    let lines = world.archived_lines(&manifest).await;
    assert!(!lines.is_empty() && lines.len() < 400);
    for line in lines.keys() {
        assert!(
            line.contains(r#""mediaType":"message""#)
                && line.contains(r#""originatingDirection":"inbound""#)
        );
    }
}

#[tokio::test]
async fn conversation_ids_are_looked_up_a_hundred_at_a_time() {
    let mut world = World::new(organisation(47, 300)).await;
    let known: Vec<_> = ids_where(&world, |_| true).into_iter().take(150).collect();
    let unknown = "00000000-0000-4000-8000-000000000000".to_owned();
    let twice = known[0].clone();
    let requested_ids: Vec<_> = known
        .iter()
        .map(|id| id.to_uppercase())
        .chain([unknown.clone(), twice])
        .collect();
    let ids = serde_json::to_string(&requested_ids).expect("JSON");

    let manifest = world
        .export(&format!(
            r#"{{"source":"analytics-query","filters":{{"conversationIds":{ids}}}}}"#
        ))
        .await;

    assert_archived_once(&world, &manifest, &known.into_iter().collect()).await;
    let stats = world.simulator.stats();
    assert_eq!(
        stats.requests_on(Route::DetailsByIds),
        3,
        "two batches, and what did not come"
    );
    assert_eq!(stats.requests_on(Route::DetailsQuery), 1, "the rehearsal");
    assert_eq!(manifest.missing_ids, [unknown]);
    let metrics = manifest.outcome.metrics.expect("metrics");
    assert_eq!(
        (metrics.pages, metrics.records, metrics.missing),
        (2, 150, 1)
    );
    assert_eq!(
        (
            metrics.requests.effort.answers,
            metrics.requests.success_rate
        ),
        (3, Some(1.0))
    );
    assert_eq!(metrics.completeness, Some(0.9934), "150 of 151");
    let id = manifest.outcome.export_id;
    world.verify(&id).await;
}

#[tokio::test]
async fn ids_over_the_query_limit_are_looked_up_but_not_with_an_interval() {
    let mut world = World::new(organisation(50, 100)).await;
    let known = world.simulator.truth().conversations.swap_remove(7).id;
    let unknown = (1..5_000).map(|number| format!("00000000-0000-4000-8000-{number:012}"));
    let ids: Vec<_> = [known.clone()].into_iter().chain(unknown).collect();
    let ids = serde_json::to_string(&ids).expect("JSON");

    let manifest = world
        .export(&format!(
            r#"{{"source":"analytics-query","filters":{{"conversationIds":{ids}}}}}"#
        ))
        .await;
    let refused = Command::parse(&format!(
        r#"{{"source":"analytics-query","interval":"{ALL_DAY}","filters":{{"conversationIds":{ids}}}}}"#
    ));
    let refusal = world.refusal(refused.expect("a request")).await;

    assert_archived_once(&world, &manifest, &[known].into_iter().collect()).await;
    assert_eq!(manifest.missing_ids.len(), 4_999);
    assert!(refusal.contains("at most 3000 fit into one request"));
}

#[tokio::test]
async fn ids_with_an_interval_are_filtered_by_both() {
    let mut world = World::new(organisation(48, 100)).await;
    let ids: Vec<_> = ids_where(&world, |_| true).into_iter().take(40).collect();
    let list = serde_json::to_string(&ids).expect("JSON");

    let manifest = world
        .export(&format!(
            r#"{{"source":"analytics-query","interval":"{ALL_DAY}","filters":{{"conversationIds":{list}}}}}"#
        ))
        .await;

    let of_the_day = started_in(&world, ALL_DAY);
    let expected = ids
        .into_iter()
        .filter(|id| of_the_day.contains(id))
        .collect();
    assert_archived_once(&world, &manifest, &expected).await;
}

#[tokio::test]
async fn unsupported_query_exports_are_refused_before_any_request() {
    let mut world = World::new(organisation(50, 10)).await;
    let refusals = [
        r#"{"source":"analytics-query"}"#,
        r#"{"source":"analytics-job","filters":{"conversationIds":["00000000-0000-4000-8000-000000000000"]}}"#,
        r#"{"source":"analytics-query","filters":{"conversationIds":["42"]}}"#,
        r#"{"source":"analytics-query","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","membership":"activity"}"#,
        r#"{"source":"analytics-query","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","pageSize":101}"#,
        r#"{"source":"analytics-query","interval":"2026-03-01T00:00:00Z/2026-03-10T00:00:00Z","slices":1}"#,
        r#"{"source":"analytics-query","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","filters":{"directions":["sideways"]}}"#,
        r#"{"source":"analytics-query","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z","filters":{"conversationIdRange":{"min":"a","max":"b"}}}"#,
    ];

    let mut messages = Vec::new();
    for request in refusals {
        let command = Command::parse(request).expect("a readable request");
        messages.push(world.refusal(command).await);
    }

    let fields = messages
        .iter()
        .map(|message| message.split('`').nth(1).expect("a field"));
    assert_eq!(
        fields.collect::<Vec<_>>(),
        [
            "interval",
            "interval",
            "filters.conversationIds[0]",
            "membership",
            "pageSize",
            "interval",
            "filters.directions[0]",
            "filters.conversationIdRange",
        ]
    );
    assert_eq!(world.simulator.stats().requests_on(Route::DetailsQuery), 0);
}

#[tokio::test]
async fn a_missing_permission_is_named_before_anything_is_planned() {
    let mut world = World::new(Settings {
        permissions: vec!["analytics:dataRetention:view".to_owned()],
        ..organisation(51, 10)
    })
    .await;
    let request = world.request("analytics-query", "");

    let command = Command::parse(&request).expect("a request");
    let result = world.invoke(command).await.expect("not killed");

    let Err(StartError::Source(SourceError::Fatal(failure))) = result else {
        panic!("{result:?}");
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    for expected_text in [
        "[analytics:conversationDetail:view, analytics:agentConversationDetail:view]",
        "add the permission to a role (Admin > Roles)",
    ] {
        assert!(failure.message.contains(expected_text), "{failure}");
    }
    assert!(world.store.snapshot().is_empty(), "nothing was planned");
}
