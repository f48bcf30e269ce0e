//! How the files of a table are encoded.

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::schema::{TableName, Type};

/// Rows of a row group, at most: the vector of DuckDB, 2,048 rows, 60 times.
const MAX_ROW_GROUP_ROWS: usize = 122_880;

const MAX_ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

const ZSTD_LEVEL: i32 = 3;

/// The share of files that a search for one conversation reads in vain.
const BLOOM_FILTER_FALSE_POSITIVES: f64 = 0.01;

pub(super) fn properties(table: TableName) -> WriterProperties {
    let id = ColumnPath::from("conversation_id");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default(),
        ))
        .set_max_row_group_row_count(Some(MAX_ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(MAX_ROW_GROUP_BYTES))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_bloom_filter_enabled(id.clone(), true)
        .set_column_bloom_filter_fpp(id, BLOOM_FILTER_FALSE_POSITIVES);
    for column in table.table().columns() {
        // Neighbouring values differ by little, and a dictionary of them would be as long as the column.
        if matches!(column.kind, Type::Integer | Type::Moment) {
            let path = ColumnPath::from(column.name);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}
