//! A conversation during generation: its participants, and a session for each.

use fastrand::Rng;

use super::directory::{Agent, Directory};
use super::ids::uuid;
use super::languages::Language;
use super::model::{Participant, Session};
use super::random::{one_in, pick};

pub(crate) struct ConversationBuilder<'a> {
    pub(crate) rng: Rng,
    pub(crate) directory: &'a Directory,
    pub(crate) language: &'a Language,
    /// Fields that all sessions have in common.
    pub(crate) template: Session,
    /// Id of the customer's session, to which the other sessions are peers.
    pub(crate) peer: Option<String>,
    pub(crate) participants: Vec<Participant>,
}

impl<'a> ConversationBuilder<'a> {
    pub(crate) fn new(mut rng: Rng, directory: &'a Directory) -> Self {
        let language = pick(&mut rng, &directory.queues).language;
        Self {
            rng,
            directory,
            language,
            template: Session::default(),
            peer: None,
            participants: Vec::new(),
        }
    }

    pub(crate) fn id(&mut self) -> String {
        uuid(&mut self.rng)
    }

    pub(crate) fn session(&mut self) -> Session {
        Session {
            session_id: self.id(),
            peer_id: self.peer.clone(),
            ..self.template.clone()
        }
    }

    /// The customer's first session creates the participant; later sessions are added to it.
    pub(crate) fn customer_session(&mut self) -> Session {
        self.peer = None;
        let session = self.session();
        self.peer = Some(session.session_id.clone());
        session
    }

    pub(crate) fn add_customer(&mut self, session: Session) {
        if let Some(customer) = self
            .participants
            .iter_mut()
            .find(|it| it.purpose == "customer")
        {
            return customer.sessions.push(session);
        }
        let mut customer = self.participant("customer", session);
        customer.participant_name =
            (!one_in(&mut self.rng, 6)).then(|| self.directory.customer(&mut self.rng).to_owned());
        customer.external_contact_id = (!one_in(&mut self.rng, 4)).then(|| self.id());
        for number in 0..self.rng.usize(..5) {
            let value = self.directory.text(&mut self.rng, self.language);
            customer.attributes.insert(
                format!("context.{} {number}", self.language.attribute),
                value,
            );
        }
        if one_in(&mut self.rng, 3) {
            customer.attributes.insert(
                "customer.email".to_owned(),
                pick(&mut self.rng, &self.directory.emails).clone(),
            );
        }
        self.participants.push(customer);
    }

    /// Creates one participant per agent, even if the agent joins several times.
    pub(crate) fn add_agent(&mut self, agent: &Agent, session: Session) {
        let known = |it: &&mut Participant| it.user_id.as_ref() == Some(&agent.id);
        if let Some(participant) = self.participants.iter_mut().find(known) {
            return participant.sessions.push(session);
        }
        let mut participant = self.participant("agent", session);
        participant.participant_name = one_in(&mut self.rng, 3).then(|| agent.name.clone());
        participant.user_id = Some(agent.id.clone());
        participant.team_id = one_in(&mut self.rng, 2).then(|| agent.team.clone());
        self.participants.push(participant);
    }

    pub(crate) fn add_named(&mut self, purpose: &'static str, name: &str, session: Session) {
        let mut participant = self.participant(purpose, session);
        participant.participant_name = Some(name.to_owned());
        self.participants.push(participant);
    }

    fn participant(&mut self, purpose: &'static str, session: Session) -> Participant {
        Participant {
            participant_id: self.id(),
            purpose,
            sessions: vec![session],
            ..Participant::default()
        }
    }
}
