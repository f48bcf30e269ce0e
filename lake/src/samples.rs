//! Lines for tests, and what they become.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::rows::{Flattener, Line, Load, Report, Tables, rebuild};
use crate::schema::{Form, TableName};

pub(crate) type Batches = BTreeMap<TableName, Vec<RecordBatch>>;

pub(crate) const SHA256: &str = "65ffa47df014075c4b8cb4e47bd7360494dd99d52ed46ca96bfb9960d47a3aaa";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn load() -> Load {
    Load {
        export_id: "nightly".into(),
        interval_end: at("2026-03-02T00:00:00Z"),
        planned_at: at("2026-03-10T00:00:00Z"),
        generation: 0,
    }
}

/// A line of page 2 of slice 1.
pub(crate) fn line<'a>(text: &'a str, id: Option<&'a str>, number: u64) -> Line<'a> {
    Line {
        text: text.as_bytes(),
        slice: 1,
        page: 2,
        line: number,
        id,
        version_at: at("2026-03-09T12:00:00Z"),
        content_sha256: SHA256,
        given: &[],
    }
}

/// The id as a page index has it: that of the record, or `c-1` if the record is not for every parser.
pub(crate) fn id(form: Form, text: &str) -> Option<String> {
    let name = match form {
        Form::Analytics | Form::Transcript | Form::Frame => "conversationId",
        Form::Normalized => "recordId",
        Form::Gateway | Form::Minimal => "id",
        Form::Manifest => return None,
    };
    let members: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(text);
    match members {
        Ok(members) => serde_json::from_str(members.get(name)?.get()).ok(),
        Err(_) => text.contains("\"c-1\"").then(|| "c-1".to_owned()),
    }
}

pub(crate) fn flatten(form: Form, lines: &[impl AsRef<str>]) -> (Batches, Report) {
    let mut flattener = Flattener::new(form, load());
    let mut tables = Tables::default();
    for (number, text) in (1..).zip(lines) {
        let id = id(form, text.as_ref());
        let line = line(text.as_ref(), id.as_deref(), number);
        let _ = flattener.add(&line, &mut tables);
    }
    let taken = TableName::ALL.map(|table| (table, tables.take(table).unwrap()));
    let batches = taken
        .into_iter()
        .filter_map(|(table, batch)| Some((table, vec![batch?])));
    (batches.collect(), flattener.report().clone())
}

/// Fails unless each line can be put together again from its rows.
pub(crate) fn assert_rebuilt(form: Form, lines: &[impl AsRef<str>]) -> Report {
    let (batches, report) = flatten(form, lines);
    assert_equal(form, lines, &batches);
    report
}

pub(crate) fn assert_equal(form: Form, lines: &[impl AsRef<str>], batches: &Batches) {
    let records = rebuild(form, batches).unwrap();

    assert_eq!(records.len(), lines.len());
    for (number, text) in (1..).zip(lines) {
        let rebuilt = &records[&(1, 2, number)];
        let (expected, text) = (canonical(text.as_ref().trim()), text.as_ref());
        assert!(
            canonical(rebuilt) == expected,
            "record: {text}\nrebuilt: {rebuilt}"
        );
    }
}

/// The value with its members sorted, of repeated ones the last, and its strings written in one way. Numbers, and
/// strings that are not Unicode, stay as they are.
pub(crate) fn canonical(json: &str) -> String {
    match json.as_bytes()[0] {
        b'{' => {
            // A name that is not Unicode is refused; the record's text is then compared as it is.
            let members = serde_json::from_str::<BTreeMap<String, &RawValue>>(json);
            let Ok(members) = members else {
                return json.to_owned();
            };
            let members = members.into_iter().map(|(name, value)| {
                let value = canonical(value.get());
                format!("{}:{value}", Value::String(name))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(json).unwrap();
            let elements = elements.into_iter().map(|it| canonical(it.get()));
            format!("[{}]", elements.collect::<Vec<_>>().join(","))
        }
        b'"' => {
            let text: Result<String, _> = serde_json::from_str(json);
            text.map_or_else(|_| json.to_owned(), |text| Value::String(text).to_string())
        }
        _ => json.to_owned(),
    }
}

/// The rows of a table as objects, without the common columns and without NULL.
pub(crate) fn rows(batches: &Batches, table: TableName) -> Vec<Value> {
    let batches = batches.get(&table).into_iter().flatten();
    batches
        .flat_map(|batch| (0..batch.num_rows()).map(|row| object(batch, row, 11)))
        .collect()
}

/// A row as an object of the columns from `first` on.
pub(crate) fn object(batch: &RecordBatch, row: usize, first: usize) -> Value {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).skip(first);
    let members = columns.filter(|(_, array)| !array.is_null(row));
    members
        .map(|(field, array)| (field.name().clone(), cell(array, row)))
        .collect()
}

fn cell(array: &dyn Array, row: usize) -> Value {
    match array.data_type() {
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        _ => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            json!(Timestamp::from_microsecond(micros).unwrap().to_string())
        }
    }
}
