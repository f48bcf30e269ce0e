//! The details query.

use super::*;
use crate::TruthConversation;

const QUERY: &str = "api/v2/analytics/conversations/details/query";
const MARCH_1ST: &str = "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z";

fn page(interval: &str, size: usize, number: usize) -> Value {
    json!({ "interval": interval, "paging": { "pageSize": size, "pageNumber": number } })
}

fn ids_of(page: &Value) -> Vec<String> {
    let rows = page["conversations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let id = |row: &Value| row["conversationId"].as_str().unwrap().to_owned();
    rows.iter().map(id).collect()
}

impl World {
    async fn post_query(&self, body: &Value) -> Value {
        let response = self.post(QUERY, body).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    /// Reads page after page until one has no conversations.
    async fn read_all_pages(&self, interval: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 1.. {
            let found = self.post_query(&page(interval, 50, number)).await;
            let more = ids_of(&found);
            if more.is_empty() {
                assert!(found.get("conversations").is_none());
                assert_eq!(found["totalHits"], ids.len());
                break;
            }
            ids.extend(more);
        }
        ids
    }

    /// Ids in the order of start, then id.
    fn truth_where(&self, holds: impl Fn(&TruthConversation) -> bool) -> Vec<String> {
        let truth = self.simulator.truth().conversations;
        let chosen = truth.into_iter().filter(holds);
        chosen.map(|it| it.id).collect()
    }
}

#[tokio::test]
async fn paging_to_the_end_finds_each_conversation_of_the_interval_once() {
    let world = World::new(Settings {
        conversations: 120,
        ..small_settings()
    })
    .await;

    let ids = world.read_all_pages(INTERVAL).await;

    let (from, to) = (time("2026-03-01T00:00:00Z"), time("2026-03-03T00:00:00Z"));
    assert_eq!(
        ids,
        world.truth_where(|it| from <= it.start && it.start < to)
    );
    assert_eq!(ids.len(), 120);
}

#[tokio::test]
async fn conversations_of_an_earlier_day_are_in_jobs_but_not_in_queries() {
    let world = World::new(small_settings()).await;

    let queried = world.read_all_pages(MARCH_1ST).await;
    let by_job = world.ids_in(MARCH_1ST).await;

    let earlier = world.truth_where(|it| it.start < time("2026-03-01T00:00:00Z"));
    assert!(earlier.iter().any(|id| by_job.contains(id)));
    assert!(earlier.iter().all(|id| !queried.contains(id)));
}

#[tokio::test]
async fn active_conversations_from_earlier_on_the_same_day_are_found() {
    let world = World::new(Settings {
        conversations: 400,
        ..small_settings()
    })
    .await;
    let (from, to) = (time("2026-03-01T12:00:00Z"), time("2026-03-01T12:30:00Z"));

    let ids = world.read_all_pages(&format!("{from}/{to}")).await;

    let active = |it: &TruthConversation| {
        it.active
            .iter()
            .any(|(start, end)| *start <= to && end.is_none_or(|end| from <= end))
    };
    let midnight = time("2026-03-01T00:00:00Z");
    assert_eq!(
        ids,
        world.truth_where(|it| midnight <= it.start && active(it))
    );
    let earlier = world.truth_where(|it| it.start < from);
    assert!(ids.iter().any(|id| earlier.contains(id)));
}

#[tokio::test]
async fn a_query_ignores_the_watermark_and_grows_with_time() {
    let world = World::new(Settings {
        watermark: Watermark::At(time("2026-03-01T00:00:00Z")),
        interval: (time("2026-03-05T00:00:00Z"), time("2026-03-06T00:00:00Z")),
        ..small_settings()
    })
    .await;
    let body = page("2026-03-05T00:00:00Z/2026-03-06T00:00:00Z", 10, 1);

    let at_noon = world.post_query(&body).await["totalHits"].as_u64().unwrap();
    let again = world.post_query(&body).await["totalHits"].as_u64().unwrap();
    world.advance_clock(Duration::from_hours(13));
    let next_day = world.post_query(&body).await["totalHits"].as_u64().unwrap();

    assert!(0 < at_noon && at_noon < next_day, "{at_noon}");
    assert_eq!((again, next_day), (at_noon, 60));
}

#[tokio::test]
async fn a_query_removes_attributes_and_nothing_else() {
    let world = World::new(small_settings()).await;
    let truth = world.simulator.truth().conversations;
    let with = truth
        .iter()
        .filter(|it| it.json.contains("\"attributes\":"))
        .count();
    assert!(with > 10, "{with}");

    let response = world.post(QUERY, &page(INTERVAL, 100, 1)).await;

    assert!(!response.text().contains("\"attributes\":"));
    let rows = response.json()["conversations"]
        .as_array()
        .cloned()
        .unwrap();
    for row in rows {
        let original = truth
            .iter()
            .find(|it| row["conversationId"] == it.id.as_str());
        let mut expected: Value = serde_json::from_str(&original.unwrap().json).unwrap();
        for participant in expected["participants"].as_array_mut().unwrap() {
            participant
                .as_object_mut()
                .unwrap()
                .shift_remove("attributes");
        }
        assert_eq!(row, expected);
    }
}

#[tokio::test]
async fn without_paging_the_first_25_conversations_are_served() {
    let world = World::new(small_settings()).await;

    let default = world.post_query(&json!({ "interval": INTERVAL })).await;

    let first = world.post_query(&page(INTERVAL, 25, 1)).await;
    assert_eq!((ids_of(&default).len(), &default), (25, &first));
}

#[tokio::test]
async fn page_sizes_and_numbers_have_limits() {
    let world = World::new(small_settings()).await;

    let statuses = [
        (0, 1, 400),
        (101, 1, 400),
        (10, 0, 400),
        (100, 1000, 200),
        (100, 1001, 400),
    ];

    for (size, number, status) in statuses {
        let response = world.post(QUERY, &page(INTERVAL, size, number)).await;
        assert_eq!(response.status, status, "{size} {number}");
    }
    let beyond = world.post(QUERY, &page(INTERVAL, 100, 1001)).await.json();
    assert_eq!(
        beyond["message"],
        "Pagination may not exceed 100000 results."
    );
}

#[tokio::test]
async fn an_interval_over_seven_days_is_refused_unless_configured() {
    let world = World::new(small_settings()).await;
    let week = page("2026-03-01T00:00:00Z/2026-03-08T00:00:00Z", 10, 1);
    let longer = page("2026-03-01T00:00:00Z/2026-03-08T00:00:01Z", 10, 1);

    let statuses = (
        world.post(QUERY, &week).await.status,
        world.post(QUERY, &longer).await.status,
    );
    let month = Some(Duration::from_hours(31 * 24));
    world
        .simulator
        .update(|settings| settings.query_interval_max = month);

    assert_eq!(statuses, (200, 400));
    assert_eq!(world.post(QUERY, &longer).await.status, 200);
}

#[tokio::test]
async fn filters_and_order_work_as_in_a_job() {
    let world = World::new(small_settings()).await;
    let voice =
        json!([{ "type": "and", "predicates": [{ "dimension": "mediaType", "value": "voice" }] }]);
    let body = json!({ "interval": INTERVAL, "order": "desc", "segmentFilters": voice, "startOfDayIntervalMatching": true });

    let mut query_body = body.clone();
    query_body["paging"] = json!({ "pageSize": 100 });
    let queried = ids_of(&world.post_query(&query_body).await);
    let job = world.finish_job(&body).await;

    assert!(queried.len() > 3);
    assert_eq!(queried, world.read_all(&job, 1000).await);
}

#[tokio::test]
async fn aggregations_are_refused_rather_than_ignored() {
    let world = World::new(small_settings()).await;
    let body = json!({ "interval": INTERVAL, "aggregations": [{ "type": "termFrequency", "dimension": "mediaType" }] });

    assert_eq!(world.post(QUERY, &body).await.status, 400);
}

#[tokio::test]
async fn new_conversations_become_visible_at_different_times() {
    let world = World::new(Settings {
        conversations: 400,
        query_lag: Duration::from_hours(2),
        ..small_settings()
    })
    .await;
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    world.set_time(noon);
    let started = world.truth_where(|it| it.start < noon);

    let at_noon = world.read_all_pages(MARCH_1ST).await;
    world.advance_clock(Duration::from_hours(2));
    let later = world.read_all_pages(MARCH_1ST).await;

    assert!(at_noon.len() < started.len());
    let missed = started.iter().filter(|id| !at_noon.contains(id)).count();
    assert!(
        missed > 0 && at_noon.len() > missed,
        "some are late, most are not"
    );
    let of_the_day = |id: &&String| started.contains(id);
    assert!(later.iter().filter(of_the_day).count() > at_noon.len());
}
