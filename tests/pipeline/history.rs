//! The history gateway in both of its forms: its requests, and chains of pages linked by tokens.

use std::collections::BTreeSet;
use std::time::Duration;

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

async fn assert_archived_once(world: &World, manifest: &Manifest) {
    let archived = world.archived_ids(manifest, "id").await;
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
        assert_archived_once(&world, &manifest).await;
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
        assert_archived_once(&world, &manifest).await;
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

        assert_archived_once(&world, &manifest).await;
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
    assert_archived_once(&world, &manifest).await;
    assert!(world.now() >= start + Duration::from_secs(30));
    assert_eq!(world.highest_receive_count, 1);
}
