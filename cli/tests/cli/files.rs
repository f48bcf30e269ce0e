//! Request and id files as editors and shells write them.

use std::fs;

use serde_json::Value;

use crate::world::{CommandOutput, DAYS, World, fast_settings};

async fn world() -> World {
    World::with(genesys_simulator::Settings {
        conversations: 20,
        ..fast_settings()
    })
    .await
}

fn utf_16(text: &str) -> Vec<u8> {
    let units = format!("\u{FEFF}{text}");
    units.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl World {
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    async fn export_file(&self, bytes: &[u8], out: &str) -> CommandOutput {
        let (request, out) = (
            self.file("request.json", bytes),
            self.folder.path().join(out),
        );
        let out = out.display().to_string();
        self.run(&["export", "--request", &request, "--out", &out])
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_byte_order_mark_or_in_utf_16_is_read() {
    let world = world().await;
    let request = format!("{{\"exportId\":\"march\",{DAYS}}}\r\n");

    let marked = world
        .export_file(format!("\u{FEFF}{request}").as_bytes(), "marked")
        .await;
    let wide = world.export_file(&utf_16(&request), "wide").await;

    assert_eq!(
        (marked.code, wide.code),
        (0, 0),
        "{}{}",
        marked.err,
        wide.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_not_unicode_text_is_refused_with_its_name() {
    let world = world().await;
    let latin_1 = world.file("latin-1.json", b"{\"exportId\": \"M\xE4rz\"}");
    let unmarked = world.file("unmarked.txt", &utf_16("{}")[2..]);
    let out = world.out().display().to_string();

    let export = world
        .run(&["export", "--request", &latin_1, "--out", &out])
        .await;
    let start = world.run(&["start", "--request", &latin_1]).await;
    let history = world.run(&["history", "--ids", &unmarked]).await;

    for output in [&export, &start] {
        assert_eq!(output.code, 2, "{}", output.err);
        assert_eq!(
            output.error(),
            format!("the request {latin_1} is not UTF-8 text: byte 0xE4 at position 15")
        );
        assert!(
            output.err.contains("hint: save it as UTF-8"),
            "{}",
            output.err
        );
    }
    assert_eq!(history.code, 2);
    let nul = "contains NUL characters, as UTF-16 text without a byte order mark does";
    assert_eq!(history.error(), format!("the ids {unmarked} {nul}"));
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quoted_and_repeated_ids_in_a_utf_16_file_are_found_once() {
    let world = world().await;
    let conversations = world.simulator.truth().conversations;
    let (one, other) = (&conversations[0].id, &conversations[1].id);
    let text = format!("\"{one}\",\r\n\r\n  '{other}' ,\r\n{one}\r\n");
    let ids = world.file("ids.txt", &utf_16(&text));

    let history = world.run(&["history", "--ids", &ids]).await;

    assert_eq!(history.code, 0, "{}", history.err);
    let found = history.out.lines().map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["conversationId"].as_str().unwrap().to_owned()
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    let mut expected = vec![one.clone(), other.clone()];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_file_without_ids_is_refused_before_any_request() {
    let world = world().await;
    let ids = world.file("ids.txt", b"\r\n\"\",\r\n");

    let history = world
        .run(&[
            "history",
            "--ids",
            &ids,
            "--interval",
            "2026-03-01/2026-03-02",
        ])
        .await;

    assert_eq!(history.code, 2, "{}", history.out);
    assert_eq!(history.error(), format!("the ids {ids} contain no id"));
    assert_eq!(world.simulator.stats().total_requests(), 0);
}
