//! What each step does to the record and the texts of a conversation.

use super::{FLOW_VERSION, Play, WrapUp};
use crate::data::directory::Directory;
use crate::data::ids::uuid;
use crate::data::live::LivePhrase;
use crate::data::live::script::Step;
use crate::data::model::{Flow, Participant, Segment};
use crate::data::moment::Moment;
use crate::data::random::one_in;

impl Play {
    pub(super) fn perform(&mut self, step: Step, directory: &Directory) {
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

    fn customer_arrives(&mut self, at: Moment) {
        self.record.set_end(None);
        let name = self.cast.customer.clone();
        let mut segment = Segment::new("interact", at, None);
        segment.subject.clone_from(&self.cast.subject);
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
        let Some(session) = self.record.session(speaker) else {
            return;
        };
        self.texts.phrases.push(LivePhrase {
            utterance: uuid(&mut self.rng),
            time: at,
            text,
            session: session.session_id.clone(),
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
