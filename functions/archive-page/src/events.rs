//! Publishes transcript events to a topic, after the page is committed and before the next message is sent: if the
//! process dies in between, the events are published again and none is lost.

use anyhow::Context as _;
use conversation_archive::archive::page_objects;
use conversation_archive::export::message::Before;
use conversation_archive::export::page_record::PageRecord;
use conversation_archive::export::request::SourceKind;
use conversation_archive::export::transcript_event::{CommittedPage, transcript_notifications};
use conversation_archive::pipeline::metrics;
use conversation_archive::storage::topic::Topic;

use crate::{ArchivePage, Task};

impl ArchivePage {
    /// Publishes an event for each transcript of a committed page, built from the stored page: repeated events are
    /// identical.
    pub(crate) async fn publish_events(
        &self,
        task: &Task<'_>,
        record: &PageRecord,
    ) -> anyhow::Result<()> {
        let global_id = task.run.plan.global_id();
        let committed = CommittedPage::of(record, &global_id);
        let (Some(topic), Some(page)) = (self.topic_for(task), committed) else {
            return Ok(());
        };
        let lines = page_objects::lines(self.archive(), page.object).await?;
        let notifications = transcript_notifications(page, &lines)?;
        topic
            .publish(&notifications, task.invocation.deadline)
            .await
            .with_context(|| {
                format!(
                    "{} is committed, but its transcripts were not published",
                    page.id
                )
            })?;
        metrics::record(&[(metrics::TRANSCRIPT_EVENTS, notifications.len() as u64)]);
        Ok(())
    }

    /// Publishes the events of the page before, if the message was derived from the bucket: the bucket does not say
    /// whether they were published.
    pub(crate) async fn publish_events_of_previous_page(
        &self,
        task: &Task<'_>,
    ) -> anyhow::Result<()> {
        let may_be_unpublished =
            task.message.before == Before::Committed && self.topic_for(task).is_some();
        let before = task.message.previous_page().filter(|_| may_be_unpublished);
        let Some(before) = before else {
            return Ok(());
        };
        let record = self.archive().existing_record(&before).await?;
        self.publish_events(task, &record).await
    }

    /// The topic, if the task archives transcripts.
    fn topic_for(&self, task: &Task<'_>) -> Option<&dyn Topic> {
        let topic = self.topic.as_deref()?;
        (task.run.plan.source == SourceKind::Transcripts).then_some(topic)
    }
}
