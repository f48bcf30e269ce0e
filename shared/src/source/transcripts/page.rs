//! The page that transcripts become.

use serde_json::value::RawValue;

use crate::checkpoint::Checkpoint;
use crate::page::{self, PageRules};
use crate::redaction::Tally;
use crate::source::answer::Asking;
use crate::source::{Reading, Setback, SourcePage, broken};
use crate::transcript::{self, Limits, Status, Transcript, Untold, Written};

const NONE_ALLOWED: &str = "the client may not read any conversation of this page: its role may lack conversation:message:view, or their divisions";

/// A page while it is put together.
pub(super) struct Page {
    limits: Limits,
    lines: Vec<Box<RawValue>>,
    pub(super) conversations: u64,
    pub(super) bytes: usize,
    redactions: Tally,
    statuses: Tally,
    asking: Asking,
    warnings: Vec<String>,
}

impl Page {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            lines: Vec::new(),
            conversations: 0,
            bytes: 0,
            redactions: Tally::default(),
            statuses: Tally::default(),
            asking: Asking::default(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        id: &str,
        told: Result<Transcript, Untold>,
        reading: &Reading<'_>,
    ) -> Result<(), Setback> {
        let written = transcript::record(id, told, self.limits, reading.redactor);
        let Written {
            line,
            redactions,
            status,
        } = written.map_err(|_| broken("a transcript cannot be written"))?;
        self.bytes += line.get().len();
        self.lines.push(line);
        self.conversations += 1;
        self.redactions.add(&redactions);
        self.statuses.count(status.as_str());
        self.asking.requested += 1;
        Ok(())
    }

    /// What a visit took, whatever came of it.
    pub(super) fn took(&mut self, asking: Asking, warning: Option<&'static str>) {
        self.asking = std::mem::take(&mut self.asking).plus(asking);
        if let Some(warning) = warning
            && self.warnings.is_empty()
        {
            self.warnings.push(warning.to_owned());
        }
    }

    pub(super) fn finish(self, next: Option<Checkpoint>, reading: &Reading<'_>) -> SourcePage {
        let mut warnings = self.warnings;
        let forbidden = self.statuses.of(Status::Forbidden.as_str());
        if forbidden == self.conversations && forbidden > 0 {
            warnings.push(NONE_ALLOWED.to_owned());
        }
        // Each line is redacted already, by what its parts are.
        let rules = PageRules {
            redactor: None,
            ..reading.rules()
        };
        let lines: Vec<&RawValue> = self.lines.iter().map(|line| &**line).collect();
        let mut body = page::encode(&lines, &rules);
        body.redactions = self.redactions;
        body.statuses = self.statuses;
        self.asking.page(body, next, warnings)
    }
}
