//! The record of a conversation while it happens: who has joined, and who has left.

use crate::data::model::{Participant, Record, Segment, Session, UnexpectedFields};
use crate::data::moment::Moment;

use super::cast::Cast;

pub(super) struct EvolvingRecord {
    record: Record,
    /// The fields that all sessions have in common.
    template: Session,
}

impl EvolvingRecord {
    pub(super) fn new(id: String, start: Moment, cast: &Cast) -> Self {
        let direction = if cast.is_outbound {
            "outbound"
        } else {
            "inbound"
        };
        Self {
            template: template(cast, direction),
            record: Record {
                first: UnexpectedFields::new(),
                conversation_id: id,
                conversation_start: start,
                conversation_end: None,
                originating_direction: direction,
                division_ids: cast.division.iter().cloned().collect(),
                external_tag: None,
                media_stats_min_conversation_mos: None,
                participants: Vec::new(),
                evaluations: Vec::new(),
                surveys: Vec::new(),
                last: UnexpectedFields::new(),
            },
        }
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn participant(&self, purpose: &str) -> Option<&Participant> {
        let mut participants = self.record.participants.iter();
        participants.find(|it| it.purpose == purpose)
    }

    pub(super) fn participant_mut(&mut self, purpose: &str) -> Option<&mut Participant> {
        let mut participants = self.record.participants.iter_mut();
        participants.find(|it| it.purpose == purpose)
    }

    /// The latest session of the participant with this purpose.
    pub(super) fn session(&self, purpose: &str) -> Option<&Session> {
        self.participant(purpose)?.sessions.last()
    }

    pub(super) fn session_mut(&mut self, purpose: &str) -> Option<&mut Session> {
        self.participant_mut(purpose)?.sessions.last_mut()
    }

    /// Adds a session with a running segment; the first one adds the participant.
    pub(super) fn join(&mut self, newcomer: Participant, session_id: String, segment: Segment) {
        let session = Session {
            session_id,
            segments: vec![segment],
            ..self.template.clone()
        };
        let known = self.participant_mut(newcomer.purpose);
        if let Some(participant) = known {
            return participant.sessions.push(session);
        }
        let sessions = vec![session];
        let participant = Participant {
            sessions,
            ..newcomer
        };
        self.record.participants.push(participant);
    }

    /// Ends the latest session of a participant, with a metric of its duration.
    pub(super) fn leave(
        &mut self,
        purpose: &str,
        at: Moment,
        by: &'static str,
        metric: &'static str,
    ) {
        let Some(session) = self.session_mut(purpose) else {
            return;
        };
        let Some(segment) = session.segments.last_mut() else {
            return;
        };
        let start = segment.segment_start;
        segment.segment_end = Some(at);
        segment.disconnect_type = Some(by);
        session.measure(metric, at.0 - start.0, at);
    }

    /// Whether the participant is there.
    pub(super) fn is_present(&self, purpose: &str) -> bool {
        let segments = self.session(purpose).map(|it| &it.segments);
        let last = segments.and_then(|it| it.last());
        last.is_some_and(|it| it.segment_end.is_none())
    }

    pub(super) fn set_end(&mut self, end: Option<Moment>) {
        self.record.conversation_end = end;
    }
}

fn template(cast: &Cast, direction: &'static str) -> Session {
    let (from, to) = (Some(cast.from.clone()), Some(cast.to.clone()));
    if cast.is_voice() {
        return Session {
            media_type: "voice",
            provider: "Edge",
            direction,
            ani: from,
            dnis: to.clone(),
            session_dnis: to,
            recording: Some(true),
            ..Session::default()
        };
    }
    Session {
        media_type: "message",
        message_type: Some("webmessaging"),
        provider: "PureCloud Messaging",
        direction,
        address_from: from,
        address_to: to,
        ..Session::default()
    }
}
