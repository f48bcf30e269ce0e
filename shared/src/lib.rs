//! The core of Genesys Conversation Archive.
//!
//! Pure modules define an export (request, plan, checkpoint, records, manifest, audit). Thin edges connect to Genesys
//! Cloud, the archive store, the queues and webhook receivers; they contain no rules.

pub mod announcement;
pub mod archive;
pub mod attempt;
pub mod audit;
pub mod aws;
pub mod checkpoint;
pub mod clock;
pub mod conclusion;
pub mod config;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod decode;
pub mod dispatch;
pub mod effort;
pub mod failure;
mod format;
pub mod genesys;
pub mod hash;
pub mod ids;
pub mod invocation;
pub mod json;
pub mod lambda;
pub mod marker;
pub mod message;
pub mod metrics;
pub mod objects;
pub mod outcome;
pub mod owed;
pub mod page;
pub mod page_record;
pub mod plan;
pub mod portion;
pub mod queue;
pub mod redaction;
pub mod redactors;
pub mod request;
#[cfg(test)]
mod round_trips;
pub mod run;
pub mod runs;
pub mod scheduled_resume;
pub mod seal;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod time;
pub mod topic;
pub mod totals;
pub mod transcript;
pub mod verify;
pub mod waiting;
pub mod webhook;

pub use format::FormatVersion;
