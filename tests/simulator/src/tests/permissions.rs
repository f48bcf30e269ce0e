//! Permissions and divisions of a client.

use super::*;

const QUERY: &str = "api/v2/analytics/conversations/details/query";
const RETENTION: &str = "api/v2/analytics/dataretention/settings";

fn details_query() -> Value {
    json!({ "interval": INTERVAL, "paging": { "pageSize": 100 } })
}

#[tokio::test]
async fn a_missing_permission_is_a_403_that_names_the_accepted_ones() {
    let world = World::new(Settings {
        permissions: Vec::new(),
        ..small_settings()
    })
    .await;

    let response = world.post(QUERY, &details_query()).await;

    assert_eq!(response.status, 403);
    let body = response.json();
    assert_eq!(body["code"], "missing.any.permissions");
    assert_eq!(
        body["message"],
        "Unable to perform the requested action. You must have at least one of the following permissions assigned: [analytics:conversationDetail:view, analytics:agentConversationDetail:view]"
    );
    assert_eq!(body["contextId"], response.header("ININ-Correlation-Id"));
}

#[tokio::test]
async fn each_route_requires_any_one_of_its_own_permissions() {
    let world = World::new(Settings {
        permissions: vec!["analytics:agentConversationDetail:view".to_owned()],
        ..small_settings()
    })
    .await;

    let query = world.post(QUERY, &details_query()).await.status;
    let job = world
        .post(JOBS, &json!({ "interval": INTERVAL }))
        .await
        .status;
    let availability = world.get(&format!("{JOBS}/availability")).await.status;
    let retention = world.get(RETENTION).await.status;
    let limits = world.get("api/v2/organizations/limits/docs").await.status;

    assert_eq!(
        (query, job, availability, retention, limits),
        (200, 202, 403, 403, 200)
    );
}

#[tokio::test]
async fn conversations_of_divisions_that_the_client_lacks_are_silently_absent() {
    let world = World::new(Settings {
        conversations: 100,
        ..small_settings()
    })
    .await;
    let all = world.ids_in(INTERVAL).await;
    let everything = world.post(QUERY, &details_query()).await.json();

    world
        .simulator
        .update(|settings| settings.divisions_held = Some(2));
    let by_job = world.ids_in(INTERVAL).await;
    let queried = world.post(QUERY, &details_query()).await.json();

    assert!(!by_job.is_empty() && by_job.len() < all.len());
    assert!(queried["totalHits"].as_u64() < everything["totalHits"].as_u64());
    let hidden = all.iter().find(|id| !by_job.contains(id)).unwrap();
    let path = format!("api/v2/analytics/conversations/{hidden}/details");
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_conversation_is_visible_by_any_of_its_divisions_or_without_any() {
    let world = World::new(Settings {
        divisions_held: Some(1),
        ..small_settings()
    })
    .await;
    let truth = world.simulator.truth().conversations;

    let visible_ids = world.ids_in(INTERVAL).await;

    let visible_conversations: Vec<_> = truth
        .iter()
        .filter(|it| visible_ids.contains(&it.id))
        .collect();
    let held = visible_conversations
        .iter()
        .find(|it| it.divisions.len() == 1)
        .unwrap();
    for conversation in &truth {
        let divisions = &conversation.divisions;
        let visible = divisions.is_empty() || divisions.contains(&held.divisions[0]);
        assert_eq!(
            visible_ids.contains(&conversation.id),
            visible,
            "{divisions:?}"
        );
    }
    assert!(
        visible_conversations
            .iter()
            .any(|it| it.divisions.is_empty())
    );
    assert!(
        visible_conversations
            .iter()
            .any(|it| it.divisions.len() > 1)
    );
}
