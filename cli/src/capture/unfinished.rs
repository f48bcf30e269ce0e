//! The conversations that an earlier process had heard of: the messages about them were lost with it.

use std::time::Duration;

use conversation_archive::archive::{claims, live_streams};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::{ConversationId, StreamName};
use conversation_archive::base::time::{earlier, later};
use conversation_archive::export::message::EndedMessage;
use conversation_archive::pipeline::{Pipeline, PipelineError, scheduling};
use jiff::Timestamp;

/// The work of an earlier process on a stream.
pub(super) struct Unfinished {
    pub(super) pipeline: Pipeline,
    pub(super) stream: StreamName,
    /// Time from a hint at the end of a conversation to its lookup.
    pub(super) settle: Duration,
    /// Until when the earlier process captured.
    pub(super) covered_until: Option<Timestamp>,
}

/// From the first lookup of a conversation to the last one, with some time to spare. After that it is left to the scheduled
/// export.
const LOOKED_UP_FOR: Duration = Duration::from_hours(13);

/// While the archive cannot be read.
const RETRY_EVERY: Duration = Duration::from_mins(1);

impl Unfinished {
    /// Looks up again what the earlier process did not, and returns the number of conversations. Repeats this until the
    /// archive can be read.
    pub(super) async fn look_up_again(&self) -> usize {
        loop {
            match self.send().await {
                Ok(conversations) => return conversations,
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::warn!(
                        error,
                        "conversations of an earlier process not looked up yet"
                    );
                }
            }
            let clock = &self.pipeline.clock;
            clock.wait_until(later(clock.now(), RETRY_EVERY)).await;
        }
    }

    async fn send(&self) -> Result<usize, PipelineError> {
        let now = self.pipeline.clock.now();
        let ids = self.conversations(now).await?;
        let count = ids.len();
        for message in EndedMessage::heard(ids, now, self.settle) {
            scheduling::send_ended(&self.pipeline, &message).await?;
        }
        Ok(count)
    }

    /// The conversations of the last hours of the earlier process that are in no export, or of which frames arrived after it
    /// was made.
    async fn conversations(&self, now: Timestamp) -> Result<Vec<ConversationId>, PipelineError> {
        let archive = &self.pipeline.archive;
        let until = self.covered_until.map_or(now, |moment| moment.min(now));
        let since = earlier(until, LOOKED_UP_FOR);
        let mut heard = live_streams::heard_since(archive, &self.stream, since, now).await?;
        let batched = claims::batched(archive, |id| heard.contains_key(id)).await?;
        heard.retain(|id, last| batched.get(id).is_none_or(|made_at| *made_at < *last));
        Ok(heard.into_keys().collect())
    }
}
