//! Repeated records: ids on more than one line of an export.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Limit on the ids that a manifest names, so that its size does not grow with the number of repeated records.
pub(crate) const MAX_NAMED_IDS: usize = 1_000;

/// Counts of repeated records. Two lines are identical if id and SHA-256 in the page indexes are equal; lines with the
/// same id and different SHA-256 are versions of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepeatedRecords {
    /// Number of lines that repeat an earlier line byte for byte.
    pub identical_lines: u64,
    /// Number of distinct ids in the export.
    pub distinct_ids: u64,
    /// Number of ids with more than one stored version.
    pub ids_with_versions: u64,
    /// These ids in ascending order. If there are more than `MAX_NAMED_IDS`, those with the lowest SHA-256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<IdVersions>,
}

/// An id and the number of its versions in the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdVersions {
    pub id: String,
    pub versions: u64,
}

impl fmt::Display for RepeatedRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            identical_lines,
            distinct_ids,
            ids_with_versions,
            ..
        } = self;
        write!(
            f,
            "identical lines: {identical_lines}, ids with several versions: {ids_with_versions}, distinct ids: {distinct_ids}"
        )
    }
}
