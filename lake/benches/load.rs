//! CPU per record: from the text of a line to rows, and on to Parquet files in memory.
//!
//! ```text
//! cargo bench -p conversation-lake --bench load
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and its sizes are a result"
)]

use std::sync::LazyLock;

use conversation_lake::key::day_of;
use conversation_lake::rows::{Flattener, Line, Load, Tables};
use conversation_lake::schema::{Form, TableName};
use conversation_lake::writer::{GroupLoader, Loaded};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use genesys_simulator::{Settings, Truth, TruthConversation};
use jiff::Timestamp;

const RECORDS: usize = 10_000;

static RECORDS_OF_A_PAGE: LazyLock<Vec<TruthConversation>> = LazyLock::new(|| {
    let settings = Settings {
        conversations: RECORDS,
        spill: 0.0,
        ..Settings::default()
    };
    Truth::of(&settings).conversations
});

fn main() {
    describe();
    divan::main();
}

#[divan::bench(sample_count = 10)]
fn rows(bencher: Bencher<'_, '_>) {
    counted(bencher).bench_local(|| {
        let mut flattener = Flattener::new(Form::Analytics, load());
        let mut tables = Tables::default();
        for (number, record) in (1..).zip(&*RECORDS_OF_A_PAGE) {
            flattener
                .add(&line(number, record), &mut tables)
                .expect("a record");
        }
        tables.count(TableName::Metrics)
    });
}

#[divan::bench(sample_count = 10)]
fn files(bencher: Bencher<'_, '_>) {
    counted(bencher).bench_local(written);
}

fn written() -> Loaded<Vec<u8>> {
    let mut loader = GroupLoader::new(Form::Analytics, load(), 1, 1, |_| Ok(Vec::new()));
    for (number, record) in (1..).zip(&*RECORDS_OF_A_PAGE) {
        let day = day_of(Some(record.start));
        loader
            .add(&line(number, record), day)
            .expect("memory takes every byte");
    }
    loader.finish().expect("memory takes every byte")
}

fn line(number: u64, record: &TruthConversation) -> Line<'_> {
    Line {
        text: record.json.as_bytes(),
        slice: 1,
        page: 1,
        line: number,
        id: Some(&record.id),
        version_at: Timestamp::UNIX_EPOCH,
        content_sha256: "65ffa47df014075c4b8cb4e47bd7360494dd99d52ed46ca96bfb9960d47a3aaa",
        given: &[],
    }
}

fn load() -> Load {
    Load {
        export_id: "nightly-2026-03-01".into(),
        interval_end: Timestamp::UNIX_EPOCH,
        planned_at: Timestamp::UNIX_EPOCH,
        generation: 0,
    }
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher
        .counter(ItemsCount::new(RECORDS_OF_A_PAGE.len()))
        .counter(BytesCount::new(bytes()))
}

fn bytes() -> usize {
    RECORDS_OF_A_PAGE.iter().map(|it| it.json.len()).sum()
}

fn describe() {
    let loaded = written();
    let stored: u64 = loaded.files.iter().map(|(file, _)| file.size_bytes).sum();
    println!(
        "{} records, {} bytes, in {} files of {stored} bytes",
        RECORDS_OF_A_PAGE.len(),
        bytes(),
        loaded.files.len()
    );
    for (table, rows) in loaded.report.rows {
        println!("  {table}: {rows} rows");
    }
}
