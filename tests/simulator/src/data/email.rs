//! E-mail conversations: customer, queue and agent, and the e-mails as a recording holds them.

use serde_json::{Value, json};

use super::Conversation;
use super::conversation_builder::ConversationBuilder;
use super::directory::Directory;
use super::ids::uuid;
use super::model::{Segment, Session};
use super::moment::{MINUTE, Moment, SECOND};
use super::outline::Outline;
use super::queue_visit::{Span, visits};
use super::random::{long_tailed, one_in, pick, record_rng};

/// Separates these generators from those of records and messages.
const KIND: u64 = 5;
const DESK: &str = "desk@northwind.example";

/// An e-mail of a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Email {
    pub(crate) id: String,
    pub(crate) time: Moment,
    pub(crate) subject: String,
    pub(crate) text: String,
    /// Whether only the HTML body is present.
    is_html: bool,
    from: (String, String),
    to: (String, String),
    has_attachment: bool,
}

pub(crate) fn write(builder: &mut ConversationBuilder<'_>, outline: &Outline) {
    let customer = pick(&mut builder.rng, &builder.directory.emails).clone();
    builder.template = Session {
        media_type: "email",
        provider: "PureCloud Email",
        direction: "inbound",
        address_from: Some(customer),
        address_to: Some(DESK.to_owned()),
        ..Session::default()
    };
    let (from, to) = outline.active_periods[0];
    let open = outline.open;
    let mut session = builder.customer_session();
    session.measure("nConnected", 1, from);
    session
        .segments
        .push(Segment::new("interact", from, (!open).then_some(to)));
    builder.add_customer(session);
    let routed = from + (4 * SECOND).min((to.0 - from.0) / 4);
    let from = routed;
    visits(builder, Span { from, to, open });
}

/// The e-mails of a conversation, in chronological order; `custom_texts` replaces the generated ones.
pub(crate) fn emails(
    conversation: &Conversation,
    index: usize,
    seed: u64,
    directory: &Directory,
    custom_texts: Option<&[String]>,
) -> Vec<Email> {
    let mut rng = record_rng(seed, KIND, index);
    let rng = &mut rng;
    let customer = (
        pick(rng, &directory.emails).clone(),
        directory.customer(rng).to_owned(),
    );
    let agent = (DESK.to_owned(), pick(rng, &directory.agents).name.clone());
    let language = pick(rng, &directory.queues).language;
    let count = custom_texts.map_or_else(|| rng.usize(1..5), <[_]>::len);
    let mut time = Moment::from_timestamp(conversation.start);
    (0..count)
        .map(|number| {
            time = time + long_tailed(rng, 5 * MINUTE, 0.7);
            let is_inbound = number % 2 == 0;
            let (from, to) = if is_inbound {
                (&customer, &agent)
            } else {
                (&agent, &customer)
            };
            Email {
                id: uuid(rng),
                time,
                subject: directory.text(rng, language),
                text: custom_texts.map_or_else(
                    || directory.text(rng, language),
                    |texts| texts[number].clone(),
                ),
                is_html: custom_texts.is_none() && one_in(rng, 3),
                from: from.clone(),
                to: to.clone(),
                has_attachment: one_in(rng, 4),
            }
        })
        .collect()
}

impl Email {
    /// `RecordingEmailMessage`.
    pub(crate) fn json(&self) -> Value {
        let address = |(email, name): &(String, String)| json!({"email": email, "name": name});
        let mut email = json!({
            "id": self.id,
            "time": self.time,
            "subject": self.subject,
            "from": address(&self.from),
            "to": [address(&self.to)],
            "cc": [],
            "bcc": [],
            "attachments": [],
        });
        let html = format!("<html><body><p>{}</p></body></html>", self.text);
        email["htmlBody"] = json!(html);
        if !self.is_html {
            email["textBody"] = json!(self.text);
        }
        if self.has_attachment {
            email["attachments"] = json!([{
                "name": "invoice.pdf", "contentPath": format!("/emails/{}/invoice.pdf", self.id),
                "contentType": "application/pdf", "attachmentId": self.id, "contentLength": 51_200,
            }]);
        }
        email
    }
}
