//! The history gateway in both of its forms: its requests, and chains of pages linked by tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::archive::find::{self, RecordType, SearchCriteria};
use conversation_archive::export::outcome::Manifest;
use end_to_end::history::{FORMS, history_world};
use end_to_end::world::{World, organisation};
use genesys_simulator::{Faults, HistoryForm, Outage, OutageKind, Route, Settings};

mod bodies;

async fn world(seed: u64, form: HistoryForm, faults: Faults) -> World {
    let settings = Settings {
        faults,
        ..organisation(seed, 120)
    };
    history_world(form, settings).await
}

/// The field that holds the id by which the form selects an entity.
fn identifying_field(form: HistoryForm) -> &'static str {
    match form {
        HistoryForm::PageToken => "interactionId",
        HistoryForm::Continuation => "id",
    }
}

async fn assert_archived_once(world: &World, form: HistoryForm, manifest: &Manifest) {
    let entities = world.archived_lines(manifest).await;
    assert!(
        entities
            .keys()
            .all(|line| line.contains("\"channelType\":"))
    );
    let archived = world.archived_ids(manifest, identifying_field(form)).await;
    let truth = world.simulator.truth().gateway;
    let expected: BTreeSet<_> = truth.into_iter().map(|record| record.id).collect();
    assert!(archived.values().all(|count| *count == 1));
    assert_eq!(archived.into_keys().collect::<BTreeSet<_>>(), expected);
    world.verify(&manifest.outcome.export_id).await;
}

#[tokio::test]
async fn both_forms_are_read_to_their_end_across_a_revoked_token() {
    for form in FORMS {
        let mut world = world(61, form, Faults::default()).await;
        let request = world.history_request(form, r#","pageSize":10"#);
        let id = world.start(&request).await;
        world.run_until_requests(Route::DetailsQuery, 5).await;

        world.simulator.revoke_tokens();
        world.run().await;

        let manifest = world.manifest(&id).await;
        assert_archived_once(&world, form, &manifest).await;
        assert_eq!(world.simulator.stats().requests_on(Route::Login), 2);
        assert_eq!(manifest.content.slices[0].pages.len(), 12);
    }
}

#[tokio::test]
async fn an_expired_page_token_restarts_the_chain() {
    for form in FORMS {
        let mut world = world(62, form, Faults::default()).await;
        let request = world.history_request(form, r#","pageSize":10"#);
        let id = world.start(&request).await;
        world.run_until_requests(Route::DetailsQuery, 5).await;

        world.simulator.forget_page_tokens();
        world.run().await;

        let manifest = world.manifest(&id).await;
        assert_archived_once(&world, form, &manifest).await;
        assert!(
            manifest.content.slices[0]
                .pages
                .iter()
                .all(|page| page.run == 2)
        );
    }
}

#[tokio::test]
async fn requests_that_a_gateway_stalls_are_retried() {
    for form in FORMS {
        let faults = Faults {
            stall: 0.2,
            ..Faults::default()
        };
        let mut world = world(63, form, faults).await;
        let request = world.history_request(form, r#","pageSize":20"#);

        let manifest = world.export(&request).await;

        assert_archived_once(&world, form, &manifest).await;
        assert!(world.simulator.stats().faults_of("stall") > 0);
    }
}

#[tokio::test]
async fn a_gateway_outage_of_30_seconds_costs_no_receive() {
    let form = HistoryForm::PageToken;
    let mut world = world(64, form, Faults::default()).await;
    let request = world.history_request(form, r#","pageSize":20"#);
    let id = world.start(&request).await;
    let start = world.now();
    world.simulator.update(|settings| {
        settings.faults.outage = Some(Outage {
            from: start,
            to: start + Duration::from_secs(30),
            kind: OutageKind::Unavailable,
        });
    });

    world.run().await;

    let manifest = world.manifest(&id).await;
    assert_archived_once(&world, form, &manifest).await;
    assert!(world.now() >= start + Duration::from_secs(30));
    assert_eq!(world.highest_receive_count, 1);
}

#[tokio::test]
async fn requested_ids_that_are_not_returned_are_missing() {
    for form in FORMS {
        let mut world = world(71, form, Faults::default()).await;
        let known = world.simulator.truth().gateway[5].id.clone();
        let filters = format!(r#","filters":{{"conversationIds":["gone","{known}"]}}"#);
        let request = world.request("history-gateway", &filters);

        let manifest = world.export(&request).await;

        assert_eq!(manifest.content.counts.archived, 1);
        assert_eq!(manifest.missing_ids, ["gone"]);
        let metrics = manifest.outcome.metrics.expect("metrics");
        assert_eq!((metrics.missing, metrics.completeness), (1, Some(0.5)));
        world.verify(&manifest.outcome.export_id).await;
    }
}

#[tokio::test]
async fn entities_are_archived_in_every_projection_and_found_by_id() {
    for form in FORMS {
        for (projection, field) in [
            ("minimal", "id"),
            ("standard", identifying_field(form)),
            ("full", identifying_field(form)),
            ("normalized", "recordId"),
        ] {
            let mut world = world(72, form, Faults::default()).await;
            let records = format!(r#","records":"{projection}""#);
            let request = world.history_request(form, &records);

            let manifest = world.export(&request).await;

            assert_eq!(manifest.content.counts.rejected, 0);
            let archived = world.archived_ids(&manifest, field).await;
            let truth = world.simulator.truth().gateway;
            assert_eq!(archived.len(), truth.len(), "{form:?} {projection}");
            assert!(truth.iter().all(|it| archived.contains_key(&it.id)));
            let id = truth[3].id.clone();
            let criteria = SearchCriteria {
                id: &id,
                day: None,
                records: RecordType::Conversations,
            };
            let found = find::versions(&world.archive(), criteria, &mut |_| {}).await;
            assert_eq!(found.expect("readable").len(), 1);
            world.verify(&manifest.outcome.export_id).await;
        }
    }
}
