//! `transcript`: the same dialogue from the API and from an archive.

use serde_json::Value;

use crate::world::{DAYS, World};

/// A conversation with a few messages, one of which contains an address.
fn conversation(world: &World) -> String {
    let conversations = world.simulator.truth().conversations.into_iter();
    let has_an_address = |id: &String| {
        world.simulator.messages(id).is_some_and(|messages| {
            messages.len() < 30
                && messages
                    .iter()
                    .any(|it| it.text.contains("@quillpost.example"))
        })
    };
    let mut ids = conversations.map(|it| it.id);
    ids.find(has_an_address).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialogue_is_the_same_from_the_api_and_from_an_archive() {
    let world = World::new().await;
    let id = conversation(&world);
    let request = format!(
        r#"{{"exportId":"texts","source":"transcripts","filters":{{"conversationIds":["{id}"]}}}}"#
    );
    world.export(&request).await;
    let out = world.out().display().to_string();

    let live = world.run(&["transcript", &id]).await;
    let stored = world.run(&["transcript", &id, "--from", &out]).await;

    assert_eq!(
        (live.code, stored.code),
        (0, 0),
        "{} {}",
        live.err,
        stored.err
    );
    assert_eq!(live.out, stored.out);
    assert!(live.out.starts_with(&id));
    assert!(live.out.contains("[REDACTED:EMAIL]") && !live.out.contains("@quillpost.example"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_prints_records_and_unredacted_prints_the_original_texts() {
    let world = World::new().await;
    let id = conversation(&world);

    let output = world
        .run(&["transcript", &id, "--unredacted", "--json"])
        .await;

    let records: Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!(records[0]["conversationId"], id.as_str());
    assert!(output.out.contains("@quillpost.example"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unredacted_reading_leaves_an_audit_line() {
    let mut world = World::new().await;
    world.set("USER", "mary");
    let id = conversation(&world);

    world.run(&["transcript", &id]).await;
    assert!(!world.audit_file().exists(), "redacted reading leaves none");
    world.run(&["transcript", &id, "--unredacted"]).await;
    let history = [
        "history",
        &id,
        "--source",
        "analytics-query",
        "--unredacted",
    ];
    world.run(&history).await;

    let text = std::fs::read_to_string(world.audit_file()).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, command) in lines.iter().zip(["transcript", "history"]) {
        assert_eq!(line["action"], "read_unredacted");
        assert_eq!(
            (&line["command"], &line["user"]),
            (&command.into(), &"mary".into())
        );
        assert_eq!(line["filters"]["conversationIds"][0], id.as_str());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_are_not_read_unredacted_without_an_audit_line() {
    let mut world = World::new().await;
    let id = conversation(&world);
    let folder = world.folder.path().display().to_string();
    world.set("UNREDACTED_AUDIT_FILE", &folder);

    let output = world.run(&["transcript", &id, "--unredacted"]).await;

    assert_eq!((output.code, output.out.as_str()), (2, ""));
    assert!(
        output.err.contains("UNREDACTED_AUDIT_FILE"),
        "{}",
        output.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unredacted_reading_is_refused_below_the_policy() {
    let mut world = World::new().await;
    world.set("REDACTION_REQUIRED", "standard");
    let id = conversation(&world);

    let output = world.run(&["transcript", &id, "--unredacted"]).await;

    assert_eq!((output.code, output.out.as_str()), (2, ""));
    assert!(
        output.error().contains("REDACTION_REQUIRED demands"),
        "{}",
        output.err
    );
    assert!(!world.audit_file().exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_transcript_is_reported_and_fails() {
    let world = World::new().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let request = format!(r#"{{"exportId":"march",{DAYS}}}"#);
    world.export(&request).await;
    let out = world.out().display().to_string();

    let live = world.run(&["transcript", unknown]).await;
    let stored = world.run(&["transcript", unknown, "--from", &out]).await;

    assert_eq!(live.code, 1);
    assert!(live.out.contains("gone, 0 messages"), "{}", live.out);
    assert_eq!(stored.code, 1);
    assert!(
        stored.error().contains("no transcript of"),
        "{}",
        stored.err
    );
}
