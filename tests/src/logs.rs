//! Logs of the whole test run, kept in memory and searched for content that must never be logged.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use aho_corasick::AhoCorasick;
use conversation_archive::storage::store::ArchiveStore;

use crate::world::World;

static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

thread_local! {
    /// Logs of this thread's current world, if the thread separates them.
    static OWN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Separates the logs of this thread's worlds from those of the rest of the test run, and keeps only those of the
/// newest world. For a thread that runs many worlds in sequence, each in a runtime of this thread alone.
pub fn separate_by_world() {
    OWN.with_borrow_mut(|own| *own = Some(Vec::new()));
}

/// Captures all log lines of this test binary in memory, down to trace level for our crates. Returns the number of
/// bytes captured so far.
pub fn capture() -> usize {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .json()
            // The SDK logs every header, which takes longer than sending it.
            .with_env_filter(
                "debug,conversation_archive=trace,archive_page=trace,start_export=trace,aws=info,hyper=info",
            )
            .with_writer(|| Captured)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    });
    OWN.with_borrow_mut(|own| own.as_mut().map(Vec::clear));
    let before = with_captured(<[u8]>::len);
    tracing::info!("world started");
    before
}

/// The log lines of the test run after that number of bytes.
pub fn since(captured: usize) -> Vec<u8> {
    with_captured(|logs| logs[captured..].to_vec())
}

fn with_captured<T>(read: impl FnOnce(&[u8]) -> T) -> T {
    OWN.with_borrow(|own| match own {
        Some(own) => read(own),
        None => read(&CAPTURED.lock().unwrap_or_else(PoisonError::into_inner)),
    })
}

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        OWN.with_borrow_mut(|own| match own {
            Some(own) => own.extend_from_slice(bytes),
            None => CAPTURED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes),
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: ArchiveStore + 'static> World<S> {
    /// Returns the log lines written since this world began.
    pub fn log_bytes(&self) -> Vec<u8> {
        since(self.logs_start)
    }

    /// Asserts that no log line since this world began, and no error, outcome or webhook, contains a token, secret,
    /// text or name of this world.
    fn assert_nothing_leaked(&self) {
        with_captured(|logs| self.assert_nothing_leaked_into(&logs[self.logs_start..]));
    }

    fn assert_nothing_leaked_into(&self, logs: &[u8]) {
        assert!(
            !logs.is_empty(),
            "nothing was logged, so nothing was searched"
        );
        let mut planted = self.simulator.truth().planted;
        planted.push(
            crate::process::SIGNING_SECRET
                .trim_start_matches("whsec_")
                .to_owned(),
        );
        let search = AhoCorasick::new(&planted).expect("a searcher");
        for text in self.outgoing_texts() {
            assert!(
                search.find(&text).is_none(),
                "a planted value occurs in {text}"
            );
        }
        let leaked = search
            .find(logs)
            .map(|found| &logs[found.start().saturating_sub(300)..found.start()]);
        assert_eq!(
            leaked.map(String::from_utf8_lossy),
            None,
            "a planted value occurs in the logs, after this text"
        );
    }
}

/// Searches the logs of every world of the test run, whatever its test checks.
impl<S: ArchiveStore + 'static> Drop for World<S> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_nothing_leaked();
        }
    }
}
