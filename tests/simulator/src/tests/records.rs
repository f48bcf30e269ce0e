//! Gateway records, and malformed records.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::data::{MANY, truth_of};
use super::*;
use crate::Faults;

#[test]
fn gateway_records_have_an_id_a_start_and_unusual_fields() {
    let truth = &MANY.gateway;
    let fields_of =
        |json: &str| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json).unwrap();

    for record in truth {
        let fields = fields_of(&record.json);
        assert_eq!(fields["id"].get(), format!("\"{}\"", record.id));
        assert_eq!(
            fields["startTime"].get(),
            format!("\"{:.3}\"", record.start)
        );
    }
    let marks = [
        "1e400",
        "12345678901234567890.123",
        "\"endTime\":null",
        "\"participants\":null",
        "\\u0000",
        "\\ud83d",
        "🚚",
        "\u{feff}",
        "荷物",
        "أين",
        "\"bot\"",
    ];
    for mark in marks {
        assert!(truth.iter().any(|it| it.json.contains(mark)), "{mark}");
    }
    assert!(truth.iter().any(|it| !it.json.contains("\"endTime\"")));
    assert!(truth.iter().any(|it| !it.json.contains("\"participants\"")));
    assert!(truth.iter().any(|it| !it.json.starts_with("{\"id\"")));
}

#[test]
fn every_nth_record_is_malformed_in_one_of_six_ways_and_stays_json() {
    let faults = Faults {
        malformed_every: Some(5),
        ..Faults::default()
    };
    let good = truth_of(&small_settings());
    let truth = truth_of(&Settings {
        faults,
        ..small_settings()
    });

    let places: Vec<_> = (0..truth.gateway.len())
        .filter(|place| truth.gateway[*place].malformed)
        .collect();

    assert_eq!(places[..3], [4, 9, 14]);
    for (record, good) in truth.gateway.iter().zip(&good.gateway) {
        assert_eq!(
            record.malformed,
            !is_usable(&record.json, "id", "startTime"),
            "{}",
            record.json
        );
        assert_eq!(record.malformed, record.json != good.json);
        assert_eq!(record.id, good.id);
    }
    for conversation in &truth.conversations {
        assert_eq!(
            conversation.malformed,
            !is_usable(&conversation.json, "conversationId", "conversationStart"),
            "{}",
            conversation.json
        );
    }
}

fn is_usable(json: &str, id: &str, start: &str) -> bool {
    // Every record is valid JSON.
    serde_json::from_str::<Box<RawValue>>(json).unwrap();
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json) else {
        return false;
    };
    let text = |key: &str| {
        fields
            .get(key)
            .and_then(|it| serde_json::from_str::<String>(it.get()).ok())
    };
    text(id).is_some() && text(start).is_some_and(|it| it.parse::<Timestamp>().is_ok())
}
