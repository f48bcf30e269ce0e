//! Gaps: conversations or records that an export was asked for and does not hold.

use serde::{Deserialize, Serialize};

use super::{Content, ExportStatus};
use crate::export::plan::{ExportPlan, GatewayQuery};
use crate::export::request::SourceKind;
use crate::records::transcript::Status;

/// The number of conversations or records that an export was expected to hold, and how many of them it lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many the export was expected to hold. A conversation of which nothing was recorded is not counted.
    pub expected: u64,
    /// How many of them have no record, a rejected record, or a transcript without texts.
    pub missing: u64,
    pub basis: Basis,
}

/// The origin of the expected number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// The request lists the ids, or the export that it names does.
    Requested,
    /// A gateway announced the number of its records.
    Announced,
    /// The records that the source returned: the API does not say how many there should be.
    Received,
}

impl Gaps {
    /// `missing_ids` is the number of requested ids without a record.
    pub fn of(
        plan: &ExportPlan,
        query: Option<&GatewayQuery>,
        content: &Content,
        missing_ids: u64,
    ) -> Self {
        let requested_ids = plan.requested_ids().len() as u64;
        match query {
            // Earlier versions counted records, whatever they hold.
            Some(query) if plan.max_gap_percent.is_none() => {
                Self::of_announced(query.total_records, content.distinct_received())
            }
            None if plan.max_gap_percent.is_none() => {
                Self::new(requested_ids, missing_ids, Basis::Requested)
            }
            Some(query) => {
                let received = content.distinct_received();
                let usable = received.saturating_sub(content.counts.rejected);
                Self::of_announced(query.total_records, usable)
            }
            None if plan.source == SourceKind::Transcripts => {
                Self::of_transcripts(content, missing_ids)
            }
            // A revisit holds only what has changed.
            None if plan.revisit.is_some() => Self::of_received(content),
            None if requested_ids > 0 => Self::new(requested_ids, missing_ids, Basis::Requested),
            None => Self::of_received(content),
        }
    }

    fn of_announced(announced: u64, received: u64) -> Self {
        let missing = announced.saturating_sub(received);
        Self::new(announced, missing, Basis::Announced)
    }

    /// A conversation whose transcript has no text has a record, but lacks what was asked for, unless it has no text to
    /// archive.
    fn of_transcripts(content: &Content, missing_ids: u64) -> Self {
        let (mut expected, mut missing) = (missing_ids, missing_ids);
        let statuses = content.statuses.by_label();
        for (label, number) in statuses.filter(|(label, _)| expects_text(label)) {
            expected += number;
            missing += if has_text(label) { 0 } else { number };
        }
        Self::new(expected, missing, Basis::Requested)
    }

    fn of_received(content: &Content) -> Self {
        let counts = &content.counts;
        let received = counts.archived + counts.unchanged + counts.rejected;
        Self::new(received, counts.rejected, Basis::Received)
    }

    fn new(expected: u64, missing: u64, basis: Basis) -> Self {
        Self {
            expected,
            missing: missing.min(expected),
            basis,
        }
    }

    /// The share that the export holds, from 0 to 1; `None` if the expected number is unknown.
    pub(super) fn completeness(self) -> Option<f64> {
        let held = self.expected - self.missing;
        super::rate(held, self.expected).filter(|_| self.basis != Basis::Received)
    }

    /// The status of a complete export with these gaps. Plans of earlier versions allow any share.
    pub fn status(self, plan: &ExportPlan, content: &Content) -> ExportStatus {
        let allowed = plan.max_gap_percent.unwrap_or(100);
        if self.exceed(allowed) {
            return ExportStatus::CompletedWithGaps;
        }
        match content.counts.rejected {
            0 => ExportStatus::Completed,
            _ => ExportStatus::CompletedWithRejects,
        }
    }

    /// Whether more than `percent` of what was expected is missing.
    fn exceed(self, percent: u8) -> bool {
        u128::from(self.missing) * 100 > u128::from(self.expected) * u128::from(percent)
    }
}

/// Whether transcripts of this status hold texts. A status of a later version is taken to hold none.
fn has_text(label: &str) -> bool {
    Status::from_name(label).is_some_and(Status::has_text)
}

/// Whether transcripts of this status should hold texts. So should those of a later version's status.
fn expects_text(label: &str) -> bool {
    Status::from_name(label).is_none_or(Status::expects_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(missing: u64, expected: u64) -> Gaps {
        Gaps::new(expected, missing, Basis::Requested)
    }

    #[test]
    fn a_share_is_exceeded_only_by_more_than_its_percent() {
        let exceeds = |missing, expected, percent| gaps(missing, expected).exceed(percent);

        assert!(!exceeds(0, 0, 0));
        assert!(!exceeds(1, 10, 10));
        assert!(exceeds(2, 10, 10));
        assert!(exceeds(1, 2, 10));
        assert!(exceeds(1, 1_000_000, 0));
        assert!(!exceeds(10, 10, 100));
        assert!(exceeds(u64::MAX, u64::MAX, 99), "without overflow");
    }

    #[test]
    fn calls_that_were_never_recorded_are_neither_expected_nor_missing() {
        let mut content = Content::default();
        for (label, number) in [
            ("complete", 3),
            ("notRecorded", 5),
            ("gone", 2),
            ("later", 1),
        ] {
            for _ in 0..number {
                content.statuses.count(label);
            }
        }

        let gaps = Gaps::of_transcripts(&content, 1);

        assert_eq!((gaps.expected, gaps.missing), (7, 4));
    }

    #[test]
    fn completeness_is_unknown_if_the_expected_number_is() {
        let received = Gaps::new(10, 1, Basis::Received);

        assert_eq!(gaps(1, 4).completeness(), Some(0.75));
        assert_eq!(gaps(0, 0).completeness(), None);
        assert_eq!(received.completeness(), None);
    }
}
