//! Records of the export gateway, written as text by hand: in odd orders, with odd spellings, because a copy has to keep them.

use fastrand::Rng;

use super::GatewayRecord;
use super::cast::Cast;
use super::chance::{long_tailed, of_record, one_in, pick};
use super::conversation::start_within;
use super::ids::uuid;
use super::languages::LANGUAGES;
use super::moment::{MINUTE, Moment, SECOND};
use crate::settings::Settings;

/// Tells the generators of gateway records from those of conversations.
const KIND: u64 = 2;

pub(crate) fn generate(settings: &Settings, cast: &Cast) -> Vec<GatewayRecord> {
    let interval = (
        Moment::from_timestamp(settings.interval.0),
        Moment::from_timestamp(settings.interval.1),
    );
    (0..settings.gateway_records)
        .map(|number| {
            record(
                of_record(settings.seed, KIND, number),
                number,
                interval,
                cast,
            )
        })
        .collect()
}

fn record(mut rng: Rng, number: usize, interval: (Moment, Moment), cast: &Cast) -> GatewayRecord {
    let rng = &mut rng;
    let id = uuid(rng);
    let start = start_within(rng, number, interval);
    let end = start + long_tailed(rng, 10 * MINUTE, 0.9);
    let customer = cast.customer(rng);
    let agent = &pick(rng, &cast.agents).name;
    let mut fields = vec![
        format!("\"id\":\"{id}\""),
        "\"type\":\"webchat\"".to_owned(),
        format!("\"startTime\":{}", time(start)),
        "\"mediaType\":\"message\"".to_owned(),
        format!(
            "\"interactions\":[{}]",
            interactions(rng, start, customer, agent, cast).join(",")
        ),
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
    GatewayRecord {
        id,
        start: start.timestamp(),
        json: format!("{{{}}}", fields.join(",")),
    }
}

fn interactions(
    rng: &mut Rng,
    start: Moment,
    customer: &str,
    agent: &str,
    cast: &Cast,
) -> Vec<String> {
    let language = pick(rng, &LANGUAGES);
    let count = long_tailed(rng, 1200, 0.8) / 100;
    let mut at = start;
    let mut interaction = |sequence: i64| {
        at = at + long_tailed(rng, 20 * SECOND, 0.7);
        let (from, to) = if sequence % 2 == 1 {
            (customer, agent)
        } else {
            (agent, customer)
        };
        let text = cast.text(rng, language);
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
            plain(from),
            plain(to),
            time(at)
        )
    };
    (1..=count.clamp(0, 600)).map(&mut interaction).collect()
}

/// Sometimes there is no such field, or null, or nobody.
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
        plain(customer)
    );
    let agent = format!(
        "{{\"name\":{},\"type\":\"agent\",\"id\":\"{}\",\"skills\":[\"a\",null]}}",
        plain(agent),
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

/// Fields that nobody announced, with values that do not survive a parse into a double.
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

fn plain(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Most writers leave letters as they are; some escape all that is not ASCII, and the slash.
fn quoted(rng: &mut Rng, text: &str) -> String {
    let quoted = plain(text);
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

/// As the format demands: beyond the basic plane, two units.
fn units(letter: char) -> String {
    let units = letter.encode_utf16(&mut [0; 2]).to_vec();
    units.iter().fold(String::new(), |escaped, unit| {
        escaped + &format!("\\u{unit:04x}")
    })
}
