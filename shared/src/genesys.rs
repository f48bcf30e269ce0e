//! Access to Genesys Cloud: regions, login, rate limiting, retries, and one method that makes an API call.
//!
//! This module handles statuses, headers and limits and knows nothing about exports: the caller passes the function
//! that decodes the response. Nothing here logs or keeps a body, a query value, a token or a secret.

mod body;
mod call;
mod client;
mod credentials;
mod endpoints;
mod error;
mod login;
#[cfg(test)]
pub(crate) mod loopback;
mod pace;
mod refusal;
mod region;
mod retry;
mod stats;
mod token;
pub(crate) mod transport;
pub mod wire;

pub use call::{Call, Method, Reply};
pub use client::{ClientSettings, Compression, GenesysClient};
pub use credentials::{Credentials, CredentialsError, CredentialsSource};
pub use endpoints::{EndpointError, Endpoints};
pub use error::{ApiError, Source, Trouble};
pub use region::{Region, UnknownRegion};
pub use stats::StatsSnapshot;
pub use transport::ClientError;
