//! Processes beside the world's own, which are suspended at a step while others continue.

use std::sync::Arc;

use conversation_archive::storage::queue::{Delivery, Queue};
use conversation_archive::storage::store::ArchiveStore;
use url::Url;

use super::{World, build_process, client, seams};
use crate::gate::Gate;
use crate::process::Process;
use crate::seams::Steps;

/// A process that counts its steps on `Steps` of its own: operations of the store and the queues, API requests, and
/// webhook deliveries.
#[derive(Debug)]
pub struct GatedProcess {
    pub process: Process,
    pub steps: Arc<Steps>,
    _gates: [Gate; 2],
}

impl<S: ArchiveStore + 'static> World<S> {
    /// Builds another process over the world's store and queues.
    pub async fn gated_process(&self, steps: Steps) -> GatedProcess {
        self.gated_process_with_store(&self.store, steps).await
    }

    /// The same over another store that takes the place of the world's.
    pub async fn gated_process_with_store<T: ArchiveStore + 'static>(
        &self,
        store: &Arc<T>,
        steps: Steps,
    ) -> GatedProcess {
        let steps = Arc::new(steps);
        let receiver: Url = self.receiver.url().parse().expect("an address");
        let api = Gate::before(&self.simulator.url(), Arc::clone(&steps)).await;
        let webhooks = Gate::before(&receiver, Arc::clone(&steps)).await;
        let process = build_process(
            client(api.url(), &self.clock, self.read_timeout),
            seams(
                store,
                &self.queues,
                &self.topic,
                &steps,
                &self.reported_texts,
                &self.signing,
            ),
            &self.clock,
            self.max_open_slices,
            (self.sources, self.portions),
        );
        GatedProcess {
            process: process.with_receiver(webhooks.url().to_string()),
            steps,
            _gates: [api, webhooks],
        }
    }

    /// Receives a message from the first of these queues that has one visible now.
    pub fn receive_from(&self, queues: &[Queue]) -> Option<Delivery> {
        queues.iter().find_map(|queue| self.queues.receive(*queue))
    }
}
