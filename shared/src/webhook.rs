//! The edge to webhook receivers: where we may send, how a delivery is signed, when it is tried again.
//!
//! Signatures follow Standard Webhooks. Nothing here knows what a body says.

mod address;
mod id;
mod refusal;
mod resolver;
mod schedule;
mod sender;
mod signer;

pub use address::{AddressRules, Loopback, Rule, WebhookUrl, WebhookUrlError};
pub use id::webhook_id;
pub use refusal::Refusal;
pub(crate) use resolver::GuardedResolver;
pub use schedule::{LAST_RETRY_DELAY, Verdict, retry_delay, verdict};
pub use sender::{DeliveryError, Reply, SOURCE_HEADER, SOURCE_NAME, Sender};
pub use signer::{
    ID_HEADER, SIGNATURE_HEADER, Signer, SigningSecretError, TIMESTAMP_HEADER, VerifyError,
};
