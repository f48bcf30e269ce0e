//! The logs of the whole test run, kept in memory and searched for what must never be in them.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use aho_corasick::AhoCorasick;
use conversation_archive::store::ArchiveStore;

use crate::world::World;

static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

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
    let before = CAPTURED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .len();
    tracing::info!("a world begins");
    before
}

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: ArchiveStore + 'static> World<S> {
    /// What was logged since this world began.
    pub fn logged(&self) -> Vec<u8> {
        let captured = CAPTURED.lock().unwrap_or_else(PoisonError::into_inner);
        captured[self.logs_before..].to_vec()
    }

    /// No log line since this world began, no error, no outcome and no webhook holds a token, a secret, a text or a name
    /// of it.
    fn assert_nothing_leaked(&self) {
        let captured = CAPTURED.lock().unwrap_or_else(PoisonError::into_inner);
        let logs = &captured[self.logs_before..];
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
