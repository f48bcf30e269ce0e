//! `stream` as an operator runs it: what it stores, how it ends, and what it says.

use std::process::{Child, Command};

use genesys_simulator::{FrameKind, Live, LiveFrame, LiveSettings, Settings, Traffic};
use serde_json::Value;

use crate::world::{CommandOutput, World, fast_settings, files, wait_with_output};

async fn world() -> World {
    let live = LiveSettings {
        heartbeat_interval: None,
        ..LiveSettings::default()
    };
    let mut world = World::with(Settings {
        live,
        ..fast_settings()
    })
    .await;
    let state = world.folder.path().join("state").display().to_string();
    world.set("XDG_STATE_HOME", &state);
    world
}

fn start(world: &World, arguments: &[&str]) -> Child {
    let out = world.out().display().to_string();
    let arguments = [&["stream"], arguments, &["--out", &out]].concat();
    world.command(&arguments).spawn().unwrap()
}

async fn run(world: &World, arguments: &[&str]) -> CommandOutput {
    wait_with_output(start(world, arguments)).await
}

fn terminate(child: &Child) {
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
}

/// Sends the traffic of some conversations once the process is connected, and waits until it has read all of it.
async fn send_traffic(world: &World) {
    let live = world.simulator.live();
    live.until(|live| live.open_sockets() == 1).await;
    live.begin(Traffic {
        conversations: 20,
        kinds: vec![FrameKind::Snapshot, FrameKind::Direct],
        ..Traffic::default()
    });
    live.finish(10).await;
    // The answer to a ping of the protocol comes after everything that was sent before it.
    let pongs = |live: &Live| live.sockets().last().map(|socket| socket.pongs);
    let before = pongs(&live);
    live.control_ping();
    live.until(|live| pongs(live) > before).await;
}

fn result(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.out).unwrap_or_else(|_| panic!("{}", output.err))
}

fn count_files(world: &World, end: &str) -> usize {
    let files = files(&world.out()).into_iter();
    files
        .filter(|path| path.to_string_lossy().ends_with(end))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_stream_has_stored_everything_and_the_next_one_continues() {
    let world = world().await;
    let arguments = ["notifications", "--queue", "all", "--json"];

    let child = start(&world, &arguments);
    send_traffic(&world).await;
    terminate(&child);
    let first = wait_with_output(child).await;
    let second = run(&world, &[&arguments[..], &["--for", "2s"]].concat()).await;

    assert_eq!(
        (first.code, second.code),
        (0, 0),
        "{}{}",
        first.err,
        second.err
    );
    let live = world.simulator.live();
    let sent = live
        .frames()
        .into_iter()
        .filter(LiveFrame::was_sent)
        .count();
    let result = result(&first);
    assert_eq!(result["frames"], sent);
    assert!(sent > 20, "{sent}");
    assert!(result["ended"].as_u64() > Some(10), "{result}");
    assert!(first.err.contains("epoch 1"), "{}", first.err);
    assert!(second.err.contains("epoch 2"), "{}", second.err);
    assert!(second.err.contains("gap recorded"), "{}", second.err);
    assert_eq!(count_files(&world, ".record.json"), 1);
    assert_eq!(count_files(&world, "-ended.json"), 2);
    assert_eq!(
        live.channels().len(),
        1,
        "the second continues with the channel"
    );
    let out = world.out().display().to_string();
    let verified = world.run(&["verify", "--live", &out]).await;
    assert_eq!(verified.code, 0, "{}", verified.err);
    assert!(verified.out.contains("2 epochs"), "{}", verified.out);
    assert!(
        verified.out.contains("no process held the stream"),
        "{}",
        verified.out
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_stream_is_stored_with_its_conversations() {
    let world = world().await;

    let child = start(&world, &["direct", "--name", "gateway"]);
    send_traffic(&world).await;
    terminate(&child);
    let output = wait_with_output(child).await;

    assert_eq!(output.code, 0, "{}", output.err);
    assert!(output.out.contains("0 gaps recorded"), "{}", output.out);
    let stored = files(&world.out().join("live/gateway"));
    assert!(!stored.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_names_no_queue_of_the_organisation_is_refused() {
    let world = world().await;

    let unknown = run(&world, &["notifications", "--queue", "Nobody's"]).await;
    let contradictory = ["notifications", "--queue", "all", "--queue", "Support"];
    let contradictory = run(&world, &contradictory).await;

    assert_eq!((unknown.code, contradictory.code), (2, 2));
    assert_eq!(unknown.error(), "the API knows no queue `Nobody's`");
    assert!(contradictory.error().contains("--queue all already names"));
    assert_eq!(count_files(&world, ".json"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_unless_it_is_allowed_to_be_missing() {
    let world = world().await;
    world.simulator.update(|settings| {
        let permissions = &mut settings.permissions;
        permissions.retain(|it| it != "speechAndTextAnalytics:data:view");
    });
    let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let arguments = ["notifications", "--queue", "all", "--conversation", id];

    let refused = run(&world, &arguments).await;
    let allowed = run(
        &world,
        &[&arguments[..], &["--allow-rejected", "--for", "1s"]].concat(),
    )
    .await;

    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.error().contains("missing permission"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("--allow-rejected"), "{}", refused.err);
    assert_eq!(allowed.code, 0, "{}", allowed.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_refuses_new_tokens_ends_the_stream_with_code_3() {
    let world = world().await;
    let child = start(&world, &["direct"]);
    let live = world.simulator.live();
    for sockets in 1..=2 {
        live.until(|live| live.sockets().len() == sockets && live.open_sockets() == 1)
            .await;
        live.close(4001);
    }

    let output = wait_with_output(child).await;

    assert_eq!(output.code, 3, "{}", output.err);
    insta::assert_snapshot!(output.error(), @"the gateway refused a new token, too (the server closed the connection with code 4001); check the roles of the OAuth client, and that GENESYS_API_URL and GENESYS_LOGIN_URL belong to the same organisation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_a_forbidden_region_is_not_captured() {
    let mut world = world().await;
    world.set("ALLOWED_REGIONS", "eu-central-1");

    let output = run(&world, &["direct", "--for", "1s"]).await;

    assert_eq!(output.code, 2, "{}", output.err);
    assert!(output.error().contains("ALLOWED_REGIONS"), "{}", output.err);
    assert!(files(&world.out()).is_empty());
}
