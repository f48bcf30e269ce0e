//! Webhook messages and their markers.
//!
//! The marker is written before its message is sent and outlives it, so that sweep-exports can send a lost message
//! again.

use super::{Pipeline, PipelineError};
use crate::archive::deliveries;
use crate::export::outcome::Outcome;
use crate::export::owed::{NextDelivery, OwedWebhook};
use crate::pipeline::scheduling;

/// Writes the marker of the outcome's webhook and sends its message. Continues a schedule that has begun.
pub async fn ensure_scheduled(pipeline: &Pipeline, outcome: &Outcome) -> Result<(), PipelineError> {
    let new = OwedWebhook::new(outcome, 0, pipeline.clock.now());
    let stored: Option<OwedWebhook> = pipeline.archive.read(new.object_key()).await?;
    send_message(pipeline, stored.unwrap_or(new)).await
}

/// Writes the marker of the outcome's webhook with a new schedule, and sends its message.
pub async fn start_again(pipeline: &Pipeline, outcome: &Outcome) -> Result<(), PipelineError> {
    let owed = write_new_schedule(pipeline, outcome).await?;
    send_message(pipeline, owed).await
}

/// Writes the marker of the outcome's webhook with a new schedule. Sends no message.
pub async fn write_new_schedule(
    pipeline: &Pipeline,
    outcome: &Outcome,
) -> Result<OwedWebhook, PipelineError> {
    let earlier_deliveries = deliveries::of_outcome(&pipeline.archive, outcome)
        .await?
        .count();
    let owed = OwedWebhook::new(outcome, earlier_deliveries, pipeline.clock.now());
    pipeline.archive.replace(owed.object_key(), &owed).await?;
    Ok(owed)
}

/// Sends the message of an owed webhook. Messages sent before become void.
pub async fn send_message(pipeline: &Pipeline, owed: OwedWebhook) -> Result<(), PipelineError> {
    let owed = owed.with_sent_at(pipeline.clock.now());
    pipeline.archive.replace(owed.object_key(), &owed).await?;
    scheduling::send(pipeline, owed.message().outgoing()?).await
}

/// The next step for the webhook. Deletes the marker if there is none.
pub async fn next_delivery(
    pipeline: &Pipeline,
    owed: &OwedWebhook,
) -> Result<NextDelivery, PipelineError> {
    let deliveries = deliveries::of_marker(&pipeline.archive, owed).await?;
    let next = owed.next_delivery(&deliveries);
    if let NextDelivery::Finished(_) = next {
        pipeline.archive.delete(owed.object_key()).await?;
    }
    Ok(next)
}
