//! A store, and processes of archive-events that share it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archive_events::{ArchiveEvents, EventMessage, HandledEvents};
use conversation_archive::archive::Archive;
use conversation_archive::archive::verify::{Anchors, LiveReport, LiveScope, verify_live};
use conversation_archive::export::plan::{RedactionPlan, RedactionSettings, RequiredRedaction};
use conversation_archive::net::clock::Clock;
use conversation_archive::storage::store::ArchiveStore;
use end_to_end::live::{LiveObjects, archive_events};
use end_to_end::memory_store::MemoryStore;
use end_to_end::process::invocation;
use end_to_end::seams::{SteppedStore, Steps};
use futures::FutureExt as _;

pub(super) const NOW: &str = "2026-03-02T10:00:05Z";

#[derive(Debug)]
pub(super) struct LiveWorld {
    pub(super) store: Arc<MemoryStore>,
    pub(super) clock: Clock,
    required: RequiredRedaction,
}

/// A process of archive-events.
#[derive(Debug)]
pub(super) struct LiveProcess {
    handler: ArchiveEvents,
    number: u64,
    clock: Clock,
    /// The steps of the process in the store.
    pub(super) steps: Arc<Steps>,
}

/// Messages that are redelivered until they are deleted, by their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages(pub(super) BTreeMap<String, String>);

impl LiveWorld {
    pub(super) fn new() -> Self {
        Self::with_required(RequiredRedaction::None)
    }

    pub(super) fn with_required(required: RequiredRedaction) -> Self {
        Self {
            store: Arc::default(),
            clock: Clock::manual(NOW.parse().expect("a time")),
            required,
        }
    }

    /// Starts a process; each has a number of its own.
    pub(super) fn process(&self, number: u64) -> LiveProcess {
        self.process_with(number, Arc::default())
    }

    pub(super) fn process_with(&self, number: u64, steps: Arc<Steps>) -> LiveProcess {
        let store = SteppedStore {
            store: Arc::clone(&self.store),
            steps: Arc::clone(&steps),
            reported_texts: Arc::default(),
        };
        self.process_over(number, Arc::new(store), steps)
    }

    pub(super) fn process_over(
        &self,
        number: u64,
        store: Arc<dyn ArchiveStore>,
        steps: Arc<Steps>,
    ) -> LiveProcess {
        let redaction = RedactionPlan::of_live_events(self.required, RedactionSettings::default());
        LiveProcess {
            handler: archive_events(store, &self.clock, &redaction),
            number,
            clock: self.clock.clone(),
            steps,
        }
    }

    /// The stored objects. Panics if `verify` does not find them intact.
    pub(super) fn objects(&self) -> LiveObjects {
        let objects = LiveObjects::of(self.store.snapshot());
        let report = self.verify().streams;
        assert_eq!(
            report.iter().map(|it| it.records).sum::<u64>(),
            objects.records().count() as u64
        );
        assert_eq!(
            report.iter().map(|it| it.frames).sum::<u64>(),
            objects.lines().len() as u64
        );
        objects
    }

    fn verify(&self) -> LiveReport {
        let archive = Archive::new(Arc::clone(&self.store) as _);
        let (scope, anchors) = (LiveScope::default(), Anchors::default());
        let verified = verify_live(&archive, &scope, &anchors, &mut |_| {}).now_or_never();
        let verified = verified.expect("a store in memory never waits");
        verified.expect("intact live objects")
    }

    pub(super) fn identities(&self) -> BTreeSet<String> {
        self.objects().identities()
    }
}

impl LiveProcess {
    /// Delivers the messages to the handler in this order.
    pub(super) async fn handle<'a>(
        &self,
        messages: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> HandledEvents {
        let messages: Vec<_> = messages
            .into_iter()
            .map(|(id, body)| EventMessage { id, body })
            .collect();
        let invocation = invocation(self.number, &self.clock);
        self.handler.handle(&messages, &invocation).await
    }

    /// Delivers the messages; `None` if the process is killed.
    pub(super) async fn handle_or_die(&self, messages: &Messages) -> Option<HandledEvents> {
        tokio::select! {
            biased;
            () = self.steps.wait_until_killed() => None,
            handled = self.handle(&messages.0) => Some(handled),
        }
    }
}

impl Messages {
    pub(super) fn of(bodies: impl IntoIterator<Item = String>) -> Self {
        let numbered = (0..).zip(bodies);
        Self(
            numbered
                .map(|(number, body): (u32, _)| (format!("message-{number:04}"), body))
                .collect(),
        )
    }

    /// Deletes the messages that did not fail.
    pub(super) fn delete_handled(&mut self, handled: &HandledEvents) {
        self.0.retain(|id, _| handled.failed.contains(id));
    }
}
