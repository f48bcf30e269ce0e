//! Every back end asked for every promise. What it breaks must be a known gap, and a known gap must be broken.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use conversation_archive::clock::Clock;
use conversation_archive::conformance::Promise;
use conversation_archive::queue::MemoryQueues;
use conversation_archive::queue::conformance::{QUEUE_PROMISES, Subject};
use conversation_archive::store::conformance::STORE_PROMISES;
use conversation_archive::store::{ArchiveStore, FolderStore};
use futures::future::join_all;

use crate::emulator::Emulator;
use crate::gaps;
use crate::queues;
use crate::s3_promises::{Bucket, S3_PROMISES};
use crate::sqs_promises::SQS_PROMISES;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_and_the_in_process_queues_keep_every_promise() {
    let folder = tempfile::tempdir().expect("a folder");

    let mut answers = Answers::of("embedded");
    answers
        .ask(STORE_PROMISES, async |name| {
            let store = FolderStore::open(&folder.path().join(name)).expect("a folder");
            Arc::new(store) as Arc<dyn ArchiveStore>
        })
        .await;
    answers
        .ask(QUEUE_PROMISES, async |_| {
            let clock = Clock::manual("2026-03-02T10:00:00Z".parse().expect("a moment"));
            let queues = MemoryQueues::new(clock.clone());
            Arc::new(Subject {
                queues: Arc::new(queues.clone()),
                consumer: Arc::new((queues, clock)),
            })
        })
        .await;

    answers.assert_as_known();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_keeps_every_promise_but_its_known_gaps() {
    let emulator = Emulator::ministack().await;

    let mut answers = Answers::of("ministack");
    answers.ask_s3(&emulator).await;
    answers.ask_sqs(&emulator).await;

    answers.assert_as_known();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3s_fs_keeps_every_promise_but_its_known_gaps() {
    let emulator = Emulator::s3s_fs().await;

    let mut answers = Answers::of("s3s-fs");
    answers.ask_s3(&emulator).await;

    answers.assert_as_known();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_keeps_every_promise_but_its_known_gaps() {
    let emulator = Emulator::moto().await;

    let mut answers = Answers::of("moto");
    answers.ask_sqs(&emulator).await;

    answers.assert_as_known();
}

/// What a back end answered, promise by promise.
struct Answers {
    backend: &'static str,
    since: Instant,
    kept: usize,
    broken: BTreeMap<&'static str, String>,
}

impl Answers {
    fn of(backend: &'static str) -> Self {
        Self {
            backend,
            since: Instant::now(),
            kept: 0,
            broken: BTreeMap::new(),
        }
    }

    /// Side by side, each with a subject of its own, made from a name.
    async fn ask<S: ?Sized, P: Deref<Target = S>>(
        &mut self,
        promises: &[Promise<S>],
        subject: impl AsyncFn(String) -> P,
    ) {
        let backend = self.backend;
        let asked = promises.iter().map(async |promise| {
            let tries = gaps::tries(backend, promise.name);
            let mut answer = Ok(());
            for number in 1..=tries {
                let subject = subject(format!("{number}-{}", promise.name)).await;
                answer = promise.ask(&subject).await;
                if answer.is_err() {
                    break;
                }
            }
            (promise.name, answer)
        });
        for (name, answer) in join_all(asked).await {
            match answer {
                Ok(()) => self.kept += 1,
                Err(error) => drop(self.broken.insert(name, format!("{error:#}"))),
            }
        }
    }

    async fn ask_s3(&mut self, emulator: &Emulator) {
        let bucket = async |name: String| Bucket::create(emulator, &name).await;
        self.ask(STORE_PROMISES, async |name| {
            Arc::new(bucket(name).await.store) as Arc<dyn ArchiveStore>
        })
        .await;
        self.ask(S3_PROMISES, async |name| Box::new(bucket(name).await))
            .await;
    }

    async fn ask_sqs(&mut self, emulator: &Emulator) {
        let queues = async |name: String| queues::create(emulator, &name).await;
        self.ask(QUEUE_PROMISES, async |name| {
            Box::new(queues(name).await.subject())
        })
        .await;
        self.ask(SQS_PROMISES, async |name| Box::new(queues(name).await))
            .await;
    }

    fn assert_as_known(self) {
        let Self {
            backend,
            since,
            kept,
            broken,
        } = self;
        let took = since.elapsed().as_secs_f64();
        println!(
            "{backend}: {kept} promises kept, {} known gaps, {took:.1} s",
            broken.len()
        );
        let known: BTreeSet<_> = gaps::of(backend).map(|gap| gap.promise).collect();
        let unknown: Vec<_> = broken
            .iter()
            .filter(|(promise, _)| !known.contains(*promise))
            .collect();
        let closed: Vec<_> = known
            .iter()
            .filter(|promise| !broken.contains_key(*promise))
            .collect();
        assert!(
            unknown.is_empty(),
            "{backend} breaks promises: {unknown:#?}"
        );
        assert!(
            closed.is_empty(),
            "{backend} keeps these by now, off the list: {closed:#?}"
        );
    }
}
