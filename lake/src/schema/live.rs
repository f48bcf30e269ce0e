//! The table of live events.

use super::column::{Column, Source, Type, column, member};
use super::{Table, TableName};

pub(super) static EVENTS: Table = Table {
    name: TableName::Events,
    own: &EVENT,
    lists: &[],
    omitted: &[],
};

const EVENT: [Column; 7] = [
    member("identity", Type::Text, "identity"),
    column("topic", Type::Text, Source::Line),
    member("topic_name", Type::Text, "topicName"),
    member("version", Type::Text, "version"),
    member("event_time", Type::Moment, "eventTime"),
    member("event_time_source", Type::Text, "eventTimeSource"),
    member("event_body", Type::Json, "eventBody"),
];
