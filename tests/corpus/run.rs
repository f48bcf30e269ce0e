//! The corpus as the texts of a simulated organisation, and two exports of it: one with faults, and one without
//! redaction.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::base::failure::FailureKind;
use conversation_archive::export::outcome::Manifest;
use end_to_end::world::{World, organisation};
use genesys_simulator::{Faults, Outage, OutageKind, Route, Settings, UnavailableTexts};

use crate::failing_store::FailingStore;
use crate::labelled::Message;

/// About two thirds of them are written (message) conversations.
const CONVERSATIONS: usize = 300;

#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) world: World<FailingStore>,
    pub(crate) written: Vec<Conversation<'a>>,
    pub(crate) redacted: Manifest,
    pub(crate) verbatim: Manifest,
}

/// The messages of a conversation.
#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    pub(crate) id: String,
    pub(crate) messages: &'a [Message],
}

impl<'a> Run<'a> {
    pub(crate) async fn of(corpus: &'a [Message]) -> Self {
        let mut world = World::with_store(Arc::default(), settings(), 1).await;
        let written = write_corpus(&world, corpus);
        let ids: Vec<_> = written.iter().map(|it| it.id.clone()).collect();
        let regions: BTreeSet<_> = corpus.iter().map(|it| it.region.clone()).collect();
        world.process.start.limits.redaction.regions = regions.into_iter().collect();
        let redacted = export_with_faults(&mut world, &ids).await;
        let request = world.transcripts_request(&ids, r#","redaction":{"enabled":false}"#);
        let verbatim = world.export(&request).await;
        Self {
            world,
            written,
            redacted,
            verbatim,
        }
    }
}

/// Some conversations cannot be read, each for another reason.
fn settings() -> Settings {
    Settings {
        unavailable_texts: UnavailableTexts {
            recorded_only: 12,
            gone: 0,
            forbidden: 14,
            too_large: 16,
            malformed: 10,
            broken: 0,
            preparing: 1,
        },
        ..organisation(131, CONVERSATIONS)
    }
}

/// Distributes all messages of the corpus over the written conversations, in order.
fn write_corpus<'a>(world: &World<FailingStore>, corpus: &'a [Message]) -> Vec<Conversation<'a>> {
    let ids = world.message_conversations();
    let chunks = corpus.chunks(corpus.len().div_ceil(ids.len()));
    let written = ids.into_iter().zip(chunks);
    let written: Vec<_> = written
        .map(|(id, messages)| Conversation { id, messages })
        .collect();
    for Conversation { id, messages } in &written {
        let texts = messages.iter().map(|it| it.text.clone()).collect();
        assert!(world.simulator.write(id, texts));
    }
    written
}

/// The API is down for an hour and the webhook receiver at first, some requests and writes fail, the slice fails
/// half-way, and the operator resumes.
async fn export_with_faults(world: &mut World<FailingStore>, ids: &[String]) -> Manifest {
    let (from, hour) = (world.now(), Duration::from_hours(1));
    world.simulator.set_faults(Faults {
        outage: Some(Outage {
            from,
            to: from + hour,
            kind: OutageKind::Unavailable,
        }),
        permanent: Faults::refusing(Route::MessagesBulk, ids.len() as u64 / 2).permanent,
        ..Faults::transient(131)
    });
    world.receiver.respond_first_with(&[500]);
    let request = world.transcripts_request(ids, r#","pageSize":7"#);
    let id = world.start(&request).await;
    world.run().await;
    let failed = world.failed_outcome(&id, 1).await.expect("a failure");
    assert_eq!(failed.failures[0].failure.kind, FailureKind::Refused);

    world.simulator.set_faults(Faults::transient(132));
    world.resume(&id).await;
    world.run().await;

    world.verify(&id).await;
    let error = world.last_error().expect("an error of a handler");
    assert!(error.contains("the store is busy"), "{error}");
    let manifest = world.manifest(&id).await;
    let statuses = &manifest.content.statuses;
    for status in ["complete", "forbidden", "partial", "tooLarge"] {
        assert!(statuses.of(status) > 0, "{status}");
    }
    assert_eq!(statuses.total(), ids.len() as u64);
    manifest
}
