//! The history gateway in both of its forms: a chain of pages linked by tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::export::outcome::Manifest;
use conversation_archive::export::request::HistoryForm as Form;
use conversation_archive::source::SourceSettings;
use genesys_simulator::{Faults, HistoryForm, Outage, OutageKind, Route, Settings};

use end_to_end::world::{World, organisation};

const FORMS: [(HistoryForm, Form); 2] = [
    (HistoryForm::PageToken, Form::PageToken),
    (HistoryForm::Continuation, Form::Continuation),
];

async fn world(
    seed: u64,
    (simulator_form, request_form): (HistoryForm, Form),
    faults: Faults,
) -> World {
    let settings = Settings {
        history: Some(simulator_form),
        faults,
        ..organisation(seed, 120)
    };
    let sources = SourceSettings {
        history_form: request_form,
        ..SourceSettings::default()
    };
    World::new(settings).await.with_source_settings(sources)
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
        let request = world.request("history-gateway", r#","pageSize":10"#);
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
        let request = world.request("history-gateway", r#","pageSize":10"#);
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
        let request = world.request("history-gateway", r#","pageSize":20"#);

        let manifest = world.export(&request).await;

        assert_archived_once(&world, &manifest).await;
        assert!(world.simulator.stats().faults_of("stall") > 0);
    }
}

#[tokio::test]
async fn a_gateway_outage_of_30_seconds_costs_no_receive() {
    let mut world = world(64, FORMS[0], Faults::default()).await;
    let start = world.now();
    let clock = world.clock.clone();
    world.simulator.update(|settings| {
        settings.faults.outage = Some(Outage {
            from: start,
            to: start + Duration::from_secs(30),
            kind: OutageKind::Unavailable,
        });
    });
    let request = world.request("history-gateway", r#","pageSize":20"#);

    let manifest = world.export(&request).await;

    assert_archived_once(&world, &manifest).await;
    assert!(clock.now() >= start + Duration::from_secs(30));
    assert_eq!(world.highest_receive_count, 1);
}

#[tokio::test]
async fn filters_are_sent_under_the_field_names_of_the_gateway() {
    let mut world = world(65, FORMS[1], Faults::default()).await;
    let ids: Vec<_> = world
        .simulator
        .truth()
        .gateway
        .into_iter()
        .map(|record| record.id)
        .take(7)
        .collect();
    let list = serde_json::to_string(&ids).expect("JSON");
    let by_ids = world.request(
        "history-gateway",
        &format!(r#","pageSize":100,"filters":{{"conversationIds":{list},"mediaTypes":["webchat"],"category":"conversation"}}"#),
    );
    let of_routing = world.request(
        "history-gateway",
        r#","pageSize":100,"filters":{"category":"routing"}"#,
    );

    let found = world.export(&by_ids).await;
    let nothing = world.export(&of_routing).await;

    assert_eq!(found.content.counts.archived, 7);
    assert_eq!(nothing.content.counts.archived, 0);
}
