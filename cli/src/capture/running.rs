//! The loop of a capture.

use std::ops::ControlFlow;
use std::time::Duration;

use conversation_archive::archive::{LiveWriter, live_streams};
use conversation_archive::base::failure::error_chain;
use conversation_archive::base::time::later;
use conversation_archive::source::stream::{
    Item, Items, Stream, StreamError, StreamHandle, StreamPlan, StreamSource,
};
use jiff::Timestamp;
use tokio::sync::watch;

use super::covered::Covered;
use super::figures::{CaptureFigures, CapturePhase, Notice};
use super::holder::Holder;
use super::intake::Intake;
use super::retry::{NotWritten, Retry, write};
use super::stop::Stop;
use super::unfinished::Unfinished;
use super::writing::Writing;
use super::{Capture, CaptureEnd, CaptureError, CaptureLimits};

/// A capture whose stream is open.
pub(super) struct Running {
    handle: StreamHandle,
    items: Items,
    writing: Writing,
    intake: Intake,
    covered: Covered,
    /// `None` before the first sign of life.
    holder: Option<Holder>,
    /// Whether the process before is gone, so that frames are written.
    is_writing: bool,
    /// The first sign of life.
    heard_since: Option<Timestamp>,
    due: Due,
    figures: CaptureFigures,
    published: watch::Sender<CaptureFigures>,
    stop: Stop,
}

/// When something is due.
#[derive(Debug)]
struct Due {
    write: Timestamp,
    /// The look at the epochs.
    look: Timestamp,
    publish: Timestamp,
    /// The end of a process that is superseded.
    drained: Option<Timestamp>,
}

/// Why a process hears no longer.
enum HearingEnd {
    Capture(CaptureEnd),
    Stream(StreamError),
}

/// The next event of the loop.
enum Next {
    Item(Option<Item>),
    Stop,
    Drained,
    Look,
    Write,
    Publish,
}

/// How often a process that waits for the end of the one before looks for it.
const LOOK_AT_PREDECESSOR: Duration = Duration::from_secs(5);

/// How long a process that hears only a part of its topics waits for the others before it takes over.
const WAIT_FOR_ALL: Duration = Duration::from_secs(30);

const PUBLISH_EVERY: Duration = Duration::from_secs(1);

impl Running {
    pub(super) async fn start(capture: Capture) -> Result<Self, NotWritten> {
        let Capture {
            pipeline,
            client,
            settings,
            writer,
            stopper,
            figures: published,
            stream,
            notices,
        } = capture;
        let (archive, clock) = (pipeline.archive.clone(), pipeline.clock.clone());
        let retry = Retry {
            clock: clock.clone(),
            stop: stopper.subscribe(),
            notices: notices.clone(),
            limit: settings.limits.retry_for,
            stop_within: settings.limits.stop_within,
        };
        let heard_until = write!(
            retry,
            live_streams::covered_until(&archive, &settings.stream, clock.now())
        );
        let plan = StreamPlan {
            source: settings.source.clone(),
            heard_until,
            buffer_bytes: settings.buffer_bytes,
        };
        let (handle, items) = Stream::open(client, plan, clock.clone());
        // Set once: a capture runs once.
        let _ = stream.set(handle.clone());
        let redactor = settings.redactor.clone();
        let intake = match &settings.source {
            StreamSource::Notifications(_) => Intake::of_notifications(redactor),
            StreamSource::Direct(_) => {
                Intake::of_direct_stream(redactor, settings.limits.reconstruction)
            }
        };
        let frames = LiveWriter::new(archive, settings.stream.clone(), writer.as_str());
        Ok(Self {
            handle,
            items,
            due: Due::after(clock.now(), &settings.limits),
            writing: Writing {
                pipeline,
                settings,
                retry,
                frames,
                writer,
                notices,
                gaps: Vec::new(),
            },
            intake,
            covered: Covered::default(),
            holder: None,
            is_writing: false,
            heard_since: None,
            figures: CaptureFigures::default(),
            published,
            stop: stopper.subscribe(),
        })
    }

    pub(super) async fn run(mut self) -> Result<CaptureEnd, CaptureError> {
        let heard = self.hear().await?;
        self.figures.phase = CapturePhase::Stopping;
        self.publish();
        self.handle.stop().await;
        self.write_rest().await?;
        self.publish();
        match heard {
            HearingEnd::Capture(end) => Ok(end),
            HearingEnd::Stream(error) => Err(CaptureError::Stream(error)),
        }
    }

