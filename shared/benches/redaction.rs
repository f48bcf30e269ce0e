//! Cost of redaction: of texts, compared with their compression; of pages of chats, compared with the same page path
//! without redaction; and of hostile texts of two lengths.
//!
//! ```text
//! cargo bench -p conversation-archive --bench redaction
//! ```
//!
//! The texts are the sentences of the labelled corpus, in fifteen languages: `chat` has a value in every twentieth
//! message; `dense` has one in every message, which is unrealistic. A page holds chats of twenty messages each.

#![expect(clippy::expect_used, reason = "a bench may stop where it stands")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use conversation_archive::records::page::{
    PageRules, Projection, RecordShape, encode, gateway_records,
};
use conversation_archive::records::redaction::{Redactor, Region, Rules, Tally};
use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// The compression level of pages.
const LEVEL: u32 = 5;

const TEMPLATES: &str = include_str!("../../tests/redaction/templates/tuning.json");

/// One value of each kind, for the placeholders of the sentences.
const VALUES: [(&str, &str); 8] = [
    ("{email}", "mary.roe@example.com"),
    ("{phone}", "+49 151 23456789"),
    ("{card}", "4111 1111 1111 1111"),
    ("{iban}", "DE89 3704 0044 0532 0130 00"),
    ("{ip}", "192.0.2.17"),
    ("{url_secret}", "https://example.com/reset?token=3f9a1c"),
    ("{ssn}", "219-09-9999"),
    ("{birth_date}", "05.03.1984"),
];

const TEXTS: [&str; 2] = ["chat", "dense"];

static SENTENCES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let locales: BTreeMap<String, BTreeMap<String, Value>> =
        serde_json::from_str(TEMPLATES).expect("templates");
    let lists = locales.values().flat_map(BTreeMap::values);
    let sentences = lists.filter_map(Value::as_array).flatten();
    sentences
        .filter_map(|sentence| Some(sentence.as_str()?.to_owned()))
        .collect()
});

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20, args = TEXTS)]
fn redacted(bencher: Bencher<'_, '_>, texts: &str) {
    let texts = messages(texts);
    let redactor = redactor();
    bencher.counter(size(&texts)).bench(|| {
        let mut tally = Tally::default();
        let lengths = texts
            .iter()
            .map(|text| redactor.redact(text, &mut tally).len());
        lengths.sum::<usize>()
    });
}

#[divan::bench(sample_count = 20, args = TEXTS)]
fn compressed(bencher: Bencher<'_, '_>, texts: &str) {
    let texts = messages(texts);
    bencher.counter(size(&texts)).bench(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        for text in &texts {
            encoder
                .write_all(text.as_bytes())
                .expect("memory takes every byte");
        }
        encoder.finish().expect("memory takes every byte")
    });
}

/// The page path without redaction.
#[divan::bench(sample_count = 20, args = TEXTS)]
fn page(bencher: Bencher<'_, '_>, texts: &str) {
    bench_page(bencher, texts, None);
}

#[divan::bench(sample_count = 20, args = TEXTS)]
fn page_redacted(bencher: Bencher<'_, '_>, texts: &str) {
    bench_page(bencher, texts, Some(&redactor()));
}

fn bench_page(bencher: Bencher<'_, '_>, texts: &str, redactor: Option<&Redactor>) {
    let body = page_of_chats(&messages(texts));
    let rules = PageRules {
        shape: RecordShape::Gateway,
        projection: Projection::Full,
        membership: None,
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        known: None,
        names: None,
        redactor,
    };
    bencher.counter(BytesCount::of_str(&body)).bench(|| {
        let records = gateway_records(body.as_bytes()).expect("a valid page");
        encode(&records, &rules)
    });
}

/// A gateway's page, each record a chat of twenty messages.
fn page_of_chats(messages: &[String]) -> String {
    let records = messages.chunks(20).enumerate().map(|(number, chat)| {
        let message = |(place, text): (usize, &String)| {
            json!({
                "id": format!("{number:08x}-a3f1-4c02-9b1d-{place:012x}"),
                "timestamp": "2026-03-02T14:03:10.112Z",
                "from": if place % 2 == 0 { "Guest" } else { "Support" },
                "text": text,
            })
        };
        json!({
            "id": format!("{number:08x}-0c5e-4b7a-8f00-00c0ffee0001"),
            "type": "WEBCHAT",
            "startTime": "2026-03-02T14:00:00Z",
            "endTime": "2026-03-02T14:20:00Z",
            "queueName": "Web Support",
            "interactions": chat.iter().enumerate().map(message).collect::<Vec<_>>(),
        })
    });
    Value::from(records.collect::<Vec<_>>()).to_string()
}

/// Texts that cost more than others, as `shared/src/records/redaction/work.rs` has more of; each is repeated to a text of
/// one megabyte, and of two.
const HOSTILE: [&str; 15] = [
    "10.0.0.1 ",
    "mary.roe@example.com ",
    "@",
    "a://",
    "https://x.example/?token=1 ",
    "219-09-9999 ",
    "0999 999 99 ",
    "1 ",
    "%41",
    "&amp;amp;amp;amp;#52;",
    "+447400123456",
    "mary.roe@example.com",
    "DE89370400440532013000",
    "4111111111111111",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
];

#[divan::bench(sample_count = 10, args = HOSTILE)]
fn hostile_1mb(bencher: Bencher<'_, '_>, piece: &str) {
    bench_hostile(bencher, piece, 1_000_000);
}

#[divan::bench(sample_count = 10, args = HOSTILE)]
fn hostile_2mb(bencher: Bencher<'_, '_>, piece: &str) {
    bench_hostile(bencher, piece, 2_000_000);
}

fn bench_hostile(bencher: Bencher<'_, '_>, piece: &str, bytes: usize) {
    let text = piece.repeat(bytes / piece.len());
    let redactor = redactor();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| redactor.redact(&text, &mut Tally::default()).len());
}

/// Messages of two sentences each, with values in all messages or in some.
fn messages(texts: &str) -> Vec<String> {
    let pairs = SENTENCES
        .iter()
        .zip(SENTENCES.iter().cycle().skip(7))
        .enumerate();
    let message = |(place, (one, other)): (usize, (&String, &String))| {
        let has_values = texts == "dense" || place % 20 == 0;
        filled(&format!("{one} {other}"), has_values)
    };
    // Repeated several times, so that the start of the compressor does not matter.
    let messages: Vec<_> = pairs.map(message).collect();
    messages
        .iter()
        .cycle()
        .take(4 * messages.len())
        .cloned()
        .collect()
}

/// Fills the placeholders; those without a value become a word.
fn filled(sentence: &str, has_values: bool) -> String {
    let mut text = sentence.to_owned();
    if has_values {
        for (placeholder, value) in VALUES {
            text = text.replace(placeholder, value);
        }
    }
    while let Some((start, end)) = text.find('{').zip(text.find('}')) {
        text.replace_range(start..=end, "this");
    }
    text
}

fn size(texts: &[String]) -> BytesCount {
    BytesCount::new(texts.iter().map(String::len).sum::<usize>())
}

fn redactor() -> Redactor {
    Redactor::new(Rules {
        regions: vec![Region::DE],
        ..Rules::default()
    })
}
