//! Repeated queries: responses that cannot change any more are cached for a while; all others are requested again.

use std::time::Duration;

use conversation_archive::export::outcome::ExportMetrics;
use genesys_simulator::{HistoryForm, Route, Settings};

use end_to_end::world::{World, organisation};

const DAY: &str = r#","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z""#;

async fn export(world: &mut World, id: &str, source: &str, more_fields: &str) -> ExportMetrics {
    let request = format!(r#"{{"exportId":"{id}","source":"{source}"{more_fields}}}"#);
    let manifest = world.export(&request).await;
    manifest
        .outcome
        .metrics
        .expect("metrics of a complete export")
}

async fn world(settings: Settings) -> World {
    let mut world = World::new(settings).await;
    // Set here, so that it is not requested from the API.
    world.process.start.limits.retention_days = Some(3_650);
    world
}

#[tokio::test]
async fn a_query_repeated_within_the_time_to_live_requests_no_page() {
    for (source, more_fields) in [
        ("analytics-query", r#","pageSize":20"#),
        (
            "history-gateway",
            r#","pageSize":50,"filters":{"mediaTypes":["webchat"]}"#,
        ),
    ] {
        let mut world = world(Settings {
            history: (source == "history-gateway").then_some(HistoryForm::PageToken),
            ..organisation(81, 400)
        })
        .await;
        let more_fields = format!("{DAY}{more_fields}");
        let first = export(&mut world, "first", source, &more_fields).await;
        let requests = world.simulator.stats().total_requests();

        let second = export(&mut world, "second", source, &more_fields).await;
        let requests_after_second = world.simulator.stats().total_requests();
        world.advance_clock(Duration::from_mins(5));
        let third = export(&mut world, "third", source, &more_fields).await;

        assert!(first.pages > 1 && first.records > 0);
        assert_eq!(first.requests.cache_hit_rate, Some(0.0));
        // The dry run of a history gateway is not cached.
        let dry_runs = u64::from(source == "history-gateway");
        assert_eq!(requests_after_second, requests + dry_runs, "{source}");
        assert_eq!(
            (second.requests.cache_hit_rate, second.records),
            (Some(1.0), first.records)
        );
        assert_eq!(third.requests.cache_hit_rate, Some(0.0));
        assert!(world.simulator.stats().total_requests() > requests);
    }
}

#[tokio::test]
async fn open_and_unknown_conversations_are_requested_again() {
    let mut world = world(organisation(82, 300)).await;
    let truth = world.simulator.truth().conversations;
    let ended = truth
        .iter()
        .filter(|found| found.end.is_some())
        .map(|found| &found.id);
    let open_conversation = truth
        .iter()
        .find(|found| found.end.is_none())
        .expect("a conversation without an end");
    let ended: Vec<_> = ended.take(3).collect();
    let ids = |ids: &[&str]| {
        let ids = serde_json::to_string(ids).expect("JSON");
        format!(r#","filters":{{"conversationIds":{ids}}}"#)
    };
    let cases = [
        (ids(&[ended[0], ended[1]]), 1),
        (ids(&[ended[0], &open_conversation.id]), 2),
        // An id without a result is requested again each time.
        (ids(&[ended[0], "00000000-0000-4000-8000-000000000000"]), 4),
    ];

    for (number, (filters, requests)) in cases.into_iter().enumerate() {
        let before = world.simulator.stats().requests_on(Route::DetailsByIds);
        for time in ["a", "b"] {
            export(
                &mut world,
                &format!("{time}{number}"),
                "analytics-query",
                &filters,
            )
            .await;
        }
        let request_count = world.simulator.stats().requests_on(Route::DetailsByIds) - before;
        assert_eq!(request_count, requests, "case {number}");
    }
}
