//! Conversation details jobs: their content and their states over time. The routes are in `jobs/routes.rs`.
//!
//! A job's rows are fixed at submission. It occupies one of `concurrent_jobs` slots from its start until it is deleted,
//! is cancelled, expires or fails; a finished job that is never deleted keeps its slot.

mod routes;

use jiff::Timestamp;

use super::interval::{Interval, after};
use crate::settings::{CancelledJobs, Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Queued,
    Pending,
    Fulfilled,
    Failed,
    Cancelled,
    Expired,
}

impl JobState {
    /// The state as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Pending => "PENDING",
            Self::Fulfilled => "FULFILLED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
        }
    }
}

#[derive(Clone, Debug)]
pub struct JobView {
    pub id: String,
    pub state: JobState,
    /// Deleted by a client or removed by `forget_jobs`: unknown to the API.
    pub deleted: bool,
    pub interval: (Timestamp, Timestamp),
    pub conversations: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    all: Vec<Job>,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) interval: Interval,
    /// Indexes into the data set.
    pub(crate) rows: Vec<usize>,
    pub(crate) malformed_every: Option<usize>,
    pub(crate) watermark: Timestamp,
    pub(crate) submitted: Timestamp,
    pub(crate) started: Option<Timestamp>,
    pub(crate) completed: Option<Timestamp>,
    pub(crate) state: JobState,
    pub(crate) error_message: Option<String>,
    deleted: bool,
}

impl Jobs {
    pub(crate) fn submit(&mut self, job: Job, settings: &Settings, now: Timestamp) {
        self.all.push(job);
        self.advance(settings, now);
    }

    /// Updates the state of every job.
    pub(crate) fn advance(&mut self, settings: &Settings, now: Timestamp) {
        for job in self.all.iter_mut().filter(|job| !job.deleted) {
            job.update_state(settings, now);
        }
        let mut free = settings
            .concurrent_jobs
            .saturating_sub(self.all.iter().filter(|job| job.occupies_slot()).count());
        let waiting = self
            .all
            .iter_mut()
            .filter(|job| !job.deleted && job.state == JobState::Queued && job.started.is_none());
        for job in waiting {
            if free == 0 || settings.faults.job_stuck {
                break;
            }
            free -= 1;
            job.started = Some(now);
            job.update_state(settings, now);
        }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Job> {
        self.all.iter().find(|job| job.id == id && !job.deleted)
    }

    /// A job at work stays visible as CANCELLED if `cancelled` is [`CancelledJobs::Stay`]; any other job becomes
    /// unknown.
    pub(crate) fn delete(&mut self, id: &str, cancelled: CancelledJobs, now: Timestamp) {
        let found = self.all.iter_mut().find(|job| job.id == id && !job.deleted);
        match found {
            Some(job) if cancelled == CancelledJobs::Stay && job.is_running() => {
                job.end(JobState::Cancelled, now);
            }
            Some(job) => job.deleted = true,
            None => {}
        }
    }

    pub(crate) fn forget_all(&mut self) {
        self.all.iter_mut().for_each(|job| job.deleted = true);
    }

    pub(crate) fn expire_all(&mut self) {
        self.all
            .iter_mut()
            .for_each(|job| job.state = JobState::Expired);
    }

    pub(crate) fn fail_all(&mut self, message: &str, now: Timestamp) {
        self.all.iter_mut().for_each(|job| job.fail(message, now));
    }

    pub(crate) fn cancel_all(&mut self, now: Timestamp) {
        self.all
            .iter_mut()
            .for_each(|job| job.end(JobState::Cancelled, now));
    }

    pub(crate) fn live(&self) -> Vec<String> {
        let is_ended = |job: &Job| matches!(job.state, JobState::Cancelled | JobState::Expired);
        let live = self.all.iter().filter(|job| !job.deleted && !is_ended(job));
        live.map(|job| job.id.clone()).collect()
    }

    pub(crate) fn views(&self) -> Vec<JobView> {
        self.all.iter().map(Job::view).collect()
    }
}

impl Job {
    fn update_state(&mut self, settings: &Settings, now: Timestamp) {
        if self.is_running() {
            self.progress(settings, now);
        }
        let expired = self
            .completed
            .is_some_and(|at| after(at, settings.job_lifetime) <= now);
        if self.state == JobState::Fulfilled && expired {
            self.state = JobState::Expired;
        }
    }

    fn progress(&mut self, settings: &Settings, now: Timestamp) {
        let Some(started) = self.started.filter(|_| !settings.faults.job_stuck) else {
            return;
        };
        let done = after(started, settings.job_ready_after);
        if now < after(started, settings.job_ready_after / 3) {
            self.state = JobState::Queued;
        } else if now < done {
            self.state = JobState::Pending;
        } else if settings.faults.job_fails {
            self.fail("The query could not be completed.", done);
        } else {
            self.end(JobState::Fulfilled, done);
        }
    }

    fn fail(&mut self, message: &str, at: Timestamp) {
        self.end(JobState::Failed, at);
        self.error_message = Some(message.to_owned());
    }

    fn end(&mut self, state: JobState, at: Timestamp) {
        self.state = state;
        self.completed = Some(at);
    }

    fn is_running(&self) -> bool {
        matches!(self.state, JobState::Queued | JobState::Pending)
    }

    fn occupies_slot(&self) -> bool {
        self.started.is_some()
            && !self.deleted
            && (self.is_running() || self.state == JobState::Fulfilled)
    }

    fn view(&self) -> JobView {
        JobView {
            id: self.id.clone(),
            state: self.state,
            deleted: self.deleted,
            interval: (self.interval.start, self.interval.end),
            conversations: self.rows.len(),
        }
    }
}
