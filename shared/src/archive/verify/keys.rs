//! Parses keys into the objects that they name: the inverse of [`crate::export::objects`], which alone defines how keys
//! are written.

use crate::base::ids::{ExportId, PageId, RunId};
use crate::export::objects::{RECORD_SUFFIX, export_prefix};

/// The type of object that a key under an export's prefix names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Manifest,
    Cancelled,
    Cancel,
    Attempt(u32),
    Failed(u32),
    Run(RunId),
    Waiting(RunId),
    End(RunId),
    Record(PageId),
    /// A page object or a page index.
    Page(PageId),
    /// An attachment of a message.
    File(PageId),
    Reject(PageId),
    /// With the digest of the letter's body from the key.
    DeadLetter(String),
    /// An intermediate object of complete-export for the manifest of this attempt.
    Comparison(u32),
}

/// `None` for a key that this program does not write.
pub(super) fn kind(id: &ExportId, key: &str) -> Option<Kind> {
    let path = key.strip_prefix(&export_prefix(id))?;
    let kind = match path.split_once('/') {
        None => of_export(path)?,
        Some(("slices", path)) => of_run(id, path)?,
        Some(("failures", file)) => of_failure(id, file)?,
        Some((folder, file)) => {
            let attempt = parse_padded(folder.strip_prefix("comparison-")?, 2)?;
            of_comparison(file)?;
            Kind::Comparison(attempt)
        }
    };
    Some(kind)
}

fn of_export(file: &str) -> Option<Kind> {
    match file.strip_suffix(".json")? {
        "request" => Some(Kind::Request),
        "manifest" => Some(Kind::Manifest),
        "cancelled" => Some(Kind::Cancelled),
        "cancel" => Some(Kind::Cancel),
        stem => match stem.split_once('-')? {
            ("attempt", number) => parse_padded(number, 2).map(Kind::Attempt),
            ("failed", number) => parse_padded(number, 2).map(Kind::Failed),
            _ => None,
        },
    }
}

fn of_run(id: &ExportId, path: &str) -> Option<Kind> {
    let (slice, path) = path.split_once('/')?;
    let (run, file) = path.split_once('/')?;
    let run = run_id(id, slice, run)?;
    match file {
        "run.json" => Some(Kind::Run(run)),
        "waiting.json" => Some(Kind::Waiting(run)),
        "end.json" => Some(Kind::End(run)),
        file => of_page(&run, file.strip_prefix("page-")?),
    }
}

fn of_page(run: &RunId, file: &str) -> Option<Kind> {
    if let Some(page) = file.strip_suffix(RECORD_SUFFIX) {
        return Some(Kind::Record(run.page(parse_padded(page, 6)?)));
    }
    if let Some((page, digest)) = file.split_once("-file-") {
        is_digest(digest, 64).then_some(())?;
        return Some(Kind::File(run.page(parse_padded(page, 6)?)));
    }
    let stem = file
        .strip_suffix(".ndjson.gz")
        .or(file.strip_suffix(".index.gz"))?;
    let (page, digest) = stem.split_once('-')?;
    is_digest(digest, 8).then_some(())?;
    Some(Kind::Page(run.page(parse_padded(page, 6)?)))
}

fn of_failure(id: &ExportId, file: &str) -> Option<Kind> {
    let stem = file.strip_suffix(".json")?;
    if let Some(digest) = stem.strip_prefix("dead-letter-") {
        return is_digest(digest, 16).then(|| Kind::DeadLetter(digest.to_owned()));
    }
    let mut parts = stem.split('-');
    let run = run_id(id, parts.next()?, parts.next()?)?;
    let page = run.page(parse_padded(parts.next()?, 6)?);
    let position = parts.next()?;
    let canonical: u64 = position.parse().ok()?;
    let is_canonical = canonical.to_string() == position && is_digest(parts.next()?, 8);
    (is_canonical && parts.next().is_none()).then_some(Kind::Reject(page))
}