    /// Hears until the capture shall stop, or the stream has ended.
    async fn hear(&mut self) -> Result<HearingEnd, NotWritten> {
        loop {
            match self.next().await {
                Next::Stop => return Ok(HearingEnd::Capture(CaptureEnd::Stopped)),
                Next::Drained if self.take_back().await? => {}
                Next::Drained => return Ok(HearingEnd::Capture(CaptureEnd::Superseded)),
                Next::Item(None) => return Ok(HearingEnd::Stream(StreamError::Panicked)),
                Next::Item(Some(item)) => {
                    if let ControlFlow::Break(outcome) = self.take(item) {
                        return Ok(match outcome {
                            Ok(()) => HearingEnd::Capture(CaptureEnd::Stopped),
                            Err(error) => HearingEnd::Stream(error),
                        });
                    }
                    self.begin_epoch().await?;
                    self.write_if_full().await?;
                }
                Next::Look => self.look().await?,
                Next::Write => self.write_due().await?,
                Next::Publish => self.publish(),
            }
        }
    }

    /// Items do not delay what is due.
    async fn next(&mut self) -> Next {
        let clock = &self.writing.pipeline.clock;
        tokio::select! {
            biased;
            _ = self.stop.requested() => Next::Stop,
            () = clock.wait_until_any(self.due.drained) => Next::Drained,
            () = clock.wait_until(self.due.look) => Next::Look,
            () = clock.wait_until(self.due.write) => Next::Write,
            () = clock.wait_until(self.due.publish) => Next::Publish,
            item = self.items.next() => Next::Item(item),
        }
    }

    fn take(&mut self, item: Item) -> ControlFlow<Result<(), StreamError>> {
        match item {
            Item::Frame { text, arrived_at } => {
                self.covered.heard(arrived_at);
                self.intake.add(&text, arrived_at);
            }
            Item::Unreadable { text, arrived_at } => self.intake.add_unreadable(&text, arrived_at),
            Item::Heartbeat { arrived_at } => self.covered.heard(arrived_at),
            Item::Interrupted { from } => self.covered.interrupted(from),
            Item::CaughtUp { from } => self.covered.resumed(from),
            Item::Gap(gap) => {
                self.covered.resumed(gap.from);
                self.writing.gaps.push(gap);
            }
            Item::Channels(ids) => {
                self.covered.set_channels(ids.len());
                self.writing.notify(Notice::Channels(ids.into()));
            }
            Item::Warning(warning) => self.writing.notify(Notice::Warning(error_chain(&warning))),
            Item::Ended(outcome) => return ControlFlow::Break(outcome),
        }
        ControlFlow::Continue(())
    }

    /// Begins an epoch when everything is heard. With a part that cannot be heard, it begins after a while.
    async fn begin_epoch(&mut self) -> Result<(), NotWritten> {
        if self.holder.is_some() || self.covered.until().is_none() {
            return Ok(());
        }
        let now = self.now();
        let begun = *self.heard_since.get_or_insert(now);
        if self.covered.interrupted_since().is_none() || now >= later(begun, WAIT_FOR_ALL) {
            self.holder = Some(self.writing.begin_epoch().await?);
            self.figures.phase = CapturePhase::TakingOver;
            self.due.look = self.now();
        }
        Ok(())
    }

    /// Writes a batch that does not fit into memory, whatever the process before does.
    async fn write_if_full(&mut self) -> Result<(), NotWritten> {
        if self.intake.is_full(self.limits().batch_bytes) {
            self.begin_writing().await?;
            self.look_for_successor().await?;
            self.write().await?;
        }
        Ok(())
    }

    /// After another process has taken over: whether it has ended already, so that this one has to go on.
    async fn take_back(&mut self) -> Result<bool, NotWritten> {
        self.due.drained = None;
        let Some(holder) = &self.holder else {
            return Ok(false);
        };
        if !self.writing.has_successor_ended(holder).await? {
            return Ok(false);
        }
        self.holder = Some(self.writing.begin_epoch().await?);
        self.figures.phase = CapturePhase::Hearing;
        Ok(true)
    }

