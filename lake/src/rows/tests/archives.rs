//! The records of a stored archive, as released versions wrote them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::samples::assert_rebuilt;
use crate::schema::{Form, TableName};

fn lines(export: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let export = root
        .join("../tests/archives/v1-2026-11-30/exports")
        .join(export);
    let mut pages = Vec::new();
    collect(&export.join("slices"), &mut pages);
    pages.sort();
    let text = pages.iter().map(|page| {
        let mut text = String::new();
        let mut page = GzDecoder::new(fs::File::open(page).unwrap());
        page.read_to_string(&mut text).unwrap();
        text
    });
    let text: String = text.collect();
    text.lines().map(ToOwned::to_owned).collect()
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.to_str().unwrap().ends_with(".ndjson.gz") {
            pages.push(path);
        }
    }
}

#[test]
fn stored_records_of_every_projection_are_rebuilt() {
    for (export, form, table) in [
        ("job", Form::Analytics, TableName::Segments),
        ("query", Form::Normalized, TableName::Interactions),
        ("job-minimal", Form::Minimal, TableName::Interactions),
        ("gateway", Form::Gateway, TableName::Interactions),
        ("history-page-token", Form::Gateway, TableName::Interactions),
        (
            "history-continuation",
            Form::Gateway,
            TableName::Interactions,
        ),
        ("transcripts", Form::Transcript, TableName::Messages),
    ] {
        let lines = lines(export);

        let report = assert_rebuilt(form, &lines);

        assert_eq!(report.lines, lines.len() as u64, "{export}");
        assert!(
            report.rows.contains_key(&table),
            "{export}: {:?}",
            report.rows
        );
        assert!(report.rejected.is_empty(), "{export}");
    }
}

#[test]
fn stored_transcripts_need_no_extra() {
    let lines = lines("transcripts");

    let (batches, report) = crate::samples::flatten(Form::Transcript, &lines);

    assert!(report.misfits.is_empty(), "{:?}", report.misfits);
    for table in [TableName::Transcripts, TableName::Messages] {
        for row in crate::samples::rows(&batches, table) {
            assert_eq!(row.get("extra"), None, "{row}");
        }
    }
}
