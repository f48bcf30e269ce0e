//! The id and the start of a record, which every record must have.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::stored_shape;
use super::walk::{is_null, is_object, member_values};
use super::{Projection, RecordShape};
use crate::base::time::{from_millis, truncate_to_millis};

/// No id of the API is longer than 36 characters. The limit bounds the lines of a page index, which is read line by
/// line.
const MAX_ID_BYTES: usize = 1024;

/// The id and the start of a record, from the fields that its shape defines.
#[derive(Debug, PartialEq, Eq)]
pub struct RecordIdentity<'a> {
    pub id: Cow<'a, str>,
    pub start: Timestamp,
}

/// Why a record cannot be archived. Names the field, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "problem", content = "field", rename_all = "camelCase")]
pub enum RejectReason {
    /// The record was damaged in the same way each time the page was read.
    #[error("the record is not JSON")]
    NotJson,
    #[error("the record is not a JSON object")]
    NotAnObject,
    /// Absent, null or empty.
    #[error("the record has no `{0}`")]
    IdMissing(RecordField),
    #[error("`{0}` is not an id")]
    IdMalformed(RecordField),
    #[error("`{0}` is longer than {MAX_ID_BYTES} bytes")]
    IdTooLong(RecordField),
    /// Absent or null.
    #[error("the record has no `{0}`")]
    StartMissing(RecordField),
    #[error("`{0}` is not an ISO-8601 timestamp with an offset")]
    StartMalformed(RecordField),
}

/// A field that a record must have, by its name in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordField {
    ConversationId,
    ConversationStart,
    Id,
    InteractionId,
    RecordId,
    StartTime,
    StartTimestamp,
}

impl RecordField {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ConversationId => "conversationId",
            Self::ConversationStart => "conversationStart",
            Self::Id => "id",
            Self::InteractionId => "interactionId",
            Self::RecordId => "recordId",
            Self::StartTime => "startTime",
            Self::StartTimestamp => "startTimestamp",
        }
    }
}

impl fmt::Display for RecordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The names of the fields that hold the id and the start of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum IdentityNames {
    Of([&'static str; 2]),
    /// Those of an entity depend on the fields that it has.
    Entity,
}

impl RecordShape {
    /// The fields that may hold the id, in the order of precedence.
    fn id_fields(self) -> [RecordField; 3] {
        use RecordField::{ConversationId, Id, InteractionId, RecordId};
        match self {
            Self::Analytics | Self::Transcript => [ConversationId; 3],
            Self::Gateway => [Id; 3],
            Self::Normalized => [RecordId; 3],
            Self::EntityByInteraction => [InteractionId, Id, ConversationId],
            Self::EntityById => [Id, InteractionId, ConversationId],
        }
    }

    /// The fields that may hold the start, in the order of precedence.
    fn start_fields(self) -> [RecordField; 3] {
        use RecordField::{ConversationStart, StartTime, StartTimestamp};
        match self {
            Self::Analytics | Self::Transcript => [ConversationStart; 3],
            Self::Gateway | Self::Normalized => [StartTime; 3],
            Self::EntityByInteraction | Self::EntityById => {
                [StartTimestamp, StartTime, ConversationStart]
            }
        }
    }

    /// The fields of a stored line that may hold the id, and those that may hold the start, each in the order of
    /// precedence.
    pub fn stored_identity_fields(self, projection: Projection) -> [Vec<RecordField>; 2] {
        let stored = stored_shape(self, projection);
        [stored.id_fields(), stored.start_fields()].map(|fields| {
            let mut fields = fields.to_vec();
            fields.dedup();
            fields
        })
    }

    pub(super) fn is_entity(self) -> bool {
        matches!(self, Self::EntityByInteraction | Self::EntityById)
    }

    pub(super) fn identity_names(self) -> IdentityNames {
        if self.is_entity() {
            return IdentityNames::Entity;
        }
        let ([id, ..], [start, ..]) = (self.id_fields(), self.start_fields());
        IdentityNames::Of([id.name(), start.name()])
    }
}

/// Whether the record has an end time. After that it changes only by later corrections.
pub fn has_ended(record: &str, shape: RecordShape) -> bool {
    let names = match shape {
        RecordShape::Analytics | RecordShape::Transcript => ["conversationEnd"; 3],
        RecordShape::Gateway | RecordShape::Normalized => ["endTime"; 3],
        RecordShape::EntityByInteraction | RecordShape::EntityById => ENTITY_ENDS,
    };
    let mut ends = member_values(record, names).into_iter().flatten();
    ends.any(|end| !is_null(end))
}

/// The end of an analytics record; `None` if it has none, or none that is a time.
pub(crate) fn record_end(record: &str) -> Option<Timestamp> {
    let [end] = member_values(record, ["conversationEnd"]);
    read_string(end?)?.parse().ok()
}

/// The fields that may hold the end of an entity, in the order of precedence.
pub(super) const ENTITY_ENDS: [&str; 3] = ["endTimestamp", "endTime", "conversationEnd"];

/// The id of the record, even if it has no start.
pub(crate) fn record_id(record: &str, shape: RecordShape) -> Option<Cow<'_, str>> {
    read_id(IdentityFields::read(record, shape).id, shape).ok()
}

/// The id and start fields of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdentityFields<'a> {
    pub(super) id: IdentityField<'a>,
    pub(super) start: IdentityField<'a>,
}

