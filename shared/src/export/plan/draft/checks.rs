//! Checks of a draft against the limits: its slices, their length, and the quota.

use jiff::SignedDuration;

use super::Draft;
use crate::export::plan::{GatewayQuery, PlanLimits};
use crate::export::request::{InvalidRequest, Membership, SourceKind};

impl Draft {
    pub(super) fn check_slices(&self, limits: &PlanLimits) -> Result<(), InvalidRequest> {
        if let Some(count) = self.request.slices {
            let max = limits.slices_max;
            if !(1..=max).contains(&count) {
                return Err(InvalidRequest::new("slices", count, format!("1 to {max}")));
            }
            if let Some(what) = self.single_slice_reason().filter(|_| count > 1) {
                let rule = format!("{what} allows only one slice");
                return Err(InvalidRequest::new("slices", count, rule));
            }
        }
        self.check_intervals(limits)
    }

    /// The property of the request that allows only one slice; `None` if there is none.
    pub(super) fn single_slice_reason(&self) -> Option<&'static str> {
        if self.request.source == SourceKind::HistoryGateway {
            Some("a history gateway, which is read by tokens,")
        } else if self.request.is_lookup() {
            Some("a lookup by ids")
        } else if self.request.membership == Membership::Activity {
            Some("membership `activity`")
        } else {
            None
        }
    }

    pub(super) fn check_intervals(&self, limits: &PlanLimits) -> Result<(), InvalidRequest> {
        let (what, days, setting) = match self.request.source {
            SourceKind::AnalyticsJob => (
                "a job",
                limits.job_interval_max_days,
                "GENESYS_JOB_INTERVAL_MAX_DAYS",
            ),
            SourceKind::AnalyticsQuery if !self.request.is_lookup() => (
                "a query",
                limits.query_interval_max_days,
                "GENESYS_QUERY_INTERVAL_MAX_DAYS",
            ),
            SourceKind::AnalyticsQuery
            | SourceKind::ExportGateway
            | SourceKind::HistoryGateway
            | SourceKind::Transcripts => {
                return Ok(());
            }
        };
        let intervals = self.intervals();
        if intervals.len() > limits.slices_max as usize {
            let rule = format!(
                "it has {} slices of one day; at most {} are allowed; use several exports",
                intervals.len(),
                limits.slices_max
            );
            return Err(InvalidRequest::new("interval", self.interval, rule));
        }
        let longest = SignedDuration::from_hours(24 * i64::from(days));
        match intervals
            .iter()
            .find(|slice| slice.end().duration_since(slice.start()) > longest)
        {
            Some(slice) => {
                let rule =
                    format!("{what} covers at most {days} days ({setting}); use more slices");
                Err(InvalidRequest::new("interval", slice, rule))
            }
            None => Ok(()),
        }
    }

    pub(super) fn check_quota(
        &self,
        query: Option<&GatewayQuery>,
        limits: &PlanLimits,
    ) -> Result<(), InvalidRequest> {
        let (Some(quota_mb), Some(query)) = (self.quota_mb, query) else {
            return Ok(());
        };
        let estimate = query.total_records.saturating_mul(limits.bytes_per_record);
        if estimate <= quota_mb.saturating_mul(1_000_000) {
            return Ok(());
        }
        let rule = format!(
            "{} records at about {} bytes each need about {} MB",
            query.total_records,
            limits.bytes_per_record,
            estimate.div_ceil(1_000_000)
        );
        Err(InvalidRequest::new("quotaMb", quota_mb, rule))
    }
}
