//! A row that a source returns twice, on one page, on two pages or in two slices: the export is complete and reports
//! it.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::archive::find::{self, RecordType, SearchCriteria, Version};
use conversation_archive::archive::slice_status;
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::{
    ExportStatus, IdVersions, Manifest, RepeatedRecords, SliceFailure,
};
use conversation_archive::pipeline::conclusion::{self, ConclusionInput};
use genesys_simulator::{Faults, Repeat, RepeatedRow, ResponseFilter, Route, Settings};
use serde_json::{Value, json};
use start_export::Command;

use end_to_end::process::invocation;
use end_to_end::world::{World, organisation};

const ROWS: usize = 30;
const RECORDS: u64 = ROWS as u64;

/// One slice of three pages.
const PAGES: &str = r#","slices":1,"pageSize":10"#;
/// Two slices, which read rows 0 to 19 and rows 20 to 30.
const SLICES: &str = r#","slices":2,"pageSize":10"#;

/// An id that no conversation has.
const UNKNOWN: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// Source, name of its id field, further request fields, and position at which row 2 is repeated.
const PLACES: [(&str, &str, &str, usize); 5] = [
    ("analytics-job", "conversationId", PAGES, 5),
    ("analytics-job", "conversationId", PAGES, 15),
    ("export-gateway", "id", PAGES, 5),
    ("export-gateway", "id", PAGES, 15),
    ("export-gateway", "id", SLICES, 25),
];

fn faults_repeating_row(row: usize, again_at: usize, repeat: Repeat) -> Faults {
    let row = RepeatedRow {
        row,
        again_at,
        repeat,
    };
    Faults {
        repeated_rows: vec![row],
        ..Faults::default()
    }
}

async fn world(again_at: usize, repeat: Repeat) -> World {
    World::new(Settings {
        faults: faults_repeating_row(2, again_at, repeat),
        spill: 0.0,
        ..organisation(57, ROWS)
    })
    .await
}

/// Returns the id that occurs on two lines of the export.
async fn repeated_id(world: &World, manifest: &Manifest, field: &str) -> String {
    let mut ids = world.archived_ids(manifest, field).await;
    ids.retain(|_, lines| *lines > 1);
    assert_eq!(ids.len(), 1, "{ids:?}");
    ids.into_keys().next().expect("one id")
}

async fn find_versions(world: &World, id: &str, records: RecordType) -> Vec<Version> {
    let sought = SearchCriteria {
        id,
        day: None,
        records,
    };
    let found = find::versions(&world.archive(), sought, &mut |_| {}).await;
    found.expect("a search")
}

#[tokio::test]
async fn an_identical_row_counts_as_one_record_in_any_place() {
    for (source, field, more_fields, again_at) in PLACES {
        let mut world = world(again_at, Repeat::Identical).await;
        let request = world.request(source, more_fields);

        let manifest = world.export(&request).await;

        let place = format!("{source} {again_at}");
        assert_eq!(manifest.outcome.status, ExportStatus::Completed, "{place}");
        assert_eq!(manifest.content.counts.archived, RECORDS + 1, "{place}");
        let expected = RepeatedRecords {
            identical_lines: 1,
            distinct_ids: RECORDS,
            ..RepeatedRecords::default()
        };
        assert_eq!(manifest.content.repeated, Some(expected), "{place}");
        let metrics = manifest.outcome.metrics.expect("metrics");
        assert_eq!(metrics.records, RECORDS, "{place}");
        let report = world.verify(&manifest.outcome.export_id).await;
        assert_eq!((report.records, report.identical_lines), (RECORDS, 1));
        let webhook_body = world.receiver.deliveries().pop().expect("a webhook").body;
        assert_eq!(webhook_body["data"]["recordsArchived"], RECORDS, "{place}");
        assert_eq!(
            webhook_body["data"]["metrics"]["identicalLines"], 1,
            "{place}"
        );
        let id = repeated_id(&world, &manifest, field).await;
        assert_eq!(
            find_versions(&world, &id, RecordType::Conversations)
                .await
                .len(),
            1,
            "{place}"
        );
    }
}

