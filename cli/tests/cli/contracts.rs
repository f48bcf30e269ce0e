//! Servers written from the text of the contracts alone, and the binary exporting from them.
//!
//! The servers share no code with the client and none with the simulator, and refuse everything that the text does not
//! contain: unknown and missing fields, other types, methods, paths, query strings, content types and tokens. Where
//! the text leaves something open, the server accepts each reading, and a comment says so.
//!
//! This folder must not use `genesys_simulator` or `conversation_archive`.

mod archive;
mod checking;
mod client;
mod export_gateway;
mod history;
mod json;
mod killing;
mod login;
mod request;
mod server;
mod strictness;
mod web_details;
mod web_query;
