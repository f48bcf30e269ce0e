//! Tests stores and queues against third-party implementations of S3 and SQS, as child processes on loopback.
//!
//! The tests install all requirements: a Python environment from `requirements.txt`, and s3s-fs with cargo. No test is
//! skipped; a missing requirement is a failure that names it.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and they print their times"
)]

mod command_line;
mod conformance;
mod crash_points;
mod emulator;
mod gaps;
mod installation;
mod lock_files;
mod lossy_proxy;
mod lost_responses;
mod queues;
mod s3_promises;
mod signatures;
mod sqs_promises;
mod view_commands;
