//! Records of the export gateway, written as JSON text by hand with unusual field orders and spellings, because a copy
//! has to preserve them.

use fastrand::Rng;
use jiff::Timestamp;

use super::conversation::start_within;
use super::directory::Directory;
use super::entity::{self, Described};
use super::ids::uuid;
use super::languages::LANGUAGES;
use super::moment::{MINUTE, Moment, SECOND};
use super::random::{long_tailed, one_in, pick, record_rng};
use super::served_json;
use crate::faults::malformed::GoodRecord;
use crate::settings::{HistoryForm, Settings};

/// Separates the generators of gateway records from those of conversations.
const KIND: u64 = 2;

/// The gateway's records. Only the fields that a query filters by are kept in memory; the text is generated again for
/// each request, so that there may be millions of records.
#[derive(Clone)]
pub(crate) struct Gateway {
    seed: u64,
    interval: (Moment, Moment),
    /// Median number of interactions in a record.
    interactions: u32,
    summaries: Vec<RecordSummary>,
}

#[derive(Clone)]
pub(crate) struct RecordSummary {
    pub(crate) id: String,
    pub(crate) start: Timestamp,
}

impl Gateway {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut gateway = Self {
            seed: settings.seed,
            interval: (
                Moment::from_timestamp(settings.interval.0),
                Moment::from_timestamp(settings.interval.1),
            ),
            interactions: settings.gateway_interactions,
            summaries: Vec::new(),
        };
        gateway.summaries = (0..settings.gateway_records)
            .map(|index| {
                let (id, start, _) = gateway.generate_start(index);
                RecordSummary {
                    id,
                    start: start.timestamp(),
                }
            })
            .collect();
        gateway
    }

    /// In the order in which every query returns them, which is neither by id nor by start.
    pub(crate) fn summaries(&self) -> &[RecordSummary] {
        &self.summaries
    }

    /// Returns the record as served.
    pub(crate) fn served_json(
        &self,
        index: usize,
        directory: &Directory,
        malformed_every: Option<usize>,
    ) -> String {
        let json = self.text(index, directory);
        let good_record = GoodRecord {
            json: &json,
            id_key: "id",
            id: &self.summaries[index].id,
            start_key: "startTime",
        };
        served_json(good_record, malformed_every, index).into_owned()
    }

    /// Returns the record as an entity of a history gateway of this form.
    pub(crate) fn entity(&self, index: usize, form: HistoryForm, directory: &Directory) -> String {
        let (id, start, mut rng) = self.generate_start(index);
        let end = end(start, &mut rng);
        let described = Described {
            id: &id,
            start,
            end,
        };
        entity::text(&described, form, (self.seed, index), directory)
    }

    fn generate_start(&self, index: usize) -> (String, Moment, Rng) {
        let mut rng = record_rng(self.seed, KIND, index);
        let id = uuid(&mut rng);
        let start = start_within(&mut rng, index, self.interval);
        (id, start, rng)
    }

    fn text(&self, index: usize, directory: &Directory) -> String {
        let (id, start, mut rng) = self.generate_start(index);
        let rng = &mut rng;
        let end = end(start, rng);
        let customer = directory.customer(rng);
        let agent = &pick(rng, &directory.agents).name;
        let count = long_tailed(rng, i64::from(self.interactions) * 100, 0.8) / 100;
        let interactions = interactions(rng, count, start, customer, agent, directory);
        let mut fields = vec![
            format!("\"id\":\"{id}\""),
            "\"type\":\"webchat\"".to_owned(),
            format!("\"startTime\":{}", time(start)),
            "\"mediaType\":\"message\"".to_owned(),
            format!("\"interactions\":[{}]", interactions.join(",")),
        ];
        match rng.u8(..10) {
            0 => {}
            1 => fields.push("\"endTime\":null".to_owned()),
            _ => fields.push(format!("\"endTime\":{}", time(end))),
        }
        fields.extend(participants(rng, customer, agent));
        fields.extend(extras(rng));
        if one_in(rng, 3) {
            rng.shuffle(&mut fields);
        }
        format!("{{{}}}", fields.join(","))
    }
}

