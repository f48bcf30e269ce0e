//! The lake: records of complete exports as flat tables in Parquet files (docs/lake.md).
//!
//! This is the only package that names Arrow and Parquet. It has no input or output of its own: the caller reads pages,
//! and stores the files under their keys.

mod cell;
mod json;

pub mod group;
pub mod key;
pub mod rows;
pub mod schema;
pub mod writer;

pub use json::{MAX_DEPTH, Rejection};

#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod samples;