/// A field of a record, and its value as JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdentityField<'a> {
    pub(super) name: RecordField,
    pub(super) value: Option<&'a str>,
}

impl<'a> IdentityFields<'a> {
    /// Reads the fields of a record of this shape.
    pub(super) fn read(record: &'a str, shape: RecordShape) -> Self {
        match shape.identity_names() {
            IdentityNames::Of(names) => Self::new(shape, member_values(record, names)),
            IdentityNames::Entity => Self::of_entity(record, shape),
        }
    }

    /// The fields of a record that is not an entity, from their values.
    pub(super) fn new(shape: RecordShape, [id, start]: [Option<&'a str>; 2]) -> Self {
        let ([id_name, ..], [start_name, ..]) = (shape.id_fields(), shape.start_fields());
        Self {
            id: IdentityField {
                name: id_name,
                value: id,
            },
            start: IdentityField {
                name: start_name,
                value: start,
            },
        }
    }

    fn of_entity(record: &'a str, shape: RecordShape) -> Self {
        Self {
            id: IdentityField::first_given(record, shape.id_fields()),
            start: IdentityField::first_given(record, shape.start_fields()),
        }
    }
}

impl<'a> IdentityField<'a> {
    /// The first field that is neither absent nor null nor empty, or else the first one.
    fn first_given(record: &'a str, names: [RecordField; 3]) -> Self {
        let values = member_values(record, names.map(RecordField::name));
        let is_given = |value: Option<&str>| value.is_some_and(|it| !is_null(it) && it != "\"\"");
        let position = values
            .iter()
            .position(|value| is_given(*value))
            .unwrap_or_default();
        Self {
            name: names[position],
            value: values[position],
        }
    }
}

impl<'a> RecordIdentity<'a> {
    pub fn of(record: &'a str, shape: RecordShape) -> Result<Self, RejectReason> {
        Self::from_fields(IdentityFields::read(record, shape), record, shape)
    }

    /// The same identity with the start in whole milliseconds, as in a normalized record.
    pub(super) fn truncated_to_millis(self) -> Self {
        Self {
            start: truncate_to_millis(self.start),
            ..self
        }
    }

    /// Like `of`, for callers that have already read the identifying fields.
    pub(super) fn from_fields(
        fields: IdentityFields<'a>,
        record: &str,
        shape: RecordShape,
    ) -> Result<Self, RejectReason> {
        if !is_object(record) {
            return Err(RejectReason::NotAnObject);
        }
        Ok(Self {
            id: read_id(fields.id, shape)?,
            start: read_start(fields.start, shape)?,
        })
    }
}

/// The start of the record, even if it has no id.
pub(super) fn record_start(fields: IdentityFields<'_>, shape: RecordShape) -> Option<Timestamp> {
    read_start(fields.start, shape).ok()
}

fn read_id(field: IdentityField<'_>, shape: RecordShape) -> Result<Cow<'_, str>, RejectReason> {
    let IdentityField { name: field, value } = field;
    let missing = RejectReason::IdMissing(field);
    let value = value.filter(|value| !is_null(value)).ok_or(missing)?;
    let id = match shape {
        RecordShape::Gateway | RecordShape::EntityByInteraction | RecordShape::EntityById
            if is_integer(value) =>
        {
            value.into()
        }
        _ => read_string(value).ok_or(RejectReason::IdMalformed(field))?,
    };
    match id.len() {
        0 => Err(missing),
        1..=MAX_ID_BYTES => Ok(id),
        _ => Err(RejectReason::IdTooLong(field)),
    }
}

fn read_start(field: IdentityField<'_>, shape: RecordShape) -> Result<Timestamp, RejectReason> {
    let IdentityField { name: field, value } = field;
    let malformed = RejectReason::StartMalformed(field);
    if shape == RecordShape::Transcript && value.is_some_and(is_null) {
        return Ok(Timestamp::UNIX_EPOCH);
    }
    let value = value
        .filter(|value| !is_null(value))
        .ok_or(RejectReason::StartMissing(field))?;
    if shape == RecordShape::Normalized {
        let millis = value.parse().map_err(|_| malformed)?;
        return from_millis(millis).ok_or(malformed);
    }
    let text = read_string(value).ok_or(malformed)?;
    text.parse().map_err(|_| malformed)
}

/// The string that the JSON text encodes, if it is one: borrowed, unless it contains escapes.
fn read_string(value: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    serde_json::from_str(value).ok().map(|Text(text)| text)
}

/// Whether a JSON number is an integer. Its text is the id, whatever its size.
fn is_integer(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, shape: RecordShape) -> Result<RecordIdentity<'_>, RejectReason> {
        RecordIdentity::of(text, shape)
    }

