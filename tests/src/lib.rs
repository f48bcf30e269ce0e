//! What the end-to-end tests share: a world in which exports run, stop at every step and go on, and the comparison of
//! what comes out. The stores behind it are in memory, or emulators of S3.

#![expect(clippy::expect_used, reason = "tests: what cannot be had ends them")]

pub mod comparison;
pub mod crashes;
pub mod gate;
pub mod logs;
pub mod memory_store;
pub mod old_archives;
pub mod panics;
pub mod process;
pub mod receiver;
pub mod running;
pub mod seams;
pub mod template;
pub mod throttling_store;
pub mod topic;
pub mod world;
