//! Exports that lack some of what they were asked for: the exit code, the summary, and `--allow-gaps`.

use genesys_simulator::{Faults, Settings, UnavailableTexts};
use serde_json::Value;

use crate::world::{DAYS, World, fast_settings};

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

/// The first `known` conversations of the world, and `unknown` ids that no conversation has.
fn lookup(world: &World, known: usize, unknown: usize) -> String {
    let conversations = world.simulator.truth().conversations.into_iter();
    let known = conversations.take(known).map(|it| it.id);
    let unknown = (0..unknown).map(|number| format!("00000000-0000-4000-8000-{number:012}"));
    let ids: Vec<_> = known.chain(unknown).collect();
    let ids = serde_json::to_string(&ids).unwrap();
    format!(
        r#"{{"exportId":"march","source":"analytics-query","filters":{{"conversationIds":{ids}}}}}"#
    )
}

fn rejecting(every: usize) -> Settings {
    let faults = Faults {
        malformed_every: Some(every),
        ..Faults::default()
    };
    Settings {
        conversations: 40,
        gateway_records: 40,
        faults,
        ..fast_settings()
    }
}

fn texts_with(unavailable_texts: UnavailableTexts) -> Settings {
    Settings {
        conversations: 20,
        unavailable_texts,
        ..fast_settings()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_share_of_gaps_has_its_status_and_exit_code() {
    type Request = fn(&World) -> String;
    let gone = UnavailableTexts {
        gone: 1,
        ..UnavailableTexts::default()
    };
    let forbidden = UnavailableTexts {
        forbidden: 1,
        ..UnavailableTexts::default()
    };
    let job: Request = |_| format!(r#"{{"exportId":"march",{DAYS}}}"#);
    let gateway: Request =
        |_| format!(r#"{{"exportId":"march","source":"export-gateway",{DAYS}}}"#);
    let texts: Request = |world| request(world, "");
    let cases: [(&str, Settings, Request, &str, i32); 9] = [
        (
            "texts 404",
            texts_with(gone),
            texts,
            "completed_with_gaps",
            1,
        ),
        (
            "texts 403",
            texts_with(forbidden),
            texts,
            "completed_with_gaps",
            1,
        ),
        (
            "1 of 2 ids",
            texts_with(UnavailableTexts::default()),
            |world| lookup(world, 1, 1),
            "completed_with_gaps",
            1,
        ),
        (
            "0 of 3 ids",
            texts_with(UnavailableTexts::default()),
            |world| lookup(world, 0, 3),
            "completed_with_gaps",
            1,
        ),
        (
            "9 of 10 ids",
            texts_with(UnavailableTexts::default()),
            |world| lookup(world, 9, 1),
            "completed",
            0,
        ),
        (
            "every record of a job rejected",
            rejecting(1),
            job,
            "completed_with_gaps",
            1,
        ),
        (
            "every 20th record of a job rejected",
            rejecting(20),
            job,
            "completed_with_rejects",
            0,
        ),
        (
            "every record of a gateway rejected",
            rejecting(1),
            gateway,
            "completed_with_gaps",
            1,
        ),
        ("nothing missing", rejecting(1_000), job, "completed", 0),
    ];

    for (name, settings, request, status, code) in cases {
        let world = World::with(settings).await;

        let output = world.export(&request(&world)).await;

        let stored = &world.manifest()["status"];
        assert_eq!(
            (stored.as_str(), output.code),
            (Some(status), code),
            "{name}: {}",
            output.err
        );
    }
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
