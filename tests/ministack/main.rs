//! Tests the template, the real binaries with the real Runtime API, and the command line, in an AWS emulator.
//!
//! `local up` sets everything up in a temporary folder, as it does for a user. No test is skipped; a missing
//! requirement is a failure that names it.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and they print their times"
)]

mod deployment;
mod downstream;
mod killed;
mod live;
mod permissions;
mod scenarios;
mod watching;
