//! The table of records that hold no sessions: those of gateways, and the `minimal` and `normalized` projections.

use super::column::{Column, Source, Type, column, member};
use super::{Table, TableName};

pub(super) static INTERACTIONS: Table = Table {
    name: TableName::Interactions,
    own: &INTERACTION,
    lists: &[],
    omitted: &[],
};

const INTERACTION: [Column; 23] = [
    column("form", Type::Text, Source::Line),
    member("id", Type::Text, "id"),
    member("record_id", Type::Text, "recordId"),
    member("interaction_id", Type::Text, "interactionId"),
    member("type", Type::Text, "type"),
    member("channel_type", Type::Text, "channelType"),
    member("media_type", Type::Text, "mediaType"),
    member("message_type", Type::Text, "messageType"),
    member("start_time", Type::Moment, "startTime"),
    member("end_time", Type::Moment, "endTime"),
    member("start_timestamp", Type::Moment, "startTimestamp"),
    member("end_timestamp", Type::Moment, "endTimestamp"),
    member("duration_ms", Type::Integer, "durationMs"),
    member("participant_count", Type::Integer, "participantCount"),
    member("queue_id", Type::Text, "queueId"),
    member("queue_name", Type::Text, "queueName"),
    member("wrap_up_code", Type::Text, "wrapUpCode"),
    member("wrap_up_name", Type::Text, "wrapUpName"),
    member("attributes", Type::Json, "attributes"),
    member("participants", Type::Json, "participants"),
    member("interactions", Type::Json, "interactions"),
    member("normalized_at", Type::Moment, "normalizedAt"),
    member("gateway_conversation_id", Type::Text, "conversationId"),
];

/// The members of a `normalized` record, each of which is always there.
pub(super) const NORMALIZED: [&str; 13] = [
    "recordId",
    "interactionId",
    "channelType",
    "startTime",
    "endTime",
    "durationMs",
    "participantCount",
    "queueId",
    "queueName",
    "wrapUpCode",
    "wrapUpName",
    "attributes",
    "normalizedAt",
];
