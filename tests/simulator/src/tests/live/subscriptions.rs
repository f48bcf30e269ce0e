use super::*;

const PRESENCE: &str = "v2.users.u1.presence";
const MESSAGES: &str = "v2.users.u1.conversations.messages";

fn ids(listing: &ClientResponse) -> Vec<String> {
    let listing = listing.json();
    let entities = listing["entities"].as_array().unwrap().iter();
    entities
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn new_path(world: &World) -> String {
    let channel = world.channel().await;
    format!(
        "{CHANNELS}/{}/subscriptions",
        channel["id"].as_str().unwrap()
    )
}

#[tokio::test]
async fn post_adds_put_replaces_and_delete_removes_subscriptions() {
    let world = World::new(quiet()).await;
    let path = new_path(&world).await;

    world.post(&path, &as_topics(&[PRESENCE, PRESENCE])).await;
    world.post(&path, &as_topics(&[MESSAGES])).await;
    let added = ids(&world.get(&path).await);
    world.put(&path, &as_topics(&[MESSAGES])).await;
    let replaced = ids(&world.get(&path).await);
    let status = world.delete(&path).await;

    assert_eq!(added, [PRESENCE, MESSAGES]);
    assert_eq!(replaced, [MESSAGES]);
    assert_eq!((status, ids(&world.get(&path).await)), (204, Vec::new()));
    assert_eq!(world.live().channels()[0].replacements, 1);
}

#[tokio::test]
async fn a_subscription_is_permitted_or_rejected_with_its_permission() {
    let world = World::new(Settings {
        permissions: vec!["presence:presence:view".to_owned()],
        ..quiet()
    })
    .await;
    let path = new_path(&world).await;
    let topics = as_topics(&[PRESENCE, MESSAGES]);

    let refused = world.put(&path, &topics).await;
    let reported = world
        .put(&format!("{path}?ignoreErrors=true"), &topics)
        .await;

    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["code"], "missing.permissions");
    let entities = &reported.json()["entities"];
    assert_eq!(entities[0]["state"], "Permitted");
    assert!(entities[0]["selfUri"].as_str().unwrap().ends_with(PRESENCE));
    assert_eq!(entities[1]["state"], "Rejected");
    assert_eq!(entities[1]["rejectionReason"], "missing.permissions");
    assert_eq!(
        entities[1]["missingPermissions"],
        json!(["conversation:message:view"])
    );
    assert_eq!(ids(&world.get(&path).await), [PRESENCE]);
}

#[tokio::test]
async fn an_invalid_topic_is_refused_and_changes_nothing() {
    let world = World::new(quiet()).await;
    let path = new_path(&world).await;
    world.put(&path, &as_topics(&[PRESENCE])).await;

    let unknown = world
        .put(&path, &as_topics(&[MESSAGES, "v2.nothing"]))
        .await;
    let not_a_list = world.put(&path, &json!({ "id": PRESENCE })).await;

    assert_eq!(unknown.status, 400);
    assert_eq!(unknown.json()["code"], "notification.invalid.topic");
    assert_eq!(not_a_list.json()["code"], "bad.request");
    assert_eq!(ids(&world.get(&path).await), [PRESENCE]);
}

#[tokio::test]
async fn a_channel_has_at_most_a_thousand_subscriptions() {
    let world = World::new(quiet()).await;
    let path = new_path(&world).await;
    let combined = |number| format!("v2.users.u{number}?presence&conversations");
    let topics: Vec<String> = (0..1_000).map(combined).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();

    let most = world.put(&path, &as_topics(&topics)).await;
    let one_more = world.post(&path, &as_topics(&[PRESENCE])).await;
    let known = world.post(&path, &as_topics(&[topics[0]])).await;

    assert_eq!(
        (most.status, one_more.status, known.status),
        (200, 400, 200)
    );
    let code = "notification.subscription.too.many.subscriptions";
    assert_eq!(one_more.json()["code"], code);
    assert_eq!(ids(&world.get(&path).await).len(), 1_000);
}

#[tokio::test]
async fn available_topics_name_their_permissions_on_request() {
    let world = World::new(quiet()).await;
    let path = "api/v2/notifications/availabletopics";

    let plain = world.get(path).await.json();
    let expanded = world
        .get(&format!("{path}?expand=description,requiresPermissions"))
        .await
        .json();

    let details = "v2.detail.events.conversation.{id}.acd.end";
    assert_eq!(plain["entities"][0], json!({ "id": details }));
    let permissions = &expanded["entities"][0]["requiresPermissions"];
    assert_eq!(permissions, &json!(["analytics:conversationDetail:view"]));
    assert!(expanded["entities"][0]["description"].is_string());
}

#[tokio::test]
async fn queues_are_found_by_id_and_by_name() {
    let world = World::new(quiet()).await;
    let path = "api/v2/routing/queues";
    let all = world.get(path).await.json();
    let (first, second) = (&all["entities"][0], &all["entities"][1]);
    let name = first["name"].as_str().unwrap();
    let [id, other] = [first, second].map(|it| it["id"].as_str().unwrap());

    let by_name = world
        .get(&format!("{path}?name={}", percent_encoded(name)))
        .await;
    let by_start = world
        .get(&format!("{path}?name={}*", percent_encoded(&name[..4])))
        .await;
    let by_ids = world.get(&format!("{path}?id={other}&id={id}")).await;
    let one = world.get(&format!("{path}/{id}")).await;

    assert_eq!(by_name.json()["entities"], json!([first]));
    assert!(
        by_start.json()["entities"]
            .as_array()
            .unwrap()
            .contains(first)
    );
    assert_eq!(by_ids.json()["entities"], json!([first, second]));
    assert_eq!(one.json()["name"], first["name"]);
    assert_eq!(world.get(&format!("{path}/other")).await.status, 404);
}
