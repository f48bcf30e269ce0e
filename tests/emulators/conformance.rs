//! Tests every back end for every promise. A broken promise must be a known gap, broken in the known way, and a known
//! gap must be broken, unless only a race shows it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use conversation_archive::net::clock::Clock;
use conversation_archive::storage::conformance::Promise;
use conversation_archive::storage::queue::MemoryQueues;
use conversation_archive::storage::queue::conformance::{QUEUE_PROMISES, Subject};
use conversation_archive::storage::store::conformance::STORE_PROMISES;
use conversation_archive::storage::store::{ArchiveStore, FolderStore};
use futures::future::join_all;

use crate::emulator::Emulator;
use crate::gaps::{self, Frequency, Gap};
use crate::queues;
use crate::s3_promises::{Bucket, S3_PROMISES};
use crate::sqs_promises::SQS_PROMISES;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_and_the_in_process_queues_keep_every_promise() {
    let folder = tempfile::tempdir().expect("a folder");

    let mut results = PromiseResults::of("embedded");
    results
        .test_promises(STORE_PROMISES, async |name| {
            let store = FolderStore::open(&folder.path().join(name)).expect("a folder");
            Arc::new(store) as Arc<dyn ArchiveStore>
        })
        .await;
    results
        .test_promises(QUEUE_PROMISES, async |_| {
            let clock = Clock::manual("2026-03-02T10:00:00Z".parse().expect("a moment"));
            let queues = MemoryQueues::new(clock.clone());
            Arc::new(Subject {
                queues: Arc::new(queues.clone()),
                consumer: Arc::new((queues, clock)),
            })
        })
        .await;

    results.assert_only_known_gaps();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_keeps_every_promise_but_its_known_gaps() {
    let emulator = Emulator::ministack().await;

    let mut results = PromiseResults::of("ministack");
    results.test_s3(&emulator).await;
    results.test_sqs(&emulator).await;

    results.assert_only_known_gaps();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3s_fs_keeps_every_promise_but_its_known_gaps() {
    let emulator = Emulator::s3s_fs().await;

    let mut results = PromiseResults::of("s3s-fs");
    results.test_s3(&emulator).await;

    results.assert_only_known_gaps();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_keeps_every_promise_but_its_known_gaps() {
    let emulator = Emulator::moto().await;

    let mut results = PromiseResults::of("moto");
    results.test_sqs(&emulator).await;

    results.assert_only_known_gaps();
}

/// Results of a back end, by promise.
struct PromiseResults {
    backend: &'static str,
    since: Instant,
    kept: usize,
    broken: BTreeMap<&'static str, String>,
}

impl PromiseResults {
    fn of(backend: &'static str) -> Self {
        Self {
            backend,
            since: Instant::now(),
            kept: 0,
            broken: BTreeMap::new(),
        }
    }

    /// Tests the promises concurrently, each with a subject of its own, created from a name.
    async fn test_promises<S: ?Sized, P: Deref<Target = S>>(
        &mut self,
        promises: &[Promise<S>],
        subject: impl AsyncFn(String) -> P,
    ) {
        let backend = self.backend;
        let tests = promises.iter().map(async |promise| {
            let tries = gaps::tries(backend, promise.name);
            let mut result = Ok(());
            for number in 1..=tries {
                let subject = subject(format!("{number}-{}", promise.name)).await;
                result = promise.run(&subject).await;
                if result.is_err() {
                    break;
                }
            }
            (promise.name, result)
        });
        for (name, result) in join_all(tests).await {
            match result {
                Ok(()) => self.kept += 1,
                Err(error) => drop(self.broken.insert(name, format!("{error:#}"))),
            }
        }
    }

    async fn test_s3(&mut self, emulator: &Emulator) {
        let bucket = async |name: String| Bucket::create(emulator, &name).await;
        self.test_promises(STORE_PROMISES, async |name| {
            Arc::new(bucket(name).await.store) as Arc<dyn ArchiveStore>
        })
        .await;
        self.test_promises(S3_PROMISES, async |name| Box::new(bucket(name).await))
            .await;
    }

    async fn test_sqs(&mut self, emulator: &Emulator) {
        let queues = async |name: String| queues::create(emulator, &name).await;
        self.test_promises(QUEUE_PROMISES, async |name| {
            Box::new(queues(name).await.subject())
        })
        .await;
        self.test_promises(SQS_PROMISES, async |name| Box::new(queues(name).await))
            .await;
    }

    fn assert_only_known_gaps(self) {
        let backend = self.backend;
        let took = self.since.elapsed().as_secs_f64();
        let (kept, broken) = (self.kept, self.broken.len());
        println!("{backend}: {kept} promises kept, {broken} known gaps, {took:.1} s");
        let mut unknown = self.broken.clone();
        unknown.retain(|promise, error| !is_known(backend, promise, error));
        assert!(
            unknown.is_empty(),
            "{backend} breaks promises: {unknown:#?}"
        );
        let unobserved =
            gaps::of_backend(backend).filter(|gap| !self.broken.contains_key(gap.promise));
        let (closed, not_seen): (Vec<&Gap>, Vec<&Gap>) =
            unobserved.partition(|gap| gap.frequency == Frequency::Always);
        for gap in not_seen {
            println!(
                "{backend}: known gap not observed in this run: {}",
                gap.instead
            );
        }
        assert!(
            closed.is_empty(),
            "{backend} keeps these promises now; remove them from the list of gaps: {closed:#?}"
        );
    }
}

/// A broken promise is known only if it is broken in the listed way.
fn is_known(backend: &str, promise: &str, error: &str) -> bool {
    gaps::of_backend(backend).any(|gap| gap.promise == promise && gap.matches_error(error))
}
