//! The binary as a user runs it, against a simulated organisation: kill -9, Ctrl-C, cancel, and everything that is
//! refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit_lines;
mod cancelling;
mod check;
mod contracts;
mod dot_env;
mod echoes;
mod files;
mod finding;
mod gaps;
mod history;
mod live_verification;
mod login;
mod loopback;
mod odd_records;
mod odd_stores;
mod policy;
mod refusals;
mod results;
mod resuming;
#[path = "../../src/receiver/scripted.rs"]
mod scripted;
mod signatures;
mod simulating;
mod streaming;
mod transcripts;
mod webhooks;
mod world;
