//! The logs of the whole test run, kept in memory and searched for what must never be in them.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use crate::world::World;

static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Sends every log line of this test binary, down to the smallest detail, into memory.
pub(crate) fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Captured)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    });
}

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl World {
    /// No log line so far holds a token, a secret, a text or a name of this world.
    pub(crate) fn assert_nothing_leaked(&self) {
        let captured = CAPTURED.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!captured.is_empty(), "nothing was logged, so nothing was searched");
        let logs = String::from_utf8_lossy(&captured);
        let mut planted = self.simulator.truth().planted;
        planted.push(crate::process::SIGNING_SECRET.trim_start_matches("whsec_").to_owned());
        let leaked = planted.iter().position(|value| logs.contains(value.as_str()));
        assert_eq!(leaked, None, "a planted value stands in the logs");
    }
}
