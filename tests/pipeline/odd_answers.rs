//! Wrong totals, short pages and malformed records.

use std::sync::Arc;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::export::request::OnBadRecord;
use genesys_simulator::{Faults, ResponseFilter, Route, Settings};
use start_export::Resume;

use end_to_end::world::{World, organisation, start_gateway};

#[tokio::test]
async fn wrong_totals_lose_no_record_and_are_warnings_in_the_manifest() {
    for total_error in [-25, -1, 0] {
        let faults = Faults {
            gateway_total: total_error,
            gateway_short_pages: 0.5,
            gateway_empty_early: 1,
            ..Faults::default()
        };
        let mut world = World::new(Settings {
            faults,
            ..organisation(38, 100)
        })
        .await;

        let request = world.request("export-gateway", r#","slices":3,"pageSize":10"#);
        let manifest = world.export(&request).await;

        assert_eq!(manifest.content.counts.archived, 100, "{total_error}");
        assert_eq!(
            manifest.warnings.is_empty(),
            total_error == 0,
            "{total_error}: {:?}",
            manifest.warnings
        );
    }
}

#[tokio::test]
async fn an_error_at_the_first_offset_of_an_empty_result_ends_it() {
    for status in [400, 404, 410, 204, 200] {
        let filter: ResponseFilter = Arc::new(move |request, mut response| {
            if request.route == Route::ExportResults {
                (response.status, response.body) = (status, "{}".into());
            }
            response
        });
        let mut world = World::new(Settings {
            response_filter: Some(filter),
            ..organisation(41, 0)
        })
        .await;

        let request = world.request("export-gateway", r#","slices":1"#);
        let manifest = world.export(&request).await;

        assert_eq!(manifest.content.counts.archived, 0, "{status}");
        assert!(!manifest.warnings.is_empty(), "{status}");
    }
}

#[tokio::test]
async fn an_undocumented_limit_of_ids_per_lookup_loses_no_record() {
    for status in [400, 413, 414, 431] {
        let filter: ResponseFilter = Arc::new(move |request, mut response| {
            let ids = request.query.iter().find(|(name, _)| name == "id");
            let number = ids.map_or(0, |(_, ids)| ids.split(',').count());
            if request.route == Route::DetailsByIds && number > 7 {
                (response.status, response.body) = (status, "".into());
            }
            response
        });
        let mut world = World::new(Settings {
            response_filter: Some(filter),
            ..organisation(42, 50)
        })
        .await;
        let conversations = world.simulator.truth().conversations;
        let ids: Vec<_> = conversations.iter().map(|it| &it.id).collect();
        let ids = serde_json::to_string(&ids).expect("JSON");
        let request =
            format!(r#"{{"source":"analytics-query","filters":{{"conversationIds":{ids}}}}}"#);

        let manifest = world.export(&request).await;

        let expected = conversations.len() as u64;
        assert_eq!(manifest.content.counts.archived, expected, "{status}");
        assert!(manifest.missing_ids.is_empty());
    }
}

#[tokio::test]
async fn announced_but_missing_records_fail_the_export() {
    let faults = Faults {
        gateway_total: 20,
        ..Faults::default()
    };
    let settings = Settings {
        faults,
        ..organisation(39, 100)
    };
    let (mut world, id) = start_gateway(settings, r#","slices":1,"pageSize":10"#).await;

    world.run().await;

    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    let failure = &failed.failures[0].failure;
    assert_eq!(failure.kind, FailureKind::RecordsMissing);
    assert!(
        failure
            .message
            .contains("the page at offset 100 is empty, although 120 records were announced"),
        "{failure}"
    );
}

#[tokio::test]
async fn bad_records_are_quarantined_or_fail_the_run_as_requested() {
    let faults = Faults {
        malformed_every: Some(10),
        ..Faults::default()
    };
    let mut world = World::new(Settings {
        faults,
        spill: 0.0,
        ..organisation(40, 100)
    })
    .await;
    let bad = world
        .simulator
        .truth()
        .gateway
        .iter()
        .filter(|record| record.malformed)
        .count() as u64;

    let request = world.request("export-gateway", r#","pageSize":30,"exportId":"kept""#);
    let manifest = world.export(&request).await;
    let request = world.request(
        "export-gateway",
        r#","pageSize":30,"exportId":"strict","onBadRecord":"fail""#,
    );
    let strict = world.start(&request).await;
    world.run().await;

    assert_eq!(manifest.outcome.status, ExportStatus::CompletedWithRejects);
    assert_eq!(manifest.content.counts.rejected, bad);
    let quarantined = world
        .store
        .snapshot()
        .into_keys()
        .filter(|key| key.starts_with("exports/kept/failures/"))
        .count();
    assert_eq!(quarantined as u64, bad);
    let failed = world.failed_outcome(&strict, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::BadRecord);
    assert!(
        failed.failures[0].failure.message.starts_with("record "),
        "{:?}",
        failed.failures
    );

    let quarantine = Some(OnBadRecord::Quarantine);
    world
        .resume_with(Resume {
            export_id: strict.clone(),
            quota_mb: None,
            on_bad_record: quarantine,
        })
        .await;
    world.run().await;
    assert_eq!(
        world.manifest(&strict).await.content,
        rename(&manifest.content, "kept", "strict")
    );
}

fn rename(
    content: &conversation_archive::export::outcome::Content,
    from: &str,
    to: &str,
) -> conversation_archive::export::outcome::Content {
    let mut content = content.clone();
    for page in content.slices.iter_mut().flat_map(|slice| &mut slice.pages) {
        page.run = 2;
        let Some(objects) = &mut page.objects else {
            continue;
        };
        for object in [&mut objects.page, &mut objects.index] {
            object.key = object.key.replace(from, to).replace("/r01/", "/r02/");
        }
    }
    content
}
