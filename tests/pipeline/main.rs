//! The whole pipeline in one process: real handlers, a simulated organisation over real HTTP, a store and queues in
//! memory, and a clock that only the tests advance. No test sleeps.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and they print their counts"
)]

mod altered_answers;
mod answers;
mod attempts;
mod automatic_resumes;
mod cancelling;
mod capture;
mod concurrent_handlers;
mod crash_points;
mod default_webhook;
mod deliveries;
mod echoes;
mod ended;
mod fault_schedules;
mod fresh_conversations;
mod gaps;
mod history;
mod interleavings;
mod live;
mod live_conversations;
mod live_coverage;
mod live_verification;
mod lost_sources;
mod membership;
mod minimal_records;
mod month;
mod normalized_records;
mod odd_answers;
mod odd_transcripts;
mod old_archives;
mod outages;
mod owed_webhooks;
mod planted_objects;
mod policy;
mod portions;
mod redaction;
mod repeated_queries;
mod repeated_records;
mod repeated_requests;
mod residency;
mod revisits;
mod rights;
mod slow_responses;
mod starts;
mod sweeping;
mod sweeping_large;
mod transcripts;
mod voice;
mod waiting;
