//! Builds the page of transcripts.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::conversation::Warnings;
use super::fetch::Texts;
use crate::base::hash::Sha256;
use crate::export::checkpoint::Checkpoint;
use crate::export::plan::TranscriptPlan;
use crate::records::medium::Medium;
use crate::records::page::{self, AttachedFile, PageRules, RawRecord};
use crate::records::redaction::Tally;
use crate::records::transcript::{self, NoTranscript, RecordLine, Status};
use crate::source::fetched_page::RequestCost;
use crate::source::{PageContext, SourceError, SourcePage, source_broken};

/// Limits of a page, however many conversations remain: it is held in memory, and files are stored one by one.
const MAX_BYTES: usize = 16_000_000;
const MAX_FILES: usize = 200;

/// A page under construction.
pub(super) struct Page<'a> {
    plan: &'a TranscriptPlan,
    lines: Vec<Box<RawValue>>,
    /// Each file once, even if it was sent several times.
    files: BTreeMap<Sha256, Vec<u8>>,
    conversations: u64,
    /// Number of those conversations for which the API gave an answer.
    pub(super) answered: u64,
    bytes: usize,
    redactions: Tally,
    statuses: Tally,
    cost: RequestCost,
    warnings: Warnings,
}

impl<'a> Page<'a> {
    pub(super) fn new(plan: &'a TranscriptPlan) -> Self {
        Self {
            plan,
            lines: Vec::new(),
            files: BTreeMap::new(),
            conversations: 0,
            answered: 0,
            bytes: 0,
            redactions: Tally::default(),
            statuses: Tally::default(),
            cost: RequestCost::default(),
            warnings: Warnings::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        id: &str,
        result: Result<Box<Texts>, NoTranscript>,
        context: &PageContext<'_>,
    ) -> Result<(), SourceError> {
        let transcript = result.map(|texts| {
            let Texts { transcript, files } = *texts;
            self.attach(files);
            transcript
        });
        let written = transcript::build_record(id, transcript, self.plan.limits, context.redactor);
        let RecordLine {
            line,
            redactions,
            status,
        } = written.map_err(|_| source_broken("a transcript cannot be serialized"))?;
        self.bytes += line.get().len();
        self.lines.push(line);
        self.conversations += 1;
        self.redactions.add(&redactions);
        self.statuses.count(status.as_str());
        self.cost.requested += 1;
        Ok(())
    }

    /// Whether the remaining conversations go to the next page. `held_bytes` are those of postponed conversations.
    pub(super) fn is_full(&self, held_bytes: usize) -> bool {
        self.bytes + held_bytes > MAX_BYTES || self.files.len() > MAX_FILES
    }

    fn attach(&mut self, files: Vec<AttachedFile>) {
        for AttachedFile { sha256, bytes } in files {
            let size = bytes.len();
            if self.files.insert(sha256, bytes).is_none() {
                self.bytes += size;
            }
        }
    }

    /// Adds the cost of a conversation, whatever its result.
    pub(super) fn add_cost(&mut self, cost: RequestCost, warnings: Warnings) {
        self.cost = std::mem::take(&mut self.cost).plus(cost);
        self.warnings.extend(warnings);
    }

    pub(super) fn finish(self, next: Option<Checkpoint>, context: &PageContext<'_>) -> SourcePage {
        let warnings = self.warnings.iter().map(ToString::to_string);
        let mut warnings: Vec<String> = warnings.collect();
        let forbidden = self.statuses.of(Status::Forbidden.as_str());
        if forbidden == self.conversations && forbidden > 0 {
            warnings.push(none_allowed(&self.plan.media));
        }
        // Each line was already redacted when it was built, field by field.
        let rules = PageRules {
            redactor: None,
            ..context.rules()
        };
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| RawRecord::Json(line))
            .collect();
        let mut body = page::encode(&lines, &rules);
        body.redactions = self.redactions;
        body.statuses = self.statuses;
        let files = self.files.into_iter();
        body.files = files
            .map(|(sha256, bytes)| AttachedFile { sha256, bytes })
            .collect();
        self.cost.into_page(body, next, warnings)
    }
}

/// The warning for a page of which no conversation may be read.
fn none_allowed(media: &[Medium]) -> String {
    let permissions = media.iter().map(|medium| match medium {
        Medium::Message => "conversation:message:view",
        Medium::Voice => "speechAndTextAnalytics:data:view",
        Medium::Email => "recording:recording:view",
    });
    let permissions = permissions.collect::<Vec<_>>().join(" or ");
    format!(
        "the client may not read any conversation of this page: its role may lack {permissions}, or access to their divisions"
    )
}
