//! The columns that every table has.

use super::column::{Column, Source, Type, column};

/// The first columns.
pub(super) static COMMON: [Column; 11] = [
    column("conversation_id", Type::Text, Source::Line),
    column("export_id", Type::Text, Source::Load),
    column("slice", Type::Integer, Source::Line),
    column("page", Type::Integer, Source::Line),
    column("line", Type::Integer, Source::Line),
    column("version_at", Type::Moment, Source::Line),
    column("interval_end", Type::Moment, Source::Load),
    column("planned_at", Type::Moment, Source::Load),
    column("content_sha256", Type::Text, Source::Line),
    column("generation", Type::Integer, Source::Load),
    column("lake_version", Type::Integer, Source::Load),
];

/// The last column.
pub(super) static EXTRA: Column = column("extra", Type::Json, Source::Extra);
