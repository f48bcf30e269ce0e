//! The writes of a capture: first the gaps, then the frames that arrived after them, then the messages about ended
//! conversations.

use conversation_archive::archive::{Arrival, LiveWriter, live_epochs, live_gaps};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::WriterId;
use conversation_archive::export::live_coverage::{self as coverage, Epoch, LiveGap, LiveGapSpan};
use conversation_archive::export::message::EndedMessage;
use conversation_archive::pipeline::{Pipeline, scheduling};
use conversation_archive::source::stream::{Gap, GapReason};
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::CaptureSettings;
use super::figures::{CaptureFigures, Notice};
use super::holder::{Holder, Predecessor};
use super::intake::Intake;
use super::retry::{NotWritten, Retry, write};

/// Writes to the archive.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) pipeline: Pipeline,
    pub(super) settings: CaptureSettings,
    pub(super) retry: Retry,
    pub(super) frames: LiveWriter,
    pub(super) writer: WriterId,
    pub(super) notices: UnboundedSender<Notice>,
    /// Gaps that are over, and not recorded yet.
    pub(super) gaps: Vec<Gap>,
}

impl Writing {
    pub(super) async fn begin_epoch(&self) -> Result<Holder, NotWritten> {
        let Self {
            pipeline, settings, ..
        } = self;
        let Pipeline { archive, clock, .. } = pipeline;
        let (stream, patience) = (&settings.stream, settings.limits.patience);
        let holder = write!(
            self.retry,
            Holder::begin(archive, stream, &self.writer, clock.now(), patience)
        );
        self.notify(Notice::Holds {
            epoch: holder.epoch.epoch,
        });
        Ok(holder)
    }

    /// Whether another process has begun the next epoch.
    pub(super) async fn is_superseded(&self, holder: &Holder) -> Result<bool, NotWritten> {
        let archive = &self.pipeline.archive;
        let is_superseded = write!(
            self.retry,
            live_epochs::is_superseded(archive, &holder.epoch)
        );
        Ok(is_superseded)
    }

    /// Whether the process that has begun the next epoch has ended, and no other one has followed it.
    pub(super) async fn has_successor_ended(&self, holder: &Holder) -> Result<bool, NotWritten> {
        let archive = &self.pipeline.archive;
        let Epoch { stream, epoch, .. } = &holder.epoch;
        let ended = write!(self.retry, live_epochs::ended(archive, stream, epoch + 1));
        if ended.is_none() {
            return Ok(false);
        }
        let newest = write!(self.retry, live_epochs::newest(archive, stream));
        Ok(newest == epoch + 1)
    }

    /// Looks whether the process before is gone.
    pub(super) async fn is_predecessor_gone(
        &self,
        holder: &mut Holder,
    ) -> Result<bool, NotWritten> {
        let Pipeline { archive, clock, .. } = &self.pipeline;
        let is_gone = write!(self.retry, holder.look(archive, clock.now()));
        Ok(is_gone)
    }

    pub(super) async fn give_up_waiting(&self, holder: &mut Holder) -> Result<(), NotWritten> {
        let Pipeline { archive, clock, .. } = &self.pipeline;
        write!(self.retry, holder.give_up_waiting(archive, clock.now()));
        Ok(())
    }

    /// Records the gaps, then commits the batch.
    pub(super) async fn commit(
        &mut self,
        intake: &mut Intake,
        holder: &Holder,
        covered_until: Option<Timestamp>,
        figures: &mut CaptureFigures,
    ) -> Result<(), NotWritten> {
        self.record_gaps(holder, figures).await?;
        let Some((batch, last_arrival)) = intake.take() else {
            return Ok(());
        };
        let batch = batch.encode();
        let arrival = Arrival {
            at: last_arrival,
            covered_until,
        };
        let frames = &mut self.frames;
        let committed = write!(self.retry, frames.commit(&batch, arrival));
        let Some(committed) = committed else {
            return Ok(());
        };
        figures.records += 1;
        figures.counts += committed.counts;
        figures.ended += committed.ended.len() as u64;
        self.send_ended(committed.ended).await;
        Ok(())
    }

    /// The queue is in memory. A conversation whose message is not taken is looked up by the next process, or left to the
    /// scheduled export.
    pub(super) async fn send_ended(
        &self,
        ended: impl IntoIterator<Item = conversation_archive::base::ids::ConversationId>,
    ) {
        let now = self.pipeline.clock.now();
        for message in EndedMessage::heard(ended, now, self.settings.settle) {
            if let Err(error) = scheduling::send_ended(&self.pipeline, &message).await {
                tracing::error!(error = error_chain(&error), "conversations not looked up");
            }
        }
    }

    async fn record_gaps(
        &mut self,
        holder: &Holder,
        figures: &mut CaptureFigures,
    ) -> Result<(), NotWritten> {
        for gap in std::mem::take(&mut self.gaps) {
            let Gap {
                from,
                until,
                reason,
            } = after_predecessor(gap, holder);
            for span in LiveGapSpan::split(from, until) {
                self.record_gap(span, reason).await?;
                figures.gaps += 1;
                figures.last_gap = Some(span);
            }
        }
        Ok(())
    }

    async fn record_gap(&self, span: LiveGapSpan, reason: GapReason) -> Result<(), NotWritten> {
        let (kind, code) = match reason {
            GapReason::Closed(code) => (coverage::GapReason::Closed, code.map(|code| code.0)),
            GapReason::Silence => (coverage::GapReason::Silence, None),
            GapReason::Start => (coverage::GapReason::Start, None),
        };
        let Pipeline { archive, clock, .. } = &self.pipeline;
        let gap = LiveGap {
            format_version: FormatVersion,
            stream: self.settings.stream.clone(),
            writer: self.writer.clone(),
            span,
            reason: kind,
            code,
            recorded_at: clock.now(),
        };
        write!(self.retry, live_gaps::record(archive, gap.clone()));
        self.notify(Notice::Gap { span, reason });
        Ok(())
    }

    pub(super) async fn end_epoch(
        &self,
        holder: &Holder,
        covered_until: Option<Timestamp>,
    ) -> Result<(), NotWritten> {
        let Pipeline { archive, clock, .. } = &self.pipeline;
        let epoch = &holder.epoch;
        write!(
            self.retry,
            live_epochs::end(archive, epoch, covered_until, clock.now())
        );
        Ok(())
    }

    pub(super) fn notify(&self, notice: Notice) {
        // A caller that has dropped the receiver does not want it.
        let _ = self.notices.send(notice);
    }
}

/// The gap before this process without the time that the process before covered after this one was started.
fn after_predecessor(gap: Gap, holder: &Holder) -> Gap {
    match (gap.reason, holder.predecessor) {
        (
            GapReason::Start,
            Predecessor::Gone {
                covered_until: Some(covered_until),
            },
        ) => Gap {
            from: gap.from.max(covered_until),
            ..gap
        },
        _ => gap,
    }
}
