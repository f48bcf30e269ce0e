//! The SNS topic. Sends as many notifications per request as SNS allows and retries those that SNS did not accept.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::{BatchResultErrorEntry, MessageAttributeValue, PublishBatchRequestEntry};

use super::{Notification, Topic, TopicArn, TopicError};
use crate::base::deadline::Deadline;
use crate::base::failure::BoxError;
use crate::net::clock::Clock;
use crate::records::foreign::{ForeignText, Secrets};
use crate::storage::aws::ServiceFailure;

/// Limits of a request, as SNS documents them: entries, and bytes of all their bodies and attributes.
/// <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>
const MAX_ENTRIES: usize = 10;
const MAX_BYTES: usize = 262_144;

/// Tries per entry for which SNS returns an error. The SDK itself retries whole requests.
const MAX_TRIES: u32 = 4;

/// The ceiling of the first wait; each further one is twice as long.
const BACKOFF: Duration = Duration::from_millis(200);

/// The type of every attribute.
const STRING: &str = "String";

/// SNS, through one client for the life of the process.
#[derive(Clone, Debug)]
pub struct SnsTopic {
    client: Client,
    arn: TopicArn,
    clock: Clock,
}

/// The error of the first entry that SNS did not accept.
#[derive(Debug, thiserror::Error)]
#[error("SNS rejected {entries} entries of a request: {code} {message}")]
struct RejectedEntries {
    entries: usize,
    code: ForeignText,
    message: ForeignText,
    /// Whether SNS reports the error as the sender's fault.
    sender_fault: bool,
}

/// Whether a retry may succeed.
pub(super) fn is_transient(source: &BoxError) -> bool {
    if let Some(rejected) = source.downcast_ref::<RejectedEntries>() {
        return !rejected.sender_fault;
    }
    let failed = source.downcast_ref::<ServiceFailure>();
    failed.is_some_and(ServiceFailure::is_transient)
}

impl SnsTopic {
    pub fn new(client: Client, arn: TopicArn, clock: Clock) -> Self {
        Self { client, arn, clock }
    }

    async fn publish_batch(
        &self,
        batch: &[Notification],
        deadline: Deadline,
    ) -> Result<(), BoxError> {
        let entries = batch.iter().map(entry);
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        let mut tries = 1;
        loop {
            let request = self.client.publish_batch().topic_arn(self.arn.as_str());
            let request = request.set_publish_batch_request_entries(Some(entries.clone()));
            let reply = request
                .send()
                .await
                .map_err(|error| ServiceFailure::of(&error))?;
            let failed = reply.failed();
            let Some(rejected) = rejected(failed) else {
                return Ok(());
            };
            let wait = backoff(tries, fastrand::f64());
            let is_permanent = failed.iter().any(BatchResultErrorEntry::sender_fault);
            if is_permanent || tries == MAX_TRIES || !deadline.allows(self.clock.now(), wait) {
                return Err(rejected.into());
            }
            self.clock.sleep(wait).await;
            entries.retain(|entry| failed.iter().any(|failed| failed.id() == entry.id()));
            tries += 1;
        }
    }
}

#[async_trait]
impl Topic for SnsTopic {
    async fn publish(
        &self,
        notifications: &[Notification],
        deadline: Deadline,
    ) -> Result<(), TopicError> {
        for batch in batches(notifications) {
            let published = self.publish_batch(batch, deadline).await;
            published.map_err(|source| TopicError {
                topic: self.arn.to_string(),
                source,
            })?;
        }
        Ok(())
    }
}

/// Splits the notifications, in order, into requests within the limits. SNS refuses one that is too large on its own.
fn batches(notifications: &[Notification]) -> Vec<&[Notification]> {
    let mut batches = Vec::new();
    let mut rest = notifications;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(MAX_ENTRIES).take_while(|notification| {
            bytes += size(notification);
            bytes <= MAX_BYTES
        });
        let (batch, remaining) = rest.split_at(fitting.count().max(1));
        batches.push(batch);
        rest = remaining;
    }
    batches
}

/// The size as SNS counts it: the body, and the name, type and value of each attribute.
/// <https://docs.aws.amazon.com/sns/latest/api/API_MessageAttributeValue.html>
fn size(notification: &Notification) -> usize {
    let attributes = notification.attributes.iter();
    let attributes = attributes.map(|(name, value)| name.len() + STRING.len() + value.len());
    notification.body.len() + attributes.sum::<usize>()
}

fn entry(notification: &Notification) -> Result<PublishBatchRequestEntry, BuildError> {
    let mut entry = PublishBatchRequestEntry::builder()
        .id(&notification.id)
        .message(&notification.body);
    for (name, value) in &notification.attributes {
        let value = MessageAttributeValue::builder()
            .data_type(STRING)
            .string_value(value);
        entry = entry.message_attributes(*name, value.build()?);
    }
    entry.build()
}

fn rejected(failed: &[BatchResultErrorEntry]) -> Option<RejectedEntries> {
    let first = failed.first()?;
    Some(RejectedEntries {
        entries: failed.len(),
        code: ForeignText::new(first.code(), &Secrets::default()),
        message: ForeignText::new(first.message().unwrap_or_default(), &Secrets::default()),
        sender_fault: failed.iter().any(BatchResultErrorEntry::sender_fault),
    })
}

/// The wait after the `tries`-th try, with `jitter` between 0 and 1.
fn backoff(tries: u32, jitter: f64) -> Duration {
    BACKOFF
        .saturating_mul(2_u32.saturating_pow(tries - 1))
        .mul_f64(jitter)
}

#[cfg(test)]
mod tests;
