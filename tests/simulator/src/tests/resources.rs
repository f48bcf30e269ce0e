//! The small endpoints: retention and limits.

use super::*;

const LIMITS: &str = "api/v2/organizations/limits";

#[tokio::test]
async fn the_retention_is_served_only_if_it_is_set() {
    let world = World::new(small_settings()).await;
    let path = "api/v2/analytics/dataretention/settings";

    let body = world.get(path).await.json();
    world
        .simulator
        .update(|settings| settings.retention_days = None);
    let unset = world.get(path).await.json();

    assert_eq!(body["retentionDays"], 730);
    assert!(unset.get("retentionDays").is_none() && unset["dateModified"].is_string());
}

#[tokio::test]
async fn limits_in_force_follow_the_settings_and_the_defaults_do_not() {
    let world = World::new(Settings {
        rate_per_minute: 77,
        ..small_settings()
    })
    .await;
    let value = |listing: &Value| {
        let entities = listing["entities"].as_array().unwrap().clone();
        let key = "client.credentials.token.rate.per.minute";
        entities.iter().find(|it| it["key"] == key).unwrap()["value"].clone()
    };
    let platform = format!("{LIMITS}/namespaces/platform.api");

    let in_force = world.get(&platform).await.json();
    let defaults = world.get(&format!("{platform}/defaults")).await.json();

    assert_eq!(
        (value(&in_force), value(&defaults)),
        (json!(77), json!(300))
    );
    assert_eq!(defaults["entities"][0]["namespace"], "platform.api");
}

#[tokio::test]
async fn the_documentation_of_limits_lists_every_default() {
    let world = World::new(small_settings()).await;

    let docs = world.get(&format!("{LIMITS}/docs")).await.json();

    for namespace in docs["namespaces"].as_array().unwrap() {
        let name = namespace["name"].as_str().unwrap();
        let path = format!("{LIMITS}/namespaces/{name}/defaults");
        let defaults = world.get(&path).await.json();
        let pairs = |list: &Value, value: &str| -> Vec<(Value, Value)> {
            let list = list.as_array().unwrap();
            list.iter()
                .map(|it| (it["key"].clone(), it[value].clone()))
                .collect()
        };
        assert_eq!(
            pairs(&namespace["limits"], "defaultValue"),
            pairs(&defaults["entities"], "value")
        );
    }
}

#[tokio::test]
async fn a_namespace_without_limits_is_a_404() {
    let world = World::new(small_settings()).await;

    let response = world
        .get(&format!("{LIMITS}/namespaces/gamification"))
        .await;

    assert_eq!(response.status, 404);
}

#[tokio::test]
async fn queues_and_codes_are_paged_and_need_their_permissions() {
    let world = World::new(small_settings()).await;

    let first = world.get("api/v2/routing/queues?pageSize=3").await.json();
    let last_number = first["pageCount"].as_u64().unwrap();
    let last = world
        .get(&format!(
            "api/v2/routing/queues?pageSize=3&pageNumber={last_number}"
        ))
        .await
        .json();
    let codes = world.get("api/v2/routing/wrapupcodes").await.json();
    let too_many = world.get("api/v2/routing/wrapupcodes?pageSize=101").await;
    world
        .simulator
        .update(|settings| settings.permissions.clear());
    let refused = world.get("api/v2/routing/queues").await;

    assert_eq!(first["entities"].as_array().unwrap().len(), 3);
    assert!(first["entities"][0]["id"].is_string() && first["entities"][0]["name"].is_string());
    let left = first["total"].as_u64().unwrap() - 3 * (last_number - 1);
    assert_eq!(last["entities"].as_array().unwrap().len() as u64, left);
    assert!(
        codes["entities"][0]["name"]
            .as_str()
            .unwrap()
            .starts_with("Outcome ")
    );
    assert_eq!((too_many.status, refused.status), (400, 403));
}
