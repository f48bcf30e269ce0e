//! Access to webhook receivers: allowed addresses, signatures and the retry schedule.
//!
//! Signatures follow Standard Webhooks. Nothing here knows the content of a body.

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
