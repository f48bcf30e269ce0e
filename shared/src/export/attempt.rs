//! An attempt: one go at an export. There is the first one, one per `resume` after a failure, and one each time the
//! gateway lost the query that all slices read from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::failure::FailureKind;
use crate::base::format::FormatVersion;
use crate::base::ids::{ExportId, RunId};
use crate::export::audit::Audited;
use crate::export::plan::{ExportPlan, GatewayQuery, Slice, SliceRange, offset_ranges};
use crate::export::request::OnBadRecord;
use crate::export::run::{End, Origin};

/// `attempt-{n}.json`: the run of each slice in the attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    pub attempt: u32,
    pub cause: Cause,
    pub created_at: Timestamp,
    pub slices: Vec<SliceRun>,
    #[serde(default)]
    pub overrides: Overrides,
    /// The query that replaces the plan's after that was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<GatewayQuery>,
    /// Number of consecutive lost queries since the first attempt or the last resume.
    #[serde(default)]
    pub queries_lost: u32,
    /// Number of consecutive attempts started by automatic resumes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub automatic_resumes: u32,
}

impl Audited for Attempt {}

/// The reason for the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    First,
    Resume,
    QueryLost,
}

/// The run of a slice at the start of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceRun {
    pub slice: u32,
    pub run: u32,
    pub origin: Origin,
}

/// Settings of the request that a resume changed; they apply from that attempt on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_mb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_bad_record: Option<OnBadRecord>,
}

/// The progress of a slice's newest run when the next attempt is planned.
#[derive(Clone, Debug)]
pub struct SliceProgress {
    pub slice: u32,
    pub run: u32,
    pub origin: Origin,
    pub end: Option<End>,
    /// The last page of the chain that counts; 0 if there is none.
    pub last_page: u32,
}

impl Attempt {
    pub fn first(plan: &ExportPlan) -> Self {
        let slices = (1..=plan.slice_count)
            .map(|slice| SliceRun {
                slice,
                run: 1,
                origin: Origin::First,
            })
            .collect();
        Self {
            format_version: FormatVersion,
            export_id: plan.export_id.clone(),
            attempt: 1,
            cause: Cause::First,
            created_at: plan.planned_at,
            slices,
            overrides: Overrides::default(),
            query: None,
            queries_lost: 0,
            automatic_resumes: 0,
        }
    }

    /// The attempt after a failed one: complete slices are kept; the others continue or, if their source is unusable,
    /// start again. With a new query, all slices start again.
    #[must_use]
    pub fn resumed(
        &self,
        progress: &[SliceProgress],
        export_failure: Option<FailureKind>,
        overrides: Overrides,
        query: Option<GatewayQuery>,
        now: Timestamp,
    ) -> Self {
        let is_source_unusable =
            query.is_some() || export_failure.is_some_and(FailureKind::makes_source_unusable);
        let next_run = |slice: &SliceProgress| match &slice.end {
            _ if is_source_unusable => slice.replace_run(),
            Some(End::Complete) => slice.keep_run(),
            Some(End::Failed { failure }) if failure.kind.makes_source_unusable() => {
                slice.replace_run()
            }
            _ => slice.continue_run(),
        };
        Self {
            attempt: self.attempt + 1,
            cause: Cause::Resume,
            created_at: now,
            slices: progress.iter().map(next_run).collect(),
            overrides: Overrides {
                quota_mb: overrides.quota_mb.or(self.overrides.quota_mb),
                on_bad_record: overrides.on_bad_record.or(self.overrides.on_bad_record),
            },
            query: query.or_else(|| self.query.clone()),
            queries_lost: 0,
            automatic_resumes: 0,
            ..self.clone()
        }
    }

    /// Marks the attempt as an automatic resume after `failed`.
    #[must_use]
    pub fn as_automatic_resume(self, failed: &Self) -> Self {
        Self {
            automatic_resumes: failed.automatic_resumes.saturating_add(1),
            ..self
        }
    }

    /// Whether the slice (any slice for `None`) continues a run of an earlier attempt.
    pub fn continues(&self, slice: Option<u32>) -> bool {
        let mut slices = self.slices.iter();
        slices.any(|it| {
            slice.is_none_or(|slice| slice == it.slice)
                && matches!(it.origin, Origin::Continues { .. })
        })
    }

    /// The attempt after the gateway lost the query: old offsets are meaningless, so every slice starts again.
    #[must_use]
    pub fn with_new_query(
        &self,
        progress: &[SliceProgress],
        query: GatewayQuery,
        now: Timestamp,
    ) -> Self {
        Self {
            attempt: self.attempt + 1,
            cause: Cause::QueryLost,
            created_at: now,
            slices: progress.iter().map(SliceProgress::replace_run).collect(),
            query: Some(query),
            queries_lost: self.queries_lost + 1,
            ..self.clone()
        }
    }

    /// The slice as this attempt reads it: offset ranges depend on the current query.
    pub fn slice(&self, plan: &ExportPlan, number: u32) -> Option<Slice> {
        let planned = plan.slices.iter().find(|slice| slice.number == number)?;
        let range = match (&self.query, planned.range) {
            (Some(query), SliceRange::Offsets { .. }) => {
                *offset_ranges(query.total_records, plan.page_size, plan.slice_count)
                    .get(number as usize - 1)?
            }
            (_, range) => range,
        };
        Some(Slice { number, range })
    }

    /// The gateway's current query, for sources that have one.
    pub fn query<'a>(&'a self, plan: &'a ExportPlan) -> Option<&'a GatewayQuery> {
        self.query.as_ref().or(plan.query.as_ref())
    }

    pub fn quota_mb(&self, plan: &ExportPlan) -> Option<u64> {
        self.overrides.quota_mb.or(plan.quota_mb)
    }

    pub fn on_bad_record(&self, plan: &ExportPlan) -> OnBadRecord {
        self.overrides.on_bad_record.unwrap_or(plan.on_bad_record)
    }

    /// The run of a slice at the start of this attempt.
    pub fn run_of(&self, slice: u32) -> Option<(RunId, Origin)> {
        let entry = self.slices.iter().find(|entry| entry.slice == slice)?;
        Some((
            RunId {
                export_id: self.export_id.clone(),
                slice,
                run: entry.run,
            },
            entry.origin,
        ))
    }
}

impl SliceProgress {
    fn keep_run(&self) -> SliceRun {
        SliceRun {
            slice: self.slice,
            run: self.run,
            origin: self.origin,
        }
    }

    /// The origin names the run that holds the last page, even if the slice was continued several times without a page.
    fn continue_run(&self) -> SliceRun {
        let origin = match self.origin {
            Origin::Continues { run, after_page }
                if after_page > 0 && self.last_page <= after_page =>
            {
                Origin::Continues {
                    run,
                    after_page: self.last_page,
                }
            }
            _ => Origin::Continues {
                run: self.run,
                after_page: self.last_page,
            },
        };
        SliceRun {
            slice: self.slice,
            run: self.run + 1,
            origin,
        }
    }

    fn replace_run(&self) -> SliceRun {
        SliceRun {
            slice: self.slice,
            run: self.run + 1,
            origin: Origin::Replaces { run: self.run },
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde requires this signature"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
