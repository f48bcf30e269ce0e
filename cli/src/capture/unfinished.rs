//! The conversations that an earlier process had heard of: the messages about them were lost with it.

use std::time::Duration;

use conversation_archive::archive::{Archive, ArchiveError, claims, live_streams};
use conversation_archive::base::ids::{ConversationId, StreamName};
use conversation_archive::base::time::earlier;
use conversation_archive::export::message::EndedMessage;
use conversation_archive::pipeline::{Pipeline, PipelineError, scheduling};
use jiff::Timestamp;

/// From the first lookup of a conversation to the last one, with some time to spare. After that it is left to the scheduled
/// export.
const LOOKED_UP_FOR: Duration = Duration::from_hours(13);

/// Looks up again what an earlier process did not. Returns the number of conversations.
pub(super) async fn look_up_again(
    pipeline: &Pipeline,
    stream: &StreamName,
    settle: Duration,
    now: Timestamp,
) -> Result<usize, PipelineError> {
    let ids = conversations(&pipeline.archive, stream, now).await?;
    let count = ids.len();
    for message in EndedMessage::heard(ids, now, settle) {
        scheduling::send_ended(pipeline, &message).await?;
    }
    Ok(count)
}

/// The conversations of the last hours that are in no export, or of which frames arrived after it was made.
async fn conversations(
    archive: &Archive,
    stream: &StreamName,
    now: Timestamp,
) -> Result<Vec<ConversationId>, ArchiveError> {
    let since = earlier(now, LOOKED_UP_FOR);
    let mut heard = live_streams::heard_since(archive, stream, since, now).await?;
    let batched = claims::batched(archive, |id| heard.contains_key(id)).await?;
    heard.retain(|id, last| batched.get(id).is_none_or(|made_at| *made_at < *last));
    Ok(heard.into_keys().collect())
}
