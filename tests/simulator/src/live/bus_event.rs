//! The same frames as EventBridge delivers them: to a rule's targets, and as entries of `PutEvents`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ledger::LiveFrame;
use crate::data::ids::uuid;
use crate::data::live::FrameKind;
use crate::data::random::record_rng;
use crate::data::speech::ORGANISATION;
use crate::organisation::notifications::topics::template_of;
use crate::organisation::resources::whole_seconds;

/// Where the events come from: the organisation's partner event source in an AWS account.
#[derive(Clone, Debug)]
pub struct EventSource {
    pub suffix: String,
    pub account: String,
    pub region: String,
}

impl Default for EventSource {
    fn default() -> Self {
        Self {
            suffix: "archive".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-central-1".to_owned(),
        }
    }
}

/// An event of EventBridge.
#[derive(Clone, Debug)]
pub struct BusEvent {
    pub id: String,
    /// The topic with `{id}` in place of its id; the topic itself, if it is none that Genesys Cloud documents.
    pub detail_type: String,
    pub source: String,
    pub account: String,
    pub region: String,
    pub time: Timestamp,
    /// JSON text: the frame, and its `timestamp`.
    pub detail: String,
}

/// How sources begin that only AWS and its partners may name.
const RESERVED: &str = "aws.partner/";

/// Separates the generator of event ids from the others.
const KIND: u64 = 7;

impl LiveFrame {
    /// The frame as an event. `None` for an event of the direct stream, which does not come through EventBridge. The
    /// same frame always gives the same event, as in a repeated delivery.
    pub fn bus_event(&self, source: &EventSource) -> Option<BusEvent> {
        if self.kind == FrameKind::Direct {
            return None;
        }
        let template = template_of(&self.topic);
        let number = usize::try_from(self.number).unwrap_or(usize::MAX);
        let frame = self.text.strip_suffix('}')?;
        Some(BusEvent {
            id: uuid(&mut record_rng(0, KIND, number)),
            detail_type: template.map_or(&*self.topic, |it| it.topic).to_owned(),
            source: format!(
                "aws.partner/genesys.com/cloud/{ORGANISATION}/{}",
                source.suffix
            ),
            account: source.account.clone(),
            region: source.region.clone(),
            time: self.sent_at,
            detail: format!(r#"{frame},"timestamp":"{:.3}"}}"#, self.sent_at),
        })
    }
}

impl BusEvent {
    /// The event as a target of a rule receives it, for example as the body of an SQS message.
    pub fn json(&self) -> String {
        let event = json!({
            "version": "0", "id": self.id, "detail-type": self.detail_type, "source": self.source, "account": self.account,
            "time": whole_seconds(self.time), "region": self.region, "resources": [],
        });
        let event = event.to_string();
        // The detail stays as it was sent, including numbers that a parser would change.
        let fields = event.trim_end_matches('}');
        format!(r#"{fields},"detail":{}}}"#, self.detail)
    }

    /// The event as an entry of `PutEvents`, for a bus of one's own. Its source is another one: `PutEvents` refuses those
    /// that begin with `aws.`, which are reserved for AWS and its partners.
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html>
    pub fn entry(&self, event_bus_name: &str) -> Value {
        let source = self.source.strip_prefix(RESERVED).unwrap_or(&self.source);
        json!({
            "EventBusName": event_bus_name, "Source": source, "DetailType": self.detail_type, "Detail": self.detail,
            "Time": self.time.as_second(), "Resources": [],
        })
    }
}
