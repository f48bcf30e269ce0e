//! `find`: where a conversation is stored, and its record.

use serde_json::Value;

use crate::world::{DAYS, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn find_prints_each_version_and_the_latest_record_last() {
    let world = World::new().await;
    let truth = world.simulator.truth().conversations;
    let conversation = &truth[truth.len() / 2];
    for id in ["march", "again"] {
        let request = format!(
            r#"{{"exportId":"{id}",{DAYS},"pageSize":20,"records":"full","redaction":{{"enabled":false}}}}"#
        );
        world.export(&request).await;
    }
    let out = world.out().display().to_string();

    let found = world.run(&["find", &out, &conversation.id]).await;
    let of_the_day = world
        .run(&[
            "find",
            &out,
            &conversation.id,
            "--day",
            "2026-03-01",
            "--json",
        ])
        .await;

    assert_eq!(found.code, 0, "{}", found.err);
    let lines: Vec<_> = found.out.lines().collect();
    assert!(lines[0].starts_with("march as of "), "{}", lines[0]);
    assert!(lines[1].starts_with("again as of "), "{}", lines[1]);
    assert!(lines[2] == conversation.json, "the record as it came");
    let result: Value = serde_json::from_str(&of_the_day.out).unwrap();
    assert_eq!(result["versions"].as_array().unwrap().len(), 2);
    assert_eq!(result["record"]["conversationId"], conversation.id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn find_reports_an_unknown_id_with_the_number_of_pages_searched() {
    let world = World::new().await;
    world
        .export(&format!(r#"{{"exportId":"march",{DAYS},"pageSize":100}}"#))
        .await;
    let out = world.out().display().to_string();

    let unknown = world.run(&["find", &out, "c-1"]).await;
    let other_day = world
        .run(&["find", &out, "c-1", "--day", "2026-04-01"])
        .await;
    let no_day = world.run(&["find", &out, "c-1", "--day", "April"]).await;
    let nowhere = world.run(&["find", "/nowhere", "c-1"]).await;

    assert_eq!(unknown.code, 1);
    assert_eq!(
        unknown.error(),
        format!("conversation c-1 is not in {out}: searched 4 pages in 1 complete export")
    );
    assert!(
        other_day.err.contains("0 pages in 0 complete exports"),
        "{}",
        other_day.err
    );
    assert_eq!((no_day.code, nowhere.code), (2, 2));
}
