//! Unusual but valid records, through the whole product: archived records can be verified, found and printed.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::loopback::Loopback;
use crate::world::{CommandOutput, World};
use organisation::{ANALYTICS, GATEWAY, Names, Record, WRITTEN, world};

mod organisation;

const INTERVAL: &str = r#""interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z""#;

/// Characters that a terminal would interpret.
const CONTROL_CHARACTERS: [char; 7] = [
    '\0', '\u{7}', '\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{7f}',
];

const REDACTIONS: [&str; 2] = [r#"{"enabled":false}"#, r#"{"profile":"strict"}"#];

/// Archives and verifies the records in each projection, redacted and not, and finds each of them.
async fn assert_archived(names: Names, source: &str) {
    let records = names.records();
    let (world, _server) = world(records.clone()).await;
    for projection in ["full", "standard", "minimal", "normalized"] {
        for (number, redaction) in REDACTIONS.iter().enumerate() {
            let out = world.folder.path().join(format!("{projection}-{number}"));
            let out = out.display().to_string();
            let request = world.request(&format!(
                r#"{{"exportId":"odd",{INTERVAL},{source},"records":"{projection}","redaction":{redaction}}}"#
            ));
            let exported = world
                .run(&["export", "--request", &request, "--out", &out])
                .await;
            assert_eq!(
                exported.code, 0,
                "{projection} {redaction}: {}",
                exported.err
            );
            let verified = world.run(&["verify", &out, "odd", "--json"]).await;
            assert_eq!(
                verified.code, 0,
                "{projection} {redaction}: {}",
                verified.err
            );
            assert!(
                verified
                    .out
                    .contains(&format!("\"records\": {}", records.len())),
                "{}",
                verified.out
            );
            let is_whole = projection == "full" && number == 0;
            for record in &records {
                assert_found(&world, &out, record, is_whole).await;
            }
        }
    }
}

/// Finds a record: it is the last line of the text, and a member of the JSON result.
async fn assert_found(world: &World, out: &str, record: &Record, is_whole: bool) {
    let Record { id, json } = record;
    let text = world.run(&["find", out, "--", id]).await;
    let program = world.run(&["find", "--json", out, "--", id]).await;

    assert_eq!((text.code, program.code), (0, 0), "{id:?}: {}", text.err);
    let (head, line) = text.out.trim_end().split_once('\n').unwrap();
    assert!(head.starts_with("odd as of "), "{id:?}: {head}");
    let _: &RawValue = serde_json::from_str(line).unwrap();
    if is_whole {
        assert_eq!(line, escaped(&json.replace(['\n', '\r'], "")), "{id:?}");
    }
    let _: &RawValue = serde_json::from_str(&program.out).unwrap();
    assert!(escaped(&program.out).contains(line), "{id:?}");
}

/// JSON of the same value in which the characters of these records that control a terminal are escaped, and a tab between
/// tokens is a space.
fn escaped(json: &str) -> String {
    const CONTROLS: [char; 5] = ['\u{9b}', '\u{202e}', '\u{2066}', '\u{7f}', '\u{2028}'];
    CONTROLS
        .iter()
        .fold(json.replace('\t', " "), |json, letter| {
            json.replace(*letter, &format!("\\u{:04x}", u32::from(*letter)))
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_records_of_a_job_are_verified_and_found_in_every_projection() {
    assert_archived(ANALYTICS, r#""membership":"activity""#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_records_of_a_gateway_are_verified_and_found_in_every_projection() {
    assert_archived(
        GATEWAY,
        r#""source":"export-gateway","membership":"activity""#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_with_a_nul_character_is_found_as_a_json_string() {
    let record = Record {
        id: "a\0b".to_owned(),
        json: r#"{"id":"a\u0000b","startTime":"2026-03-01T10:00:00Z"}"#.to_owned(),
    };
    let (world, _server) = world(vec![record.clone()]).await;
    let request = format!(
        r#"{{"exportId":"odd",{INTERVAL},"source":"export-gateway","redaction":{{"enabled":false}}}}"#
    );
    let exported = world.export(&request).await;

    let out = world.out().display().to_string();
    let found = world.run(&["find", &out, r#""a\u0000b""#]).await;
    let unknown = world.run(&["find", &out, r#""a\u0000c""#]).await;

    assert_eq!((exported.code, found.code, unknown.code), (0, 0, 1));
    assert_eq!(found.out.lines().last(), Some(record.json.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_too_large_for_a_message_fails_the_export_with_its_reason() {
    let (mut world, _server) = world(ANALYTICS.records()).await;
    let cursor = "c".repeat(600_000);
    let server = Loopback::start(move |request| {
        let body = match request.path.rsplit('/').next() {
            Some("token") => r#"{"access_token":"t","expires_in":86400}"#.to_owned(),
            Some("availability") => r#"{"dataAvailabilityDate":"2026-03-10T00:00:00Z"}"#.to_owned(),
            Some("jobs") => r#"{"jobId":"job-1"}"#.to_owned(),
            Some("results") => format!(
                r#"{{"conversations":[{{"conversationId":"a","conversationStart":"2026-03-01T10:00:00Z"}}],"cursor":"{cursor}","dataAvailabilityDate":"2026-03-10T00:00:00Z"}}"#
            ),
            _ => r#"{"state":"FULFILLED"}"#.to_owned(),
        };
        (200, body.into())
    })
    .await;
    world.set("GENESYS_API_URL", &server.url);
    world.set("GENESYS_LOGIN_URL", &server.url);

    let output = world
        .export(&format!(
            r#"{{"exportId":"odd",{INTERVAL},"membership":"activity"}}"#
        ))
        .await;

    assert_eq!(output.code, 1, "{}", output.err);
    let why = "the checkpoint of the next page has 600";
    assert!(
        output.out.contains(why) || output.err.contains(why),
        "{} {}",
        output.out,
        output.err
    );
    assert_eq!(world.page_records(), 0);
}

async fn history(world: &World, format: &str, projection: &str) -> CommandOutput {
    let output = world
        .run(&[
            "history",
            // Without an interval, conversations of any time are printed.
            "half",
            "--source",
            "history-gateway",
            "--format",
            format,
            "--records",
            projection,
        ])
        .await;
    assert_eq!(output.code, 0, "{format}: {}", output.err);
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_records_are_printed_in_every_format() {
    let records = GATEWAY.records();
    let (world, _server) = world(records.clone()).await;

    let lines = history(&world, "ndjson", "full").await;
    let rows = history(&world, "ndjson", "normalized").await;
    let csv = history(&world, "csv", "normalized").await;
    let table = history(&world, "table", "normalized").await;

    for output in [&lines, &rows] {
        let values = output.out.split_terminator('\n');
        let values = values.map(|line| serde_json::from_str::<&RawValue>(line).unwrap());
        assert_eq!(values.count(), records.len());
    }
    let mut csv = csv::Reader::from_reader(csv.out.as_bytes());
    let found: Vec<_> = csv
        .records()
        .map(|row| row.unwrap()[0].to_owned())
        .collect();
    // A spreadsheet would take an id that begins like a formula for one.
    let cell = |id: &str| match id {
        "--json" => format!("'{id}"),
        _ => id.to_owned(),
    };
    let cells: Vec<_> = records.iter().map(|record| cell(&record.id)).collect();
    assert_eq!(found, cells);
    assert_eq!(table.out.lines().count(), records.len() + 1);
    assert!(!table.out.contains(CONTROL_CHARACTERS), "{:?}", table.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_of_an_archive_with_odd_records_are_exported() {
    let mut records = ANALYTICS.records();
    records.push(Record {
        id: WRITTEN.to_owned(),
        json: format!(
            r#"{{"conversationId":"{WRITTEN}","conversationStart":"2026-03-01T10:00:00Z"}}"#
        ),
    });
    let (world, _server) = world(records.clone()).await;
    let out = world.out().display().to_string();
    let odd = format!(
        r#"{{"exportId":"odd",{INTERVAL},"membership":"activity","records":"full","redaction":{{"enabled":false}}}}"#
    );
    // The API has texts of one conversation only.
    let texts =
        r#"{"exportId":"texts","source":"transcripts","fromExport":"odd","maxGapPercent":100}"#;

    let exports = [world.export(&odd).await, world.export(texts).await];
    let verified = world.run(&["verify", &out, "texts"]).await;
    let output = world.run(&["transcript", "--from", &out, WRITTEN]).await;
    let program = world
        .run(&["transcript", "--json", "--from", &out, WRITTEN])
        .await;
    let live = world.run(&["transcript", WRITTEN]).await;

    for output in exports.iter().chain([&verified, &output, &program, &live]) {
        assert_eq!(output.code, 0, "{}", output.err);
    }
    for dialogue in [&output.out, &live.out] {
        assert!(dialogue.contains("hello"), "{dialogue}");
        assert!(!dialogue.contains(CONTROL_CHARACTERS), "{dialogue:?}");
    }
    let documents: Value = serde_json::from_str(&program.out).unwrap();
    let odd = text_with(&documents, "Odd").expect("content of an odd type, as text");
    for kept in [r#""half":"\ufffd""#, "1E+400", r#""a":1,"a":2"#] {
        assert!(odd.contains(kept), "{kept}: {odd}");
    }
    for record in &records {
        let output = world
            .run(&["transcript", "--from", &out, "--", &record.id])
            .await;
        assert!(!output.out.is_empty(), "{:?}: {}", record.id, output.err);
        assert!(!output.out.contains(CONTROL_CHARACTERS), "{:?}", record.id);
    }
}

/// The first text in a document that contains `part`.
fn text_with<'a>(document: &'a Value, part: &str) -> Option<&'a str> {
    match document {
        Value::String(text) => text.contains(part).then_some(text),
        Value::Array(items) => items.iter().find_map(|it| text_with(it, part)),
        Value::Object(members) => members.values().find_map(|it| text_with(it, part)),
        _ => None,
    }
}
