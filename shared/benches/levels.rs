//! Cost and result of each compression level, for the lines of a page and of its index.
//!
//! ```text
//! cargo bench -p conversation-archive --bench levels
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and its sizes are a result"
)]

mod simulated;

use std::io::Write as _;
use std::sync::LazyLock;

use conversation_archive::records::page::{Projection, decode_lines};
use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::write::GzEncoder;

use simulated::PAGES;

const LEVELS: [u32; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

static LINES: LazyLock<Lines> = LazyLock::new(Lines::simulated);

struct Lines {
    analytics: Vec<u8>,
    gateway: Vec<u8>,
    index: Vec<u8>,
}

fn main() {
    for (what, lines) in [
        ("analytics", &LINES.analytics),
        ("gateway", &LINES.gateway),
        ("index", &LINES.index),
    ] {
        let sizes = LEVELS.map(|level| compressed(lines, level).len());
        println!("{what}: {} bytes become {sizes:?}", lines.len());
    }
    divan::main();
}

#[divan::bench(sample_count = 10, args = LEVELS)]
fn analytics(bencher: Bencher<'_, '_>, level: u32) {
    bench(bencher, &LINES.analytics, level);
}

#[divan::bench(sample_count = 10, args = LEVELS)]
fn gateway(bencher: Bencher<'_, '_>, level: u32) {
    bench(bencher, &LINES.gateway, level);
}

#[divan::bench(sample_count = 10, args = LEVELS)]
fn index(bencher: Bencher<'_, '_>, level: u32) {
    bench(bencher, &LINES.index, level);
}

/// Decompression, as `verify` does it for objects and the client for compressed responses.
#[divan::bench(sample_count = 10)]
fn inflated(bencher: Bencher<'_, '_>) {
    let object = compressed(&LINES.analytics, 5);
    bencher
        .counter(BytesCount::of_slice(&LINES.analytics))
        .bench(|| decode_lines(&object, u64::MAX).expect("a whole member"));
}

fn bench(bencher: Bencher<'_, '_>, lines: &[u8], level: u32) {
    bencher
        .counter(BytesCount::of_slice(lines))
        .bench(|| compressed(lines, level));
}

fn compressed(lines: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(lines).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

impl Lines {
    fn simulated() -> Self {
        let analytics = PAGES.encode_analytics(Projection::Standard);
        let gateway = PAGES.encode_gateway(Projection::Standard);
        let lines = |stored: Option<Vec<u8>>| {
            decode_lines(&stored.expect("a page with lines"), u64::MAX).expect("a whole member")
        };
        Self {
            analytics: lines(analytics.object),
            gateway: lines(gateway.object),
            index: lines(analytics.index),
        }
    }
}