    /// Looks at the epochs before and after the own one.
    async fn look(&mut self) -> Result<(), NotWritten> {
        let wait = if self.is_writing {
            self.limits().look_every
        } else {
            LOOK_AT_PREDECESSOR.min(self.limits().look_every)
        };
        self.due.look = later(self.now(), wait);
        let Some(holder) = &mut self.holder else {
            return Ok(());
        };
        if !self.is_writing && self.writing.is_predecessor_gone(holder).await? {
            self.begin_writing().await?;
        }
        self.look_for_successor().await
    }

    async fn look_for_successor(&mut self) -> Result<(), NotWritten> {
        let Some(holder) = &self.holder else {
            return Ok(());
        };
        if self.due.drained.is_none() && self.writing.is_superseded(holder).await? {
            self.due.drained = Some(later(self.now(), self.limits().drain));
            self.figures.phase = CapturePhase::Draining;
            self.writing.notify(Notice::Superseded);
        }
        Ok(())
    }

    /// The process before is gone, or is taken as gone: what it has heard of and not looked up is looked up.
    async fn begin_writing(&mut self) -> Result<(), NotWritten> {
        let Some(holder) = self.holder.as_mut().filter(|_| !self.is_writing) else {
            return Ok(());
        };
        self.writing.give_up_waiting(holder).await?;
        self.is_writing = true;
        if self.figures.phase == CapturePhase::TakingOver {
            self.figures.phase = CapturePhase::Hearing;
        }
        self.look_up_again();
        Ok(())
    }

    /// In the background: it reads for seconds.
    fn look_up_again(&self) {
        let (pipeline, settle) = (self.writing.pipeline.clone(), self.writing.settings.settle);
        let stream = self.writing.settings.stream.clone();
        let notices = self.writing.notices.clone();
        let covered_until = self.holder.as_ref().and_then(Holder::covered_until);
        tokio::spawn(async move {
            let unfinished = Unfinished {
                pipeline,
                stream,
                settle,
                covered_until,
            };
            let conversations = unfinished.look_up_again().await;
            if conversations > 0 {
                // A caller that has dropped the receiver does not want it.
                let _ = notices.send(Notice::LookingUpAgain { conversations });
            }
        });
    }

    async fn write_due(&mut self) -> Result<(), NotWritten> {
        self.due.write = later(self.now(), self.limits().write_every);
        self.intake.settle(self.now());
        if self.is_writing {
            self.look_for_successor().await?;
            self.write().await?;
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), NotWritten> {
        let covered_until = self.covered.until();
        if let Some(holder) = &self.holder {
            let Self {
                writing,
                intake,
                figures,
                ..
            } = self;
            writing
                .commit(intake, holder, covered_until, figures)
                .await?;
        }
        Ok(())
    }

    /// Writes what the stopped stream has read, as far as there is time, and that the process has ended. A process that has
    /// heard nothing holds no epoch, and has nothing to write.
    async fn write_rest(&mut self) -> Result<(), NotWritten> {
        let requested_at = self.stop.requested_at().unwrap_or_else(|| self.now());
        let end = later(requested_at, self.limits().stop_within / 2);
        while self.now() < end
            && let Some(item) = self.items.next().await
        {
            let _ = self.take(item);
            self.write_if_full().await?;
        }
        self.begin_writing().await?;
        let batch_bytes = self.limits().batch_bytes;
        loop {
            let is_last = self.intake.add_partial(batch_bytes, self.now());
            self.write().await?;
            if is_last || self.now() >= end {
                break;
            }
        }
        if let Some(holder) = &self.holder {
            self.writing.end_epoch(holder, self.covered.until()).await?;
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.due.publish = later(self.now(), PUBLISH_EVERY);
        self.figures.interrupted_since = self.covered.interrupted_since();
        self.figures.reconstructing = self.intake.conversations();
        self.published.send_replace(self.figures);
    }

    fn now(&self) -> Timestamp {
        self.writing.pipeline.clock.now()
    }

    fn limits(&self) -> CaptureLimits {
        self.writing.settings.limits
    }
}

impl Due {
    fn after(now: Timestamp, limits: &CaptureLimits) -> Self {
        Self {
            write: later(now, limits.write_every),
            look: later(now, limits.look_every),
            publish: now,
            drained: None,
        }
    }
}
