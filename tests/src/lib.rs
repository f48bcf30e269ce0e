//! Shared parts of the end-to-end tests: a world in which exports run, stop at any step and resume, and the comparison
//! of the resulting archives. Stores are in memory or S3 emulators.

#![expect(clippy::expect_used, reason = "tests fail by panicking")]

pub mod capture;
pub mod child_process;
pub mod comparison;
pub mod crashes;
pub mod gate;
pub mod history;
pub mod hooked_store;
pub mod http;
pub mod kinds;
pub mod live;
pub mod logs;
pub mod memory_store;
pub mod needs;
pub mod old_archives;
pub mod panics;
pub mod parallel;
pub mod planted;
pub mod process;
pub mod receiver;
pub mod rights;
pub mod seams;
pub mod signing;
pub mod template;
pub mod throttling_store;
pub mod topic;
pub mod world;
