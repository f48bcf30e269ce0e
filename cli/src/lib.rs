//! `genesys-archive`: the operator's tool, and the embedded engine that runs the deployed functions' handlers on one
//! machine, over a folder.

pub mod engine;
