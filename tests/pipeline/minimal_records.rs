//! `minimal` pages of a gateway export, compared with a slow projection that shares no code with ours.

use genesys_simulator::{Settings, TruthRecord};
use serde_json::value::RawValue;

use end_to_end::world::{DAYS, World, organisation};

const FIELDS: [&str; 6] = [
    "id",
    "type",
    "startTime",
    "endTime",
    "mediaType",
    "interactions",
];

#[tokio::test]
async fn minimal_pages_match_a_plain_json_projection() {
    let mut world = World::new(Settings {
        gateway_records: 400,
        ..organisation(71, 10)
    })
    .await;
    let interval: conversation_archive::base::time::Interval = DAYS.parse().expect("an interval");
    let records = world.simulator.truth().gateway;
    let mut expected: Vec<_> = records
        .iter()
        .filter(|record| interval.contains(record.start))
        .map(minimal)
        .collect();
    expected.sort();

    let request = world.request(
        "export-gateway",
        r#","records":"minimal","pageSize":37,"slices":3,"redaction":{"enabled":false}"#,
    );
    let manifest = world.export(&request).await;

    let lines: Vec<_> = world.archived_lines(&manifest).await.into_keys().collect();
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.iter().zip(&expected) {
        assert_eq!(line, expected);
    }
}

/// Members in the order of the list: nulls are kept, absent fields omitted, values verbatim.
fn minimal(record: &TruthRecord) -> String {
    let members = members(&record.json);
    let mut parts: Vec<String> = FIELDS
        .iter()
        .filter_map(|field| last(&members, field).map(|value| format!("\"{field}\":{value}")))
        .collect();
    let participants = match last(&members, "participants") {
        None => "[]".to_owned(),
        Some("null") => "null".to_owned(),
        Some(array) => {
            let people: Vec<&RawValue> = serde_json::from_str(array).expect("an array");
            let people: Vec<_> = people
                .into_iter()
                .map(|person| participant(person.get()))
                .collect();
            format!("[{}]", people.join(","))
        }
    };
    parts.push(format!("\"participants\":{participants}"));
    format!("{{{}}}", parts.join(","))
}

fn participant(json: &str) -> String {
    let members = members(json);
    let parts: Vec<_> = ["id", "type", "name"]
        .iter()
        .filter_map(|field| last(&members, field).map(|value| format!("\"{field}\":{value}")))
        .collect();
    format!("{{{}}}", parts.join(","))
}

fn last<'a>(members: &'a [(String, String)], field: &str) -> Option<&'a str> {
    members
        .iter()
        .rev()
        .find(|(key, _)| key == field)
        .map(|(_, value)| value.as_str())
}

/// Splits an object into its members, character by character.
fn members(json: &str) -> Vec<(String, String)> {
    let inner = json
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("an object");
    split(inner, ',')
        .into_iter()
        .filter(|member| !member.trim().is_empty())
        .map(|member| {
            let halves = split(member, ':');
            let key: String = serde_json::from_str(halves[0].trim()).expect("a key");
            (key, member[halves[0].len() + 1..].trim().to_owned())
        })
        .collect()
}

/// Splits at separators that are outside strings and nested values.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            c if c == separator && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}
