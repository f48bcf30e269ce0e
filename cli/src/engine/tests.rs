use std::collections::BTreeSet;

use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::export::request::ExportRequest;
use conversation_archive::genesys::{ClientSettings, Credentials, Endpoints};
use conversation_archive::net::clock::Clock;
use conversation_archive::net::{AddressRules, Loopback};
use conversation_archive::pipeline::Redactors;
use conversation_archive::records::page::decode_lines;
use conversation_archive::storage::store::ArchiveStore;
use conversation_archive::storage::store::{FolderStore, MAX_OBJECT_BYTES};
use genesys_simulator::{Route, Settings, Simulator};
use start_export::Resume;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

mod deliveries;
mod unresponsive_store;

struct World {
    simulator: Simulator,
    folder: TempDir,
    id: ExportId,
    clock: Clock,
    signer: Option<Signer>,
    /// `webhookUrl` of the request.
    webhook_url: Option<String>,
    /// Receiver that replaces `webhook_url`.
    receiver: Option<String>,
}

impl World {
    async fn new() -> Self {
        let settings = Settings {
            conversations: 120,
            job_ready_after: Duration::ZERO,
            rate_per_minute: 0,
            ..Settings::default()
        };
        Self {
            simulator: Simulator::start(settings).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            id: "march".parse().unwrap(),
            clock: Clock::System,
            signer: None,
            webhook_url: None,
            receiver: None,
        }
    }

    /// An engine whose only state is the folder.
    fn engine(&self) -> (Engine, UnboundedReceiver<Event>) {
        self.engine_on(Arc::new(self.store()))
    }

    fn store(&self) -> FolderStore {
        FolderStore::open_without_sync(self.folder.path()).unwrap()
    }

    fn engine_on(&self, store: Arc<dyn ArchiveStore>) -> (Engine, UnboundedReceiver<Event>) {
        let url = self.simulator.url().to_string();
        let endpoints = Endpoints::new(None, Some(&url), Some(&url)).unwrap();
        let organisation = Settings::default();
        let credentials = Credentials {
            id: organisation.client_id,
            secret: organisation.client_secret.into(),
        };
        let client = GenesysClient::new(
            ClientSettings::new(endpoints),
            Arc::new(credentials),
            self.clock.clone(),
        )
        .unwrap();
        let settings = EngineSettings {
            concurrency: 2,
            limits: PlanLimits::default(),
            webhook_url: None,
            pages: archive_page::PageSettings::default(),
            sources: conversation_archive::source::SourceSettings::default(),
            redactors: Redactors::default(),
            regions: Regions::default(),
            address_rules: AddressRules {
                loopback: Loopback::Allowed,
                ..AddressRules::default()
            },
            signer: self.signer.clone(),
            receiver: self.receiver.clone(),
            live: LiveWork::default(),
            failed_exports: FailedExports::LeftToOperator,
            clock: self.clock.clone(),
        };
        let (sender, events) = unbounded_channel();
        (
            Engine::new(Archive::new(store), client, settings, sender).unwrap(),
            events,
        )
    }

    async fn start(&self, engine: &Engine) {
        let request = r#"{"exportId":"march","interval":"2026-03-01T00:00:00Z/2026-03-03T00:00:00Z","pageSize":8}"#;
        let request = ExportRequest {
            webhook_url: self.webhook_url.clone(),
            ..ExportRequest::parse(request).unwrap()
        };
        let command = Command::Start(Box::new(request));
        engine.command(command).await.unwrap();
    }

    async fn resume(&self, engine: &Engine) {
        let resume = Resume {
            export_id: self.id.clone(),
            quota_mb: None,
            on_bad_record: None,
        };
        engine.command(Command::Resume(resume)).await.unwrap();
    }

