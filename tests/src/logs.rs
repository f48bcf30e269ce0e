//! The logs of the whole test run, kept in memory and searched for what must never be in them.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use aho_corasick::AhoCorasick;
use conversation_archive::store::ArchiveStore;

use crate::world::World;

static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

thread_local! {
    /// The logs of this thread's present world, if the thread keeps them apart.
    static OWN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Keeps the logs of the worlds of this thread apart from those of the rest of the test run, and only those of the
/// newest world. For a thread that runs many worlds, one after the other, each in a runtime of this thread alone.
pub fn keep_by_world() {
    OWN.with_borrow_mut(|own| *own = Some(Vec::new()));
}

/// Sends every log line of this test binary, down to the smallest detail of ours, into memory. Returns how much there
/// is already.
pub(crate) fn capture() -> usize {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .json()
            // The SDK tells of every header, which takes longer than sending it.
            .with_env_filter(
                "debug,conversation_archive=trace,archive_page=trace,start_export=trace,aws=info,hyper=info",
            )
            .with_writer(|| Captured)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    });
    OWN.with_borrow_mut(|own| own.as_mut().map(Vec::clear));
    let before = captured(<[u8]>::len);
    tracing::info!("a world begins");
    before
}

fn captured<T>(look: impl FnOnce(&[u8]) -> T) -> T {
    OWN.with_borrow(|own| match own {
        Some(own) => look(own),
        None => look(&CAPTURED.lock().unwrap_or_else(PoisonError::into_inner)),
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
    /// What was logged since this world began.
    pub fn logged(&self) -> Vec<u8> {
        captured(|logs| logs[self.logs_before..].to_vec())
    }

    /// No log line since this world began, no error, no outcome and no webhook holds a token, a secret, a text or a name
    /// of it.
    fn assert_nothing_leaked(&self) {
        captured(|logs| self.assert_nothing_leaked_into(&logs[self.logs_before..]));
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
        for told in self.told() {
            assert!(
                search.find(&told).is_none(),
                "a planted value stands in {told}"
            );
        }
        let leaked = search
            .find(logs)
            .map(|found| &logs[found.start().saturating_sub(300)..found.start()]);
        assert_eq!(
            leaked.map(String::from_utf8_lossy),
            None,
            "a planted value stands in the logs, behind this"
        );
    }
}

/// Every world of the test run is searched, whatever its test is about.
impl<S: ArchiveStore + 'static> Drop for World<S> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_nothing_leaked();
        }
    }
}
