//! `history`: current conversations, written to a terminal, a pipe, a file or an archive.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use genesys_simulator::{HistoryForm, Route, Settings};
use serde_json::Value;

use crate::world::{World, fast_settings};

const DAYS: &str = "2026-03-01/2026-03-03";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

async fn world() -> World {
    World::with(Settings {
        conversations: 300,
        gateway_records: 300,
        ..fast_settings()
    })
    .await
}

fn ids(world: &World, count: usize) -> Vec<String> {
    let truth = world.simulator.truth().conversations.into_iter();
    truth.map(|it| it.id).take(count).collect()
}

fn history<'a>(ids: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let ids = ids.iter().map(String::as_str);
    ["history"]
        .into_iter()
        .chain(ids)
        .chain(more.iter().copied())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_ids_make_a_table_of_five_rows() {
    let world = world().await;
    let ids = ids(&world, 5);

    let table = world.run(&history(&ids, &["--format", "table"])).await;

    assert_eq!(table.code, 0, "{}", table.err);
    let lines: Vec<_> = table.out.lines().collect();
    assert_eq!(lines.len(), 6);
    assert!(lines[0].starts_with("started (UTC)"), "{}", lines[0]);
    for id in &ids {
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.ends_with(id.as_str()))
                .count(),
            1
        );
    }
    let stats = world.simulator.stats();
    assert_eq!(stats.requests_on(Route::DetailsByIds), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_output_ends_with_the_metrics_of_the_query() {
    let world = world().await;
    let interval = ["history", "--interval", DAYS, "--json"];

    let json = world.run(&interval).await;
    let csv = world
        .run(&[&interval[..], &["--format", "csv"]].concat())
        .await;

    assert_eq!((json.code, csv.code), (0, 0), "{}{}", json.err, csv.err);
    let lines: Vec<Value> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (last, records) = lines.split_last().unwrap();
    assert!(records.iter().all(|it| it["conversationId"].is_string()));
    let metrics = &last["metrics"];
    assert_eq!(metrics["records"], records.len());
    assert!(metrics["pages"].as_u64() > Some(0), "{metrics}");
    assert!(metrics["requests"].as_u64() >= metrics["pages"].as_u64());
    assert!(metrics["latencyMeanMs"].is_number(), "{metrics}");
    assert_eq!(
        (&metrics["retries"], &metrics["throttled"]),
        (&0.into(), &0.into())
    );
    assert!(!csv.out.contains("metrics"));
    assert!(csv.err.contains(r#"{"metrics":{"#), "{}", csv.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_gets_json_lines_and_closing_it_ends_history_silently() {
    let world = world().await;
    let all = world.run(&["history", "--interval", DAYS]).await;
    let mut command = world.command(&["history", "--interval", DAYS]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();

    // As `head -1` does.
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    let code = child.wait().unwrap().code();

    let lines: Vec<Value> = all
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((all.code, lines.len()), (0, 300));
    assert!(lines.iter().all(|line| line["conversationId"].is_string()));
    assert!(serde_json::from_str::<Value>(&first).is_ok());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_has_a_row_for_each_conversation_that_passes_the_filters() {
    let world = world().await;

    let voice = world
        .run(&[
            "history",
            "--interval",
            DAYS,
            "--media",
            "voice",
            "--direction",
            "inbound",
            "--format",
            "csv",
        ])
        .await;
    let nothing = world
        .run(&[
            "history",
            "--interval",
            "2026-04-01/2026-04-02",
            "--format",
            "csv",
        ])
        .await;

    assert_eq!(voice.code, 0, "{}", voice.err);
    let mut lines = voice.out.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("recordId,interactionId,channelType,")
    );
    let rows: Vec<_> = lines.collect();
    assert!(rows.len() > 10 && rows.len() < 300);
    assert!(
        rows.iter()
            .all(|row| row.contains(",VOICE,") || row.contains(",CALLBACK,"))
    );
    assert_eq!(nothing.out.lines().count(), 1);
    assert!(
        nothing.err.contains("no conversation matches"),
        "{}",
        nothing.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_are_read_from_a_file_and_unknown_ids_are_named() {
    let world = world().await;
    let mut requested_ids = ids(&world, 3);
    requested_ids.push(UNKNOWN.to_owned());
    let file = world.folder.path().join("ids.txt");
    std::fs::write(&file, requested_ids.join("\r\n\n")).unwrap();

    let found = world
        .run(&["history", "--ids", &file.display().to_string()])
        .await;

    assert_eq!(found.code, 1);
    assert_eq!(found.out.lines().count(), 3);
    assert!(
        found
            .err
            .contains(&format!("1 of 4 ids not found: {UNKNOWN}")),
        "{}",
        found.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_history_queries_are_refused_in_one_line() {
    let world = world().await;

    let nothing = world.run(&["history"]).await;
    let no_id = world.run(&["history", "42"]).await;
    let no_file = world.run(&["history", "--ids", "/nowhere"]).await;
    let timeless = world.run(&["history", "--media", "voice"]).await;
    let future = world
        .run(&["history", "--interval", "2999-01-01/2999-01-02"])
        .await;
    let no_duration = world.run(&["history", "--last", "soon"]).await;

    for output in [&nothing, &no_id, &no_file, &timeless, &future, &no_duration] {
        assert_eq!(output.code, 2, "{}", output.err);
    }
    assert_eq!(nothing.error(), "neither ids nor a time is given");
    assert!(
        no_id
            .error()
            .starts_with("`filters.conversationIds[0]` is 42: expected an id of 36 characters")
    );
    assert!(no_file.error().starts_with("cannot read the ids /nowhere"));
    assert!(timeless.error().starts_with("`interval` is missing"));
    assert!(future.error().contains("is available yet"));
    assert!(no_duration.error().starts_with("--last: "));
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_with_where_to_grant_it() {
    let world = World::with(Settings {
        permissions: Vec::new(),
        ..fast_settings()
    })
    .await;

    let refused = world.run(&["history", "--interval", DAYS]).await;

    assert_eq!(refused.code, 1);
    assert!(
        refused
            .error()
            .contains("analytics:conversationDetail:view"),
        "{}",
        refused.err
    );
    assert!(refused.error().contains("Admin > Roles"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_gateway_is_read_in_the_configured_form() {
    let mut world = World::with(Settings {
        gateway_records: 120,
        history: Some(HistoryForm::Continuation),
        ..fast_settings()
    })
    .await;
    world.set("GATEWAY_HISTORY_FORM", "continuation");

    let truth = world.simulator.truth().gateway.into_iter();
    let ids: Vec<_> = truth.map(|entity| entity.id).collect();
    let gateway = ["--source", "history-gateway", "--interval", DAYS];

    let rows = world
        .run(&history(
            &ids,
            &[&gateway[..], &["--records", "normalized"]].concat(),
        ))
        .await;
    let without_ids = world.run(&history(&[], &gateway)).await;

    assert_eq!(rows.code, 0, "{}", rows.err);
    assert_eq!(rows.out.lines().count(), 120);
    assert_eq!(without_ids.code, 2);
    assert!(
        without_ids.error().starts_with(
            "`filters.conversationIds` is missing: a history gateway of the form continuation"
        ),
        "{}",
        without_ids.err
    );
    assert!(
        rows.out
            .lines()
            .all(|line| line.contains(r#""channelType":"WEBCHAT""#))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_queues_and_codes_are_looked_up_only_on_request() {
    let world = world().await;

    let ids_only = world
        .run(&["history", "--interval", DAYS, "--records", "normalized"])
        .await;
    let named = world
        .run(&[
            "history",
            "--interval",
            DAYS,
            "--records",
            "normalized",
            "--names",
        ])
        .await;
    let of_others = world
        .run(&[
            "history",
            "--interval",
            DAYS,
            "--records",
            "full",
            "--names",
        ])
        .await;

    assert_eq!((ids_only.code, named.code), (0, 0), "{}", named.err);
    assert!(!ids_only.out.contains(r#""wrapUpName":"Outcome "#));
    assert!(named.out.contains(r#""wrapUpName":"Outcome "#));
    assert_eq!(of_others.code, 2);
    assert!(
        of_others.error().starts_with("`lookupNames` is true"),
        "{}",
        of_others.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_with_out_creates_an_export_that_verifies() {
    let world = world().await;
    let out = world.out().display().to_string();

    let exported = world
        .run(&["history", "--interval", DAYS, "--out", &out, "--json"])
        .await;

    assert_eq!(exported.code, 0, "{}", exported.err);
    let result: Value = serde_json::from_str(&exported.out).unwrap();
    let id = result["exportId"].as_str().unwrap();
    let verified = world.run(&["verify", &out, id]).await;
    assert_eq!(verified.code, 0, "{}", verified.err);
}
