//! The tables of the `transcript` projection.

use super::column::{Column, Type, count, member, member_or_null, position};
use super::{Entries, List, Table, TableName};

pub(super) static TRANSCRIPTS: Table = Table {
    name: TableName::Transcripts,
    own: &TRANSCRIPT,
    lists: &[List {
        path: "messages",
        table: TableName::Messages,
        entries: Entries::Elements,
    }],
    omitted: &[],
};

pub(super) static MESSAGES: Table = Table {
    name: TableName::Messages,
    own: &MESSAGE,
    lists: &[],
    omitted: &[],
};

const TRANSCRIPT: [Column; 17] = [
    member_or_null("conversation_start", Type::Moment, "conversationStart"),
    member("conversation_end", Type::Moment, "conversationEnd"),
    member("conversation_type", Type::Text, "conversationType"),
    member("status", Type::Text, "status"),
    member("problem", Type::Text, "problem"),
    member_or_null("via", Type::Text, "via"),
    member("missing", Type::Integer, "missing"),
    member("languages", Type::Json, "languages"),
    member("redactions", Type::Json, "redactions"),
    member("cut", Type::Json, "cut"),
    member("participants", Type::Json, "participants"),
    member("events", Type::Json, "events"),
    member("parts", Type::Json, "parts"),
    member("recordings", Type::Json, "recordings"),
    member("unreadable", Type::Json, "unreadable"),
    member("other", Type::Json, "other"),
    count("message_count", "messages"),
];

const MESSAGE: [Column; 22] = [
    position("message_ix", 0),
    member("message_id", Type::Text, "messageId"),
    member("sequence_id", Type::Integer, "sequenceId"),
    member_or_null("time", Type::Moment, "time"),
    member_or_null("direction", Type::Text, "direction"),
    member_or_null("originating_entity", Type::Text, "originatingEntity"),
    member_or_null("participant_id", Type::Text, "participantId"),
    member_or_null("purpose", Type::Text, "purpose"),
    member("type", Type::Text, "type"),
    member("text", Type::Text, "text"),
    member("language", Type::Text, "language"),
    member("fingerprint", Type::Text, "fingerprint"),
    member(
        "speech_communication_id",
        Type::Text,
        "speech.communicationId",
    ),
    member_or_null("speech_offset_ms", Type::Integer, "speech.offsetMs"),
    member_or_null("speech_duration_ms", Type::Integer, "speech.durationMs"),
    member_or_null("speech_confidence", Type::Double, "speech.confidence"),
    member("email", Type::Json, "email"),
    member("recipient", Type::Text, "to"),
    member("metadata", Type::Json, "metadata"),
    member("attachments", Type::Json, "attachments"),
    member("content", Type::Json, "content"),
    member("other", Type::Json, "other"),
];
