//! Whole exports with the real binary: a gateway in a process of its own, plain HTTP on loopback, a folder. Measures
//! time, CPU and peak memory of `export` and `verify`, and compares them with the page path alone.
//!
//! ```text
//! cargo bench --bench export                    40 pages of 1,000 records
//! cargo bench --bench export -- 40 400 4000     the same for each; the last writes gigabytes below target/
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may panic, and its figures are its result"
)]

mod children;
mod gateway;
mod pages;

use std::time::Duration;

use children::{Exporter, Usage, run_this_program};

const PAGE_RECORDS: usize = 1000;
/// Number of runs, of which the fastest counts: other processes use the machine too.
const RUNS: usize = 3;
/// Exports with more pages run once.
const FEW_PAGES: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["gateway", records] => gateway::serve(number(records)),
        ["pages", count, rounds] => pages::encode_pages(number(count), number(rounds)),
        _ => {
            let counts: Vec<_> = words.iter().filter_map(|word| word.parse().ok()).collect();
            measure(if counts.is_empty() { &[40] } else { &counts });
        }
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

fn measure(exports: &[usize]) {
    let alone = page_path_cpu();
    println!("the page path alone: {alone:.1} µs of CPU per record\n");
    println!(
        "| pages | export | CPU | a record | page paths | memory | objects | stored | verify | CPU | memory |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for pages in exports {
        println!("{}", row(*pages, alone));
    }
}

/// CPU microseconds per record, without the time to generate the records.
fn page_path_cpu() -> f64 {
    let min_cpu = |rounds| {
        let runs = (0..RUNS).map(|_| run_this_program(&["pages", "40", rounds]).cpu);
        runs.min().unwrap_or_default()
    };
    micros(min_cpu("2").saturating_sub(min_cpu("0"))) / as_f64(2 * 40 * PAGE_RECORDS)
}

fn row(pages: usize, alone: f64) -> String {
    let records = pages * PAGE_RECORDS;
    let exporter = Exporter::new(records);
    let runs = if pages <= FEW_PAGES { RUNS } else { 1 };
    let (export, stored, verify) = (0..runs)
        .map(|_| (exporter.export(), exporter.stored(), exporter.verify()))
        .min_by_key(|(export, ..)| export.cpu)
        .expect("at least one run");
    let a_record = micros(export.cpu) / as_f64(records);
    format!(
        "| {pages} | {} | {a_record:.1} µs | {:.2} | {} | {} | {:.1} MB | {} | {} |",
        times(&export),
        a_record / alone,
        memory(&export),
        stored.objects,
        as_f64(stored.bytes) / 1e6,
        times(&verify),
        memory(&verify),
    )
}

fn times(usage: &Usage) -> String {
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    format!("{} | {}", seconds(usage.wall), seconds(usage.cpu))
}

fn memory(usage: &Usage) -> String {
    format!("{:.1} MiB", as_f64(usage.peak_bytes) / 1024.0 / 1024.0)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
