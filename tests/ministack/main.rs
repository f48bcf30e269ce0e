//! The template, the real binaries behind the real Runtime API, and the command line, in an emulator of AWS.
//!
//! `local up` sets everything up, in a folder of the test's own, as it does for a user. Nothing is skipped; what is missing
//! is a failure that says so.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests: what cannot be had ends them, and they print their times"
)]

mod deployment;
mod killed;
mod rights;
mod stories;