#[tokio::test]
async fn two_versions_of_a_row_are_both_kept_and_named() {
    for (source, field, more_fields, again_at) in PLACES {
        let mut world = world(again_at, Repeat::Changed).await;
        let request = world.request(source, more_fields);

        let manifest = world.export(&request).await;

        let place = format!("{source} {again_at}");
        assert_eq!(manifest.outcome.status, ExportStatus::Completed, "{place}");
        let id = repeated_id(&world, &manifest, field).await;
        let expected = RepeatedRecords {
            identical_lines: 0,
            distinct_ids: RECORDS,
            ids_with_versions: 1,
            versions: vec![IdVersions {
                id: id.clone(),
                versions: 2,
            }],
        };
        assert_eq!(manifest.content.repeated, Some(expected), "{place}");
        let report = world.verify(&manifest.outcome.export_id).await;
        assert_eq!(
            (report.records, report.ids_with_versions),
            (RECORDS + 1, 1),
            "{place}"
        );
        let versions = find_versions(&world, &id, RecordType::Conversations).await;
        assert_eq!(versions.len(), 2, "{place}");
        assert_ne!(versions[0].entry.sha256, versions[1].entry.sha256);
        let archive = world.archive();
        let latest = find::stored_record(&archive, &versions[1])
            .await
            .expect("a record");
        assert!(latest.contains("changedAt"), "{place}: {latest}");
    }
}

#[tokio::test]
async fn find_shows_each_version_once_and_the_last_line_last() {
    let mut world = world(0, Repeat::Identical).await;
    let mut faults = faults_repeating_row(2, 5, Repeat::Changed);
    // The first version again, on another page.
    faults
        .repeated_rows
        .extend(faults_repeating_row(2, 15, Repeat::Identical).repeated_rows);
    world.simulator.set_faults(faults);

    let manifest = world.export(&world.request("analytics-job", PAGES)).await;

    let repeated = manifest.content.repeated.clone().expect("repeated records");
    assert_eq!(
        (repeated.identical_lines, repeated.versions[0].versions),
        (1, 2)
    );
    let id = repeated_id(&world, &manifest, "conversationId").await;
    let versions = find_versions(&world, &id, RecordType::Conversations).await;
    let pages: Vec<_> = versions.iter().map(|version| version.page).collect();
    assert_eq!(pages, [1, 2]);
    assert_ne!(versions[0].entry.sha256, versions[1].entry.sha256);
}

