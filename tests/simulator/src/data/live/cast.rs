//! The people, places and texts of one live conversation, chosen before it begins.

use fastrand::Rng;

use super::script::Medium;
use crate::data::directory::{Agent, Directory, Queue};
use crate::data::ids::uuid;
use crate::data::random::{one_in, pick};

pub(super) struct Cast {
    pub(super) medium: Medium,
    pub(super) customer: String,
    pub(super) agent: Agent,
    pub(super) queue: Queue,
    pub(super) division: Option<String>,
    pub(super) flow: String,
    /// The customer's phone number or address, and the number or address that was contacted.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) external_contact: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) is_outbound: bool,
}

impl Cast {
    pub(super) fn new(rng: &mut Rng, directory: &Directory, medium: Medium) -> Self {
        let queue = pick(rng, &directory.queues).clone();
        let (from, to) = match medium {
            Medium::Voice => (phone(rng, directory), phone(rng, directory)),
            Medium::Message => (uuid(rng), uuid(rng)),
        };
        Self {
            medium,
            customer: directory.customer(rng).to_owned(),
            agent: pick(rng, &directory.agents).clone(),
            division: (!one_in(rng, 8)).then(|| pick(rng, &directory.divisions).clone()),
            flow: uuid(rng),
            from,
            to,
            external_contact: one_in(rng, 2).then(|| uuid(rng)),
            subject: one_in(rng, 5).then(|| directory.text(rng, queue.language)),
            queue,
            is_outbound: false,
        }
    }

    pub(super) fn is_voice(&self) -> bool {
        self.medium == Medium::Voice
    }

    pub(super) fn medium_name(&self) -> &'static str {
        match self.medium {
            Medium::Message => "message",
            Medium::Voice => "voice",
        }
    }
}

fn phone(rng: &mut Rng, directory: &Directory) -> String {
    format!("tel:{}", pick(rng, &directory.phones))
}
