//! One live conversation: performs its steps, keeps its record, and reports what happened.

mod acts;

use std::collections::VecDeque;

use fastrand::Rng;

use super::cast::Cast;
use super::evolving_record::EvolvingRecord;
use super::script::{Medium, Step, first_visit, further_visit};
use super::{
    FrameKind, NewFrame, Stage, detail, direct, message_snapshot, snapshot, transcription,
};
use crate::data::ids::uuid;
use crate::data::moment::Moment;
use crate::data::transcript::Transcript;
use crate::data::{Conversation, LiveTexts};

pub(super) const FLOW_VERSION: &str = "12.0";

pub(super) struct Play {
    /// Its place among all live conversations.
    number: usize,
    /// Its index in the data set.
    index: usize,
    rng: Rng,
    pub(super) cast: Cast,
    steps: VecDeque<Step>,
    /// Number of times that the customer will return.
    further_visits: u32,
    pub(super) record: EvolvingRecord,
    pub(super) texts: LiveTexts,
    pub(super) wrap_up: WrapUp,
    last: Moment,
}

/// The agent's result of the current visit.
#[derive(Default)]
pub(super) struct WrapUp {
    pub(super) code: String,
    pub(super) note: Option<String>,
    pub(super) duration: i64,
}

impl Play {
    /// Adds a conversation to the data set. Its first step has to follow at once: until then, its record is empty.
    pub(super) fn new(
        mut rng: Rng,
        number: usize,
        medium: Medium,
        further_visits: u32,
        stage: &mut Stage<'_>,
    ) -> Self {
        let steps = first_visit(&mut rng, medium);
        let mut cast = Cast::new(&mut rng, &stage.data.directory, medium);
        cast.is_outbound = steps.contains(&Step::Outbound);
        let id = uuid(&mut rng);
        let start = stage.data.next_start(stage.now);
        let record = EvolvingRecord::new(id.clone(), start, &cast);
        let texts = LiveTexts {
            transcript: (medium == Medium::Message).then(|| Transcript::begin(id)),
            phrases: Vec::new(),
        };
        Self {
            number,
            index: stage.data.append(Conversation::of(record.record())),
            rng,
            cast,
            steps,
            further_visits,
            record,
            texts,
            wrap_up: WrapUp::default(),
            last: start + -1,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.record.record().conversation_id
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn start(&self) -> Moment {
        self.record.record().conversation_start
    }

    pub(super) fn end(&self) -> Option<Moment> {
        self.record.record().conversation_end
    }

    /// Whether the customer may return to it.
    pub(super) fn is_thread(&self) -> bool {
        self.cast.medium == Medium::Message
    }

    pub(super) fn is_finished(&self) -> bool {
        self.steps.is_empty()
    }

    /// Lets the customer return.
    pub(super) fn reopen(&mut self) {
        self.steps = further_visit(&mut self.rng);
    }

    /// Performs the next step, stores the record as it is then, and returns what is reported of it.
    pub(super) fn step(&mut self, stage: &mut Stage<'_>) -> Vec<NewFrame> {
        let Some(step) = self.steps.pop_front() else {
            return Vec::new();
        };
        // Each step of a conversation has a time of its own, also where the clock stands still.
        self.last = stage.now.max(self.last + 1);
        self.perform(step, &stage.data.directory);
        let conversation = Conversation::of(self.record.record());
        stage
            .data
            .update(self.index, conversation, self.texts.clone());
        let frames = self.report(step, stage);
        if self.steps.is_empty() && self.further_visits > 0 {
            self.further_visits -= 1;
            self.reopen();
        }
        frames
    }

    fn report(&self, step: Step, stage: &Stage<'_>) -> Vec<NewFrame> {
        let at = self.last;
        let mut frames = Vec::new();
        for kind in stage.kinds {
            match kind {
                FrameKind::Detail => frames.extend(detail::frame(self, step, at)),
                FrameKind::Transcription => frames.extend(transcription::frame(self, step, at)),
                FrameKind::Snapshot => {
                    frames.extend(snapshot::frames(self, step, stage.host));
                    frames.extend(message_snapshot::frames(self, step, stage.host));
                }
                FrameKind::Direct => frames.extend(direct::frames(self, step, at)),
            }
        }
        frames
    }

    pub(super) fn frame(&self, kind: FrameKind, topic: String, body: String) -> NewFrame {
        NewFrame {
            kind,
            topic,
            conversation_id: Some(self.id().to_owned()),
            body,
        }
    }

    /// Purpose of the participant that leads the customer to a queue.
    pub(super) fn menu(&self) -> &'static str {
        if self.cast.is_voice() {
            "ivr"
        } else {
            "workflow"
        }
    }

    pub(super) fn flow_type(&self) -> &'static str {
        if self.cast.is_voice() {
            "INBOUNDCALL"
        } else {
            "INBOUNDSHORTMESSAGE"
        }
    }

    /// Whether an agent joins next.
    pub(super) fn is_answered(&self) -> bool {
        self.steps.front() == Some(&Step::UserStart)
    }
}
