//! A server that takes 20 seconds for each response, login included, on a clock that only the test advances.

use std::sync::Arc;
use std::time::Duration;

use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::genesys::{ClientSettings, Endpoints};
use genesys_simulator::ResponseFilter;

use end_to_end::process::invocation;
use end_to_end::world::{World, organisation};

const RESPONSE_TIME: Duration = Duration::from_secs(20);

async fn slow_world() -> World {
    let world = World::new(organisation(87, 60)).await;
    let clock = world.clock.clone();
    let filter: ResponseFilter = Arc::new(move |_, response| {
        clock.advance(RESPONSE_TIME);
        response
    });
    world
        .simulator
        .update(|settings| settings.response_filter = Some(filter));
    world
}

#[tokio::test]
async fn each_source_yields_the_records_of_a_slow_server() {
    for source in ["analytics-job", "analytics-query", "export-gateway"] {
        let mut world = slow_world().await;
        let request = world.request(source, r#","pageSize":20"#);

        let manifest = world.export(&request).await;

        assert_eq!(manifest.outcome.status, ExportStatus::Completed, "{source}");
        assert!(manifest.content.counts.archived >= 60, "{source}");
    }
}

#[tokio::test]
async fn the_transcripts_of_a_slow_server_are_archived() {
    let mut world = slow_world().await;
    let ids: Vec<_> = world.message_conversations().into_iter().take(5).collect();
    let request = world.transcripts_request(&ids, "");

    let manifest = world.export(&request).await;

    assert_eq!(manifest.outcome.status, ExportStatus::Completed);
    assert_eq!(manifest.content.counts.archived, 5);
}

#[tokio::test]
async fn the_read_timeout_allows_slow_responses_within_an_invocation() {
    let url = Some("http://127.0.0.1:1");
    let endpoints = Endpoints::new(None, url, url).expect("loopback is allowed");
    let world = World::new(organisation(87, 1)).await;

    let timeout = ClientSettings::new(endpoints).read_timeout;

    assert!(timeout >= Duration::from_mins(1));
    let left = invocation(1, &world.clock).deadline.remaining(world.now());
    assert!(left.expect("a deadline") > timeout + RESPONSE_TIME);
}
