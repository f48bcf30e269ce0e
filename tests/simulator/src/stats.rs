//! Counts of what the simulator has received and done.

use std::collections::BTreeMap;

use crate::route::Route;

#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub requests: BTreeMap<Route, u64>,
    /// Number of 429s caused by the limit, a fault or an outage.
    pub throttled: u64,
    pub tokens_issued: u64,
    pub jobs_submitted: u64,
    pub jobs_deleted: u64,
    pub queries_submitted: u64,
    /// By kind: `throttle`, `server_error`, `timeout_408`, `cut_off`, `reset`, `reset_after_effect`, `slow`, `stall`,
    /// `garbage`, `outage`, `permanent`, `short_page`, `empty_page`.
    pub faults: BTreeMap<String, u64>,
    /// Ids of the jobs that have neither been deleted nor expired.
    pub live_jobs: Vec<String>,
}

impl Stats {
    pub fn requests_on(&self, route: Route) -> u64 {
        self.requests.get(&route).copied().unwrap_or_default()
    }

    pub fn total_requests(&self) -> u64 {
        self.requests.values().sum()
    }

    pub fn faults_of(&self, kind: &str) -> u64 {
        self.faults.get(kind).copied().unwrap_or_default()
    }

    pub(crate) fn count_fault(&mut self, kind: &str) {
        *self.faults.entry(kind.to_owned()).or_default() += 1;
    }
}
