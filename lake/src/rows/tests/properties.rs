//! Generated conversations, altered at random on every level, are rebuilt.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::sync::LazyLock;

use conversation_archive::records::page::{PageRules, Projection, RawRecord, RecordShape, encode};
use conversation_archive::records::redaction::{Redactor, Rules};
use fastrand::Rng;
use flate2::read::GzDecoder;
use genesys_simulator::{Settings, Truth};
use proptest::prelude::*;
use serde_json::Value;

use crate::samples::assert_rebuilt;
use crate::schema::Form;

const RECORDS: usize = 1000;

/// Records of each case, so that 100 cases are 10,000 records.
const BATCH: usize = 100;

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    Truth::of(&Settings {
        conversations: RECORDS,
        gateway_records: RECORDS,
        ..Settings::default()
    })
});

/// Values that no column, or not every column, takes.
const STRANGE: [&str; 20] = [
    "null",
    "true",
    "0",
    "-0",
    "1.5",
    "5.0",
    "1E+400",
    "12345678901234567890",
    "9223372036854775807",
    "\"\"",
    "\"\\ud83d\\u0000\\/\"",
    "\"1850-01-01T00:00:00.000Z\"",
    "\"2026-03-01T01:00:00+01:00\"",
    "\"2026-03-01T00:00:00.123456789Z\"",
    "[]",
    "{}",
    "[null, {\"a\" : [1]}]",
    "{\"flowId\":5,\"x\":null}",
    "{\"lake:absent\":[\"a\"]}",
    "[{\"segments\":[{}],\"metrics\":5}]",
];

const NAMES: [&str; 8] = [
    "\"new\"",
    "\"a\\\"b\"",
    "\"lake:absent\"",
    "\"lake:elements\"",
    "\"extra\"",
    "\"flow\"",
    "\"n\\u0061me\"",
    "\"sessions\"",
];

/// Writes the value, altered in about one of `rarity` places.
fn alter(value: &Value, rarity: usize, random: &mut Rng, json: &mut String) {
    let mut is_due = || random.usize(..rarity) == 0;
    let (is_replaced, is_added) = (is_due(), is_due());
    match value {
        _ if is_replaced => json.push_str(random.choice(STRANGE).unwrap()),
        Value::Object(members) => {
            json.push('{');
            if is_added {
                member(random, json);
            }
            for (name, value) in members {
                if random.usize(..rarity) == 0 {
                    let _ = write!(
                        json,
                        "{}:{},",
                        Value::from(&**name),
                        random.choice(STRANGE).unwrap()
                    );
                }
                let _ = write!(json, "{}:", Value::from(&**name));
                alter(value, rarity, random, json);
                json.push(',');
                if random.usize(..rarity) == 0 {
                    member(random, json);
                }
            }
            close(json, '}');
        }
        Value::Array(elements) => {
            json.push('[');
            for element in elements {
                if random.usize(..rarity) == 0 {
                    let _ = write!(json, "{},", random.choice(STRANGE).unwrap());
                }
                alter(element, rarity, random, json);
                json.push(',');
            }
            close(json, ']');
        }
        other => {
            let _ = write!(json, "{other}");
        }
    }
}

fn member(random: &mut Rng, json: &mut String) {
    let (name, value) = (
        random.choice(NAMES).unwrap(),
        random.choice(STRANGE).unwrap(),
    );
    let _ = write!(json, "{name}:{value},");
}

fn close(json: &mut String, bracket: char) {
    if json.ends_with(',') {
        json.pop();
    }
    json.push(bracket);
}

/// Some of the records, each an object still.
fn altered(records: &[&str], rarity: usize, seed: u64) -> Vec<String> {
    let mut random = Rng::with_seed(seed);
    let mut lines = Vec::new();
    while lines.len() < BATCH {
        let record = random.choice(records).unwrap();
        // A few of the records hold numbers that this parser refuses.
        let Ok(record) = serde_json::from_str(record) else {
            continue;
        };
        let mut json = String::new();
        alter(&record, rarity, &mut random, &mut json);
        if json.starts_with('{') {
            lines.push(json);
        }
    }
    lines
}

fn redacted(records: &[&str], shape: RecordShape, projection: Projection) -> Vec<String> {
    let redactor = Redactor::new(Rules::default());
    let raw: Vec<_> = records
        .iter()
        .map(|record| RawRecord::Json(serde_json::from_str(record).unwrap()))
        .collect();
    let page = encode(
        &raw,
        &PageRules {
            shape,
            projection,
            membership: None,
            planned_at: jiff::Timestamp::UNIX_EPOCH,
            known: None,
            names: None,
            redactor: Some(&redactor),
        },
    );
    let mut text = String::new();
    let object = page.object.unwrap();
    GzDecoder::new(&object[..])
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

fn conversations() -> Vec<&'static str> {
    TRUTH.conversations.iter().map(|it| &*it.json).collect()
}

fn gateway() -> Vec<&'static str> {
    TRUTH.gateway.iter().map(|it| &*it.json).collect()
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn ten_thousand_altered_conversations_are_rebuilt(seed: u64, rarity in 5_usize..400) {
        let lines = altered(&conversations(), rarity, seed);

        let report = assert_rebuilt(Form::Analytics, &lines);

        prop_assert_eq!(report.lines, BATCH as u64);
    }
}

proptest! {
    #![proptest_config(cases(10))]

    #[test]
    fn altered_records_of_a_gateway_are_rebuilt(seed: u64, rarity in 5_usize..400) {
        assert_rebuilt(Form::Gateway, &altered(&gateway(), rarity, seed));
        assert_rebuilt(Form::Minimal, &altered(&gateway(), rarity, seed));
        assert_rebuilt(Form::Normalized, &altered(&gateway(), rarity, seed));
    }

    #[test]
    fn altered_conversations_read_as_other_forms_are_rebuilt(seed: u64, rarity in 5_usize..400) {
        assert_rebuilt(Form::Transcript, &altered(&conversations(), rarity, seed));
        assert_rebuilt(Form::Frame, &altered(&conversations(), rarity, seed));
    }
}

#[test]
fn redacted_records_are_rebuilt() {
    for (projection, form) in [
        (Projection::Full, Form::Analytics),
        (Projection::Standard, Form::Analytics),
        (Projection::Minimal, Form::Minimal),
        (Projection::Normalized, Form::Normalized),
    ] {
        let lines = redacted(&conversations(), RecordShape::Analytics, projection);

        let report = assert_rebuilt(form, &lines);

        assert!(report.lines >= RECORDS as u64);
    }
    let lines = redacted(&gateway(), RecordShape::Gateway, Projection::Full);
    assert_rebuilt(Form::Gateway, &lines);
}

/// The simulator puts fields that no model has into some records, to see that they are kept.
#[test]
fn generated_conversations_fit_their_columns() {
    let lines = conversations();

    let report = assert_rebuilt(Form::Analytics, &lines);

    assert_eq!(report.misfits, BTreeMap::new());
    assert!(report.rows.values().all(|rows| *rows > 0));
}
