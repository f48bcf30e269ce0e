//! Sends messages: derives from the bucket which message continues an export.

use crate::archive::SliceView;
use crate::archive::slice_status;
use crate::base::ids::ExportId;
use crate::export::attempt::Attempt;
use crate::export::message::{CompletionMessage, PageMessage, StartMessage, WaitingMessage};
use crate::export::outgoing::Outgoing;
use crate::export::plan::ExportPlan;
use crate::pipeline::{Dispatch, DispatchError};

/// The selection of open slices that get a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Slices that may start now and have no object in the bucket yet. The others have a message already.
    Unstarted,
    /// Also all started slices, because their messages may be lost. If one is not, both arrive, and the later one finds
    /// the page committed.
    Every,
}

/// Sends the next message of open slices and returns these slices. Starts up to `max_open_slices`, in order.
pub async fn start_slices(
    dispatch: &Dispatch,
    plan: &ExportPlan,
    attempt: &Attempt,
    which: Which,
) -> Result<Vec<SliceView>, DispatchError> {
    let mut views = slice_status::all(&dispatch.archive, plan, attempt).await?;
    views.retain(|view| view.end.is_none());
    for (place, view) in views.iter().enumerate() {
        let may_go = place < dispatch.max_open_slices;
        if !may_go && which == Which::Unstarted {
            break;
        }
        match (
            slice_status::is_untouched(&dispatch.archive, &view.run).await?,
            which,
        ) {
            (true, Which::Unstarted) if may_go => {
                send_page(
                    dispatch,
                    &slice_status::opening_message(&dispatch.archive, view, plan).await?,
                )
                .await?;
            }
            (true, Which::Every) if may_go => {
                send_page_again(
                    dispatch,
                    &slice_status::opening_message(&dispatch.archive, view, plan).await?,
                )
                .await?;
            }
            (false, Which::Every) => {
                send_page_again(
                    dispatch,
                    &slice_status::next_message(&dispatch.archive, view, plan).await?,
                )
                .await?;
            }
            _ => {}
        }
    }
    Ok(views)
}

/// Sends the next message of one slice, if it is among those that may run now.
pub async fn start_slice(
    dispatch: &Dispatch,
    plan: &ExportPlan,
    attempt: &Attempt,
    number: u32,
) -> Result<(), DispatchError> {
    let views = slice_status::all(&dispatch.archive, plan, attempt).await?;
    let mut open = views
        .iter()
        .filter(|view| view.end.is_none())
        .take(dispatch.max_open_slices);
    match open.find(|view| view.slice.number == number) {
        Some(view) => {
            send_page(
                dispatch,
                &slice_status::next_message(&dispatch.archive, view, plan).await?,
            )
            .await
        }
        None => Ok(()),
    }
}

/// Resumes a started export wherever it stopped: sends page messages for open slices, or else the completion
/// message.
pub async fn restart(
    dispatch: &Dispatch,
    plan: &ExportPlan,
    attempt: &Attempt,
) -> Result<(), DispatchError> {
    if start_slices(dispatch, plan, attempt, Which::Every)
        .await?
        .is_empty()
    {
        send_recheck(dispatch, &plan.export_id).await?;
    }
    Ok(())
}

pub async fn send_page(dispatch: &Dispatch, message: &PageMessage) -> Result<(), DispatchError> {
    send(dispatch, message.outgoing()?).await
}

async fn send_page_again(dispatch: &Dispatch, message: &PageMessage) -> Result<(), DispatchError> {
    send(dispatch, message.outgoing_again(dispatch.clock.now())?).await
}

pub async fn send_waiting(
    dispatch: &Dispatch,
    message: &WaitingMessage,
) -> Result<(), DispatchError> {
    send(dispatch, message.outgoing(dispatch.clock.now())?).await
}

pub async fn send_completion(
    dispatch: &Dispatch,
    message: &CompletionMessage,
) -> Result<(), DispatchError> {
    send(dispatch, message.outgoing()?).await
}

/// Sends a message that starts an accepted export or resumes a failed one.
pub async fn send_start(dispatch: &Dispatch, id: &ExportId) -> Result<(), DispatchError> {
    send(
        dispatch,
        StartMessage::new(id).outgoing(dispatch.clock.now())?,
    )
    .await
}

/// Sends a message that makes complete-export check the export again.
pub async fn send_recheck(dispatch: &Dispatch, id: &ExportId) -> Result<(), DispatchError> {
    send_completion(
        dispatch,
        &CompletionMessage::nudge(id, dispatch.clock.now()),
    )
    .await
}

pub(super) async fn send(dispatch: &Dispatch, message: Outgoing) -> Result<(), DispatchError> {
    Ok(dispatch.queue.send(message).await?)
}
