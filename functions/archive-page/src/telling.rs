//! Publishes transcript events to a topic, after the page is committed and before the next message is sent: if the
//! process dies in between, the events are published again and none is lost.

use anyhow::Context as _;
use conversation_archive::archive::page_objects;
use conversation_archive::export::message::Before;
use conversation_archive::export::page_record::PageRecord;
use conversation_archive::export::request::SourceKind;
use conversation_archive::export::transcript_event::{Committed, archived};
use conversation_archive::pipeline::metrics;
use conversation_archive::storage::topic::Topic;

use crate::{ArchivePage, Task};

impl ArchivePage {
    /// Publishes an event for each transcript of a committed page, built from the stored page: repeated events are
    /// identical.
    pub(crate) async fn tell(&self, task: &Task<'_>, record: &PageRecord) -> anyhow::Result<()> {
        let global_id = task.plan.global_id();
        let committed = Committed::of(record, &global_id);
        let (Some(topic), Some(page)) = (self.told_by(task), committed) else {
            return Ok(());
        };
        let lines = page_objects::lines(&self.archive(), page.page_key).await?;
        let notices = archived(page, &lines)?;
        topic
            .publish(&notices, task.invocation.deadline)
            .await
            .with_context(|| {
                format!(
                    "{} is committed, but its transcripts were not published",
                    page.id
                )
            })?;
        metrics::record(&[(metrics::TRANSCRIPT_EVENTS, notices.len() as u64)]);
        Ok(())
    }

    /// Publishes the events of the page before, if the message was derived from the bucket: the bucket does not say
    /// whether they were published.
    pub(crate) async fn tell_before(&self, task: &Task<'_>) -> anyhow::Result<()> {
        let unsure = task.message.before == Before::Committed && self.told_by(task).is_some();
        let before = task.message.page_before().filter(|_| unsure);
        let Some(before) = before else {
            return Ok(());
        };
        let record = self.archive().existing_record(&before).await?;
        self.tell(task, &record).await
    }

    /// The topic, if the task archives transcripts.
    fn told_by(&self, task: &Task<'_>) -> Option<&dyn Topic> {
        let topic = self.topic.as_deref()?;
        (task.plan.source == SourceKind::Transcripts).then_some(topic)
    }
}
