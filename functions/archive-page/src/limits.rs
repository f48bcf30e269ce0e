//! Limits of a page chain: pages per slice, stored bytes of the export (quota), and the least redaction.

use conversation_archive::archive::{ArchiveError, slice_status};
use conversation_archive::base::failure::{Failure, FailureKind};
use conversation_archive::export::plan::ExportPlan;
use conversation_archive::export::totals::Totals;

use crate::not_archived::NotArchived;
use crate::{ArchivePage, Task};

/// Pages between two quota checks over the other slices. An export exceeds its quota by at most this many pages of each
/// open slice.
const QUOTA_CHECK_PAGES: u32 = 20;

impl ArchivePage {
    /// Fails if this page would exceed a limit of its export.
    pub(crate) async fn check_limits(&self, task: &Task<'_>) -> Result<(), NotArchived> {
        self.check_redaction(task.run.plan)?;
        let page = task.message.id.page;
        let max = self.settings.max_pages_per_slice;
        if page > max {
            let message = format!(
                "{} would be page {page} of its slice, which has at most {max}; use more slices or several exports",
                task.message.id
            );
            return Err(Failure::new(FailureKind::TooManyPages, message).into());
        }
        let Some(quota_mb) = task.attempt.quota_mb(task.run.plan) else {
            return Ok(());
        };
        let own = task.message.totals;
        let reads_other_slices = page % QUOTA_CHECK_PAGES == 1 || task.message.is_first_of_run();
        let used = if reads_other_slices {
            self.export_bytes(task, own).await?
        } else {
            own.quota_bytes
        };
        Ok(check_quota(used, quota_mb)?)
    }

    /// The policy is checked where texts are fetched: a plan may be older than the setting, or planted in the bucket.
    fn check_redaction(&self, plan: &ExportPlan) -> Result<(), Failure> {
        let required = self.settings.required_redaction;
        let checked = required.check(plan.redaction.as_ref());
        checked.map_err(|below| below.failure(&plan.export_id))
    }

    /// Stored bytes of all slices, from their newest page records; for the own slice, the sum in `own`.
    async fn export_bytes(&self, task: &Task<'_>, own: Totals) -> Result<u64, ArchiveError> {
        let mut sum = own.quota_bytes;
        for slice_status in slice_status::all(self.archive(), task.run.plan, task.attempt).await? {
            if slice_status.slice.number == task.message.id.run.slice {
                continue;
            }
            // A run that replaces another carries the superseded bytes in its first message.
            sum += match &slice_status.end {
                Some(end) => end.totals.quota_bytes,
                None => {
                    slice_status::next_message(self.archive(), &slice_status, task.run.plan)
                        .await?
                        .totals
                        .quota_bytes
                }
            };
        }
        Ok(sum)
    }
}

fn check_quota(used: u64, quota_mb: u64) -> Result<(), Failure> {
    if used <= quota_mb.saturating_mul(1_000_000) {
        return Ok(());
    }
    let message = format!(
        "{used} stored bytes exceed the quota of {quota_mb} MB; resume with a larger quotaMb to continue"
    );
    Err(Failure::new(FailureKind::QuotaExceeded, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_megabyte_is_a_million_bytes_and_the_quota_itself_is_allowed() {
        assert_eq!(check_quota(2_000_000, 2), Ok(()));
        assert_eq!(
            check_quota(2_000_001, 2).unwrap_err().message,
            "2000001 stored bytes exceed the quota of 2 MB; resume with a larger quotaMb to continue"
        );
    }
}
