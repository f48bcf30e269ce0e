mod memory;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use arrow_array::RecordBatch;
use bytes::Bytes;
use genesys_simulator::{Settings, Truth};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ConvertedType, Encoding, PageType};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use serde_json::Value;

use super::*;
use crate::key::day_of;
use crate::samples::{Batches, assert_equal, at, flatten, id, line, load, object};
use crate::schema::Type;

static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let truth = Truth::of(&Settings {
        conversations: 600,
        ..Settings::default()
    });
    truth.conversations.into_iter().map(|it| it.json).collect()
});

fn write<T: AsRef<str>>(form: Form, lines: &[T], day: impl Fn(&str) -> Date) -> Loaded<Vec<u8>> {
    let mut loader = GroupLoader::new(form, load(), 1, 1, |_| Ok(Vec::new()));
    for (number, text) in (1..).zip(lines) {
        let text = text.as_ref();
        let id = id(form, text);
        loader
            .add(&line(text, id.as_deref(), number), day(text))
            .unwrap();
    }
    loader.finish().unwrap()
}

fn start(text: &str) -> Date {
    let (_, start) = text.split_once("\"conversationStart\":\"").unwrap();
    day_of(Some(at(&start[..24])))
}

fn read(bytes: &[u8]) -> Vec<RecordBatch> {
    let bytes = Bytes::copy_from_slice(bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

fn read_all(files: &[(LakeFile, Vec<u8>)]) -> Batches {
    let mut batches = Batches::new();
    for (file, bytes) in files {
        batches
            .entry(file.key.table)
            .or_default()
            .extend(read(bytes));
    }
    batches
}

fn objects(batches: &Batches) -> BTreeMap<TableName, BTreeSet<String>> {
    let rows = |batches: &Vec<RecordBatch>| {
        let rows = batches.iter().flat_map(|batch| {
            let row = |row| object(batch, row, 0).to_string();
            (0..batch.num_rows()).map(row).collect::<Vec<_>>()
        });
        rows.collect()
    };
    batches
        .iter()
        .map(|(table, it)| (*table, rows(it)))
        .collect()
}

fn sum(batches: &Batches, name: &str) -> (u64, i64) {
    let metrics = batches[&TableName::Metrics].iter();
    let rows = metrics.flat_map(|batch| (0..batch.num_rows()).map(|row| object(batch, row, 0)));
    let values = rows
        .filter(|row| row["name"] == name)
        .map(|row| row["value"].as_i64().unwrap());
    values.fold((0, 0), |(count, sum), value| (count + 1, sum + value))
}

/// Number and sum of the values of a metric in a record, by another parser.
fn sum_of_records(name: &str) -> (u64, i64) {
    let records = LINES
        .iter()
        .map(|it| serde_json::from_str::<Value>(it).unwrap());
    let list = |value: &Value, list: &str| value[list].as_array().cloned().unwrap_or_default();
    let sessions = records
        .flat_map(|it| list(&it, "participants"))
        .flat_map(|it| list(&it, "sessions"));
    let metrics = sessions
        .flat_map(|it| list(&it, "metrics"))
        .filter(|it| it["name"] == name);
    metrics.fold((0, 0), |(count, sum), it| {
        (count + 1, sum + it["value"].as_i64().unwrap())
    })
}

#[test]
fn files_hold_the_rows_of_their_day_and_the_records() {
    let loaded = write(Form::Analytics, &LINES, start);

    let batches = read_all(&loaded.files);
    assert_equal(Form::Analytics, &LINES, &batches);
    let (in_memory, _) = flatten(Form::Analytics, &LINES);
    assert_eq!(objects(&batches), objects(&in_memory));
    let days: BTreeSet<_> = loaded.files.iter().map(|(it, _)| it.key.day).collect();
    assert_eq!(days, LINES.iter().map(|it| start(it)).collect());
    for (file, bytes) in &loaded.files {
        let rows: usize = read(bytes).iter().map(RecordBatch::num_rows).sum();
        assert_eq!(
            (file.rows, file.size_bytes),
            (rows as u64, bytes.len() as u64)
        );
    }
    for (file, bytes) in loaded
        .files
        .iter()
        .filter(|(it, _)| it.key.table == TableName::Conversations)
    {
        for batch in read(bytes) {
            for row in 0..batch.num_rows() {
                let start = object(&batch, row, 0)["conversation_start"].clone();
                assert_eq!(day_of(Some(at(start.as_str().unwrap()))), file.key.day);
            }
        }
    }
}

#[test]
fn counts_and_sums_of_metrics_equal_those_of_the_records() {
    let batches = read_all(&write(Form::Analytics, &LINES, start).files);

    for name in ["tTalk", "nOffered", "tAbandon", "tHandle"] {
        let expected = sum_of_records(name);
        assert!(expected.0 > 0, "{name}");
        assert_eq!(sum(&batches, name), expected, "{name}");
    }
}

#[test]
fn the_report_counts_what_the_files_hold() {
    let loaded = write(Form::Analytics, &LINES, start);

    let mut rows = BTreeMap::new();
    for (file, _) in &loaded.files {
        *rows.entry(file.key.table).or_default() += file.rows;
    }
    assert_eq!(loaded.report.rows, rows);
    assert_eq!(loaded.report.lines, LINES.len() as u64);
}

#[test]
fn equal_lines_give_equal_bytes() {
    let first = write(Form::Analytics, &LINES, start);
    let second = write(Form::Analytics, &LINES, start);

    assert!(first.files == second.files);
    let mut keys: Vec<_> = first
        .files
        .iter()
        .map(|(it, _)| it.key.to_string())
        .collect();
    assert!(
        keys.iter()
            .all(|it| it.ends_with("/nightly-0001-0001.parquet"))
    );
    keys.dedup();
    assert_eq!(keys.len(), first.files.len());
}

#[test]
fn the_digest_is_that_of_the_bytes() {
    use sha2::{Digest, Sha256};

    for (file, bytes) in write(Form::Analytics, &LINES[..3], start).files {
        let digest = Sha256::digest(&bytes);
        let digits: Vec<_> = digest.iter().map(|it| format!("{it:02x}")).collect();
        assert_eq!(file.sha256, digits.concat());
    }
}

#[test]
fn lines_of_a_ninth_day_need_another_pass() {
    let day = |number: i8| jiff::civil::date(2026, 3, number);
    let days: BTreeSet<_> = (1..=20).map(day).collect();
    let mut loader = GroupLoader::new(Form::Analytics, load(), 1, 1, |_| Ok(Vec::new()));
    for number in 1..=8 {
        loader.add(&line("{}", None, 1), day(number)).unwrap();
    }

    let ninth = loader.add(&line("{}", None, 2), day(9));

    assert!(matches!(ninth, Err(WriteError::TooManyDays)));
    loader.add(&line("{}", None, 3), day(8)).unwrap();
    let passes = passes(&days);
    assert_eq!(passes.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 4]);
    assert_eq!(passes.concat(), days.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_group_without_rows_has_no_files() {
    let loaded = write(Form::Analytics, &["[]", "no"], |_| day_of(None));

    assert!(loaded.files.is_empty());
    assert_eq!(loaded.report.rejected.len(), 2);
}

#[test]
fn a_file_that_cannot_be_created_is_named() {
    let full = |_: &FileKey| Err::<Vec<u8>, _>(io::Error::from(io::ErrorKind::StorageFull));
    let mut loader = GroupLoader::new(Form::Analytics, load(), 1, 1, full);
    loader.add(&line("{}", None, 1), day_of(None)).unwrap();

    let error = loader.finish().unwrap_err();

    let expected = "cannot create `lake/conversations/dt=1970-01-01/nightly-0001-0001.parquet`";
    assert_eq!(error.to_string(), expected);
}

fn reader(bytes: &[u8]) -> SerializedFileReader<Bytes> {
    let options = ReadOptionsBuilder::new().with_reader_properties(
        ReaderProperties::builder()
            .set_read_bloom_filter(true)
            .build(),
    );
    SerializedFileReader::new_with_options(Bytes::copy_from_slice(bytes), options.build()).unwrap()
}

#[test]
fn files_are_encoded_as_documented() {
    let loaded = write(Form::Analytics, &LINES, start);

    for (file, bytes) in &loaded.files {
        let reader = reader(bytes);
        let metadata = reader.metadata();
        assert!(metadata.file_metadata().key_value_metadata().is_none());
        for group in metadata.row_groups() {
            assert!(group.num_rows() <= 122_880);
            for (column, chunk) in file.key.table.table().columns().zip(group.columns()) {
                let name = chunk.column_path().string();
                assert_eq!(name, column.name);
                assert!(
                    matches!(chunk.compression(), Compression::ZSTD(_)),
                    "{name}"
                );
                assert!(chunk.statistics().is_some(), "{name}");
                assert!(chunk.column_index_offset().is_some(), "{name}");
                assert_eq!(
                    chunk.bloom_filter_offset().is_some(),
                    name == "conversation_id",
                    "{name}"
                );
                let is_delta = matches!(column.kind, Type::Integer | Type::Moment);
                if is_delta {
                    assert!(chunk.dictionary_page_offset().is_none(), "{name}");
                }
                let encodings: Vec<_> = chunk.encodings().collect();
                assert_eq!(
                    encodings.contains(&Encoding::DELTA_BINARY_PACKED),
                    is_delta,
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn moments_are_timestamps_in_microseconds_utc() {
    let loaded = write(Form::Analytics, &LINES[..3], start);

    for (file, bytes) in &loaded.files {
        let reader = reader(bytes);
        let schema = reader.metadata().file_metadata().schema_descr();
        for (column, stored) in file.key.table.table().columns().zip(schema.columns()) {
            assert!(stored.self_type().is_optional(), "{}", column.name);
            if column.kind == Type::Moment {
                let logical = stored.logical_type_ref();
                let is_utc = format!("{logical:?}").contains("is_adjusted_to_u_t_c: true");
                assert!(is_utc, "{}: {logical:?}", column.name);
                assert_eq!(stored.converted_type(), ConvertedType::TIMESTAMP_MICROS);
            }
        }
    }
}

#[test]
fn the_bloom_filter_finds_conversations() {
    let loaded = write(Form::Analytics, &LINES, start);
    let segments = loaded
        .files
        .iter()
        .filter(|(it, _)| it.key.table == TableName::Segments);

    for (_, bytes) in segments {
        let reader = reader(bytes);
        let filter = reader.get_row_group(0).unwrap();
        let filter = filter.get_column_bloom_filter(0).unwrap();
        let ids: BTreeSet<_> = read(bytes)
            .iter()
            .flat_map(|batch| {
                (0..batch.num_rows())
                    .map(|row| {
                        object(batch, row, 0)["conversation_id"]
                            .as_str()
                            .unwrap()
                            .to_owned()
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(ids.iter().all(|id| filter.check(&id.as_str())));
        let wrong = (0..1000)
            .filter(|it| filter.check(&format!("none-{it}").as_str()))
            .count();
        assert!(wrong < 100, "{wrong}");
    }
}

#[test]
fn a_row_group_ends_at_its_limit() {
    let participant = r#"{"purpose":"agent"}"#;
    let participants = vec![participant; 10_000].join(",");
    let text = format!(r#"{{"conversationId":"c-1","participants":[{participants}]}}"#);
    let lines = vec![text; 13];

    let loaded = write(Form::Analytics, &lines, |_| day_of(None));

    let (_, bytes) = &loaded.files[1];
    let reader = reader(bytes);
    let rows: Vec<_> = reader
        .metadata()
        .row_groups()
        .iter()
        .map(RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(rows, [122_880, 7_120]);
    let page = reader
        .get_row_group(0)
        .unwrap()
        .get_column_page_reader(0)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(page.page_type(), PageType::DICTIONARY_PAGE);
}
