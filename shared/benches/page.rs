//! The page path, from the bytes of a results page to one gzip member and its index, compared with the straightforward
//! solution: parse into `serde_json::Value`, write lines, compress with miniz at level 6.
//!
//! ```text
//! cargo bench -p conversation-archive --bench page
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and its sizes are a result"
)]

mod simulated;

use conversation_archive::records::page::{
    DETAILS_FIELDS, PageBody, PageRules, Projection, RecordShape, encode, gateway_records,
};
use conversation_archive::records::redaction::{Redactor, Region, Rules};
use divan::Bencher;
use divan::counter::BytesCount;
use serde_json::Value;

use simulated::{PAGES, rules};

fn main() {
    describe();
    divan::main();
}

#[divan::bench(sample_count = 20)]
fn value_and_miniz(bencher: Bencher<'_, '_>) {
    counted(bencher, &PAGES.analytics).bench(|| plain(&PAGES.analytics));
}

#[divan::bench(sample_count = 20, args = [Projection::Full, Projection::Standard, Projection::Minimal, Projection::Normalized])]
fn analytics(bencher: Bencher<'_, '_>, projection: Projection) {
    counted(bencher, &PAGES.analytics).bench(|| PAGES.encode_analytics(projection));
}

#[divan::bench(sample_count = 20, args = [Projection::Full, Projection::Minimal, Projection::Normalized])]
fn gateway(bencher: Bencher<'_, '_>, projection: Projection) {
    counted(bencher, &PAGES.gateway).bench(|| PAGES.encode_gateway(projection));
}

#[divan::bench(sample_count = 20)]
fn analytics_redacted(bencher: Bencher<'_, '_>) {
    let redactor = redactor();
    counted(bencher, &PAGES.analytics).bench(|| {
        let results = DETAILS_FIELDS.read(PAGES.analytics.as_bytes());
        let rules = PageRules {
            redactor: Some(&redactor),
            ..rules(RecordShape::Analytics, Projection::Standard)
        };
        encode(
            &results.expect("a valid page").records.expect("a list"),
            &rules,
        )
    });
}

#[divan::bench(sample_count = 20)]
fn gateway_redacted(bencher: Bencher<'_, '_>) {
    let redactor = redactor();
    counted(bencher, &PAGES.gateway).bench(|| {
        let records = gateway_records(PAGES.gateway.as_bytes()).expect("a valid page");
        let rules = PageRules {
            redactor: Some(&redactor),
            ..rules(RecordShape::Gateway, Projection::Full)
        };
        encode(&records, &rules)
    });
}

/// The redactor of an export with default settings.
fn redactor() -> Redactor {
    Redactor::new(Rules {
        regions: vec![Region::DE],
        ..Rules::default()
    })
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, body: &str) -> Bencher<'a, 'b> {
    bencher.counter(BytesCount::of_str(body))
}

fn describe() {
    let stored = |page: PageBody| page.object.map_or(0, |object| object.len());
    let (analytics, gateway) = (&PAGES.analytics, &PAGES.gateway);
    let by_miniz = plain(analytics).len();
    println!("a page of the API, {} bytes:", analytics.len());
    println!("  Value and miniz, level 6: {by_miniz}");
    for projection in [
        Projection::Full,
        Projection::Standard,
        Projection::Minimal,
        Projection::Normalized,
    ] {
        println!(
            "  {projection}: {}",
            stored(PAGES.encode_analytics(projection))
        );
    }
    println!("a page of the gateway, {} bytes:", gateway.len());
    for projection in [
        Projection::Full,
        Projection::Minimal,
        Projection::Normalized,
    ] {
        println!(
            "  {projection}: {}",
            stored(PAGES.encode_gateway(projection))
        );
    }
}

/// Parses and writes every record; no index, no digests.
fn plain(body: &str) -> Vec<u8> {
    let results: Value = serde_json::from_str(body).expect("a valid page");
    let mut lines = Vec::new();
    for record in results["conversations"].as_array().into_iter().flatten() {
        serde_json::to_writer(&mut lines, record).expect("memory takes every byte");
        lines.push(b'\n');
    }
    miniz_oxide::deflate::compress_to_vec(&lines, 6)
}
