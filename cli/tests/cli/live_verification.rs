//! `verify --live` on a folder with live traffic of the simulated organisation.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use conversation_archive::archive::{Archive, Arrival, LiveWriter, live_gaps};
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::StreamName;
use conversation_archive::export::live_coverage::{GapReason, LiveGap, LiveGapSpan};
use conversation_archive::records::live::{Batch, Frame};
use conversation_archive::records::redaction::{Redactor, Rules};
use conversation_archive::storage::store::FolderStore;
use genesys_simulator::{FrameKind, Traffic};
use jiff::Timestamp;
use serde_json::Value;

use crate::world::{CommandOutput, World, files};

fn at(time: &str) -> Timestamp {
    format!("2026-03-01T{time}Z").parse().unwrap()
}

/// A world whose folder holds the frames of some conversations and an open gap, in the stream `queues`.
async fn heard() -> World {
    let world = World::new().await;
    let live = world.simulator.live();
    live.begin(Traffic {
        conversations: 5,
        kinds: vec![FrameKind::Snapshot],
        ..Traffic::default()
    });
    live.finish(100).await;
    let store = FolderStore::open(&world.out()).unwrap();
    let archive = Archive::new(Arc::new(store));
    let stream: StreamName = "queues".parse().unwrap();
    let redactor = Redactor::new(Rules::default());
    let mut writer = LiveWriter::new(archive.clone(), stream.clone(), "a process");
    for frames in live.frames().chunks(20) {
        let mut batch = Batch::default();
        for frame in frames {
            let frame = Frame::of_socket(&frame.text, at("10:00:00")).unwrap();
            batch.add(frame.redacted(&redactor));
        }
        let arrival = Arrival {
            at: at("10:00:00"),
            covered_until: None,
        };
        writer.commit(&batch.encode(), arrival).await.unwrap();
    }
    let gap = LiveGap {
        format_version: FormatVersion,
        stream,
        writer: "w-1".parse().unwrap(),
        span: LiveGapSpan {
            from: at("11:00:00"),
            until: at("11:01:30"),
        },
        reason: GapReason::Silence,
        code: None,
        recorded_at: at("11:01:30"),
    };
    live_gaps::record(&archive, gap).await.unwrap();
    world
}

async fn verify(world: &World, more: &[&str]) -> CommandOutput {
    let out = world.out().display().to_string();
    let arguments = [&["verify", "--live", &out], more].concat();
    world.run(&arguments).await
}

fn frame_object(world: &World) -> PathBuf {
    let is_frames = |path: &PathBuf| path.to_string_lossy().ends_with(".ndjson.gz");
    files(&world.out()).into_iter().find(is_frames).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intact_live_objects_exit_with_0_and_name_open_gaps() {
    let world = heard().await;

    let text = verify(&world, &[]).await;
    let json = verify(&world, &["--json"]).await;

    assert_eq!((text.code, json.code), (0, 0), "{}{}", text.err, json.err);
    let first = text.out.lines().next().unwrap();
    assert!(first.contains("stream queues is intact: "), "{first}");
    let warning = "warning: open gap 2026-03-01T11:00:00Z – 2026-03-01T11:01:30Z (90 s): neither a frame nor a heartbeat arrived";
    assert!(text.out.contains(warning), "{}", text.out);
    assert!(text.out.contains("not proven"), "{}", text.out);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["status"], "verified");
    let stream = &json["report"]["streams"][0];
    assert_eq!(stream["openGaps"][0]["reason"], "silence");
    assert_eq!(stream["unsealedDays"], serde_json::json!(["2026-03-01"]));
    assert!(stream["frames"].as_u64().unwrap() > 20, "{stream}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_live_object_exits_with_1_and_is_named() {
    let world = heard().await;
    let path = frame_object(&world);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();

    let text = verify(&world, &[]).await;
    let json = verify(&world, &["--json"]).await;

    assert_eq!((text.code, json.code), (1, 1));
    let key = path.strip_prefix(world.out()).unwrap();
    let expected = format!(
        "the live objects are not intact: {}: its sha256 is ",
        key.display()
    );
    assert!(text.error().starts_with(&expected), "{}", text.err);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["status"], "damaged");
    assert_eq!(json["key"], key.to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_refused_with_2() {
    let world = heard().await;
    let out = world.out().display().to_string();

    let stream = verify(&world, &["--stream", "events"]).await;
    let days = verify(&world, &["--from", "2026-03-02", "--until", "2026-03-01"]).await;
    fs::remove_dir_all(world.out().join("live")).unwrap();
    let live = verify(&world, &[]).await;

    assert_eq!((stream.code, days.code, live.code), (2, 2, 2));
    assert_eq!(
        stream.error(),
        format!("there is no stream events in {out}")
    );
    assert_eq!(
        days.error(),
        "--until 2026-03-01 is before --from 2026-03-02"
    );
    assert_eq!(live.error(), format!("there are no live events in {out}"));
}
