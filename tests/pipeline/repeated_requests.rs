//! A request that start-export has handled before.

use start_export::{Command, State};

use end_to_end::world::{World, organisation};

#[tokio::test]
async fn a_repeated_request_returns_the_export_and_a_changed_one_is_refused() {
    let mut world = World::new(organisation(41, 30)).await;
    let request = world.request("analytics-job", r#","exportId":"mine""#);
    world.export(&request).await;
    let before = world.store.snapshot();

    let again = world
        .invoke(Command::parse(&request).expect("a request"))
        .await
        .expect("alive")
        .expect("an answer");
    let other = world.request("analytics-job", r#","exportId":"mine","pageSize":3"#);
    let refusal = world
        .refusal(Command::parse(&other).expect("a request"))
        .await;

    assert_eq!(again.state, State::Completed);
    assert!(world.queues.is_empty(), "nothing is owed");
    assert_eq!(world.store.snapshot(), before);
    assert_eq!(
        refusal,
        "`exportId` is mine: an export with this id exists for another request; choose another id"
    );
}

#[tokio::test]
async fn a_repeated_request_returns_the_export_even_past_the_retention() {
    let mut world = World::new(organisation(56, 20)).await;
    let request = world.request("analytics-job", "");
    world.export(&request).await;
    world.process.start.limits.retention_days = Some(1);

    let command = Command::parse(&request).expect("a request");
    let again = world
        .invoke(command)
        .await
        .expect("alive")
        .expect("an answer");

    assert_eq!(again.state, State::Completed);
}

#[tokio::test]
async fn a_repeated_request_returns_a_finished_export_whatever_the_settings() {
    let mut world = World::new(organisation(57, 20)).await;
    let request = world.request("analytics-job", "");
    world.export(&request).await;
    world.process.start.limits.redaction.regions = vec!["JP".to_owned()];

    let command = Command::parse(&request).expect("a request");
    let again = world.invoke(command).await.expect("alive");

    assert_eq!(again.expect("an answer").state, State::Completed);
}

#[tokio::test]
async fn a_repeated_request_of_an_unfinished_export_names_what_differs() {
    let mut world = World::new(organisation(58, 20)).await;
    let request = world.request("analytics-job", "");
    world.start(&request).await;
    world.process.start.limits.redaction.regions = vec!["JP".to_owned()];

    let command = Command::parse(&request).expect("a request");
    let refusal = world.refusal(command).await;

    assert!(refusal.contains("redaction"), "{refusal}");
}
