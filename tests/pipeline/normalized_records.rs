//! Exports of normalized (flat) rows, from conversations and from a gateway's records.

use conversation_archive::source::SourceError;
use start_export::{Command, StartError};

use end_to_end::world::{World, organisation};
use genesys_simulator::{Route, Settings};

#[tokio::test]
async fn normalized_exports_of_every_source_are_complete_and_intact() {
    for source in ["analytics-job", "analytics-query", "export-gateway"] {
        let mut world = World::new(organisation(71, 60)).await;
        let request = world.request(source, r#","slices":2,"records":"normalized""#);

        let manifest = world.export(&request).await;

        let rows = world.archived_ids(&manifest, "recordId").await;
        assert_eq!(rows.len(), 60);
        assert!(rows.values().all(|count| *count == 1));
        world.verify(&manifest.outcome.export_id).await;
    }
}

#[tokio::test]
async fn names_are_looked_up_once_and_are_in_every_row_with_a_code() {
    let mut world = World::new(organisation(72, 200)).await;
    let request = world.request(
        "analytics-job",
        r#","slices":2,"pageSize":20,"records":"normalized","lookupNames":true"#,
    );

    let manifest = world.export(&request).await;

    let rows = world.archived_lines(&manifest).await;
    let with_code = rows
        .keys()
        .filter(|row| !row.contains(r#""wrapUpCode":null"#));
    assert!(with_code.clone().count() > 50);
    for row in with_code {
        assert!(
            row.contains(r#""wrapUpName":"Outcome "#),
            "a name for each code"
        );
    }
    let stats = world.simulator.stats();
    assert_eq!(stats.requests_on(Route::Queues), 1);
    let codes = stats.requests_on(Route::WrapUpCodes);
    assert!((1..=4).contains(&codes), "{codes} pages of codes");
}

#[tokio::test]
async fn a_missing_permission_to_look_up_names_refuses_the_export() {
    let mut world = World::new(Settings {
        permissions: vec!["analytics:conversationDetail:view".to_owned()],
        ..organisation(73, 20)
    })
    .await;
    let request = world.request(
        "analytics-query",
        r#","slices":1,"records":"normalized","lookupNames":true"#,
    );

    let command = Command::parse(&request).expect("a request");
    let result = world.invoke(command).await.expect("not killed");

    let Err(StartError::Source(SourceError::Fatal(failure))) = result else {
        panic!("{result:?}");
    };
    assert!(
        failure.message.contains("[routing:queue:view]"),
        "{failure}"
    );
    assert!(world.store.snapshot().is_empty(), "nothing was planned");
}
