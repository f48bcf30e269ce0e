//! Prints audit events to the standard output, which Lambda passes to its log.

use std::io::{self, Write as _};

use crate::archive::AuditLog;

/// One line for each event, beside the lines of the log.
#[derive(Clone, Copy, Debug)]
pub struct AuditStdout;

impl AuditLog for AuditStdout {
    fn write_line(&self, line: &str) {
        // In one call, so that it is not mixed with a line of the log.
        let written = io::stdout()
            .lock()
            .write_all(format!("{line}\n").as_bytes());
        if let Err(error) = written {
            tracing::warn!(%error, "an audit event could not be printed; it is stored");
        }
    }
}