    fn gateway(text: &str) -> Result<RecordIdentity<'_>, RejectReason> {
        read(text, RecordShape::Gateway)
    }

    #[test]
    fn id_and_start_are_read_from_an_analytics_record() {
        let text =
            r#"{"conversationStart":"2026-03-02T15:00:00.017+01:00","conversationId":"c\u0031"}"#;

        let identity = read(text, RecordShape::Analytics).unwrap();

        assert_eq!(identity.id, "c1");
        assert_eq!(identity.start, "2026-03-02T14:00:00.017Z".parse().unwrap());
    }

    #[test]
    fn an_end_that_is_no_time_counts_as_absent() {
        let end = |value: &str| record_end(&format!(r#"{{"conversationEnd":{value}}}"#));

        assert_eq!(
            end(r#""2026-03-02T15:00:00.017+01:00""#),
            Some("2026-03-02T14:00:00.017Z".parse().unwrap())
        );
        for value in ["null", r#""""#, r#""soon""#, "1772460000000", "{}"] {
            assert_eq!(end(value), None, "{value}");
        }
        assert_eq!(record_end("{}"), None);
        assert_eq!(record_end("7"), None);
    }

    #[test]
    fn a_gateway_id_may_be_an_integer_of_any_size() {
        let text = r#"{"id":123456789012345678901234567890,"startTime":"2026-03-02T14:00:00Z"}"#;

        assert_eq!(gateway(text).unwrap().id, "123456789012345678901234567890");
    }

    #[test]
    fn the_latest_possible_start_is_read_back_from_a_row() {
        let last = Timestamp::MAX.as_millisecond();
        let row = format!(r#"{{"recordId":"a","startTime":{last}}}"#);

        let identity = read(&row, RecordShape::Normalized).unwrap();

        assert_eq!(identity.start.as_millisecond(), last);
        assert_eq!(identity.truncated_to_millis().start.as_millisecond(), last);
    }

    #[test]
    fn the_forms_of_a_history_gateway_differ_in_the_precedence_of_ids() {
        let id = |shape, entity: &str| {
            let start = r#""startTimestamp":"2026-03-02T14:00:00Z"}"#;
            let record = entity.replace('}', &format!(",{start}"));
            read(&record, shape).map(|identity| identity.id.into_owned())
        };
        let by_interaction = |entity| id(RecordShape::EntityByInteraction, entity).unwrap();
        let by_id = |entity| id(RecordShape::EntityById, entity).unwrap();

        let both = r#"{"id":"a","interactionId":"b"}"#;
        assert_eq!(
            (by_interaction(both), by_id(both)),
            ("b".into(), "a".into())
        );
        for (entity, id) in [
            (r#"{"id":"a"}"#, "a"),
            (r#"{"interactionId":"b"}"#, "b"),
            (r#"{"id":"a","interactionId":null}"#, "a"),
            (r#"{"id":"","interactionId":"b"}"#, "b"),
            (r#"{"conversationId":"c"}"#, "c"),
            (r#"{"id":17}"#, "17"),
        ] {
            assert_eq!(
                (by_interaction(entity), by_id(entity)),
                (id.into(), id.into())
            );
        }
    }

    #[test]
    fn the_start_of_an_entity_is_its_first_given_time() {
        let start = |entity: &str| read(entity, RecordShape::EntityById).unwrap().start;
        let nine = "2026-03-02T09:00:00Z".parse().unwrap();

        for entity in [
            r#"{"id":"a","startTimestamp":"2026-03-02T09:00:00Z","startTime":"2026-03-02T10:00:00Z"}"#,
            r#"{"id":"a","startTimestamp":null,"startTime":"2026-03-02T09:00:00Z"}"#,
            r#"{"conversationId":"a","conversationStart":"2026-03-02T09:00:00Z"}"#,
        ] {
            assert_eq!(start(entity), nine, "{entity}");
        }
    }

    #[test]
    fn a_rejected_entity_names_the_field_that_was_read() {
        use RecordField::{Id, InteractionId, StartTime, StartTimestamp};
        let reason = |shape, entity| read(entity, shape).unwrap_err();
        let (by_interaction, by_id) = (RecordShape::EntityByInteraction, RecordShape::EntityById);

        assert_eq!(
            reason(by_interaction, "{}"),
            RejectReason::IdMissing(InteractionId)
        );
        assert_eq!(reason(by_id, "{}"), RejectReason::IdMissing(Id));
        assert_eq!(
            reason(by_id, r#"{"interactionId":{}}"#),
            RejectReason::IdMalformed(InteractionId)
        );
        assert_eq!(
            reason(by_id, r#"{"id":"a"}"#),
            RejectReason::StartMissing(StartTimestamp)
        );
        assert_eq!(
            reason(by_id, r#"{"id":"a","startTime":"soon"}"#),
            RejectReason::StartMalformed(StartTime)
        );
    }

    #[test]
    fn an_analytics_id_that_is_a_number_is_refused() {
        let text = r#"{"conversationId":7,"conversationStart":"2026-03-02T14:00:00Z"}"#;

        let reason = read(text, RecordShape::Analytics).unwrap_err();

        assert_eq!(
            reason,
            RejectReason::IdMalformed(RecordField::ConversationId)
        );
    }

    #[test]
    fn each_missing_or_malformed_id_or_start_has_its_own_reason() {
        use RecordField::{Id, StartTime};
        use RejectReason::{
            IdMalformed, IdMissing, IdTooLong, NotAnObject, StartMalformed, StartMissing,
        };
        let long = format!(
            r#"{{"id":"{}","startTime":"2026-03-02T14:00:00Z"}}"#,
            "x".repeat(1025)
        );

        let reasons = [
            ("[]", NotAnObject),
            ("null", NotAnObject),
            (r#"{"startTime":"2026-03-02T14:00:00Z"}"#, IdMissing(Id)),
            (
                r#"{"id":null,"startTime":"2026-03-02T14:00:00Z"}"#,
                IdMissing(Id),
            ),
            (
                r#"{"id":"","startTime":"2026-03-02T14:00:00Z"}"#,
                IdMissing(Id),
            ),
            (
                r#"{"id":1.0,"startTime":"2026-03-02T14:00:00Z"}"#,
                IdMalformed(Id),
            ),
            (
                r#"{"id":1e3,"startTime":"2026-03-02T14:00:00Z"}"#,
                IdMalformed(Id),
            ),
            (
                r#"{"id":"\ud800","startTime":"2026-03-02T14:00:00Z"}"#,
                IdMalformed(Id),
            ),
            (
                r#"{"id":{},"startTime":"2026-03-02T14:00:00Z"}"#,
                IdMalformed(Id),
            ),
            (long.as_str(), IdTooLong(Id)),
            (r#"{"id":"a"}"#, StartMissing(StartTime)),
            (r#"{"id":"a","startTime":null}"#, StartMissing(StartTime)),
            (
                r#"{"id":"a","startTime":1772460000000}"#,
                StartMalformed(StartTime),
            ),
            (
                r#"{"id":"a","startTime":"2026-03-02T14:00:00"}"#,
                StartMalformed(StartTime),
            ),
            (
                r#"{"id":"a","startTime":"yesterday"}"#,
                StartMalformed(StartTime),
            ),
        ];

        for (text, reason) in reasons {
            assert_eq!(gateway(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_reason_names_the_field_and_not_its_value() {
        let reason = gateway(r#"{"id":"a","startTime":"call Mary"}"#).unwrap_err();

        assert_eq!(
            reason.to_string(),
            "`startTime` is not an ISO-8601 timestamp with an offset"
        );
    }

    #[test]
    fn reject_reasons_are_serialized_under_these_names_and_read_back() {
        use RecordField::{
            ConversationId, ConversationStart, Id, InteractionId, RecordId, StartTime,
            StartTimestamp,
        };
        let fields = [
            ConversationId,
            ConversationStart,
            Id,
            InteractionId,
            RecordId,
            StartTime,
            StartTimestamp,
        ];
        for field in fields {
            assert_eq!(
                serde_json::to_string(&field).unwrap(),
                format!("\"{field}\"")
            );
        }
        let reasons = [RejectReason::NotAnObject, RejectReason::IdMissing(Id)];

        let text = serde_json::to_string(&reasons).unwrap();

        insta::assert_snapshot!(text, @r#"[{"problem":"notAnObject"},{"problem":"idMissing","field":"id"}]"#);
        assert_eq!(
            serde_json::from_str::<[RejectReason; 2]>(&text).unwrap(),
            reasons
        );
    }
}
