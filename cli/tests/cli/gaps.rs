//! Exports that lack some of what they were asked for: the exit code, the summary, and `--allow-gaps`.

use genesys_simulator::{Settings, UnavailableTexts};
use serde_json::Value;

use crate::world::{World, fast_settings};

/// A world in which the texts of every conversation are gone.
async fn world_without_texts() -> World {
    let unavailable_texts = UnavailableTexts {
        gone: 1,
        ..UnavailableTexts::default()
    };
    World::with(Settings {
        conversations: 10,
        unavailable_texts,
        ..fast_settings()
    })
    .await
}

fn request(world: &World, more_fields: &str) -> String {
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids: Vec<_> = conversations.take(10).map(|it| it.id).collect();
    let ids = serde_json::to_string(&ids).unwrap();
    format!(
        r#"{{"exportId":"march","source":"transcripts","filters":{{"conversationIds":{ids}}}{more_fields}}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_without_a_single_text_exits_with_1_and_says_why() {
    let world = world_without_texts().await;

    let output = world.export(&request(&world, "")).await;

    assert_eq!(output.code, 1, "{}", output.err);
    assert!(
        output.out.contains("march is complete, with gaps"),
        "{}",
        output.out
    );
    let gaps = "10 of 10 requested conversations are missing or have no text";
    assert!(output.out.contains(gaps), "{}", output.out);
    assert!(!output.out.contains('✓'), "{}", output.out);
    assert!(output.err.contains(gaps), "{}", output.err);
    assert!(output.err.contains("--allow-gaps"), "{}", output.err);
    assert_eq!(world.manifest()["status"], "completed_with_gaps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_that_are_allowed_exit_with_0() {
    let world = world_without_texts().await;
    world.export(&request(&world, "")).await;

    let resumed = world
        .run_on_march("resume", &["--allow-gaps", "--json"])
        .await;
    let refused = world.run_on_march("resume", &["--json"]).await;

    assert_eq!((resumed.code, refused.code), (0, 1), "{}", resumed.err);
    let result: Value = serde_json::from_str(&resumed.out).unwrap();
    assert_eq!(result["status"], "completed_with_gaps");
    assert_eq!(result["gaps"]["missing"], 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_may_allow_any_share_of_gaps() {
    let world = world_without_texts().await;

    let output = world
        .export(&request(&world, r#","maxGapPercent":100"#))
        .await;
    let over = request(&world, r#","maxGapPercent":101"#).replace("march", "april");
    let refused = world.export(&over).await;

    assert_eq!(output.code, 0, "{}", output.err);
    assert_eq!(world.manifest()["status"], "completed");
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("`maxGapPercent` is 101: 0 to 100"),
        "{}",
        refused.err
    );
}