    async fn archived_ids(&self) -> Vec<String> {
        let (engine, _) = self.engine();
        let manifest: Manifest = engine
            .archive()
            .read(ObjectKey::Manifest(&self.id))
            .await
            .unwrap()
            .unwrap();
        let mut ids = Vec::new();
        for page in manifest
            .content
            .slices
            .iter()
            .flat_map(|slice| &slice.pages)
        {
            let Some(objects) = &page.objects else {
                continue;
            };
            let stored = engine
                .archive()
                .store()
                .get(&objects.page.key)
                .await
                .unwrap()
                .unwrap();
            let lines =
                String::from_utf8(decode_lines(&stored, MAX_OBJECT_BYTES).unwrap()).unwrap();
            ids.extend(lines.lines().map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line["conversationId"].as_str().unwrap().to_owned()
            }));
        }
        ids
    }

    fn expected_ids(&self) -> BTreeSet<String> {
        let march = "2026-03-01T00:00:00Z".parse().unwrap();
        let conversations = self.simulator.truth().conversations.into_iter();
        conversations
            .filter(|it| it.start >= march)
            .map(|it| it.id)
            .collect()
    }

    async fn assert_complete(&self) {
        let ids = self.archived_ids().await;

        assert_eq!(
            ids.iter().cloned().collect::<BTreeSet<_>>(),
            self.expected_ids()
        );
        assert_eq!(ids.len(), self.expected_ids().len(), "none appears twice");
    }
}

/// Waits until `number` archived pages are reported.
async fn wait_for_pages(events: &mut UnboundedReceiver<Event>, number: usize) {
    let mut seen = 0;
    while seen < number {
        let event = events.recv().await.unwrap();
        seen += usize::from(matches!(event, Event::PageArchived { .. }));
    }
}

#[tokio::test]
async fn a_repeatedly_killed_export_completes_without_refetching_pages() {
    let world = World::new().await;
    let (engine, mut events) = world.engine();
    world.start(&engine).await;

    let mut running = engine.run(&world.id);
    tokio::select! { _ = running.wait_for_end() => panic!("too soon"), () = wait_for_pages(&mut events, 3) => {} }
    running.kill().await;
    for _ in 0..2 {
        let (engine, mut events) = world.engine();
        world.resume(&engine).await;
        let mut running = engine.run(&world.id);
        tokio::select! { _ = running.wait_for_end() => panic!("too soon"), () = wait_for_pages(&mut events, 2) => {} }
        running.kill().await;
    }
    let (engine, _events) = world.engine();
    world.resume(&engine).await;
    let ended = engine.run(&world.id).wait_for_end().await.unwrap();

    assert_eq!(ended, EngineEnd::Over);
    world.assert_complete().await;
    let pages = engine
        .outcome(&world.id)
        .await
        .unwrap()
        .unwrap()
        .totals
        .pages;
    let fetched = world.simulator.stats().requests_on(Route::JobResults);
    assert!(
        fetched <= pages + 3 * 2,
        "{fetched} requests for {pages} pages, three crashes and two workers"
    );
}

#[tokio::test]
async fn a_stopped_engine_finishes_its_current_pages_and_starts_no_more() {
    let world = World::new().await;
    let (engine, mut events) = world.engine();
    world.start(&engine).await;

    let mut running = engine.run(&world.id);
    let stopper = running.stopper();
    let stop = async {
        wait_for_pages(&mut events, 2).await;
        stopper.stop();
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! { ended = running.wait_for_end() => ended.unwrap(), () = stop => unreachable!("pending") };

    assert_eq!(ended, EngineEnd::Stopped);
    assert_eq!(engine.outcome(&world.id).await.unwrap(), None);
    let export_state = engine.export_state(&world.id).await.unwrap();
    let stored: u64 = export_state
        .slices
        .iter()
        .map(|slice| slice.totals.pages)
        .sum();
    assert_eq!(
        stored,
        world.simulator.stats().requests_on(Route::JobResults),
        "what was fetched is stored"
    );
}

#[tokio::test]
async fn a_cancel_by_another_engine_ends_the_export_and_deletes_its_jobs() {
    let world = World::new().await;
    let (engine, mut events) = world.engine();
    world.start(&engine).await;
    let (other, _) = world.engine();

    let mut running = engine.run(&world.id);
    let cancel = async {
        wait_for_pages(&mut events, 1).await;
        other
            .command(Command::Cancel(world.id.clone()))
            .await
            .unwrap();
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! { ended = running.wait_for_end() => ended.unwrap(), () = cancel => unreachable!("pending") };

    assert_eq!(ended, EngineEnd::Over);
    let outcome = engine.outcome(&world.id).await.unwrap().unwrap();
    assert_eq!(outcome.status.as_str(), "cancelled");
    assert_eq!(world.simulator.stats().live_jobs, [""; 0]);
}
