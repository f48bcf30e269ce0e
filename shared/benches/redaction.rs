//! Cost of redaction, compared with the compression of the same texts.
//!
//! ```text
//! cargo bench -p conversation-archive --bench redaction
//! ```
//!
//! The texts are the sentences of the labelled corpus, in fifteen languages: `chat` has a value in every twentieth
//! message; `dense` has one in every message, which is unrealistic.

#![expect(clippy::expect_used, reason = "a bench may stop where it stands")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use conversation_archive::records::redaction::{Redactor, Region, Rules, Tally};
use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

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
