//! Arrangements and observations that many tests share.

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::storage::store::ArchiveStore;
use genesys_simulator::{Route, Settings};
use start_export::{Command, StartError};

use super::World;

/// Creates a world and starts an export of the source analytics-job in it.
pub async fn start_job(settings: Settings, more_fields: &str) -> (World, ExportId) {
    start(settings, "analytics-job", more_fields).await
}

/// Creates a world and starts an export of the source export-gateway in it.
pub async fn start_gateway(settings: Settings, more_fields: &str) -> (World, ExportId) {
    start(settings, "export-gateway", more_fields).await
}

async fn start(settings: Settings, source: &str, more_fields: &str) -> (World, ExportId) {
    let mut world = World::new(settings).await;
    let request = world.request(source, more_fields);
    let id = world.start(&request).await;
    (world, id)
}

impl World {
    /// Runs until this number of runs have ended.
    pub async fn run_until_slices_ended(&mut self, count: usize) {
        let have_ended = |world: &Self| {
            let objects = world.store.snapshot();
            let ends = objects.keys().filter(|key| key.ends_with("/end.json"));
            ends.count() >= count
        };
        assert!(self.run_until(have_ended).await, "fewer than {count} ends");
    }
}

impl<S: ArchiveStore + 'static> World<S> {
    /// Runs until the API has received this number of requests on the route.
    pub async fn run_until_requests(&mut self, route: Route, count: u64) {
        let are_made = |world: &Self| world.simulator.stats().requests_on(route) >= count;
        assert!(
            self.run_until(are_made).await,
            "fewer than {count} requests on {route:?}"
        );
    }

    /// Resumes the export, runs until no message is left and returns the manifest.
    pub async fn resume_to_end(&mut self, id: &ExportId) -> Manifest {
        self.resume(id).await;
        self.run().await;
        self.manifest(id).await
    }

    /// Invokes start-export with a command that it must refuse, and returns the text of the refusal.
    pub async fn refusal(&mut self, command: Command) -> String {
        match self.invoke(command).await.expect("not killed") {
            Err(StartError::Refused(refusal)) => refusal.to_string(),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Returns the number of distinct conversations in the manifest of a job's export.
    pub async fn archived_count(&self, id: &ExportId) -> usize {
        let manifest = self.manifest(id).await;
        let ids = self.archived_ids(&manifest, "conversationId").await;
        ids.len()
    }
}
