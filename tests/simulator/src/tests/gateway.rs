//! The export gateway.

use super::*;
use crate::{Faults, Repeat, RepeatedRow};

const QUERY: &str = "api/v2/export/query";

fn query_of_all_records() -> Value {
    query(
        &json!({ "type": "webchat", "dateRange": { "start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z" } }),
    )
}

fn query(filter: &Value) -> Value {
    json!({ "query": { "filter": filter, "pageSize": 20 }, "includeMedia": false })
}

impl World {
    async fn submit_query(&self, body: &Value) -> Value {
        let response = self.post(QUERY, body).await;
        assert_eq!(response.status, 200);
        response.json()
    }

    async fn total(&self, filter: &Value) -> usize {
        let announced = self.submit_query(&query(filter)).await;
        usize::try_from(announced["totalRecords"].as_u64().unwrap()).unwrap()
    }

    async fn query_id(&self) -> String {
        self.submit_query(&query_of_all_records()).await["queryId"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Returns the raw body of one page.
    async fn page(&self, id: &str, offset: usize, limit: usize) -> String {
        let response = self
            .get(&format!(
                "api/v2/export/job/{id}/results?offset={offset}&limit={limit}"
            ))
            .await;
        assert_eq!(response.status, 200);
        response.text().to_owned()
    }
}

fn bare_array(records: &[crate::TruthRecord]) -> String {
    let records: Vec<_> = records.iter().map(|it| it.json.as_str()).collect();
    format!("[{}]", records.join(","))
}

#[tokio::test]
async fn a_query_announces_its_total_and_its_id() {
    let world = World::new(small_settings()).await;

    let announced = world.submit_query(&query_of_all_records()).await;

    assert_eq!(
        (&announced["totalRecords"], &announced["pageSize"]),
        (&json!(60), &json!(20))
    );
    assert!(announced["queryId"].is_string() && announced["id"].is_string());
}

#[tokio::test]
async fn pages_are_bare_arrays_of_the_records_verbatim() {
    let world = World::new(small_settings()).await;
    let id = world.query_id().await;

    let page = world.page(&id, 20, 15).await;

    assert_eq!(page, bare_array(&world.simulator.truth().gateway[20..35]));
}

#[tokio::test]
async fn pages_beyond_the_end_are_empty_arrays() {
    let world = World::new(small_settings()).await;
    let id = world.query_id().await;

    let pages = (
        world.page(&id, 50, 20).await,
        world.page(&id, 60, 20).await,
        world.page(&id, 9999, 20).await,
    );

    assert_eq!(pages.0, bare_array(&world.simulator.truth().gateway[50..]));
    assert_eq!((pages.1.as_str(), pages.2.as_str()), ("[]", "[]"));
}

#[tokio::test]
async fn a_repeated_row_is_counted_and_served_identical_or_changed() {
    let row = |again_at, repeat| RepeatedRow {
        row: 2,
        again_at,
        repeat,
    };
    let rows = vec![row(4, Repeat::Identical), row(9, Repeat::Changed)];
    let faults = Faults {
        repeated_rows: rows,
        ..Faults::default()
    };
    let world = World::new(Settings {
        faults,
        ..small_settings()
    })
    .await;
    let truth = world.simulator.truth().gateway;
    let id = world.query_id().await;

    let (total, again, changed) = (
        world.total(&json!({ "type": "webchat" })).await,
        world.page(&id, 4, 1).await,
        world.page(&id, 9, 1).await,
    );

    assert_eq!(total, truth.len() + 2);
    assert_eq!(again, bare_array(&truth[2..3]));
    assert_ne!(changed, again);
    assert_eq!(changed.replace("\"changedAt\":9,", ""), again);
}

#[tokio::test]
async fn date_ranges_are_half_open_and_id_ranges_closed() {
    let world = World::new(small_settings()).await;
    let truth = world.simulator.truth().gateway;
    let mut starts: Vec<_> = truth.iter().map(|it| it.start).collect();
    let mut ids: Vec<_> = truth.iter().map(|it| it.id.clone()).collect();
    starts.sort_unstable();
    ids.sort_unstable();

    let by_date = world.total(&json!({ "type": "webchat", "dateRange": { "start": starts[10].to_string(), "end": starts[30].to_string() } })).await;
    let by_id = world
        .total(&json!({ "type": "webchat", "id": { "range": { "min": ids[10], "max": ids[30] } } }))
        .await;
    let other_type = world.total(&json!({ "type": "email" })).await;

    assert_eq!((by_date, by_id, other_type), (20, 21, 0));
}

#[tokio::test]
async fn an_invalid_query_is_refused() {
    let world = World::new(small_settings()).await;

    let refused = [
        json!({}),
        query(&json!({ "type": "webchat", "dateRange": { "start": "soon" } })),
        query(
            &json!({ "type": "webchat", "dateRange": { "start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z" } }),
        ),
        query(
            &json!({ "type": "webchat", "dateRange": { "start": "1772323200000", "end": "1772409600000" } }),
        ),
        query(&json!({ "type": "webchat", "channelType": "webchat" })),
        json!({ "query": { "filter": { "type": "webchat" }, "pageSize": 20 } }),
        json!({ "query": { "filter": { "type": "webchat" } }, "includeMedia": false }),
        json!({ "query": { "filter": { "type": "webchat" }, "pageSize": "20" }, "includeMedia": false }),
    ];

    for body in refused {
        assert_eq!(world.post(QUERY, &body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_lost_query_is_unknown_and_a_new_one_works() {
    let world = World::new(small_settings()).await;
    let lost = world.query_id().await;
    world.simulator.lose_queries();

    let response = world
        .get(&format!("api/v2/export/job/{lost}/results"))
        .await;
    let again = world.query_id().await;

    assert_eq!(response.status, 404);
    assert_ne!(world.page(&again, 0, 10).await, "[]");
}

#[tokio::test]
async fn the_announced_total_can_be_too_large_or_too_small() {
    let world = World::new(small_settings()).await;
    let filter = json!({ "type": "webchat" });

    let mut totals = Vec::new();
    for total_error in [5, -5, -1000] {
        world.simulator.set_faults(Faults {
            gateway_total: total_error,
            ..Faults::default()
        });
        totals.push(world.total(&filter).await);
    }

    assert_eq!(totals, [65, 55, 0]);
}

#[tokio::test]
async fn short_pages_lose_nothing_if_the_offset_follows_the_count() {
    let world = World::new(Settings {
        faults: Faults {
            gateway_short_pages: 0.7,
            ..Faults::default()
        },
        ..small_settings()
    })
    .await;
    let id = world.query_id().await;
    let (mut offset, mut pages, mut all) = (0, 0, Vec::new());

    while offset < 60 {
        let page: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_str(&world.page(&id, offset, 20).await).unwrap();
        assert!(!page.is_empty());
        offset += page.len();
        pages += 1;
        all.extend(page.iter().map(|record| record.get().to_owned()));
    }

    let truth: Vec<_> = world
        .simulator
        .truth()
        .gateway
        .into_iter()
        .map(|it| it.json)
        .collect();
    assert_eq!(all, truth);
    assert!(pages > 3);
}

#[tokio::test]
async fn an_empty_page_can_come_before_the_end() {
    let world = World::new(Settings {
        faults: Faults {
            gateway_empty_early: 2,
            ..Faults::default()
        },
        ..small_settings()
    })
    .await;
    let id = world.query_id().await;

    let pages = [
        world.page(&id, 0, 20).await,
        world.page(&id, 0, 20).await,
        world.page(&id, 0, 20).await,
    ];

    assert_eq!((pages[0].as_str(), pages[1].as_str()), ("[]", "[]"));
    assert_eq!(pages[2], bare_array(&world.simulator.truth().gateway[..20]));
}
