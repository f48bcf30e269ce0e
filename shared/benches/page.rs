//! The page path, from the bytes of a results page to one gzip member and its index, against what one would write
//! first: parse into `serde_json::Value`, write lines, compress with miniz at level 6.
//!
//! ```text
//! cargo bench --bench page
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and its sizes are a result"
)]

use std::sync::LazyLock;

use conversation_archive::page::{
    JobResults, PageBody, PageRules, Projection, RecordShape, encode, gateway_records,
};
use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher};
use genesys_simulator::{Settings, Truth};
use serde_json::Value;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// Records of a page, the most that a job's results give at a time.
const RECORDS: usize = 1000;

static PAGES: LazyLock<Pages> = LazyLock::new(Pages::simulated);

/// Bodies as the API and the export gateway send them.
struct Pages {
    analytics: String,
    gateway: String,
}

fn main() {
    PAGES.describe();
    divan::main();
}

#[divan::bench(sample_count = 20)]
fn value_and_miniz(bencher: Bencher<'_, '_>) {
    counted(bencher, &PAGES.analytics).bench(|| plain(&PAGES.analytics));
}

#[divan::bench(sample_count = 20, args = [Projection::Full, Projection::Standard, Projection::Minimal])]
fn analytics(bencher: Bencher<'_, '_>, projection: Projection) {
    counted(bencher, &PAGES.analytics).bench(|| PAGES.encode_analytics(projection));
}

#[divan::bench(sample_count = 20, args = [Projection::Full, Projection::Minimal])]
fn gateway(bencher: Bencher<'_, '_>, projection: Projection) {
    counted(bencher, &PAGES.gateway).bench(|| PAGES.encode_gateway(projection));
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, body: &str) -> Bencher<'a, 'b> {
    bencher.counter(BytesCount::of_str(body))
}

impl Pages {
    fn simulated() -> Self {
        let truth = Truth::of(&Settings {
            conversations: RECORDS,
            gateway_records: RECORDS,
            spill: 0.0,
            ..Settings::default()
        });
        let conversations: Vec<_> = truth.conversations.iter().map(|it| &*it.json).collect();
        let records: Vec<_> = truth.gateway.iter().map(|it| &*it.json).collect();
        Self {
            analytics: format!("{{\"conversations\":[{}]}}", conversations.join(",")),
            gateway: format!("[{}]", records.join(",")),
        }
    }

    fn encode_analytics(&self, projection: Projection) -> PageBody {
        let results = JobResults::from_slice(self.analytics.as_bytes()).expect("a valid page");
        encode(
            &results.conversations,
            &rules(RecordShape::Analytics, projection),
        )
    }

    fn encode_gateway(&self, projection: Projection) -> PageBody {
        let records = gateway_records(self.gateway.as_bytes()).expect("a valid page");
        encode(&records, &rules(RecordShape::Gateway, projection))
    }

    fn describe(&self) {
        let stored = |page: PageBody| page.object.map_or(0, |object| object.len());
        println!("pages of {RECORDS} records");
        println!("  analytics: {} bytes", self.analytics.len());
        println!("    Value + miniz 6: {}", plain(&self.analytics).len());
        println!(
            "    page object, full: {}",
            stored(self.encode_analytics(Projection::Full))
        );
        println!(
            "  gateway: {} bytes, page object, full: {}",
            self.gateway.len(),
            stored(self.encode_gateway(Projection::Full))
        );
    }
}

fn rules(shape: RecordShape, projection: Projection) -> PageRules<'static> {
    PageRules {
        shape,
        projection,
        membership: None,
    }
}

/// Everything parsed, everything written anew; no index, no digests.
fn plain(body: &str) -> Vec<u8> {
    let results: Value = serde_json::from_str(body).expect("a valid page");
    let mut lines = Vec::new();
    for record in results["conversations"].as_array().into_iter().flatten() {
        serde_json::to_writer(&mut lines, record).expect("memory takes every byte");
        lines.push(b'\n');
    }
    miniz_oxide::deflate::compress_to_vec(&lines, 6)
}