fn end(start: Moment, rng: &mut Rng) -> Moment {
    start + long_tailed(rng, 10 * MINUTE, 0.9)
}

fn interactions(
    rng: &mut Rng,
    count: i64,
    start: Moment,
    customer: &str,
    agent: &str,
    directory: &Directory,
) -> Vec<String> {
    let language = pick(rng, &LANGUAGES);
    let mut at = start;
    let mut interaction = |sequence: i64| {
        at = at + long_tailed(rng, 20 * SECOND, 0.7);
        let (from, to) = if sequence % 2 == 1 {
            (customer, agent)
        } else {
            (agent, customer)
        };
        let text = directory.text(rng, language);
        let text = quoted(rng, &text);
        let extra = pick(
            rng,
            &[
                "",
                "",
                "",
                "",
                ",\"metadata\":null",
                ",\"metadata\":{ \"ratio\" : 1.0 }",
                ",\"edited\":false",
            ],
        );
        format!(
            "{{\"sequenceId\":{sequence},\"from\":{},\"to\":{},\"text\":{text},\"timestamp\":{}{extra}}}",
            json_string(from),
            json_string(to),
            time(at)
        )
    };
    (1..=count.clamp(0, 600)).map(&mut interaction).collect()
}

/// Sometimes the field is absent, null or an empty list.
fn participants(rng: &mut Rng, customer: &str, agent: &str) -> Option<String> {
    match rng.u8(..16) {
        0 => return None,
        1 => return Some("\"participants\":null".to_owned()),
        2 => return Some("\"participants\":[]".to_owned()),
        _ => {}
    }
    let customer = format!(
        "{{\"id\":\"{}\",\"type\":\"customer\",\"name\":{},\"locale\":\"xx\"}}",
        uuid(rng),
        json_string(customer)
    );
    let agent = format!(
        "{{\"name\":{},\"type\":\"agent\",\"id\":\"{}\",\"skills\":[\"a\",null]}}",
        json_string(agent),
        uuid(rng)
    );
    let bot = if one_in(rng, 3) {
        format!(
            ",{{\"id\":\"{}\",\"type\":\"bot\",\"name\":null}}",
            uuid(rng)
        )
    } else {
        String::new()
    };
    Some(format!("\"participants\":[{customer},{agent}{bot}]"))
}

/// Undocumented fields, with values that do not survive parsing into a double.
fn extras(rng: &mut Rng) -> Option<String> {
    const EXTRAS: [&str; 8] = [
        "\"score\":1e400",
        "\"total\":12345678901234567890.123",
        "\"ratio\":1.0",
        "\"tiny\":-0.0E-0",
        "\"routing\":{ \"queue\" : null , \"path\":[ ] }",
        "\"note\":\"\\u0000\\u001f\\/\\ud83d\\ude00\\\\\"",
        "\"wrapUpCode\":null",
        "\"zeichen\u{e9}\":\"e\u{301} \u{feff}\u{2028}\"",
    ];
    one_in(rng, 2).then(|| (*pick(rng, &EXTRAS)).to_owned())
}

fn time(moment: Moment) -> String {
    format!("\"{:.3}\"", moment.timestamp())
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Most writers leave characters as they are; some escape every non-ASCII character and the slash.
fn quoted(rng: &mut Rng, text: &str) -> String {
    let quoted = json_string(text);
    if !one_in(rng, 4) {
        return quoted;
    }
    quoted
        .chars()
        .fold(String::new(), |escaped, letter| match letter {
            '/' => escaped + "\\/",
            ' '..='~' => escaped + letter.encode_utf8(&mut [0; 4]),
            other => escaped + &units(other),
        })
}

/// Escapes a character as JSON requires: characters outside the basic multilingual plane take two UTF-16 units.
fn units(letter: char) -> String {
    let units = letter.encode_utf16(&mut [0; 2]).to_vec();
    units.iter().fold(String::new(), |escaped, unit| {
        escaped + &format!("\\u{unit:04x}")
    })
}