#[tokio::test]
async fn requested_ids_are_counted_once() {
    let mut world = world(0, Repeat::Identical).await;
    let conversations = world.simulator.truth().conversations;
    let requested_ids = format!(
        r#"["{}","{}","{UNKNOWN}"]"#,
        conversations[0].id, conversations[1].id
    );
    // The only page of the job repeats the first of the two.
    world
        .simulator
        .set_faults(faults_repeating_row(0, 2, Repeat::Identical));
    let request = world.request(
        "analytics-job",
        &format!(r#","slices":1,"filters":{{"conversationIds":{requested_ids}}}"#),
    );

    let manifest = world.export(&request).await;

    assert_eq!(manifest.content.counts.archived, 3);
    assert_eq!(manifest.missing_ids, [UNKNOWN]);
    let metrics = manifest.outcome.metrics.expect("metrics");
    assert_eq!((metrics.records, metrics.completeness), (2, Some(0.6667)));
    world.verify(&manifest.outcome.export_id).await;
}

/// Replaces every response of the details query by one with this conversation twice, counted `counted` times in its
/// total.
fn duplicate_conversation(id: String, counted: u64) -> ResponseFilter {
    Arc::new(move |request, mut response| {
        if request.route != Route::DetailsQuery || response.status != 200 {
            return response;
        }
        let mut body: Value = serde_json::from_slice(&response.body).expect("JSON");
        let records = body["conversations"].as_array_mut();
        let place = records.as_ref().and_then(|records| {
            let mut ids = records.iter().map(|record| &record["conversationId"]);
            ids.position(|found| *found == id)
        });
        if let (Some(records), Some(place)) = (records, place) {
            records.insert(place, records[place].clone());
            let hits = body["totalHits"].as_u64().expect("a total");
            body["totalHits"] = json!(hits + counted - 1);
            response.body = body.to_string().into();
        }
        response
    })
}

#[tokio::test]
async fn a_conversation_twice_in_a_query_is_one_record() {
    for counted in [1, 2] {
        let mut world = world(0, Repeat::Identical).await;
        world.simulator.set_faults(Faults::default());
        let healthy = world.request("analytics-query", r#","exportId":"healthy","pageSize":50"#);
        let expected = world.export(&healthy).await.content.counts.archived;
        let id = world.simulator.truth().conversations[ROWS / 2].id.clone();
        world.simulator.update(|settings| {
            settings.response_filter = Some(duplicate_conversation(id.clone(), counted));
        });
        world.advance_clock(Duration::from_hours(1));
        let request = world.request("analytics-query", r#","exportId":"twice","pageSize":10"#);

        let manifest = world.export(&request).await;

        assert_eq!(manifest.outcome.status, ExportStatus::Completed);
        assert_eq!(manifest.content.counts.archived, expected + 1);
        let repeated = manifest
            .content
            .repeated
            .as_ref()
            .expect("a repeated record");
        assert_eq!(
            (repeated.identical_lines, repeated.distinct_ids),
            (1, expected)
        );
        assert_eq!(repeated_id(&world, &manifest, "conversationId").await, id);
        world.verify(&manifest.outcome.export_id).await;
    }
}

#[tokio::test]
async fn a_revisit_knows_both_versions_of_a_row() {
    let mut world = world(7, Repeat::Changed).await;
    let mut scheduled = Vec::new();
    for day in [2, 3] {
        let request = format!(
            r#"{{"interval":{{"last":"P1D"}},"scheduledTime":"2026-03-0{day}T04:00:00Z","revisit":["P1D"],"pageSize":5}}"#
        );
        let command = Command::parse(&request).expect("a request");
        let started = world.invoke(command).await.expect("not killed");
        world.run().await;
        scheduled.push(started.expect("started"));
    }

    let first = world.manifest(&scheduled[0].export_id).await;
    let again = world.manifest(&scheduled[1].revisits[0].export_id).await;

    let repeated = first.content.repeated.expect("repeated records");
    assert_eq!(repeated.ids_with_versions, 1);
    let counts = again.content.counts;
    assert_eq!(
        (counts.archived, counts.unchanged),
        (0, first.content.counts.archived)
    );
}

#[tokio::test]
async fn transcripts_of_an_export_with_a_repeated_row_complete() {
    // All transcripts on one page, or one page for each conversation.
    for (page_size, is_fetched_twice) in [(100, false), (1, true)] {
        let mut world = world(0, Repeat::Identical).await;
        let written = world.message_conversations();
        let conversations = world.simulator.truth().conversations;
        let row = conversations.iter().position(|it| it.id == written[0]);
        let row = row.expect("a conversation that was written");
        world
            .simulator
            .set_faults(faults_repeating_row(row, ROWS, Repeat::Identical));
        let base = world.request("analytics-job", r#","slices":1,"exportId":"base""#);
        let base = world.export(&base).await;
        assert!(base.content.repeated.is_some());

        let request = format!(
            r#"{{"source":"transcripts","fromExport":"base","exportId":"texts","pageSize":{page_size}}}"#
        );
        let texts = world.export(&request).await;

        assert_eq!(texts.content.distinct_ids(), written.len() as u64);
        assert_eq!(texts.content.repeated.is_some(), is_fetched_twice);
        world.verify(&texts.outcome.export_id).await;
        assert!(
            !find_versions(&world, &written[0], RecordType::Transcripts)
                .await
                .is_empty()
        );
    }
}

#[tokio::test]
async fn an_export_failed_by_a_repeat_resumes_without_reading_again() {
    let mut world = world(15, Repeat::Identical).await;
    let request = world.request("analytics-job", PAGES);
    let id = world.start(&request).await;
    world.run_until_slices_ended(1).await;
    record_legacy_failure(&world, &id).await;
    world.run().await;
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::RepeatedRecord);
    let requests = world.simulator.stats().requests_on(Route::JobResults);

    let manifest = world.resume_to_end(&id).await;

    assert_eq!(manifest.outcome.attempt, 2);
    assert_eq!(manifest.content.records(), RECORDS);
    let now = world.simulator.stats().requests_on(Route::JobResults);
    assert_eq!(now, requests, "nothing is read again");
    assert_eq!(world.verify(&id).await.identical_lines, 1);
}

/// Writes the failure that earlier versions recorded for a repeated record.
async fn record_legacy_failure(world: &World, id: &ExportId) {
    let pipeline = &world.process.complete.pipeline;
    let plan = pipeline.archive.existing_plan(id).await.expect("a plan");
    let attempt = pipeline.archive.newest_attempt(id).await;
    let attempt = attempt.expect("readable").expect("an attempt");
    let views = slice_status::all(&pipeline.archive, &plan, &attempt).await;
    let input = ConclusionInput {
        plan: &plan,
        attempt: &attempt,
        slice_statuses: &views.expect("slices"),
        invocation: &invocation(900, &world.clock),
    };
    let failure = SliceFailure {
        slice: None,
        run: None,
        after_page: None,
        failure: Failure::new(FailureKind::RepeatedRecord, "archived more than once"),
    };
    let failed = conclusion::fail_export(pipeline, input, vec![failure]).await;
    failed.expect("a failure");
}
