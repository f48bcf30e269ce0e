//! The objects of an analytics conversation, as far as this organisation fills them. Absent fields are omitted, as in
//! the API.

#![expect(clippy::struct_field_names, reason = "the API's own names")]

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::moment::Moment;

/// Fields that are null or that no published model contains, with their values verbatim.
pub(crate) type UnexpectedFields = BTreeMap<&'static str, Box<RawValue>>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) first: UnexpectedFields,
    pub(crate) conversation_id: String,
    pub(crate) conversation_start: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conversation_end: Option<Moment>,
    pub(crate) originating_direction: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) division_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) media_stats_min_conversation_mos: Option<f64>,
    pub(crate) participants: Vec<Participant>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) evaluations: Vec<Evaluation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) surveys: Vec<Survey>,
    #[serde(flatten)]
    pub(crate) last: UnexpectedFields,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    pub(crate) participant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) participant_name: Option<String>,
    pub(crate) purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) team_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_contact_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) sessions: Vec<Session>,
}

#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    pub(crate) media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_type: Option<&'static str>,
    pub(crate) provider: &'static str,
    pub(crate) direction: &'static str,
    pub(crate) session_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ani: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dnis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_dnis: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) edge_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote_name_displayable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) journey_customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) journey_customer_id_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) callback_numbers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) callback_scheduled_time: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flow_in_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) requested_routings: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) used_routing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) selected_agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recording: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) media_endpoint_stats: Vec<MediaEndpointStat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flow: Option<Flow>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) segments: Vec<Segment>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Segment {
    pub(crate) segment_start: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segment_end: Option<Moment>,
    pub(crate) segment_type: &'static str,
    pub(crate) conference: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disconnect_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrap_up_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrap_up_note: Option<String>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) value: i64,
    pub(crate) emit_date: Moment,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MediaEndpointStat {
    pub(crate) codecs: [&'static str; 1],
    pub(crate) event_time: Moment,
    pub(crate) max_latency_ms: i64,
    pub(crate) min_mos: f64,
    pub(crate) min_r_factor: f64,
    pub(crate) received_packets: i64,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Flow {
    pub(crate) flow_id: String,
    pub(crate) flow_name: &'static str,
    pub(crate) flow_version: &'static str,
    pub(crate) flow_type: &'static str,
    pub(crate) starting_language: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transfer_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transfer_target_name: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Evaluation {
    pub(crate) evaluation_id: String,
    pub(crate) evaluator_id: String,
    pub(crate) form_name: &'static str,
    pub(crate) evaluation_status: &'static str,
    pub(crate) event_time: Moment,
    pub(crate) o_total_score: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Survey {
    pub(crate) survey_id: String,
    pub(crate) survey_status: &'static str,
    pub(crate) event_time: Moment,
    pub(crate) survey_promoter_score: i64,
}

impl Segment {
    pub(crate) fn new(segment_type: &'static str, start: Moment, end: Option<Moment>) -> Self {
        Self {
            segment_start: start,
            segment_end: end,
            segment_type,
            conference: false,
            disconnect_type: None,
            queue_id: None,
            subject: None,
            destination_conversation_id: None,
            wrap_up_code: None,
            wrap_up_note: None,
        }
    }

    pub(crate) fn in_queue(mut self, queue: &str) -> Self {
        self.queue_id = Some(queue.to_owned());
        self
    }

    pub(crate) fn disconnected(mut self, by: &'static str) -> Self {
        self.disconnect_type = Some(by);
        self
    }
}

impl Session {
    pub(crate) fn measure(&mut self, name: &'static str, value: i64, at: Moment) {
        self.metrics.push(Metric {
            name,
            value,
            emit_date: at,
        });
    }
}
