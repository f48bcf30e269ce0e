//! Webhook messages and their markers.
//!
//! The marker is written before its message is sent and outlives it, so that sweep-exports can send a lost message
//! again.

use super::{Dispatch, DispatchError};
use crate::archive::deliveries;
use crate::export::outcome::Outcome;
use crate::export::owed::{NextDelivery, OwedWebhook};
use crate::pipeline::scheduling;

/// Writes the marker of the outcome's webhook and sends its message. Continues a schedule that has begun.
pub async fn schedule(dispatch: &Dispatch, outcome: &Outcome) -> Result<(), DispatchError> {
    let new = OwedWebhook::new(outcome, 0, dispatch.clock.now());
    let stored: Option<OwedWebhook> = dispatch.archive.read(new.name()).await?;
    send(dispatch, stored.unwrap_or(new)).await
}

/// Writes the marker of the outcome's webhook with a new schedule, and sends its message.
pub async fn reschedule(dispatch: &Dispatch, outcome: &Outcome) -> Result<(), DispatchError> {
    let owed = restart_schedule(dispatch, outcome).await?;
    send(dispatch, owed).await
}

/// Writes the marker of the outcome's webhook with a new schedule. Sends no message.
pub async fn restart_schedule(
    dispatch: &Dispatch,
    outcome: &Outcome,
) -> Result<OwedWebhook, DispatchError> {
    let before = deliveries::of_outcome(&dispatch.archive, outcome)
        .await?
        .count();
    let owed = OwedWebhook::new(outcome, before, dispatch.clock.now());
    dispatch.archive.replace(owed.name(), &owed).await?;
    Ok(owed)
}

/// Sends the message of an owed webhook. Messages sent before become void.
pub async fn send(dispatch: &Dispatch, owed: OwedWebhook) -> Result<(), DispatchError> {
    let owed = owed.sent(dispatch.clock.now());
    dispatch.archive.replace(owed.name(), &owed).await?;
    scheduling::send(dispatch, owed.message().outgoing()?).await
}

/// The next step for the webhook. Deletes the marker if there is none.
pub async fn next_delivery(
    dispatch: &Dispatch,
    owed: &OwedWebhook,
) -> Result<NextDelivery, DispatchError> {
    let deliveries = deliveries::of_marker(&dispatch.archive, owed).await?;
    let next = owed.next_delivery(&deliveries);
    if let NextDelivery::Settled(_) = next {
        dispatch.archive.delete(owed.name()).await?;
    }
    Ok(next)
}
