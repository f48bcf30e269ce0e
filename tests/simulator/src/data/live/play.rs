//! One live conversation: performs its steps, keeps its record, and reports what happened.

use std::collections::VecDeque;

use fastrand::Rng;

use super::cast::Cast;
use super::evolving_record::EvolvingRecord;
use super::script::{Medium, Step, first_visit, further_visit};
use super::{
    FrameKind, LivePhrase, NewFrame, Stage, detail, direct, message_snapshot, snapshot,
    transcription,
};
use crate::data::directory::Directory;
use crate::data::ids::uuid;
use crate::data::model::{Flow, Participant, Segment};
use crate::data::moment::Moment;
use crate::data::random::one_in;
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
    /// Begins a conversation, which takes its place in the data set with its first step.
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

    fn perform(&mut self, step: Step, directory: &Directory) {
        let at = self.last;
        match step {
            Step::CustomerStart => self.customer_arrives(at),
            Step::Contact => self.customer_is_identified(),
            Step::FlowStart => self.flow_starts(at),
            Step::Attributes => self.attribute_is_set(directory),
            Step::FlowEnd => self.record.leave(self.menu(), at, "transfer", "tFlow"),
            Step::AcdStart => self.customer_waits(at),
            Step::AcdEnd => self.record.leave("acd", at, "transfer", "tAcd"),
            Step::UserStart => self.agent_joins(at),
            Step::Say => self.say(at, directory),
            Step::VoicemailStart => self.join("voicemail", "Voicemail", "voicemail", at),
            Step::VoicemailEnd => self.record.leave("voicemail", at, "client", "tVoicemail"),
            Step::UserEnd => self.leave("agent", at, "client", "tTalkComplete"),
            Step::CustomerEnd => self.leave("customer", at, "peer", "tConnected"),
            Step::Acw => self.agent_wraps_up(at, directory),
            Step::Outbound | Step::FlowOutcome | Step::Wrapup => {}
        }
    }

    fn report(&self, step: Step, stage: &Stage<'_>) -> Vec<NewFrame> {
        let at = self.last;
        let mut frames = Vec::new();
        frames.extend(detail::frame(self, step, at));
        frames.extend(transcription::frame(self, step, at));
        frames.extend(snapshot::frames(self, step, stage.host));
        frames.extend(message_snapshot::frames(self, step, stage.host));
        frames.extend(direct::frames(self, step, at));
        frames
    }

    pub(super) fn frame(
        &self,
        kind: FrameKind,
        topic: String,
        body: serde_json::Value,
    ) -> NewFrame {
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

    fn customer_arrives(&mut self, at: Moment) {
        self.record.set_end(None);
        let name = self.cast.customer.clone();
        let mut segment = Segment::new("interact", at, None);
        segment.subject = self.cast.subject.clone();
        self.add("customer", &name, segment);
    }

    fn customer_is_identified(&mut self) {
        let contact = self.cast.external_contact.clone();
        if let Some(customer) = self.record.participant_mut("customer") {
            customer.external_contact_id = contact;
        }
    }

    fn flow_starts(&mut self, at: Moment) {
        let language = self.cast.queue.language;
        self.join(self.menu(), language.flow, "interact", at);
        let flow = Flow {
            flow_id: self.cast.flow.clone(),
            flow_name: language.flow,
            flow_version: FLOW_VERSION,
            flow_type: self.flow_type(),
            starting_language: language.code,
            exit_reason: Some("TRANSFER"),
            transfer_type: Some("ACD"),
            transfer_target_name: Some(language.queue),
        };
        if let Some(session) = self.record.session_mut(self.menu()) {
            session.flow = Some(flow);
        }
    }

    fn attribute_is_set(&mut self, directory: &Directory) {
        let language = self.cast.queue.language;
        let value = directory.text(&mut self.rng, language);
        if let Some(customer) = self.record.participant_mut("customer") {
            let name = format!("context.{}", language.attribute);
            customer.attributes.insert(name, value);
        }
    }

    fn customer_waits(&mut self, at: Moment) {
        let queue = &self.cast.queue;
        let segment = Segment::new("interact", at, None).in_queue(&queue.id);
        self.add("acd", queue.language.queue, segment);
    }

    fn agent_joins(&mut self, at: Moment) {
        let segment = Segment::new("interact", at, None).in_queue(&self.cast.queue.id);
        let name = self.cast.agent.name.clone();
        self.add("agent", &name, segment);
        let user = self.cast.agent.id.clone();
        if let Some(agent) = self.record.participant_mut("agent") {
            agent.user_id = Some(user);
        }
    }

    fn join(&mut self, purpose: &'static str, name: &str, segment_type: &'static str, at: Moment) {
        self.add(purpose, name, Segment::new(segment_type, at, None));
    }

    fn add(&mut self, purpose: &'static str, name: &str, segment: Segment) {
        let newcomer = Participant {
            participant_id: uuid(&mut self.rng),
            participant_name: Some(name.to_owned()),
            purpose,
            ..Participant::default()
        };
        let session_id = uuid(&mut self.rng);
        self.record.join(newcomer, session_id, segment);
        let participant = self.record.participant(purpose);
        if let (Some(transcript), Some(participant)) = (&mut self.texts.transcript, participant) {
            let user = (purpose == "agent").then(|| self.cast.agent.id.clone());
            transcript.add_writer(&participant.participant_id, name, purpose, user);
        }
    }

    /// The first speaker is the customer.
    fn say(&mut self, at: Moment, directory: &Directory) {
        let text = directory.text(&mut self.rng, self.cast.queue.language);
        let is_first = self.texts.is_empty();
        let is_customer = is_first || self.rng.bool();
        let speaker = if is_customer { "customer" } else { "agent" };
        if let Some(transcript) = &mut self.texts.transcript {
            return transcript.write(&mut self.rng, speaker, at, text);
        }
        let session = self.record.session(speaker);
        self.texts.phrases.push(LivePhrase {
            utterance: uuid(&mut self.rng),
            time: at,
            text,
            session: session.map(|it| it.session_id.clone()).unwrap_or_default(),
            duration: self.rng.i64(300..9_000),
            confidence: f64::from(self.rng.u16(400..1000)) / 1000.0,
            is_customer,
        });
    }

    /// The conversation ends when customer and agent have left.
    fn leave(&mut self, purpose: &'static str, at: Moment, by: &'static str, metric: &'static str) {
        self.record.leave(purpose, at, by, metric);
        let is_over = !["customer", "agent"]
            .iter()
            .any(|it| self.record.is_present(it));
        if is_over {
            self.record.set_end(Some(at));
        }
    }

    /// After-call work lasts from the end of the agent's session until now.
    fn agent_wraps_up(&mut self, at: Moment, directory: &Directory) {
        let note = one_in(&mut self.rng, 2)
            .then(|| directory.text(&mut self.rng, self.cast.queue.language));
        let code = uuid(&mut self.rng);
        let queue = self.cast.queue.id.clone();
        let Some(session) = self.record.session_mut("agent") else {
            return;
        };
        let start = session.segments.last().and_then(|it| it.segment_end);
        let start = start.unwrap_or(at);
        let mut segment = Segment::new("wrapup", start, Some(at))
            .in_queue(&queue)
            .disconnected("client");
        segment.wrap_up_code = Some(code.clone());
        segment.wrap_up_note.clone_from(&note);
        session.segments.push(segment);
        session.measure("tAcw", at.0 - start.0, at);
        self.wrap_up = WrapUp {
            code,
            note,
            duration: at.0 - start.0,
        };
    }
}