fn of_comparison(file: &str) -> Option<()> {
    let document = file
        .strip_prefix("portion-")
        .or(file.strip_prefix("tally-"));
    if let Some(number) = document {
        return parse_padded(number.strip_suffix(".json")?, 4).map(drop);
    }
    let mut parts = file.strip_prefix("lines-")?.split('-');
    parse_padded(parts.next()?, 4)?;
    let bucket: u32 = parts.next()?.parse().ok()?;
    let digest = parts.next()?;
    let name = file.ends_with(&format!("-{bucket:04}-{digest}"));
    (name && is_digest(digest, 8) && parts.next().is_none()).then_some(())
}

fn run_id(id: &ExportId, slice: &str, run: &str) -> Option<RunId> {
    let run = parse_padded(run.strip_prefix('r')?, 2)?;
    Some(RunId {
        export_id: id.clone(),
        slice: parse_padded(slice, 4)?,
        run,
    })
}

/// Parses a number from 1, zero-padded exactly as it is written.
fn parse_padded(text: &str, width: usize) -> Option<u32> {
    let number: u32 = text.parse().ok().filter(|number| *number > 0)?;
    (format!("{number:0width$}") == text).then_some(number)
}

fn is_digest(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::Sha256;
    use crate::export::objects::{ComparisonPart, ObjectKey};

    fn id() -> ExportId {
        "x".parse().unwrap()
    }

    fn run() -> RunId {
        RunId {
            export_id: id(),
            slice: 2,
            run: 13,
        }
    }

    #[test]
    fn the_kind_of_every_written_key_is_recognised() {
        let (id, run, digest) = (id(), run(), Sha256::of("d"));
        let page = run.page(1_000_000);

        let names = [
            (ObjectKey::Request(&id), Kind::Request),
            (ObjectKey::Manifest(&id), Kind::Manifest),
            (ObjectKey::Cancelled(&id), Kind::Cancelled),
            (ObjectKey::Cancel(&id), Kind::Cancel),
            (ObjectKey::Attempt(&id, 100), Kind::Attempt(100)),
            (ObjectKey::Failed(&id, 3), Kind::Failed(3)),
            (ObjectKey::Run(&run), Kind::Run(run.clone())),
            (ObjectKey::Waiting(&run), Kind::Waiting(run.clone())),
            (ObjectKey::End(&run), Kind::End(run.clone())),
            (ObjectKey::Record(&page), Kind::Record(page.clone())),
            (
                ObjectKey::Comparison(&id, 2, ComparisonPart::Portion(13)),
                Kind::Comparison(2),
            ),
            (
                ObjectKey::Comparison(&id, 2, ComparisonPart::Tally { buckets: 13 }),
                Kind::Comparison(2),
            ),
            (
                ObjectKey::Comparison(
                    &id,
                    2,
                    ComparisonPart::Lines {
                        portion: 13,
                        bucket: 0,
                        sha256: digest,
                    },
                ),
                Kind::Comparison(2),
            ),
            (ObjectKey::Page(&page, digest), Kind::Page(page.clone())),
            (ObjectKey::Index(&page, digest), Kind::Page(page.clone())),
            (
                ObjectKey::Reject(&page, 0, digest),
                Kind::Reject(page.clone()),
            ),
            (
                ObjectKey::DeadLetter(&id, digest),
                Kind::DeadLetter(digest.short(16)),
            ),
        ];

        for (name, expected) in names {
            assert_eq!(kind(&id, &name.key()), Some(expected), "{}", name.key());
        }
    }

    #[test]
    fn a_key_that_only_resembles_ours_is_unknown() {
        for path in [
            "",
            "notes.txt",
            "request.json.bak",
            "attempt-1.json",
            "attempt-001.json",
            "attempt-00.json",
            "attempt-+1.json",
            "failures/0001-r01-000001-007.json",
            "failures/0001-r01-000001-.json",
            "failures/0001-r01-000001-0-1.json",
            "failures/dead-letter-ABCDEF0123456789.json",
            "slices/0001/run.json",
            "slices/1/r01/run.json",
            "slices/0001/01/run.json",
            "slices/0001/r01/page-000001.ndjson.gz",
            "slices/0001/r01/page-000001-0123456g.ndjson.gz",
            "slices/0001/r01/page-1.record.json",
            "slices/0001/r01/deeper/run.json",
        ] {
            assert_eq!(kind(&id(), &format!("exports/x/{path}")), None, "{path}");
        }
        assert_eq!(kind(&id(), "exports/xy/request.json"), None);
    }
}
