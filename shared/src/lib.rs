//! The core of Genesys Conversation Archive.
//!
//! Pure modules say what an export is (request, plan, checkpoint, records, manifest, audit); thin edges talk to
//! Genesys Cloud, to the archive store, to the queues and to webhook receivers. Edges hold no rules.

pub mod aws;
pub mod clock;
pub mod genesys;
pub mod page;
pub mod queue;
pub mod store;
pub mod time;
pub mod webhook;
