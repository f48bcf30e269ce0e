//! Stores and queues against implementations of S3 and SQS that others wrote, as child processes on loopback.
//!
//! Everything that is needed is set up here: a Python environment from `requirements.txt`, s3s-fs by cargo. Nothing is
//! skipped; what is missing is a failure that says so.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests: what cannot be had ends them, and they print their times"
)]

mod command_line;
mod conformance;
mod crash_points;
mod emulator;
mod gaps;
mod installed;
mod lock_files;
mod lossy;
mod lost_replies;
mod queues;
mod s3_promises;
mod sqs_promises;
