//! Audit events on the output of the program, for a log shipper.

use conversation_archive::archive::AuditLog;

use crate::screen::Screen;

/// Prints each audit event as a line.
#[derive(Clone, Debug)]
pub(crate) struct AuditLines(pub(crate) Screen);

impl AuditLog for AuditLines {
    fn write_line(&self, line: &str) {
        self.0.print_audit_line(line);
    }
}
