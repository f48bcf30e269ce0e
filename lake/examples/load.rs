//! Loads a file of generated records into a folder, and prints CPU time and peak memory of the process.
//!
//! ```text
//! cargo run --release -p conversation-lake --example load -- generate 10000 target/page.ndjson
//! cargo run --release -p conversation-lake --example load -- load target/page.ndjson target/lake-files
//! ```

#![expect(clippy::print_stdout, reason = "the measurements are the result")]

use std::env::args;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use conversation_lake::key::{FileKey, day_of};
use conversation_lake::rows::{Line, Load};
use conversation_lake::schema::Form;
use conversation_lake::writer::GroupLoader;
use genesys_simulator::{Settings, Truth};
use jiff::Timestamp;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["generate", records, page] => generate(records.parse()?, page.as_ref()),
        ["load", page, folder] => load(page.as_ref(), folder.as_ref()),
        _ => Err("usage: load generate RECORDS FILE | load load FILE FOLDER".into()),
    }
}

fn generate(records: usize, page: &Path) -> Result<(), Box<dyn Error>> {
    let truth = Truth::of(&Settings {
        conversations: records,
        spill: 0.0,
        ..Settings::default()
    });
    let mut page = BufWriter::new(File::create(page)?);
    for record in &truth.conversations {
        writeln!(page, "{} {} {}", record.id, record.start, record.json)?;
    }
    Ok(page.flush()?)
}

fn load(page: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let load = Load {
        export_id: "nightly".into(),
        interval_end: Timestamp::UNIX_EPOCH,
        planned_at: Timestamp::UNIX_EPOCH,
        generation: 0,
    };
    let create = |key: &FileKey| {
        let path = folder.join(key.to_string());
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        File::create(path)
    };
    let mut loader = GroupLoader::new(Form::Analytics, load, 1, 1, create);
    let mut page = BufReader::new(File::open(page)?);
    let (mut text, mut number) = (String::new(), 0);
    while page.read_line(&mut text)? > 0 {
        number += 1;
        let mut parts = text.trim_end().splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (id, start, record) = (part(), part(), part());
        let line = Line {
            text: record.as_bytes(),
            slice: 1,
            page: 1,
            line: number,
            id: Some(id),
            version_at: Timestamp::UNIX_EPOCH,
            content_sha256: "65ffa47df014075c4b8cb4e47bd7360494dd99d52ed46ca96bfb9960d47a3aaa",
            given: &[],
        };
        loader.add(&line, day_of(Some(start.parse()?)))?;
        text.clear();
    }
    let result = loader.finish()?;
    let stored: u64 = result.files.iter().map(|(file, _)| file.size_bytes).sum();
    println!(
        "{number} records, {} files, {stored} bytes",
        result.files.len()
    );
    measured()
}

/// Prints what Linux counted for this process.
fn measured() -> Result<(), Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|it| it.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or_default());
    let stat = fs::read_to_string("/proc/self/stat")?;
    let user = stat.split(' ').nth(13).unwrap_or_default();
    println!("user time: {user} ticks of 10 ms");
    Ok(())
}
