//! Calls that were never recorded: abandoned ones, and those of queues without a recording policy.

use std::collections::BTreeSet;

use genesys_simulator::ApiResponse;

use conversation_archive::export::outcome::ExportStatus;

use super::*;

/// The API describes the calls of these conversations as it describes calls that nobody recorded.
fn stop_recording(world: &World, ids: &[String]) {
    let ids: BTreeSet<String> = ids.iter().cloned().collect();
    world.simulator.update(|settings| {
        settings.response_filter = Some(Arc::new(move |request, response| {
            let is_of_these = request.path.split('/').any(|it| ids.contains(it));
            if is_of_these {
                unrecorded(request.route, response)
            } else {
                response
            }
        }));
    });
}

fn unrecorded(route: Route, response: ApiResponse) -> ApiResponse {
    match route {
        Route::DetailsById => {
            let body = String::from_utf8_lossy(&response.body);
            let body = body.replace(r#""recording":true"#, r#""recording":false"#);
            let body = body.into();
            ApiResponse { body, ..response }
        }
        Route::RecordingMetadata => ApiResponse {
            body: "[]".into(),
            ..response
        },
        Route::TranscriptUrl => ApiResponse {
            status: 404,
            body: r#"{"status":404,"code":"not.found","message":"not found"}"#.into(),
            ..response
        },
        _ => response,
    }
}

#[tokio::test]
async fn an_export_with_unrecorded_calls_is_complete_without_gaps() {
    let mut world = World::new(mixed(331, 50)).await;
    let ids = spoken(&world);
    let (recorded, abandoned) = ids.split_at(ids.len() / 2);
    stop_recording(&world, abandoned);
    let request = world.transcripts_request(&ids, r#","media":["voice"],"maxGapPercent":0"#);

    let manifest = world.export(&request).await;

    let gaps = manifest.outcome.gaps.expect("gaps");
    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!((gaps.expected, gaps.missing), (recorded.len() as u64, 0));
    let records = records(&world, &manifest).await;
    assert_eq!(records.len(), ids.len());
    for id in abandoned {
        assert_eq!(records[id]["status"], "notRecorded");
        assert_eq!(records[id]["problem"], "no leg of the call was recorded");
    }
    world.verify(&manifest.outcome.export_id).await;
}

#[tokio::test]
async fn messages_beside_an_unrecorded_call_are_complete() {
    let mut world = World::new(mixed(332, 60)).await;
    let mut ids = spoken(&world);
    ids.retain(|id| world.simulator.messages(id).is_some());
    stop_recording(&world, &ids);

    let (_, records) = export(&mut world, &ids, r#","media":["message","voice"]"#).await;

    assert!(!records.is_empty());
    for record in records.values() {
        assert_eq!(record["status"], "complete", "{record}");
        let parts: Vec<_> = list(record, "parts")
            .iter()
            .map(|it| &it["status"])
            .collect();
        assert_eq!(parts, ["complete", "notRecorded"]);
    }
}
