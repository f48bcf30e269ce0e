//! Checks that the template matches the code: queues, timeouts, variables, and loops that Lambda must not stop.

#![expect(
    clippy::expect_used,
    reason = "tests: a template that cannot be read ends them"
)]

mod costs;
mod loops;
mod metrics;
mod permissions;
mod queues;
mod references;
mod replacement;
mod skips;
mod variables;
