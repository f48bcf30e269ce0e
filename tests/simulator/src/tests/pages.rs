//! Job results, page by page.

use super::*;

#[tokio::test]
async fn all_pages_together_are_the_truth_in_order() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    let ids = world.read_all(&id, 7).await;

    let truth: Vec<_> = world
        .simulator
        .truth()
        .conversations
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(ids, truth);
}

#[tokio::test]
async fn records_are_served_byte_for_byte_as_in_the_truth() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    let body = world
        .get(&format!("{JOBS}/{id}/results"))
        .await
        .text()
        .to_owned();

    let records: Vec<_> = world
        .simulator
        .truth()
        .conversations
        .into_iter()
        .map(|it| it.json)
        .collect();
    assert!(body.starts_with(&format!("{{\"conversations\":[{}],", records.join(","))));
}

#[tokio::test]
async fn a_cursor_must_be_percent_encoded() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;
    let first = world
        .get(&format!("{JOBS}/{id}/results?pageSize=5"))
        .await
        .json();
    let cursor = first["cursor"].as_str().unwrap();

    let raw = world
        .get(&format!("{JOBS}/{id}/results?pageSize=5&cursor={cursor}"))
        .await;
    let encoded = world
        .get(&format!(
            "{JOBS}/{id}/results?pageSize=5&cursor={}",
            percent_encoded(cursor)
        ))
        .await;

    assert!(
        ['+', '/', '=']
            .iter()
            .all(|letter| cursor.contains(*letter))
    );
    assert_eq!((raw.status, encoded.status), (400, 200));
}

#[tokio::test]
async fn a_cursor_of_another_job_is_refused() {
    let world = World::new(small_settings()).await;
    let (one, other) = (
        world.finish_job(&json!({ "interval": INTERVAL })).await,
        world.finish_job(&json!({ "interval": INTERVAL })).await,
    );
    let first = world
        .get(&format!("{JOBS}/{one}/results?pageSize=5"))
        .await
        .json();
    let cursor = percent_encoded(first["cursor"].as_str().unwrap());

    let response = world
        .get(&format!("{JOBS}/{other}/results?cursor={cursor}"))
        .await;

    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn the_same_cursor_returns_the_same_page() {
    let world = World::new(small_settings()).await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;
    let first = world
        .get(&format!("{JOBS}/{id}/results?pageSize=5"))
        .await
        .json();
    let path = format!(
        "{JOBS}/{id}/results?pageSize=5&cursor={}",
        percent_encoded(first["cursor"].as_str().unwrap())
    );

    let pages = (
        world.get(&path).await.text().to_owned(),
        world.get(&path).await.text().to_owned(),
    );

    assert_eq!(pages.0, pages.1);
}

#[tokio::test]
async fn a_page_without_rows_has_no_conversations_and_no_cursor() {
    let world = World::new(small_settings()).await;
    let id = world
        .finish_job(&json!({ "interval": "2020-01-01T00:00:00Z/2020-01-02T00:00:00Z" }))
        .await;

    let page = world.get(&format!("{JOBS}/{id}/results")).await.json();

    assert_eq!(
        page,
        json!({ "dataAvailabilityDate": page["dataAvailabilityDate"] })
    );
}

#[tokio::test]
async fn a_last_page_that_is_full_is_followed_by_an_empty_one() {
    let world = World::new(Settings {
        conversations: 10,
        spill: 0.0,
        ..small_settings()
    })
    .await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;
    let full = world
        .get(&format!("{JOBS}/{id}/results?pageSize=10"))
        .await
        .json();
    let cursor = percent_encoded(full["cursor"].as_str().unwrap());

    let after = world
        .get(&format!("{JOBS}/{id}/results?pageSize=10&cursor={cursor}"))
        .await
        .json();

    assert_eq!(full["conversations"].as_array().unwrap().len(), 10);
    assert!(after.get("conversations").is_none() && after.get("cursor").is_none());
}

#[tokio::test]
async fn a_page_size_beyond_the_maximum_is_refused() {
    let world = World::new(Settings {
        job_page_size_max: 50,
        ..small_settings()
    })
    .await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;

    let sizes = [("51", 400), ("0", 400), ("many", 400), ("50", 200)];

    for (size, status) in sizes {
        assert_eq!(
            world
                .get(&format!("{JOBS}/{id}/results?pageSize={size}"))
                .await
                .status,
            status,
            "{size}"
        );
    }
}

#[tokio::test]
async fn a_page_holds_the_watermark_at_submission() {
    let world = World::new(Settings {
        watermark: Watermark::At(time("2026-03-02T00:00:00Z")),
        ..small_settings()
    })
    .await;
    let id = world.finish_job(&json!({ "interval": INTERVAL })).await;
    world
        .simulator
        .update(|settings| settings.watermark = Watermark::Never(time("2026-03-03T00:00:00Z")));

    let page = world.get(&format!("{JOBS}/{id}/results")).await.json();

    assert_eq!(page["dataAvailabilityDate"], "2026-03-02T00:00:00Z");
}

#[tokio::test]
async fn a_descending_job_reverses_the_ascending_one() {
    let world = World::new(small_settings()).await;
    let mut ascending = world.ids_in(INTERVAL).await;

    let id = world
        .finish_job(&json!({ "interval": INTERVAL, "order": "desc" }))
        .await;

    ascending.reverse();
    assert_eq!(world.read_all(&id, 1000).await, ascending);
}
