//! Access to webhook receivers: allowed addresses, signatures and the retry schedule.
//!
//! Signatures follow Standard Webhooks. Nothing here knows the content of a body.

mod id;
mod sender;
mod signer;

pub use id::webhook_id;
pub use sender::DeliveryError;
pub use sender::{Reply, Sender};
pub use signer::SigningSecretError;
pub use signer::{ID_HEADER, SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER, VerifyError};
