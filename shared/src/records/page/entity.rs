//! Entities of a history gateway: where a projection finds the values of an entity.
//!
//! | value | fields, in the order of precedence |
//! |---|---|
//! | start | `startTimestamp`, `startTime` |
//! | end | `endTimestamp`, `endTime` |
//! | channel | `channelType`, `type`, `mediaType` |
//! | participants | `participantCount`, or the length or the number in `participants` |
//!
//! An entity may also have the shape of the API's own conversations; then it is projected as one.

use super::identity::ENTITY_ENDS;
use super::walk::{is_null, member_values};

/// The fields of an entity that projections read, as JSON text.
pub(super) struct Entity<'a> {
    pub(super) end: Option<&'a str>,
    /// The names of its channel, in the order of precedence.
    pub(super) channels: [Option<&'a str>; 3],
    pub(super) media_type: Option<&'a str>,
    pub(super) participant_count: Option<&'a str>,
    pub(super) participants: Option<&'a str>,
}

impl<'a> Entity<'a> {
    pub(super) fn read(record: &'a str) -> Self {
        let ends = member_values(record, ENTITY_ENDS);
        let names = [
            "channelType",
            "type",
            "mediaType",
            "participantCount",
            "participants",
        ];
        let [channel, kind, media_type, participant_count, participants] =
            member_values(record, names);
        let is_given = |value: &&str| !is_null(value);
        Self {
            // A null end is kept if no other field has one.
            end: ends.into_iter().flatten().find(is_given).or(ends[0]),
            channels: [channel, kind, media_type],
            media_type,
            participant_count: participant_count.filter(is_given),
            participants,
        }
    }
}

/// Whether the entity is a conversation in the API's own shape.
pub(super) fn is_conversation(record: &str) -> bool {
    let names = ["conversationId", "id", "interactionId"];
    let [conversation, id, interaction] =
        member_values(record, names).map(|value| value.filter(|value| !is_null(value)));
    conversation.is_some() && id.is_none() && interaction.is_none()
}
