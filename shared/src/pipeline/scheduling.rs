//! Sends messages: derives from the bucket which message continues an export.

use crate::archive::{SliceStatus, slice_status};
use crate::base::ids::ExportId;
use crate::export::attempt::Attempt;
use crate::export::message::{
    CompletionMessage, EndedMessage, PageMessage, StartMessage, WaitingMessage,
};
use crate::export::outgoing::OutgoingMessage;
use crate::export::plan::ExportPlan;
use crate::pipeline::{Pipeline, PipelineError};

/// The selection of open slices that get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceSelection {
    /// Slices that may start now and have no object in the bucket yet. The others have a message already.
    Unstarted,
    /// Also all started slices, because their messages may be lost. If one is not, both arrive, and the later one finds
    /// the page committed.
    Every,
}

/// Sends the next message of open slices and returns these slices. Starts up to `max_open_slices`, in order.
pub async fn start_slices(
    pipeline: &Pipeline,
    plan: &ExportPlan,
    attempt: &Attempt,
    selection: SliceSelection,
) -> Result<Vec<SliceStatus>, PipelineError> {
    let mut slice_statuses = slice_status::all(&pipeline.archive, plan, attempt).await?;
    slice_statuses.retain(|slice_status| slice_status.end.is_none());
    for (index, slice_status) in slice_statuses.iter().enumerate() {
        let may_start = index < pipeline.max_open_slices;
        if !may_start && selection == SliceSelection::Unstarted {
            break;
        }
        match (
            slice_status::has_no_objects(&pipeline.archive, &slice_status.run).await?,
            selection,
        ) {
            (true, SliceSelection::Unstarted) if may_start => {
                send_page(
                    pipeline,
                    &slice_status::opening_message(&pipeline.archive, slice_status, plan).await?,
                )
                .await?;
            }
            (true, SliceSelection::Every) if may_start => {
                send_page_again(
                    pipeline,
                    &slice_status::opening_message(&pipeline.archive, slice_status, plan).await?,
                )
                .await?;
            }
            (false, SliceSelection::Every) => {
                send_page_again(
                    pipeline,
                    &slice_status::next_message(&pipeline.archive, slice_status, plan).await?,
                )
                .await?;
            }
            _ => {}
        }
    }
    Ok(slice_statuses)
}

/// Sends the next message of one slice, if it is among those that may run now.
pub(crate) async fn start_slice(
    pipeline: &Pipeline,
    plan: &ExportPlan,
    attempt: &Attempt,
    number: u32,
) -> Result<(), PipelineError> {
    let slice_statuses = slice_status::all(&pipeline.archive, plan, attempt).await?;
    let mut open = slice_statuses
        .iter()
        .filter(|slice_status| slice_status.end.is_none())
        .take(pipeline.max_open_slices);
    match open.find(|slice_status| slice_status.slice.number == number) {
        Some(slice_status) => {
            send_page(
                pipeline,
                &slice_status::next_message(&pipeline.archive, slice_status, plan).await?,
            )
            .await
        }
        None => Ok(()),
    }
}

/// Resumes a started export wherever it stopped: sends page messages for open slices, or else the completion
/// message.
pub async fn restart(
    pipeline: &Pipeline,
    plan: &ExportPlan,
    attempt: &Attempt,
) -> Result<(), PipelineError> {
    if start_slices(pipeline, plan, attempt, SliceSelection::Every)
        .await?
        .is_empty()
    {
        send_recheck(pipeline, &plan.export_id).await?;
    }
    Ok(())
}

pub async fn send_page(pipeline: &Pipeline, message: &PageMessage) -> Result<(), PipelineError> {
    send(pipeline, message.outgoing()?).await
}

async fn send_page_again(pipeline: &Pipeline, message: &PageMessage) -> Result<(), PipelineError> {
    send(
        pipeline,
        message.outgoing_with_new_id(pipeline.clock.now())?,
    )
    .await
}

pub async fn send_waiting(
    pipeline: &Pipeline,
    message: &WaitingMessage,
) -> Result<(), PipelineError> {
    send(pipeline, message.outgoing(pipeline.clock.now())?).await
}

pub async fn send_completion(
    pipeline: &Pipeline,
    message: &CompletionMessage,
) -> Result<(), PipelineError> {
    send(pipeline, message.outgoing()?).await
}

/// Sends a message that starts an accepted export or resumes a failed one.
pub async fn send_start(pipeline: &Pipeline, id: &ExportId) -> Result<(), PipelineError> {
    send(
        pipeline,
        StartMessage::new(id).outgoing(pipeline.clock.now())?,
    )
    .await
}

/// Sends a message that makes fetch-ended look up conversations when it is due.
pub async fn send_ended(pipeline: &Pipeline, message: &EndedMessage) -> Result<(), PipelineError> {
    send(pipeline, message.outgoing(pipeline.clock.now())?).await
}

/// Sends a message that makes complete-export check the export again.
pub async fn send_recheck(pipeline: &Pipeline, id: &ExportId) -> Result<(), PipelineError> {
    send_completion(
        pipeline,
        &CompletionMessage::nudge(id, pipeline.clock.now()),
    )
    .await
}

pub(super) async fn send(
    pipeline: &Pipeline,
    message: OutgoingMessage,
) -> Result<(), PipelineError> {
    Ok(pipeline.queue.send(message).await?)
}
