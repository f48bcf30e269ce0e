//! The template is what the code counts on: queues, timeouts, variables, and loops that Lambda must not stop.

#![expect(
    clippy::expect_used,
    reason = "tests: a template that cannot be read ends them"
)]

mod loops;
mod metrics;
mod queues;
mod references;
mod rights;
mod skips;
mod variables;
